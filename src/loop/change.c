/* SPDX-License-Identifier: Apache-2.0 */
/* Why nobody misses a change: who waits has read `told` with the lock, so before the change or after it. If
 * before it, `told` is another one when the system looks, or the system wakes the thread. If after it, the
 * thread has seen the change, and would not wait. The same is true of `waiting`. */
#include "src/loop/change.h"

#include "src/loop/reactor.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void
sleep_until_told (godwit__change_t *change, unsigned seen, int64_t left_ns)
{
    const struct timespec left = {(time_t) (left_ns / 1000000000), (long) (left_ns % 1000000000)};
    syscall (SYS_futex, &change->told, FUTEX_WAIT_PRIVATE, seen, left_ns == GODWIT__NEVER ? NULL : &left,
             NULL, 0);
}

void
godwit__change_wait (godwit__change_t *change, pthread_mutex_t *lock, int64_t left_ns)
{
    atomic_fetch_add (&change->waiting, 1);
    const unsigned seen = atomic_load (&change->told);
    pthread_mutex_unlock (lock);
    if (left_ns > 0)
        sleep_until_told (change, seen, left_ns);
    pthread_mutex_lock (lock);
    atomic_fetch_sub (&change->waiting, 1);
}

void
godwit__change_tell (godwit__change_t *change)
{
    if (atomic_load (&change->waiting) == 0)
        return;
    atomic_fetch_add (&change->told, 1);
    syscall (SYS_futex, &change->told, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}
