/* SPDX-License-Identifier: Apache-2.0 */
/* src/base/light_lock.h: one owner at a time, and nobody who waits is forgotten. */
#include "src/base/light_lock.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>

enum { THREADS = 8, ROUNDS = 20000 };

static struct {
    godwit__light_lock_t lock;
    unsigned inside; /* owners; guarded by lock */
    unsigned long count;
} shared;

static void *
count (void *unused)
{
    (void) unused;
    for (int i = 0; i < ROUNDS; i++) {
        godwit__light_lock (&shared.lock);
        cr_assert_eq (++shared.inside, 1, "two owners");
        shared.count++;
        if (i % 64 == 0)
            sched_yield (); /* others find it locked, and sleep */
        shared.inside--;
        godwit__light_unlock (&shared.lock);
    }
    return NULL;
}

Test (light_lock, has_one_owner_at_a_time, .timeout = 60)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq (pthread_create (&threads[i], NULL, count, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join (threads[i], NULL);
    cr_assert_eq (shared.count, (unsigned long) THREADS * ROUNDS);
    cr_assert_eq (atomic_load (&shared.lock.state), GODWIT__LIGHT_FREE);
}

static void *
lock_once (void *unused)
{
    (void) unused;
    godwit__light_lock (&shared.lock);
    shared.count++;
    godwit__light_unlock (&shared.lock);
    return NULL;
}

/* All of them sleep, or are about to; one unlock is enough for all. */
Test (light_lock, wakes_everybody_who_waits, .timeout = 60)
{
    pthread_t threads[THREADS];
    godwit__light_lock (&shared.lock);
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq (pthread_create (&threads[i], NULL, lock_once, NULL), 0);
    while (atomic_load (&shared.lock.state) != GODWIT__LIGHT_AWAITED)
        sched_yield ();
    cr_assert_eq (shared.count, 0);
    godwit__light_unlock (&shared.lock);
    for (int i = 0; i < THREADS; i++)
        pthread_join (threads[i], NULL);
    cr_assert_eq (shared.count, THREADS);
}
