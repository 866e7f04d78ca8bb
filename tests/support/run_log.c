/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/run_log.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
run_log_open (run_log_t *log)
{
    memset (log, 0, sizeof *log);
    pthread_mutex_init (&log->lock, NULL);
}

void
run_log_close (run_log_t *log)
{
    pthread_mutex_destroy (&log->lock);
    free (log->runs);
    free (log->results);
}

/* With the lock. */
static void *
room (void *items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return items;
    *capacity = *capacity ? 2 * *capacity : 1024;
    items = realloc (items, *capacity * size);
    if (!items)
        abort ();
    return items;
}

void
run_log_run (run_log_t *log, run_t run)
{
    pthread_mutex_lock (&log->lock);
    log->runs = room (log->runs, log->run_count, &log->run_capacity, sizeof run);
    log->runs[log->run_count++] = run;
    pthread_mutex_unlock (&log->lock);
}

void
run_log_result (run_log_t *log, call_result_t result)
{
    pthread_mutex_lock (&log->lock);
    log->results = room (log->results, log->result_count, &log->result_capacity, sizeof result);
    log->results[log->result_count++] = result;
    pthread_mutex_unlock (&log->lock);
}

static int
by_number (uint32_t a, uint32_t b)
{
    return (a > b) - (a < b);
}

/* Runs and results begin with the same three members. */
static int
compare_calls (run_kind_t a_kind, uint32_t a_client, uint32_t a_number, run_kind_t b_kind, uint32_t b_client,
               uint32_t b_number)
{
    int order = by_number (a_kind, b_kind);
    if (!order)
        order = by_number (a_client, b_client);
    return order ? order : by_number (a_number, b_number);
}

static int
compare_runs (const void *a_item, const void *b_item)
{
    const run_t *a = a_item, *b = b_item;
    const int order = compare_calls (a->kind, a->client, a->number, b->kind, b->client, b->number);
    return order ? order : by_number (a->server, b->server);
}

static int
compare_results (const void *a_item, const void *b_item)
{
    const call_result_t *a = a_item, *b = b_item;
    return compare_calls (a->kind, a->client, a->number, b->kind, b->client, b->number);
}

static void
complain (size_t *faults, const char *what, run_kind_t kind, uint32_t client, uint32_t number)
{
    static const char *const names[] = {"call", "cast", "fanout"};
    if ((*faults)++ < 5)
        fprintf (stderr, "%s %u of client %u %s\n", names[kind], number, client, what);
}

run_faults_t
run_log_check (run_log_t *log)
{
    run_faults_t faults = {0, 0, 0, 0};
    if (log->run_count)
        qsort (log->runs, log->run_count, sizeof *log->runs, compare_runs);
    if (log->result_count)
        qsort (log->results, log->result_count, sizeof *log->results, compare_results);
    size_t at = 0;
    for (size_t i = 0; i < log->result_count; i++) {
        const call_result_t *result = &log->results[i];
        size_t runs = 0;
        for (; at < log->run_count; at++) {
            const run_t *run = &log->runs[at];
            const int order = compare_calls (run->kind, run->client, run->number, result->kind,
                                             result->client, result->number);
            if (order > 0)
                break;
            if (order < 0) {
                complain (&faults.unknown, "ran, and nobody had made it", run->kind, run->client,
                          run->number);
                continue;
            }
            const bool same_server = runs > 0 && run[-1].server == run->server;
            if (runs++ > 0 && (run->kind != RUN_FANOUT || same_server))
                complain (&faults.twice, "ran twice", run->kind, run->client, run->number);
        }
        if (result->kind == RUN_CALL && result->status == GODWIT_OK && runs == 0)
            complain (&faults.missing, "succeeded without having run", result->kind, result->client,
                      result->number);
        if (result->status != GODWIT_OK && runs > 0 &&
            (result->outcome == GODWIT_OUTCOME_NOT_SENT || result->outcome == GODWIT_OUTCOME_REJECTED))
            complain (&faults.denied, "ran, and its caller was told that it had not", result->kind,
                      result->client, result->number);
    }
    for (; at < log->run_count; at++)
        complain (&faults.unknown, "ran, and nobody had made it", log->runs[at].kind, log->runs[at].client,
                  log->runs[at].number);
    return faults;
}
