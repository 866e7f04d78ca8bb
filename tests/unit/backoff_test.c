/* SPDX-License-Identifier: Apache-2.0 */
/* The table of timeouts, alone: no call, no time, and chance as the test says. */
#include "src/client/backoff.h"

#include <criterion/criterion.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define SECOND INT64_C (1000)
#define MINUTE (60 * SECOND)
#define NS_PER_MS INT64_C (1000000)

static double
part (void *user)
{
    return *(const double *) user;
}

/* The sleep of a call that times out. */
static int64_t
time_out (const char *key, int64_t default_ms)
{
    int64_t raised_ms;
    return godwit__backoff_timed_out (key, godwit__backoff_timeout (key, default_ms), default_ms, &raised_ms);
}

Test (backoff, doubles_up_to_ten_times_the_default)
{
    static const int64_t timeouts[] = {60, 120, 240, 480, 600, 600, 600};
    for (size_t i = 0; i < sizeof timeouts / sizeof timeouts[0]; i++) {
        cr_assert_eq (godwit__backoff_timeout ("vim.update", MINUTE), timeouts[i] * SECOND, "step %zu", i);
        time_out ("vim.update", MINUTE);
    }
    cr_assert_eq (godwit__backoff_timeout ("update", MINUTE), MINUTE);
    cr_assert_eq (godwit__backoff_count (), 1u);
}

Test (backoff, says_what_was_raised)
{
    int64_t raised_ms = -1;
    godwit__backoff_timed_out ("m", MINUTE, MINUTE, &raised_ms);
    cr_assert_eq (raised_ms, 2 * MINUTE);
    godwit__backoff_timed_out ("m", MINUTE, MINUTE, &raised_ms);
    cr_assert_eq (raised_ms, 0); /* that call had begun before the first one ended */
    cr_assert_eq (godwit__backoff_timeout ("m", MINUTE), 2 * MINUTE);
}

Test (backoff, sleeps_for_a_part_of_the_timeout_but_at_most_of_the_default)
{
    double parts[] = {0.0, 0.5, 1.0};
    for (size_t i = 0; i < 3; i++) {
        godwit__backoff_inject (&(godwit__backoff_source_t){.random = part, .user = &parts[i]});
        for (int step = 0; step < 3; step++)
            cr_assert_eq (time_out ("m", MINUTE), (int64_t) (parts[i] * (double) (MINUTE * NS_PER_MS)));
    }
    godwit__backoff_set_max (10 * SECOND); /* the timeout is below the default from now on */
    cr_assert_eq (time_out ("m", MINUTE), 10 * SECOND * NS_PER_MS);
}

Test (backoff, chance_is_between_the_ends_and_not_always_the_same)
{
    int64_t least = INT64_MAX, most = 0;
    for (int i = 0; i < 1000; i++) {
        const int64_t sleep_ns = time_out ("m", MINUTE);
        cr_assert (sleep_ns >= 0 && sleep_ns <= MINUTE * NS_PER_MS);
        least = sleep_ns < least ? sleep_ns : least;
        most = sleep_ns > most ? sleep_ns : most;
    }
    cr_assert (least < MINUTE * NS_PER_MS / 4 && most > 3 * MINUTE * NS_PER_MS / 4);
}

Test (backoff, set_max_caps_lowers_and_never_raises)
{
    for (int i = 0; i < 4; i++)
        time_out ("slow", MINUTE);
    time_out ("quick", SECOND);
    godwit__backoff_set_max (5 * MINUTE);
    cr_assert_eq (godwit__backoff_timeout ("slow", MINUTE), 5 * MINUTE);
    cr_assert_eq (godwit__backoff_timeout ("quick", SECOND), 2 * SECOND);
    cr_assert_eq (godwit__backoff_timeout ("new", MINUTE), MINUTE); /* not at the maximum */
    godwit__backoff_set_max (30 * SECOND);
    cr_assert_eq (godwit__backoff_timeout ("slow", MINUTE), 30 * SECOND);
    cr_assert_eq (godwit__backoff_timeout ("new", MINUTE), 30 * SECOND);
    godwit__backoff_set_max (9 * MINUTE);
    time_out ("slow", MINUTE);
    cr_assert_eq (godwit__backoff_timeout ("slow", MINUTE), 30 * SECOND);
    godwit__backoff_reset ();
    cr_assert_eq (godwit__backoff_timeout ("slow", MINUTE), MINUTE);
    cr_assert_eq (godwit__backoff_count (), 0u);
}

