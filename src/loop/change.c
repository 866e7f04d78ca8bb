/* SPDX-License-Identifier: Apache-2.0 */
/* Why nobody misses a change: who waits has read `told` with the lock, so before the change or after it. If
 * before it, `told` is another one when the system looks, or the system wakes the thread. If after it, the
 * thread has seen the change, and would not wait. The same is true of `waiting`. */
#include "src/loop/change.h"

#include "src/base/futex.h"

#include <limits.h>

void
godwit__change_wait (godwit__change_t *change, pthread_mutex_t *lock, int64_t left_ns)
{
    atomic_fetch_add (&change->waiting, 1);
    const unsigned seen = atomic_load (&change->told);
    pthread_mutex_unlock (lock);
    godwit__futex_wait (&change->told, seen, left_ns);
    pthread_mutex_lock (lock);
    atomic_fetch_sub (&change->waiting, 1);
}

void
godwit__change_tell (godwit__change_t *change)
{
    if (atomic_load (&change->waiting) == 0)
        return;
    atomic_fetch_add (&change->told, 1);
    godwit__futex_wake (&change->told, INT_MAX);
}
