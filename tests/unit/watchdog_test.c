/* SPDX-License-Identifier: Apache-2.0 */
/* What the watchdog decides, and what it asks the system of a thread. That it takes the lead from handlers
 * that are blocked, and from those that compute, is in server_raw_test.c. */
#include "src/base/activity.h"
#include "src/server/watchdog.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define US (GODWIT__NS_PER_MS / 1000)
#define MS GODWIT__NS_PER_MS

Test (watchdog, spares_handlers_that_wait_for_a_processor)
{
    static const struct {
        int64_t age_ns;
        int64_t used_ns;
        godwit__run_class_t class;
    } rows[] = {
        {0, 0, GODWIT__RUN_SHORT},
        {249 * US, 249 * US, GODWIT__RUN_SHORT},
        {250 * US, 0, GODWIT__RUN_SUSPECT},
        {999 * US, 900 * US, GODWIT__RUN_SUSPECT},
        {1 * MS, 0, GODWIT__RUN_LATE},
        {1 * MS, 499 * US, GODWIT__RUN_LATE},
        {1 * MS, 500 * US, GODWIT__RUN_LONG},
        {99 * MS, 499 * US, GODWIT__RUN_LATE},
        {100 * MS, 0, GODWIT__RUN_LONG},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert_eq (godwit__watchdog_class (rows[i].age_ns, rows[i].used_ns), rows[i].class, "row %zu", i);
}

/* With short handlers alone it looks 31 times a second. */
Test (watchdog, looks_seldom_while_nothing_is_late)
{
    int64_t period_ns = MS;
    int64_t time_ns = 0;
    unsigned looks = 0;
    for (; time_ns < 10000 * MS; looks++) {
        period_ns = godwit__watchdog_period (period_ns, INT64_MAX);
        time_ns += period_ns;
    }
    cr_assert_eq (period_ns, 32 * MS);
    cr_assert_leq (looks, 10 * 32);
    /* For a second after a theft it looks more often. */
    cr_assert_eq (godwit__watchdog_period (32 * MS, 999 * MS), 4 * MS);
    cr_assert_eq (godwit__watchdog_period (4 * MS, 999 * MS), 4 * MS);
    cr_assert_eq (godwit__watchdog_period (4 * MS, 1000 * MS), 8 * MS);
}

/* ---- what the system says ---- */

typedef struct other {
    clockid_t used_clock; /* set before id */
    _Atomic (pid_t) id;
    atomic_bool ends;
    pthread_mutex_t lock; /* held by the test: the thread is blocked on it */
} other_t;

static void *
blocks (void *user)
{
    other_t *const self = user;
    pthread_setname_np (pthread_self (), "a) R (b"); /* its state is not in its name */
    atomic_store (&self->id, gettid ());
    pthread_mutex_lock (&self->lock);
    pthread_mutex_unlock (&self->lock);
    return NULL;
}

static void *
spins (void *user)
{
    other_t *const self = user;
    self->used_clock = godwit__thread_clock ();
    atomic_store (&self->id, gettid ());
    while (!atomic_load (&self->ends)) {
        /* until the test has seen it */
    }
    return NULL;
}

static pid_t
id_of (other_t *other)
{
    pid_t id;
    while (!(id = atomic_load (&other->id)))
        usleep (100);
    return id;
}

Test (watchdog, tells_blocked_threads_from_runnable_ones, .timeout = 60)
{
    other_t other = {.lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t thread;
    cr_assert (godwit__thread_is_runnable (gettid ()), "who asks runs");
    pthread_mutex_lock (&other.lock);
    cr_assert_eq (pthread_create (&thread, NULL, blocks, &other), 0);
    const pid_t blocked = id_of (&other);
    while (godwit__thread_is_runnable (blocked))
        usleep (100); /* until it sleeps on the lock */
    cr_assert_not (godwit__thread_is_runnable (blocked));
    pthread_mutex_unlock (&other.lock);
    pthread_join (thread, NULL);
    cr_assert_not (godwit__thread_is_runnable (blocked), "a thread that has ended");
}

Test (watchdog, sees_what_a_thread_computes, .timeout = 60)
{
    other_t other = {.ends = false};
    pthread_t thread;
    cr_assert_eq (pthread_create (&thread, NULL, spins, &other), 0);
    const pid_t id = id_of (&other);
    const int64_t before_ns = godwit__thread_used_ns (other.used_clock);
    cr_assert (godwit__thread_is_runnable (id));
    while (godwit__thread_used_ns (other.used_clock) < before_ns + 2 * MS)
        usleep (100); /* it is given time, however busy the machine is */
    cr_assert (godwit__thread_is_runnable (id));
    atomic_store (&other.ends, true);
    pthread_join (thread, NULL);
}