/* Two transports of one process, one ten times as patient as the other. */
Test (backoff, different_defaults_share_the_table_within_their_own_bounds)
{
    for (int i = 0; i < 2; i++)
        time_out ("m", SECOND);
    cr_assert_eq (godwit__backoff_timeout ("m", SECOND), 4 * SECOND);
    cr_assert_eq (godwit__backoff_timeout ("m", 20 * SECOND), 20 * SECOND);
    time_out ("m", 20 * SECOND);
    cr_assert_eq (godwit__backoff_timeout ("m", 20 * SECOND), 40 * SECOND);
    cr_assert_eq (godwit__backoff_timeout ("m", SECOND), 10 * SECOND);
    time_out ("m", SECOND);
    cr_assert_eq (godwit__backoff_timeout ("m", 20 * SECOND), 40 * SECOND);
}

Test (backoff, the_table_is_bounded)
{
    char key[32];
    char long_key[GODWIT__BACKOFF_KEY_SIZE + 2];
    for (int i = 0; i < 100000; i++) {
        snprintf (key, sizeof key, "method.%d", i);
        time_out (key, MINUTE);
    }
    cr_assert_eq (godwit__backoff_count (), (size_t) GODWIT__BACKOFF_METHODS);
    cr_assert_eq (godwit__backoff_timeout ("method.99999", MINUTE), 2 * MINUTE);
    cr_assert_eq (godwit__backoff_timeout ("method.0", MINUTE), MINUTE);
    memset (long_key, 'x', sizeof long_key - 1);
    long_key[sizeof long_key - 1] = '\0';
    time_out (long_key, MINUTE);
    cr_assert_eq (godwit__backoff_timeout (long_key, MINUTE), MINUTE);
    cr_assert_eq (godwit__backoff_timeout (long_key + 1, MINUTE), MINUTE);
    time_out (long_key + 1, MINUTE);
    cr_assert_eq (godwit__backoff_timeout (long_key + 1, MINUTE), 2 * MINUTE);
    cr_assert_eq (godwit__backoff_count (), (size_t) GODWIT__BACKOFF_METHODS);
}

/* ---- several threads ---- */

#define THREADS 8

static void *
time_out_together (void *user)
{
    int64_t raised_ms;
    (void) user;
    godwit__backoff_timed_out ("m", MINUTE, MINUTE, &raised_ms);
    return raised_ms ? user : NULL;
}

Test (backoff, what_times_out_together_doubles_once)
{
    pthread_t threads[THREADS];
    int raised = 0;
    for (size_t i = 0; i < THREADS; i++)
        cr_assert_eq (pthread_create (&threads[i], NULL, time_out_together, &raised), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *result = NULL;
        pthread_join (threads[i], &result);
        if (result)
            raised++;
    }
    cr_assert_eq (raised, 1);
    cr_assert_eq (godwit__backoff_timeout ("m", MINUTE), 2 * MINUTE);
}

static void *
use_everything (void *user)
{
    char key[32];
    for (int i = 0; i < 2000; i++) {
        snprintf (key, sizeof key, "method.%d", i % 50);
        time_out (key, MINUTE);
        const int64_t timeout_ms = godwit__backoff_timeout (key, MINUTE);
        if (timeout_ms < MINUTE || timeout_ms > 10 * MINUTE)
            return user;
        if (i % 500 == 0)
            godwit__backoff_reset ();
        else if (i % 100 == 0)
            godwit__backoff_set_max (5 * MINUTE);
    }
    return NULL;
}

Test (backoff, any_thread_may_do_anything)
{
    pthread_t threads[THREADS];
    int wrong = 0;
    for (size_t i = 0; i < THREADS; i++)
        cr_assert_eq (pthread_create (&threads[i], NULL, use_everything, &wrong), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *result = NULL;
        pthread_join (threads[i], &result);
        cr_assert_null (result);
    }
}
