/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/faults/node_client.h"

#include "tests/faults/node_pace.h"
#include "tests/support/random.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MAX 256
#define WAYS 8 /* clients that differ in timeout and retry */
#define NAMED_MAX 16u
#define IN_FLIGHT 32u /* asynchronous calls of a thread */
#define LARGE_SIZE 65536
#define MONITOR_MS 1500
#define START_MS 60000 /* for the servers to be there */

typedef struct way {
    godwit_client_t *client;
    int64_t timeout_ms;
    char server[32]; /* "": any */
} way_t;

typedef struct caller {
    pthread_t thread;
    random_t random;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t ended;
    uint32_t in_flight;
} caller_t;

typedef struct async_call {
    caller_t *caller;
    uint64_t id;
} async_call_t;

typedef struct job {
    uint64_t id;
    history_kind_t kind;
    const way_t *way;
    const char *method;
    int64_t ms;
    int64_t size;
} job_t;

static history_t *history;
static const node_options_t *options;
static godwit_client_t *parent;
static way_t ways[WAYS];
static way_t idempotent_ways[WAYS];
static way_t named_ways[NAMED_MAX];
static uint32_t named_count;
static caller_t callers[THREADS_MAX];
static uint32_t caller_count;
static atomic_uint callers_left;
static _Atomic int64_t calls_left;

/* ---- what is written down ---- */

static void
note_end (uint64_t id, history_kind_t kind, godwit_status_t status, const godwit_value_t *result,
          const godwit_error_t *error, const godwit_fanout_report_t *report)
{
    history_record_t record = {.call = id, .event = HISTORY_CALL_END, .kind = (uint16_t) kind};
    record.of_call.status = (uint16_t) status;
    if (status)
        record.of_call.outcome = (uint16_t) godwit_error_outcome (error);
    if (!status && result) {
        record.of_call.peer = (uint32_t) godwit_value_as_int (godwit_value_get (result, "node"), 0);
        record.of_call.life = (uint32_t) godwit_value_as_int (godwit_value_get (result, "life"), 0);
    }
    if (!status && report) {
        record.of_call.reached = report->reached;
        record.of_call.missing = report->missing;
        record.of_call.epoch = (uint32_t) report->epoch;
    }
    history_put (history, record);
}

/* ---- one call ---- */

#define JOB_ARGS(job_)                                                                                       \
    GODWIT_ARGS (GODWIT_INT ("id", (int64_t) (job_)->id), GODWIT_INT ("kind", (int) (job_)->kind),           \
                 GODWIT_INT ("ms", (job_)->ms), GODWIT_INT ("size", (job_)->size))

static void
on_end (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    async_call_t *call = user;
    caller_t *caller = call->caller;
    note_end (call->id, HISTORY_CALL, status, result, error, NULL);
    free (call);
    pthread_mutex_lock (&caller->lock);
    caller->in_flight--;
    pthread_cond_signal (&caller->ended);
    pthread_mutex_unlock (&caller->lock);
}

static void
wait_in_flight (caller_t *caller, uint32_t limit)
{
    pthread_mutex_lock (&caller->lock);
    while (caller->in_flight > limit)
        pthread_cond_wait (&caller->ended, &caller->lock);
    pthread_mutex_unlock (&caller->lock);
}

static void
call_async (caller_t *caller, const job_t *job)
{
    godwit_error_t *error = NULL;
    async_call_t *call = malloc (sizeof *call);
    if (!call)
        abort ();
    *call = (async_call_t){caller, job->id};
    wait_in_flight (caller, IN_FLIGHT - 1);
    pthread_mutex_lock (&caller->lock);
    caller->in_flight++;
    pthread_mutex_unlock (&caller->lock);
    history_call_begin (history, job->id, job->kind, job->way->timeout_ms,
                        *job->way->server ? job->way->server : NULL);
    const godwit_status_t status =
        godwit_client_call_async (job->way->client, NULL, job->method, JOB_ARGS (job), on_end, call, &error);
    if (status)
        on_end (call, status, NULL, error);
    godwit_error_destroy (&error);
}

