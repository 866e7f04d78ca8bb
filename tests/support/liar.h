/* SPDX-License-Identifier: Apache-2.0 */
/* Two rogues that act by themselves while the cluster runs: the host of a rendezvous that tells its members
 * what the test says, and a server that says of itself what the test says. */
#ifndef GODWIT_TESTS_SUPPORT_LIAR_H
#define GODWIT_TESTS_SUPPORT_LIAR_H

#include "tests/support/rogue.h"

/* What is told of a server; the rest is usual. */
typedef struct told {
    const uint8_t *instance;
    uint32_t server_id;
    const char *topic;
    const char *server;
    const char *address;
} told_t;

godwit__record_t *told_record (const told_t *told);

#define LIAR_RECORDS_MAX 4

typedef struct liar_host {
    rogue_t *rogue;
    godwit__channel_t *port;
    godwit__source_t source;
    godwit__routing_id_t members[8];
    size_t member_count;
    uint64_t sequence;
    godwit__record_t *records[LIAR_RECORDS_MAX];
    size_t record_count;
    unsigned joins;
} liar_host_t;

/* Makes the first three nodes of a world, of which the first hosts the rendezvous with these rights. */
void liar_host_open (liar_host_t *host, rights_world_t *world, const char *rights);
void liar_host_close (liar_host_t *host);
/* Tells its members of a server from now on. */
void liar_host_tell (liar_host_t *host, const told_t *told);

typedef struct liar_server {
    rogue_t *rogue;
    godwit__channel_t *port;
    godwit__source_t source;
    char address[GODWIT__ADDRESS_SIZE];
    const uint8_t *instance;      /* that WELCOME and RESOLVED say */
    uint32_t server_id;           /* that RESOLVED says */
    const char *topic;            /* the same */
    bool is_slow;                 /* WELCOME comes when the test says so */
    godwit__routing_id_t greeted; /* who waits for it; 0: nobody */
    uint32_t nack;                /* of NOTIFY, instead of SETTLED; 0: it is settled */
    unsigned resolves, requests, notifies;
} liar_server_t;

/* It says what is true of it but the topic, which it says to serve as the server "evil" of number 1. */
void liar_server_open (liar_server_t *server, rights_world_t *world, const char *rights, const char *topic);
void liar_server_close (liar_server_t *server);
/* Says WELCOME to who waits for it. */
void liar_server_welcome (liar_server_t *server);

#endif
