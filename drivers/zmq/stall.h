/* SPDX-License-Identifier: Apache-2.0 */
/* Finds out that a peer has stalled: it takes nothing of what was written to it.
 *
 * The driver asks the system how many bytes it still has to send. If that number is above 0 and does not
 * change for most of the heartbeat limit, the peer has stalled. Of publishers' connections; links look at
 * more (drivers/zmq/pulse.h).
 *
 * The reactor's thread only.
 */
#ifndef GODWIT_DRIVERS_ZMQ_STALL_H
#define GODWIT_DRIVERS_ZMQ_STALL_H

#include <stdbool.h>
#include <stdint.h>

typedef struct godwit__stall {
    int fd; /* libzmq's, only asked; -1 when the connection is known to be gone */
    int queued;
    int64_t since_ns; /* when queued last changed */
} godwit__stall_t;

static inline void
godwit__stall_begin (godwit__stall_t *stall, int fd)
{
    *stall = (godwit__stall_t){.fd = fd};
}

/* True if the peer has stalled. limit_ns: how long a peer may be silent; the time between two looks takes up
 * to a quarter of it. */
bool godwit__stall_look (godwit__stall_t *stall, int64_t now_ns, int64_t limit_ns);
/* When to look again. */
int64_t godwit__stall_next_ns (const godwit__stall_t *stall, int64_t now_ns, int64_t limit_ns);

#endif