static history_row_t
row_of (godwit_fanout_state_t state)
{
    switch (state) {
    case GODWIT_FANOUT_REPLIED:
        return HISTORY_ROW_REPLIED;
    case GODWIT_FANOUT_FAILED:
        return HISTORY_ROW_FAILED;
    case GODWIT_FANOUT_REFUSED:
        return HISTORY_ROW_REFUSED;
    case GODWIT_FANOUT_UNREACHABLE:
        return HISTORY_ROW_UNREACHABLE;
    case GODWIT_FANOUT_TIMED_OUT:
        return HISTORY_ROW_TIMED_OUT;
    case GODWIT_FANOUT_LEFT:
    default:
        return HISTORY_ROW_LEFT;
    }
}

static void
note_rows (uint64_t id, const godwit_fanout_result_t *result)
{
    for (size_t i = 0; i < godwit_fanout_result_count (result); i++) {
        const godwit_fanout_row_t *row = godwit_fanout_result_row (result, i);
        history_record_t record = {.call = id, .event = HISTORY_ROW, .kind = HISTORY_FANOUT_CALL};
        record.row.row = (uint16_t) row_of (row->state);
        record.row.outcome = (uint16_t) godwit_error_outcome (row->error);
        record.row.status = (uint16_t) godwit_error_status (row->error);
        if (row->result)
            record.row.peer = (uint32_t) godwit_value_as_int (godwit_value_get (row->result, "node"), 0);
        memcpy (&record.row.instance, row->instance, sizeof record.row.instance);
        snprintf (record.row.name, sizeof record.row.name, "%s", row->server);
        history_put (history, record);
    }
}

static void
call_all (const job_t *job)
{
    godwit_fanout_result_t *result = NULL;
    godwit_error_t *error = NULL;
    history_call_begin (history, job->id, job->kind, job->way->timeout_ms, NULL);
    const godwit_status_t status =
        godwit_client_fanout_call (job->way->client, NULL, job->method, JOB_ARGS (job), &result, &error);
    note_rows (job->id, result);
    note_end (job->id, job->kind, status, NULL, error, NULL);
    godwit_fanout_result_destroy (&result);
    godwit_error_destroy (&error);
}

static void
call (const job_t *job)
{
    godwit_value_t *result = NULL;
    godwit_error_t *error = NULL;
    godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
    godwit_status_t status;
    history_call_begin (history, job->id, job->kind, job->way->timeout_ms,
                        *job->way->server ? job->way->server : NULL);
    if (job->kind == HISTORY_CAST)
        status = godwit_client_cast (job->way->client, NULL, job->method, JOB_ARGS (job), &error);
    else if (job->kind == HISTORY_FANOUT)
        status = godwit_client_fanout (job->way->client, NULL, job->method, JOB_ARGS (job), &report, &error);
    else
        status = godwit_client_call (job->way->client, NULL, job->method, JOB_ARGS (job), &result, &error);
    note_end (job->id, job->kind, status, result, error, &report);
    godwit_value_unref (&result);
    godwit_error_destroy (&error);
}

/* ---- which call ---- */

static const char *
choose_method (random_t *random)
{
    static const char *const names[] = {"quick", "quick", "quick", "quick", "quick",
                                        "slow",  "keep",  "large", "fail",  "quick"};
    return options->quick_only ? "quick" : names[random_below (random, sizeof names / sizeof names[0])];
}

static void
choose (random_t *random, job_t *job, bool *is_async)
{
    const node_mix_t *mix = &options->mix;
    const uint32_t named = named_count > 0 ? mix->named : 0;
    const uint32_t parts[] = {mix->async, mix->cast,        mix->fanout, mix->idempotent,
                              named,      mix->fanout_call, mix->call};
    static const history_kind_t kinds[] = {HISTORY_CALL,       HISTORY_CAST, HISTORY_FANOUT,
                                           HISTORY_IDEMPOTENT, HISTORY_CALL, HISTORY_FANOUT_CALL,
                                           HISTORY_CALL};
    uint32_t sum = 0;
    size_t which = 0;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        sum += parts[i];
    uint32_t number = random_below (random, sum);
    while (number >= parts[which])
        number -= parts[which++];
    const uint32_t way = random_below (random, WAYS);
    job->kind = kinds[which];
    job->way = job->kind == HISTORY_IDEMPOTENT ? &idempotent_ways[way] : &ways[way];
    if (which == 4)
        job->way = &named_ways[way % named_count];
    *is_async = which == 0;
}

