/* SPDX-License-Identifier: Apache-2.0 */
/* Finds out that a peer takes nothing of what was written to it.
 *
 * libzmq tests a silent connection with a PING, and begins to count when it has written that. It writes none
 * while a message that was begun does not fit into the system's buffer, so a peer that stops reading in the
 * middle of one (a quarter of a MiB is enough) is never given up. Therefore the driver asks the system how
 * much it has not got rid of: a number that stands still, above 0, for most of the heartbeat limit is a peer
 * that stands still.
 *
 * The reactor's thread only.
 */
#ifndef GODWIT_DRIVERS_ZMQ_STALL_H
#define GODWIT_DRIVERS_ZMQ_STALL_H

#include <stdbool.h>
#include <stdint.h>

typedef struct godwit__stall {
    int fd; /* libzmq's; asked only, and -1 when the connection is known to be gone */
    int queued;
    int64_t since_ns; /* when it was seen to be another number */
} godwit__stall_t;

static inline void
godwit__stall_begin (godwit__stall_t *stall, int fd)
{
    *stall = (godwit__stall_t){.fd = fd};
}

/* True if it stands still. limit_ns: of silence, of which the looks use up to a quarter. */
bool godwit__stall_look (godwit__stall_t *stall, int64_t now_ns, int64_t limit_ns);
/* When to look again. */
int64_t godwit__stall_next_ns (const godwit__stall_t *stall, int64_t now_ns, int64_t limit_ns);

#endif
