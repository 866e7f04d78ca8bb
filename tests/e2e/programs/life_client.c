/* SPDX-License-Identifier: Apache-2.0 */
/* A client that calls as fast as it can: life_client URL NUMBER. It says "up" when it has called once. At the
 * end of its input it stops, makes sure that what it cast has arrived, writes what became of all to the file
 * that LIFE_RESULTS names (call_result_t after call_result_t) and says "calls N casts N failed N retried N"
 * and the first failure.
 *
 * Two threads call, one casts and calls in turn, and callbacks call again. No call has a reason to fail.
 */
#include <godwit/godwit.h>

#include "tests/support/run_log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CALLERS = 2, IN_FLIGHT = 16, CASTS_PER_CALL = 8, TIMEOUT_MS = 60000 };

static godwit_transport_t *transport;
static godwit_client_t *client;
static run_log_t results;
static uint32_t number_of_client;
static atomic_uint_fast32_t last_number;
static atomic_bool stop;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned in_flight;
static uint64_t calls, casts, failed;
static char first_failure[512] = "none";

static void
check (godwit_status_t status, godwit_error_t *error)
{
    if (status == GODWIT_OK)
        return;
    printf ("failed: %s\n", godwit_error_print (error));
    fflush (stdout);
    exit (1);
}

static void
note (run_kind_t kind, uint32_t number, godwit_status_t status, const godwit_error_t *error)
{
    run_log_result (&results, (call_result_t){kind, number_of_client, number, status,
                                              error ? godwit_error_outcome (error) : GODWIT_OUTCOME_NONE});
    pthread_mutex_lock (&lock);
    ++*(kind == RUN_CAST ? &casts : &calls);
    if (status && failed++ == 0)
        snprintf (first_failure, sizeof first_failure, "%s %u: %s", kind == RUN_CAST ? "cast" : "call",
                  number, godwit_error_print (error));
    pthread_mutex_unlock (&lock);
}

#define ARGS(number_)                                                                                        \
    GODWIT_ARGS (GODWIT_INT ("client", number_of_client), GODWIT_INT ("number", (int64_t) (number_)))

static void
call_once (void)
{
    godwit_error_t *error = NULL;
    const uint32_t number = (uint32_t) ++last_number;
    const godwit_status_t status = godwit_client_call (client, NULL, "run", ARGS (number), NULL, &error);
    note (RUN_CALL, number, status, error);
    godwit_error_destroy (&error);
}

static void
cast_once (void)
{
    godwit_error_t *error = NULL;
    const uint32_t number = (uint32_t) ++last_number;
    const godwit_status_t status = godwit_client_cast (client, NULL, "run", ARGS (number), &error);
    note (RUN_CAST, number, status, error);
    godwit_error_destroy (&error);
}

static void *
call_on (void *user)
{
    (void) user;
    while (!atomic_load (&stop))
        call_once ();
    return NULL;
}

static void *
cast_on (void *user)
{
    (void) user;
    while (!atomic_load (&stop)) {
        for (int i = 0; i < CASTS_PER_CALL; i++)
            cast_once ();
        call_once ();
    }
    return NULL;
}

static void call_asynchronously (void);

static void
on_reply (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    (void) result;
    note (RUN_CALL, (uint32_t) (uintptr_t) user, status, error);
    call_asynchronously ();
    pthread_mutex_lock (&lock);
    in_flight--;
    pthread_cond_broadcast (&changed);
    pthread_mutex_unlock (&lock);
}

static void
call_asynchronously (void)
{
    if (atomic_load (&stop))
        return;
    godwit_error_t *error = NULL;
    const uint32_t number = (uint32_t) ++last_number;
    pthread_mutex_lock (&lock);
    in_flight++;
    pthread_mutex_unlock (&lock);
    const godwit_status_t status = godwit_client_call_async (client, NULL, "run", ARGS (number), on_reply,
                                                             (void *) (uintptr_t) number, &error);
    if (status == GODWIT_OK)
        return;
    note (RUN_CALL, number, status, error);
    godwit_error_destroy (&error);
    pthread_mutex_lock (&lock);
    in_flight--;
    pthread_mutex_unlock (&lock);
}

/* A call to each server comes behind what was cast to it. */
static void
flush_casts (void)
{
    godwit_value_t *servers = NULL;
    godwit_error_t *error = NULL;
    check (godwit_client_servers (client, &servers, &error), error);
    for (size_t i = 0; i < godwit_value_count (servers); i++) {
        godwit_client_t *one = NULL;
        const char *name =
            godwit_value_as_str (godwit_value_get (godwit_value_at (servers, i), "server"), "");
        check (godwit_client_prepare (&one, client, GODWIT_OVERRIDES (.server = name), &error), error);
        check (godwit_client_call (one, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error), error);
        godwit_client_destroy (&one);
    }
    godwit_value_unref (&servers);
}

static void
write_results (void)
{
    FILE *file = fopen (getenv ("LIFE_RESULTS"), "ab");
    if (!file ||
        fwrite (results.results, sizeof *results.results, results.result_count, file) !=
            results.result_count ||
        fclose (file))
        exit (1);
}

int
main (int argc, char **argv)
{
    pthread_t threads[CALLERS + 1];
    godwit_error_t *error = NULL;
    godwit_transport_stats_t stats;
    char word[32];
    if (argc != 3 || !getenv ("LIFE_RESULTS"))
        return 2;
    number_of_client = (uint32_t) strtoul (argv[2], NULL, 10);
    run_log_open (&results);
    check (godwit_transport_new (&transport, argv[1], NULL, &error), error);
    check (godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "life"),
                              GODWIT_CLIENT_OPTIONS (.timeout_ms = TIMEOUT_MS), &error),
           error);
    check (godwit_client_call (client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error), error);
    puts ("up");
    fflush (stdout);
    for (int i = 0; i < CALLERS; i++)
        pthread_create (&threads[i], NULL, call_on, NULL);
    pthread_create (&threads[CALLERS], NULL, cast_on, NULL);
    for (int i = 0; i < IN_FLIGHT; i++)
        call_asynchronously ();
    while (scanf ("%31s", word) == 1)
        ;
    atomic_store (&stop, true);
    for (int i = 0; i <= CALLERS; i++)
        pthread_join (threads[i], NULL);
    pthread_mutex_lock (&lock);
    while (in_flight > 0)
        pthread_cond_wait (&changed, &lock);
    pthread_mutex_unlock (&lock);
    flush_casts ();
    godwit_transport_stats (transport, &stats, sizeof stats);
    write_results ();
    printf ("calls %llu casts %llu failed %llu retried %llu; the first failure: %s\n",
            (unsigned long long) calls, (unsigned long long) casts, (unsigned long long) failed,
            (unsigned long long) stats.calls_retried, first_failure);
    fflush (stdout);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
    run_log_close (&results);
    return 0;
}
