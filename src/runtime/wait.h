/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for something that another thread does, or that the program's own loop has to be run for: the one
 * way to wait in the rooms above the loop. */
#ifndef GODWIT_SRC_RUNTIME_WAIT_H
#define GODWIT_SRC_RUNTIME_WAIT_H

#include "src/runtime/transport.h"

/* Waits for `changed`, for at most timeout_ns (GODWIT__NEVER: no limit), with `lock` held, which is released
 * meanwhile. May return early: look at what is waited for again.
 *
 *     while (!is_done)
 *         godwit__wait (transport, &changed, &lock, left_ns);
 *
 * With external_loop this thread runs the loop instead, unless another thread does, or this thread is inside
 * of it already (then nothing runs it before the caller returns: who can refuses to wait there). It runs it
 * for a moment at most, because whoever signals `changed` on another thread does not wake the loop.
 *
 * changed and lock are NULL for a caller that is told of the change by the loop alone, needs no lock to look
 * for it, and is not inside of the loop. It runs the loop for all of its time; while another thread runs the
 * loop, it waits for the end of that round. */
void godwit__wait (godwit_transport_t *transport, pthread_cond_t *changed, pthread_mutex_t *lock,
                   int64_t timeout_ns);

/* Waits for the next change of what a stalled call may wait for, with transport.lock held. The same
 * otherwise. */
static inline void
godwit__transport_wait_changed (godwit_transport_t *transport, int64_t timeout_ns)
{
    godwit__wait (transport, &transport->changed, &transport->lock, timeout_ns);
}

#endif
