/* SPDX-License-Identifier: Apache-2.0 */
/* Why nobody sleeps for ever: who sleeps has put AWAITED before, and the system lets it sleep only while that
 * is there. Whoever unlocks takes AWAITED away and wakes one; that one puts AWAITED again, since others may
 * still sleep. The price is a wake for nobody now and then. */
#include "src/base/light_lock.h"

#include "src/base/futex.h"

void
godwit__light_lock_wait (godwit__light_lock_t *lock)
{
    while (atomic_exchange_explicit (&lock->state, GODWIT__LIGHT_AWAITED, memory_order_acquire) !=
           GODWIT__LIGHT_FREE)
        godwit__futex_wait (&lock->state, GODWIT__LIGHT_AWAITED, INT64_MAX);
}

/* The lock may be gone by now, if the next owner was the last one: the system then wakes nobody, or somebody
 * who looks again. */
void
godwit__light_lock_wake (godwit__light_lock_t *lock)
{
    godwit__futex_wake (&lock->state, 1);
}