static void
make_one (caller_t *caller)
{
    random_t *random = &caller->random;
    job_t job = {.id = history_next_id (history)};
    bool is_async;
    choose (random, &job, &is_async);
    job.method = choose_method (random);
    job.ms = (int64_t) random_below (random, (uint32_t) options->slow_ms + 1);
    job.size = random_below (random, LARGE_SIZE);
    if (is_async)
        call_async (caller, &job);
    else if (job.kind == HISTORY_FANOUT_CALL)
        call_all (&job);
    else
        call (&job);
}

static void *
run (void *user)
{
    caller_t *caller = user;
    uint64_t due_ns = history_now_ns ();
    while (node_pace_wait (&due_ns) && (!options->calls || atomic_fetch_sub (&calls_left, 1) > 0))
        make_one (caller);
    wait_in_flight (caller, 0);
    if (atomic_fetch_sub (&callers_left, 1) == 1)
        kill (getpid (), SIGUSR1);
    return NULL;
}

/* ---- life ---- */

static int64_t
choose_timeout (random_t *random)
{
    const int64_t least = options->timeout_ms / 10;
    const int64_t ms = least + random_below (random, (uint32_t) (options->timeout_ms - least) + 1);
    return ms > 0 ? ms : 1;
}

/* Different timeouts, and all that `retry` and the call monitor can be. */
static bool
prepare_ways (way_t list[WAYS], godwit_choice_t idempotent, random_t *random, godwit_error_t **error)
{
    static const int64_t retries[] = {0, GODWIT_RETRY_FOREVER, GODWIT_RETRY_NONE, 2};
    const uint32_t kinds = options->is_patient ? 2 : 4; /* of retries */
    for (uint32_t i = 0; i < WAYS; i++) {
        list[i].timeout_ms = choose_timeout (random);
        if (godwit_client_prepare (
                &list[i].client, parent,
                GODWIT_OVERRIDES (.timeout_ms = list[i].timeout_ms, .retry = retries[i % kinds],
                                  .call_monitor_timeout_ms = i == 5 && !options->is_patient ? MONITOR_MS : 0,
                                  .idempotent = idempotent),
                error))
            return false;
    }
    return true;
}

static bool
prepare_named (random_t *random, godwit_error_t **error)
{
    for (const char *at = options->named; at && *at && named_count < NAMED_MAX;) {
        way_t *way = &named_ways[named_count++];
        const size_t length = strcspn (at, ",");
        snprintf (way->server, sizeof way->server, "%.*s", (int) length, at);
        at += length + (at[length] == ',');
        way->timeout_ms = choose_timeout (random);
        if (godwit_client_prepare (&way->client, parent,
                                   GODWIT_OVERRIDES (.timeout_ms = way->timeout_ms, .server = way->server),
                                   error))
            return false;
    }
    return true;
}

bool
node_client_start (godwit_transport_t *transport, history_t *history_, const node_options_t *options_,
                   godwit_error_t **error)
{
    random_t random = {options_->seed};
    history = history_;
    options = options_;
    calls_left = (int64_t) options->calls;
    callers_left = options->threads;
    node_pace_start (options->rate);
    random_below (&random, 2); /* the first one says little */
    if (godwit_client_new (&parent, transport, GODWIT_TARGET (.topic = options->topic), NULL, error) ||
        !prepare_ways (ways, GODWIT_UNSET, &random, error) ||
        !prepare_ways (idempotent_ways, GODWIT_YES, &random, error) || !prepare_named (&random, error))
        return false;
    if (options->servers > 0 && godwit_client_wait_servers (parent, options->servers, START_MS, error))
        return false;
    for (caller_count = 0; caller_count < options->threads; caller_count++) {
        caller_t *caller = &callers[caller_count];
        caller->random = (random_t){options->seed * 1000003 + caller_count};
        random_below (&caller->random, 2);
        pthread_mutex_init (&caller->lock, NULL);
        pthread_cond_init (&caller->ended, NULL);
        if (pthread_create (&caller->thread, NULL, run, caller))
            return false;
    }
    return true;
}

void
node_client_stop (void)
{
    node_pace_stop ();
    for (uint32_t i = 0; i < caller_count; i++)
        pthread_join (callers[i].thread, NULL);
    for (uint32_t i = 0; i < WAYS; i++) {
        godwit_client_destroy (&ways[i].client);
        godwit_client_destroy (&idempotent_ways[i].client);
    }
    for (uint32_t i = 0; i < named_count; i++)
        godwit_client_destroy (&named_ways[i].client);
    godwit_client_destroy (&parent);
}
