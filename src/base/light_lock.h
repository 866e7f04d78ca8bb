/* SPDX-License-Identifier: Apache-2.0 */
/* A lock for what is done several times a call and takes some instructions each time. pthread_mutex_t asks on
 * each locking and unlocking which kind of mutex it is: 57 instructions for both, where this takes 8. It has
 * no conditions and no kinds. Whoever finds it locked sleeps, as with a mutex.
 *
 *     FREE --- lock ---> LOCKED --- another thread waits ---> AWAITED
 *       ^                  |                                     |
 *       +----- unlock -----+------------ unlock, wakes one ------+
 */
#ifndef GODWIT_SRC_BASE_LIGHT_LOCK_H
#define GODWIT_SRC_BASE_LIGHT_LOCK_H

#include <stdatomic.h>

/* All zero at first: free. Needs no end. */
typedef struct godwit__light_lock {
    atomic_uint state;
} godwit__light_lock_t;

enum { GODWIT__LIGHT_FREE, GODWIT__LIGHT_LOCKED, GODWIT__LIGHT_AWAITED };

/* Of the next two. */
void godwit__light_lock_wait (godwit__light_lock_t *lock);
void godwit__light_lock_wake (godwit__light_lock_t *lock);

/* What the last owner has written is seen from here on: acquire here, release there. */
static inline void
godwit__light_lock (godwit__light_lock_t *lock)
{
    unsigned is_free = GODWIT__LIGHT_FREE;
    if (!atomic_compare_exchange_strong_explicit (&lock->state, &is_free, GODWIT__LIGHT_LOCKED,
                                                  memory_order_acquire, memory_order_relaxed))
        godwit__light_lock_wait (lock);
}

static inline void
godwit__light_unlock (godwit__light_lock_t *lock)
{
    if (atomic_exchange_explicit (&lock->state, GODWIT__LIGHT_FREE, memory_order_release) ==
        GODWIT__LIGHT_AWAITED)
        godwit__light_lock_wake (lock);
}

#endif
