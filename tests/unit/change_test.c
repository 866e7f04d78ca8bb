/* SPDX-License-Identifier: Apache-2.0 */
/* Those who wait for a change of a transport are told without its lock, and nobody waits for those who are
 * told. */
#include "src/runtime/wait.h"

#include <criterion/criterion.h>
#include <stdbool.h>

static unsigned told_count;
static bool had_lock;

static void
on_changed (godwit_transport_t *transport)
{
    told_count++;
    had_lock = pthread_mutex_trylock (&transport->lock) != 0;
    if (!had_lock)
        godwit__transport_unlock (transport);
}

static const godwit__transport_hooks_t hooks = {.changed = on_changed};

static void
transport_open (godwit_transport_t *transport)
{
    *transport = (godwit_transport_t){.hooks = &hooks};
    pthread_mutex_init (&transport->lock, NULL);
    told_count = 0;
}

Test (change, is_told_once_the_lock_is_released)
{
    static godwit_transport_t transport;
    transport_open (&transport);
    pthread_mutex_lock (&transport.lock);
    godwit__transport_changed (&transport);
    godwit__transport_changed (&transport);
    cr_assert_eq (told_count, 0, "the lock is still held");
    godwit__transport_unlock (&transport);
    cr_assert_eq (told_count, 1);
    cr_assert (!had_lock);
    pthread_mutex_lock (&transport.lock);
    godwit__transport_unlock (&transport);
    cr_assert_eq (told_count, 1, "nothing has changed");
}

Test (change, is_told_before_its_maker_waits)
{
    static godwit_transport_t transport;
    transport_open (&transport);
    pthread_mutex_lock (&transport.lock);
    godwit__transport_changed (&transport);
    godwit__transport_wait_changed (&transport, 0);
    cr_assert_eq (told_count, 1);
    cr_assert (!had_lock);
    godwit__transport_unlock (&transport);
}

/* ---- who waits ---- */

#define WAITERS 8

typedef struct hall {
    godwit__change_t change;
    pthread_mutex_t lock;
    unsigned number;
    unsigned seen[WAITERS];
} hall_t;

typedef struct waiter {
    hall_t *hall;
    unsigned *seen;
    pthread_t thread;
} waiter_t;

static void *
see_all (void *user)
{
    waiter_t *const waiter = user;
    hall_t *const hall = waiter->hall;
    pthread_mutex_lock (&hall->lock);
    while (*waiter->seen < 1000) {
        while (hall->number == *waiter->seen)
            godwit__change_wait (&hall->change, &hall->lock, GODWIT__NEVER);
        *waiter->seen = hall->number;
    }
    pthread_mutex_unlock (&hall->lock);
    return NULL;
}

/* No change is missed, whoever is told while others are still on their way. */
Test (change, is_missed_by_nobody, .timeout = 60)
{
    static hall_t hall = {.lock = PTHREAD_MUTEX_INITIALIZER};
    waiter_t waiters[WAITERS];
    for (int i = 0; i < WAITERS; i++) {
        waiters[i] = (waiter_t){.hall = &hall, .seen = &hall.seen[i]};
        cr_assert_eq (pthread_create (&waiters[i].thread, NULL, see_all, &waiters[i]), 0);
    }
    for (unsigned number = 1; number <= 1000; number++) {
        pthread_mutex_lock (&hall.lock);
        hall.number = number;
        pthread_mutex_unlock (&hall.lock);
        godwit__change_tell (&hall.change);
    }
    for (int i = 0; i < WAITERS; i++)
        pthread_join (waiters[i].thread, NULL);
}

Test (change, a_wait_ends_when_its_time_is_spent)
{
    static hall_t hall = {.lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_mutex_lock (&hall.lock);
    godwit__change_wait (&hall.change, &hall.lock, 1000000);
    godwit__change_wait (&hall.change, &hall.lock, 0);
    godwit__change_wait (&hall.change, &hall.lock, -5);
    cr_assert_eq (hall.change.waiting, 0);
    pthread_mutex_unlock (&hall.lock);
}
