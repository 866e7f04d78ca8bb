/* SPDX-License-Identifier: Apache-2.0 */
/* Waits for something that another thread does, or that happens only while the program's own loop runs. The
 * rooms above the loop wait in no other way. */
#ifndef GODWIT_SRC_RUNTIME_WAIT_H
#define GODWIT_SRC_RUNTIME_WAIT_H

#include "src/loop/change.h"
#include "src/runtime/transport.h"

/* Waits for `changed`, for at most timeout_ns (GODWIT__NEVER: no limit). The caller holds `lock`, which is
 * released during the wait. May return early: check the condition again.
 *
 *     while (!is_done)
 *         godwit__wait (transport, &changed, &lock, left_ns);
 *
 * With external_loop this thread runs the loop instead, for a moment at most: a thread that signals `changed`
 * does not wake the loop. But it waits for `changed` if another thread runs the loop, or if this thread is
 * inside the loop already. (In the latter case nothing runs the loop before the caller returns: callers that
 * can refuse to wait there do.)
 *
 * changed and lock are NULL if only the loop brings the change, the caller needs no lock to check for it, and
 * it is not inside the loop. Then it runs the loop for all of timeout_ns; while another thread runs the loop,
 * it waits for the end of that round. */
void godwit__wait (godwit_transport_t *transport, godwit__change_t *changed, pthread_mutex_t *lock,
                   int64_t timeout_ns);

/* Waits for a change that a stalled call may wait for. transport.lock is the lock. If this thread has changed
 * something itself, tells the others first. */
static inline void
godwit__transport_wait_changed (godwit_transport_t *transport, int64_t timeout_ns)
{
    if (transport->wakes) {
        const uint64_t seen = transport->change_count;
        godwit__transport_unlock (transport);
        pthread_mutex_lock (&transport->lock);
        if (seen != transport->change_count)
            return;
    }
    godwit__wait (transport, &transport->changed, &transport->lock, timeout_ns);
}

#endif
