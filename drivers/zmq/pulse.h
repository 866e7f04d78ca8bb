/* SPDX-License-Identifier: Apache-2.0 */
/* Finds out that the peer of a link is silent, or takes nothing of what was written to it.
 *
 * libzmq can do that itself, with PINGs (ZMQ_HEARTBEAT_IVL). But its heartbeats end the process: when one is
 * written to a connection that libzmq has stopped reading and that was lost since, there is "Assertion
 * failed: !_io_error" (4.3.4). And each answer costs as much as there are connections. So they are off, and
 * the driver asks the system:
 *  - How many bytes has it not got rid of? If some are left, and they become no less during most of the
 *    limit, the peer is stuck. On a local socket that is all that is needed, because these are the bytes that
 *    the peer has not read.
 *  - How many bytes have arrived by TCP? If there were none for an interval, the peer is asked something; if
 *    none come after that, it is silent. What has arrived counts, even if nobody in this process has read it.
 * Neither costs anything on the path of a call.
 *
 * The time during which this process itself stood still does not count. The reactor's thread only.
 */
#ifndef GODWIT_DRIVERS_ZMQ_PULSE_H
#define GODWIT_DRIVERS_ZMQ_PULSE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct godwit__pulse {
    int fd; /* libzmq's, only asked; -1 when the connection is known to be gone */
    int queued;
    uint64_t received;
    int64_t silent_ns;     /* nothing has arrived, or (local) it was not asked anything, for so long */
    int64_t stuck_ns;      /* queued became no less for so long */
    int64_t unanswered_ns; /* if asked: since then */
    bool asked;
} godwit__pulse_t;

typedef struct godwit__pulse_limits {
    int64_t interval_ns; /* heartbeat_ms */
    int64_t limit_ns;    /* heartbeat_timeout_ms */
} godwit__pulse_limits_t;

typedef enum godwit__pulse_state {
    GODWIT__PULSE_FINE,
    GODWIT__PULSE_ASK,   /* send something that it answers; if that was possible, call godwit__pulse_asked */
    GODWIT__PULSE_STUCK, /* it does not read */
    GODWIT__PULSE_SILENT /* it does not answer */
} godwit__pulse_state_t;

static inline void
godwit__pulse_begin (godwit__pulse_t *pulse, int fd)
{
    *pulse = (godwit__pulse_t){.fd = fd};
}

/* passed_ns: since the last look. */
godwit__pulse_state_t godwit__pulse_look (godwit__pulse_t *pulse, const godwit__pulse_limits_t *limits,
                                          int64_t passed_ns);
void godwit__pulse_asked (godwit__pulse_t *pulse);
/* True if the next look must come soon: something is awaited. */
static inline bool
godwit__pulse_is_quick (const godwit__pulse_t *pulse)
{
    return pulse->asked || pulse->queued;
}
/* The time between two looks. */
int64_t godwit__pulse_pause_ns (const godwit__pulse_limits_t *limits, bool is_quick);

#endif
