/* SPDX-License-Identifier: Apache-2.0 */
/* The host of a rendezvous: a port that members connect to. The process that hosts is a member too, without a
 * connection. Reactor's thread; nothing here blocks. */
#ifndef GODWIT_MATCHMAKER_RENDEZVOUS_HOST_H
#define GODWIT_MATCHMAKER_RENDEZVOUS_HOST_H

#include "src/interface/matchmaker.h"

/* Events for records in the host's own virtual host. The callbacks must not call the host. */
typedef struct godwit__rendezvous_host_events {
    void (*seen) (void *user, godwit__record_t *record);
    void (*gone) (void *user, const uint8_t instance[GODWIT__UUID_SIZE], uint32_t server_id, bool withdrawn);
} godwit__rendezvous_host_events_t;

typedef struct godwit__rendezvous_host godwit__rendezvous_host_t;

/* SYSTEM if the address cannot be listened on: another process hosts, or it is an address of another machine.
 * options are the matchmaker's; what they point to outlives the host. settles_ns: when it will have heard of
 * everybody who comes back to this address; members are told. */
godwit_status_t godwit__rendezvous_host_open (godwit__rendezvous_host_t **host,
                                              const godwit__matchmaker_options_t *options,
                                              const char *address, int64_t settles_ns,
                                              const godwit__rendezvous_host_events_t *events, void *user,
                                              godwit_error_t **error);
/* Closes the port and all connections. leaves: first tells the members that the host's own records are
 * gone. */
void godwit__rendezvous_host_close (godwit__rendezvous_host_t *host, bool leaves);
/* Adds or removes a record of the host's own process. False: a limit was reached. */
bool godwit__rendezvous_host_put (godwit__rendezvous_host_t *host, godwit__record_t *record);
void godwit__rendezvous_host_take (godwit__rendezvous_host_t *host, uint32_t server_id);

#endif
