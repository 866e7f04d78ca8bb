/* SPDX-License-Identifier: Apache-2.0 */
/* The connections of this process to others, those that have ended lately included, as a value. */
#ifndef GODWIT_SRC_DISCOVERY_CONNECTION_VIEW_H
#define GODWIT_SRC_DISCOVERY_CONNECTION_VIEW_H

#include "src/connection/connection.h"

#include <godwit/value.h>

/* A connection that has ended, or its state at one moment. */
typedef struct godwit__connection_sight {
    char address[GODWIT__ADDRESS_SIZE];
    uint8_t instance[GODWIT__UUID_SIZE];
    godwit__tally_of_link_t tally;
    uint64_t pending, unread;
    int64_t since_ns; /* READY; 0: it never was */
    int64_t ended_ns; /* 0: it is open */
    char reason[96];
} godwit__connection_sight_t;

#define GODWIT__ENDED_MAX 32

/* The last ones that have ended. Guarded by transport.lock. */
typedef struct godwit__ended_connections {
    uint64_t count; /* ever */
    godwit__connection_sight_t last[GODWIT__ENDED_MAX];
} godwit__ended_connections_t;

/* A connection has ended: one that was READY is remembered. With transport.lock held; takes the
 * connection's. */
void godwit__ended_connections_add (godwit__ended_connections_t *ended, godwit__connection_t *connection,
                                    const char *reason);

/* Whether a process is shown: with the topics of its servers. */
typedef bool godwit__topic_filter_fn (const void *user, const char *exchange, const char *topic);

/* Adds a map for each connection to the list that is open: those that are open, then those that have ended,
 * the newest first. filter: only those to processes with a server that it lets through, and, of those that
 * have ended, none, unless it lets everything through; NULL: all. At most `limit`. Without a lock held.
 * False: memory is short. */
bool godwit__connections_view (godwit_transport_t *transport, size_t limit, godwit__topic_filter_fn *filter,
                               const void *user, godwit_builder_t *builder);

#endif
