/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a connection when a call on it fails: for the text of its error.
 *
 * Nothing is measured for this. A frame that arrives sets a flag, under a lock that is held anyway. The look
 * that is taken at each connection every second (godwit__connection_look_after) turns the flag into a time.
 * So the age of the last frame is known to a second, and never taken for less than it is.
 */
#ifndef GODWIT_SRC_CONNECTION_FACTS_H
#define GODWIT_SRC_CONNECTION_FACTS_H

#include "src/connection/connection.h"

typedef struct godwit__facts {
    const char *ended;    /* why the connection is down; static text, NULL: it is up */
    int64_t heard_ago_ns; /* the last frame is at most so old; -1: not known */
    int64_t sign_ago_ns;  /* of the call: when its monitor last told of it; -1: it never did */
} godwit__facts_t;

/* pending: a call that has ended, on this connection. */
godwit__facts_t godwit__connection_facts (godwit__connection_t *connection, const godwit__pending_t *pending);

/* The connection is READY, or was looked at: with connection.lock held. */
static inline void
godwit__facts_look (godwit__connection_t *connection, int64_t now_ns)
{
    /* The frame came between the last look and this one; it counts as old as it can be. */
    if (connection->heard)
        connection->heard_ns = connection->look_ns;
    connection->heard = false;
    connection->look_ns = now_ns;
}

#endif
