/* SPDX-License-Identifier: Apache-2.0 */
/* Why nobody sleeps for ever: who sleeps has put AWAITED before, and the system lets it sleep only while that
 * is there. Whoever unlocks takes AWAITED away and wakes one; that one puts AWAITED again, since others may
 * still sleep. The price is a wake for nobody now and then. */
#include "src/base/light_lock.h"

#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

void
godwit__light_lock_wait (godwit__light_lock_t *lock)
{
    while (atomic_exchange_explicit (&lock->state, GODWIT__LIGHT_AWAITED, memory_order_acquire) !=
           GODWIT__LIGHT_FREE)
        syscall (SYS_futex, &lock->state, FUTEX_WAIT_PRIVATE, GODWIT__LIGHT_AWAITED, NULL, NULL, 0);
}

/* The lock may be gone by now, if the next owner was the last one: the system then wakes nobody, or somebody
 * who looks again. */
void
godwit__light_lock_wake (godwit__light_lock_t *lock)
{
    syscall (SYS_futex, &lock->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}
