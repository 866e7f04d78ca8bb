/* SPDX-License-Identifier: Apache-2.0 */
/* Fanouts and fanout calls: all servers of a topic, and what is said of each. */
#include "tests/conformance/core_conformance.h"

#include <stdio.h>

static godwit_client_t *
prepared (godwit_client_t *client, const godwit_overrides_t *overrides)
{
    godwit_client_t *other = NULL;
    MUST (godwit_client_prepare (&other, client, overrides, &error));
    return other;
}

/* The row of a server, which has exactly one; NULL: it has none. */
static const godwit_fanout_row_t *
row_of (const godwit_fanout_result_t *result, const char *server)
{
    const godwit_fanout_row_t *found = NULL;
    for (size_t i = 0; i < godwit_fanout_result_count (result); i++) {
        const godwit_fanout_row_t *row = godwit_fanout_result_row (result, i);
        if (strcmp (row->server, server) != 0)
            continue;
        cr_assert_null (found, "%s has two rows", server);
        found = row;
    }
    return found;
}

#define EXPECT_ROW(result_, server_, state_)                                                                 \
    do {                                                                                                     \
        const godwit_fanout_row_t *row_ = row_of ((result_), (server_));                                     \
        cr_assert_not_null (row_, "%s has no row", (server_));                                               \
        cr_assert_eq (row_->state, (state_), "%s: expected %s, got %s: %s", (server_),                       \
                      godwit_fanout_state_name (state_), godwit_fanout_state_name (row_->state),             \
                      row_->error ? godwit_error_print (row_->error) : "");                                  \
        cr_assert ((row_->state == GODWIT_FANOUT_REPLIED) == !row_->error);                                  \
        cr_assert ((row_->state == GODWIT_FANOUT_REPLIED) == (row_->result != NULL));                        \
        cr_assert_geq (row_->took_us, 0);                                                                    \
    } while (0)

/* A fanout call that waits, on a thread of its own. */
typedef struct asking {
    godwit_client_t *client;
    const char *method;
    pthread_t thread;
    godwit_fanout_result_t *result;
    godwit_status_t status;
} asking_t;

static void *
ask (void *user)
{
    asking_t *asking = user;
    asking->status = godwit_client_fanout_call (asking->client, NULL, asking->method, GODWIT_NO_ARGS,
                                                &asking->result, NULL);
    return NULL;
}

static void
asking_begin (asking_t *asking, godwit_client_t *client, const char *method)
{
    *asking = (asking_t){.client = client, .method = method};
    cr_assert_eq (pthread_create (&asking->thread, NULL, ask, asking), 0);
}

static void
asking_end (asking_t *asking, godwit_status_t status)
{
    pthread_join (asking->thread, NULL);
    cr_assert_eq (asking->status, status, "%s", godwit_status_type (asking->status));
}

/* Keeps a server of concurrency 1 and queue_limit 1 busy: it takes nothing more of this client's. */
static void
fill (service_t *service, godwit_client_t *client)
{
    godwit_client_t *named = prepared (client, GODWIT_OVERRIDES (.server = service->name));
    MUST (godwit_client_cast (named, NULL, "block", GODWIT_NO_ARGS, &error));
    service_wait (service, &service->blocked, 1);
    MUST (godwit_client_cast (named, NULL, "count", GODWIT_NO_ARGS, &error));
    godwit_client_destroy (&named);
}

#define TIGHT GODWIT_SERVER_OPTIONS (.concurrency = 1, .queue_limit = 1)

/* ---- fanout calls ---- */

void
core_fanout_calls_have_a_row_for_each_server (const core_kind_t *kind)
{
    core_t core;
    service_t two, three;
    godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
    core_open (&core, kind);
    godwit_transport_t *elsewhere = core_transport (&core, NULL);
    service_start (&two, core.serving, "two", NULL);
    service_start (&three, elsewhere, "three", NULL);
    MUST (godwit_client_wait_servers (core.client, 3, WAIT_LIMIT_MS, &error));
    MUST (godwit_client_fanout (core.client, NULL, "nothing", GODWIT_NO_ARGS, &report, &error));
    const char *const names[] = {"one", "two", "three"};
    for (int i = 0; i < 20; i++) {
        godwit_fanout_result_t *result = NULL;
        MUST (godwit_client_fanout_call (core.client, NULL, "whoami", GODWIT_NO_ARGS, &result, &error));
        cr_assert_eq (godwit_fanout_result_count (result), 3u);
        cr_assert_eq (godwit_fanout_result_epoch (result), report.epoch);
        cr_assert_null (godwit_fanout_result_row (result, 3));
        for (int k = 0; k < 3; k++) {
            EXPECT_ROW (result, names[k], GODWIT_FANOUT_REPLIED);
            cr_assert_str_eq (godwit_value_as_str (row_of (result, names[k])->result, ""), names[k]);
        }
        cr_assert_eq (memcmp (row_of (result, "one")->instance, row_of (result, "two")->instance, 16), 0);
        cr_assert_neq (memcmp (row_of (result, "one")->instance, row_of (result, "three")->instance, 16), 0);
        godwit_fanout_result_destroy (&result);
        cr_assert_null (result);
    }
    service_end (&two);
    service_end (&three);
    godwit_transport_destroy (&elsewhere);
    core_close (&core);
}

/* The target's server and fanout change nothing; a plain call with fanout stays an error. */
void
core_fanout_calls_take_arguments_of_any_size (const core_kind_t *kind)
{
    static char bytes[1 << 20];
    core_t core;
    service_t two;
    core_open (&core, kind);
    service_start (&two, core.serving, "two", NULL);
    MUST (godwit_client_wait_servers (core.client, 2, WAIT_LIMIT_MS, &error));
    godwit_client_t *all =
        prepared (core.client, GODWIT_OVERRIDES (.fanout = GODWIT_YES, .server = "one",
                                                 .call_monitor_timeout_ms = WAIT_LIMIT_MS / 2));
    static const size_t sizes[] = {1, 400, 600, sizeof bytes};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        godwit_fanout_result_t *result = NULL;
        MUST (godwit_client_fanout_call (
            all, NULL, "echo", GODWIT_ARGS (GODWIT_BIN ("value", bytes, sizes[i])), &result, &error));
        cr_assert_eq (godwit_fanout_result_count (result), 2u);
        for (size_t k = 0; k < 2; k++)
            cr_assert_eq (godwit_value_count (godwit_fanout_result_row (result, k)->result), sizes[i]);
        godwit_fanout_result_destroy (&result);
    }
    FAILS (GODWIT_ERR_INVALID_TARGET, GODWIT_OUTCOME_NONE, "fanout",
           godwit_client_call (all, NULL, "whoami", GODWIT_NO_ARGS, NULL, &error));
    godwit_client_destroy (&all);
    service_end (&two);
    core_close (&core);
}

void
core_fanout_calls_tell_what_became_of_each (const core_kind_t *kind)
{
    core_t core;
    service_t fails, full;
    asking_t asking;
    core_open (&core, kind);
    service_start (&fails, core.serving, "fails", NULL);
    service_start (&full, core.serving, "full", TIGHT);
    MUST (godwit_client_wait_servers (core.client, 3, WAIT_LIMIT_MS, &error));
    fill (&full, core.client);
    godwit_client_t *once = prepared (core.client, GODWIT_OVERRIDES (.retry = GODWIT_RETRY_NONE));
    asking_begin (&asking, once, "hold");
    service_wait_held (&core.one, 1);
    service_wait_held (&fails, 1);
    godwit_request_t *request = service_take (&core.one);
    MUST (godwit_request_reply (request, GODWIT_INT (NULL, 7)));
    godwit_request_destroy (&request);
    request = service_take (&fails);
    godwit_error_t *reason = godwit_error_new_typed ("shop", "OutOfStock", "no %s left", "tea");
    godwit_request_fail (request, &reason);
    godwit_request_destroy (&request);
    asking_end (&asking, GODWIT_OK);
    cr_assert_eq (godwit_fanout_result_count (asking.result), 3u);
    EXPECT_ROW (asking.result, "one", GODWIT_FANOUT_REPLIED);
    cr_assert_eq (godwit_value_as_int (row_of (asking.result, "one")->result, 0), 7);
    EXPECT_ROW (asking.result, "fails", GODWIT_FANOUT_FAILED);
    const godwit_error_t *why = row_of (asking.result, "fails")->error;
    cr_assert_eq (godwit_error_outcome (why), GODWIT_OUTCOME_RAN);
    cr_assert_not_null (strstr (godwit_error_print (why), "no tea left"));
    EXPECT_ROW (asking.result, "full", GODWIT_FANOUT_REFUSED);
    why = row_of (asking.result, "full")->error;
    cr_assert_eq (godwit_error_outcome (why), GODWIT_OUTCOME_REJECTED);
    cr_assert_not_null (strstr (godwit_error_print (why), "overloaded"), "%s", godwit_error_print (why));
    godwit_fanout_result_destroy (&asking.result);
    /* Once it has room again, what it refused is tried again at the same server. */
    asking_begin (&asking, core.client, "whoami");
    service_open_gate (&full);
    asking_end (&asking, GODWIT_OK);
    EXPECT_ROW (asking.result, "full", GODWIT_FANOUT_REPLIED);
    godwit_fanout_result_destroy (&asking.result);
    /* Nobody has such a method. */
    MUST (godwit_client_fanout_call (core.client, NULL, "none", GODWIT_NO_ARGS, &asking.result, &error));
    EXPECT_ROW (asking.result, "one", GODWIT_FANOUT_REFUSED);
    cr_assert_eq (godwit_error_status (row_of (asking.result, "one")->error), GODWIT_ERR_NO_SUCH_METHOD);
    cr_assert_eq (godwit_error_outcome (row_of (asking.result, "one")->error), GODWIT_OUTCOME_REJECTED);
    godwit_fanout_result_destroy (&asking.result);
    godwit_client_destroy (&once);
    service_end (&fails);
    service_end (&full);
    core_close (&core);
}

/* However long it takes until it is sent: what was held has been handed over. */
void
core_fanout_calls_end_with_their_time (const core_kind_t *kind)
{
    core_t core;
    service_t two;
    core_open (&core, kind);
    service_start (&two, core.serving, "two", NULL);
    MUST (godwit_client_wait_servers (core.client, 2, WAIT_LIMIT_MS, &error));
    godwit_client_t *late = prepared (core.client, GODWIT_OVERRIDES (.timeout_ms = 300));
    bool seen = false;
    for (size_t tries = 1; !seen; tries++) {
        godwit_fanout_result_t *result = NULL;
        cr_assert_leq (tries, 20u);
        MUST (godwit_client_fanout_call (late, NULL, "hold", GODWIT_NO_ARGS, &result, &error));
        cr_assert_eq (godwit_fanout_result_count (result), 2u);
        seen = true;
        for (size_t i = 0; i < 2; i++) {
            const godwit_fanout_row_t *row = godwit_fanout_result_row (result, i);
            const bool handed_over = godwit_error_outcome (row->error) == GODWIT_OUTCOME_MAYBE_RUN;
            cr_assert_eq (row->state == GODWIT_FANOUT_TIMED_OUT, handed_over);
            cr_assert_eq (godwit_error_status (row->error), GODWIT_ERR_TIMEOUT);
            seen = seen && handed_over;
        }
        godwit_fanout_result_destroy (&result);
    }
    /* No time at all: nothing is sent. */
    godwit_client_t *never = prepared (core.client, GODWIT_OVERRIDES (.timeout_ms = GODWIT_TIMEOUT_ZERO));
    godwit_fanout_result_t *result = NULL;
    const uint64_t ran = service_get (&core.one, &core.one.runs);
    MUST (godwit_client_fanout_call (never, NULL, "count", GODWIT_NO_ARGS, &result, &error));
    EXPECT_ROW (result, "one", GODWIT_FANOUT_UNREACHABLE);
    EXPECT_ROW (result, "two", GODWIT_FANOUT_UNREACHABLE);
    cr_assert_eq (godwit_error_outcome (row_of (result, "one")->error), GODWIT_OUTCOME_NOT_SENT);
    godwit_fanout_result_destroy (&result);
    cr_assert_eq (service_get (&core.one, &core.one.runs), ran);
    godwit_client_destroy (&never);
    godwit_client_destroy (&late);
    service_end (&two);
    core_close (&core);
}

/* It is overloaded, so the call waits for it; and then it stops. */
void
core_fanout_calls_see_who_leaves (const core_kind_t *kind)
{
    core_t core;
    service_t leaves;
    asking_t asking;
    godwit_transport_stats_t stats;
    core_open (&core, kind);
    service_start (&leaves, core.serving, "leaves", TIGHT);
    MUST (godwit_client_wait_servers (core.client, 2, WAIT_LIMIT_MS, &error));
    fill (&leaves, core.client);
    asking_begin (&asking, core.client, "count");
    const int64_t end = now_ms () + WAIT_LIMIT_MS;
    do { /* until it was refused */
        godwit_client_wait_servers (core.client, 9, 1, NULL);
        godwit_transport_stats (core.serving, &stats, sizeof stats);
    } while (stats.requests_refused == 0 && now_ms () < end);
    MUST (godwit_server_stop (leaves.server, NULL, &error));
    asking_end (&asking, GODWIT_OK);
    EXPECT_ROW (asking.result, "one", GODWIT_FANOUT_REPLIED);
    EXPECT_ROW (asking.result, "leaves", GODWIT_FANOUT_LEFT);
    cr_assert_eq (godwit_error_outcome (row_of (asking.result, "leaves")->error), GODWIT_OUTCOME_REJECTED);
    service_open_gate (&leaves);
    MUST (godwit_server_wait (leaves.server, GODWIT_STEP_OPTIONS (.timeout_ms = WAIT_LIMIT_MS), &error));
    cr_assert_eq (service_get (&leaves, &leaves.counted), 1u, "only what was accepted before has run");
    const uint64_t epoch = godwit_fanout_result_epoch (asking.result);
    godwit_fanout_result_destroy (&asking.result);
    /* From then on it is none of them. */
    MUST (godwit_client_fanout_call (core.client, NULL, "count", GODWIT_NO_ARGS, &asking.result, &error));
    cr_assert_eq (godwit_fanout_result_count (asking.result), 1u);
    cr_assert_gt (godwit_fanout_result_epoch (asking.result), epoch);
    godwit_fanout_result_destroy (&asking.result);
    service_end (&leaves);
    core_close (&core);
}

void
core_fanout_calls_leave_out_who_joins_later (const core_kind_t *kind)
{
    core_t core;
    service_t two;
    asking_t asking;
    core_open (&core, kind);
    asking_begin (&asking, core.client, "hold");
    service_wait_held (&core.one, 1);
    service_start (&two, core.serving, "two", NULL);
    MUST (godwit_client_wait_servers (core.client, 2, WAIT_LIMIT_MS, &error));
    godwit_request_t *request = service_take (&core.one);
    MUST (godwit_request_reply (request, GODWIT_INT (NULL, 1)));
    godwit_request_destroy (&request);
    asking_end (&asking, GODWIT_OK);
    cr_assert_eq (godwit_fanout_result_count (asking.result), 1u);
    EXPECT_ROW (asking.result, "one", GODWIT_FANOUT_REPLIED);
    const uint64_t epoch = godwit_fanout_result_epoch (asking.result);
    godwit_fanout_result_destroy (&asking.result);
    cr_assert_eq (service_get (&two, &two.runs), 0u);
    MUST (godwit_client_fanout_call (core.client, NULL, "whoami", GODWIT_NO_ARGS, &asking.result, &error));
    cr_assert_eq (godwit_fanout_result_count (asking.result), 2u);
    cr_assert_gt (godwit_fanout_result_epoch (asking.result), epoch);
    godwit_fanout_result_destroy (&asking.result);
    service_end (&two);
    core_close (&core);
}

/* Asks all from a callback, which must not wait. */
typedef struct hasty {
    godwit_client_t *client;
    tally_t refused;
} hasty_t;

static void
on_reply (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    hasty_t *hasty = user;
    godwit_fanout_result_t *rows = NULL;
    (void) status;
    (void) result;
    (void) error;
    if (godwit_client_fanout_call (hasty->client, NULL, "nothing", GODWIT_NO_ARGS, &rows, NULL) ==
            GODWIT_ERR_INVALID_ARGUMENT &&
        !rows)
        tally_add (&hasty->refused);
}

void
core_fanout_calls_to_nobody (const core_kind_t *kind)
{
    core_t core;
    asking_t asking;
    core_open_empty (&core, kind);
    godwit_fanout_result_t *result = NULL;
    MUST (godwit_client_fanout_call (core.client, NULL, "whoami", GODWIT_NO_ARGS, &result, &error));
    cr_assert_eq (godwit_fanout_result_count (result), 0u);
    godwit_fanout_result_destroy (&result);
    godwit_client_t *mandatory = prepared (core.client, GODWIT_OVERRIDES (.mandatory = GODWIT_YES));
    FAILS (GODWIT_ERR_UNDELIVERABLE, GODWIT_OUTCOME_NOT_SENT, "Nobody listens",
           godwit_client_fanout_call (mandatory, NULL, "whoami", GODWIT_NO_ARGS, &result, &error));
    cr_assert_null (result);
    godwit_client_destroy (&mandatory);
    service_start (&core.one, core.serving, "one", NULL);
    MUST (godwit_client_wait_servers (core.client, 1, WAIT_LIMIT_MS, &error));
    hasty_t hasty = {.client = core.client};
    tally_open (&hasty.refused);
    MUST (godwit_client_call_async (core.client, NULL, "nothing", GODWIT_NO_ARGS, on_reply, &hasty, &error));
    tally_wait (&hasty.refused, 1);
    tally_close (&hasty.refused);
    /* A client that is destroyed meanwhile. */
    godwit_client_t *brief = prepared (core.client, NULL);
    asking_begin (&asking, brief, "hold");
    service_wait_held (&core.one, 1);
    godwit_client_destroy (&brief);
    asking_end (&asking, GODWIT_ERR_CLOSED);
    cr_assert_null (asking.result);
    core_close (&core);
}

void
core_fanouts_to_many_servers (const core_kind_t *kind)
{
    enum { TRANSPORTS = 4, EACH = 8, SERVERS = TRANSPORTS * EACH, ROUNDS = 10 };
    static service_t services[SERVERS];
    godwit_transport_t *transports[TRANSPORTS];
    core_t core;
    core_open_empty (&core, kind);
    for (int i = 0; i < SERVERS; i++) {
        char name[16];
        snprintf (name, sizeof name, "%d", i);
        if (i % EACH == 0)
            transports[i / EACH] = core_transport (&core, NULL);
        service_start (&services[i], transports[i / EACH], name, NULL);
    }
    MUST (godwit_client_wait_servers (core.client, SERVERS, WAIT_LIMIT_MS, &error));
    for (int round = 0; round < ROUNDS; round++) {
        godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
        godwit_fanout_result_t *result = NULL;
        MUST (godwit_client_fanout (core.client, NULL, "count", GODWIT_NO_ARGS, &report, &error));
        cr_assert (report.reached == SERVERS && report.missing == 0, "%u, %u", report.reached,
                   report.missing);
        MUST (godwit_client_fanout_call (core.client, NULL, "whoami", GODWIT_NO_ARGS, &result, &error));
        cr_assert_eq (godwit_fanout_result_count (result), (size_t) SERVERS);
        cr_assert_eq (godwit_fanout_result_epoch (result), report.epoch);
        for (int i = 0; i < SERVERS; i++)
            EXPECT_ROW (result, services[i].name, GODWIT_FANOUT_REPLIED);
        godwit_fanout_result_destroy (&result);
    }
    for (int i = 0; i < SERVERS; i++) {
        service_wait (&services[i], &services[i].counted, ROUNDS);
        cr_assert_eq (service_get (&services[i], &services[i].runs), 2u * ROUNDS, "each ran once");
        service_end (&services[i]);
    }
    for (int i = 0; i < TRANSPORTS; i++)
        godwit_transport_destroy (&transports[i]);
    core_close (&core);
}

/* ---- fanouts ---- */

typedef struct crowd {
    godwit_client_t *client;
    pthread_barrier_t start;
    _Atomic int64_t slowest_ms;
} crowd_t;

static void *
fan_out_with_others (void *user)
{
    crowd_t *crowd = user;
    godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
    pthread_barrier_wait (&crowd->start);
    const int64_t start_ms = now_ms ();
    MUST (godwit_client_fanout (crowd->client, NULL, "nothing", GODWIT_NO_ARGS, &report, &error));
    const int64_t took_ms = now_ms () - start_ms;
    int64_t slowest_ms = atomic_load (&crowd->slowest_ms);
    while (took_ms > slowest_ms && !atomic_compare_exchange_weak (&crowd->slowest_ms, &slowest_ms, took_ms))
        ;
    cr_assert (report.reached == 3 && report.missing == 0, "%u, %u", report.reached, report.missing);
    return NULL;
}

/* None of them sleeps on when another one has seen that all are subscribed. */
void
core_first_fanouts_of_many_threads (const core_kind_t *kind)
{
    enum { ROUNDS = 5, THREADS = 32 };
    static const char *const names[] = {"two", "three"};
    godwit_transport_t *transports[2];
    service_t services[2];
    core_t core;
    core_open (&core, kind);
    for (int i = 0; i < 2; i++) {
        transports[i] = core_transport (&core, NULL);
        service_start (&services[i], transports[i], names[i], NULL);
    }
    for (int round = 0; round < ROUNDS; round++) {
        godwit_transport_t *calling = core_transport (&core, NULL);
        crowd_t crowd = {.client = core_client (calling, NULL)};
        pthread_t threads[THREADS];
        pthread_barrier_init (&crowd.start, NULL, THREADS);
        MUST (godwit_client_wait_servers (crowd.client, 3, WAIT_LIMIT_MS, &error));
        for (int i = 0; i < THREADS; i++)
            cr_assert_eq (pthread_create (&threads[i], NULL, fan_out_with_others, &crowd), 0);
        for (int i = 0; i < THREADS; i++)
            pthread_join (threads[i], NULL);
        cr_assert_lt (atomic_load (&crowd.slowest_ms), WAIT_LIMIT_MS / 2, "one waited for nothing");
        pthread_barrier_destroy (&crowd.start);
        godwit_client_destroy (&crowd.client);
        godwit_transport_destroy (&calling);
    }
    for (int i = 0; i < 2; i++) {
        service_end (&services[i]);
        godwit_transport_destroy (&transports[i]);
    }
    core_close (&core);
}

void
core_fanout_epochs_grow_with_each_change (const core_kind_t *kind)
{
    core_t core;
    service_t two;
    godwit_fanout_report_t report = GODWIT_FANOUT_REPORT, next = GODWIT_FANOUT_REPORT;
    core_open (&core, kind);
    MUST (godwit_client_fanout (core.client, NULL, "count", GODWIT_NO_ARGS, &report, &error));
    MUST (godwit_client_fanout (core.client, NULL, "count", GODWIT_NO_ARGS, &next, &error));
    cr_assert_eq (report.epoch, next.epoch, "nothing has changed");
    service_start (&two, core.serving, "two", NULL);
    MUST (godwit_client_wait_servers (core.client, 2, WAIT_LIMIT_MS, &error));
    MUST (godwit_client_fanout (core.client, NULL, "count", GODWIT_NO_ARGS, &next, &error));
    cr_assert_gt (next.epoch, report.epoch);
    cr_assert_eq (next.reached, 2u);
    for (int i = 0; i < 5; i++) {
        report = next;
        MUST (godwit_server_stop (two.server, NULL, &error));
        const int64_t end = now_ms () + WAIT_LIMIT_MS;
        do
            MUST (godwit_client_fanout (core.client, NULL, "nothing", GODWIT_NO_ARGS, &next, &error));
        while (next.reached + next.missing == 2 && now_ms () < end);
        cr_assert (next.epoch > report.epoch && next.reached == 1 && next.missing == 0,
                   "epoch %llu -> %llu, reached %u, missing %u", (unsigned long long) report.epoch,
                   (unsigned long long) next.epoch, next.reached, next.missing);
        report = next;
        MUST (godwit_server_start (two.server, NULL, &error));
        MUST (godwit_client_wait_servers (core.client, 2, WAIT_LIMIT_MS, &error));
        MUST (godwit_client_fanout (core.client, NULL, "nothing", GODWIT_NO_ARGS, &next, &error));
        cr_assert (next.epoch > report.epoch && next.reached == 2 && next.missing == 0);
    }
    service_end (&two);
    core_close (&core);
}

/* Restarted, with the same name and another number, and again: what is said to have reached it did. */
void
core_fanouts_reach_restarted_servers (const core_kind_t *kind)
{
    enum { ROUNDS = 20 };
    core_t core;
    service_t two;
    core_open (&core, kind);
    service_start (&two, core.serving, "two", NULL);
    uint64_t said = 0;
    for (int i = 0; i < ROUNDS; i++) {
        godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
        MUST (godwit_server_stop (two.server, NULL, &error));
        /* Until the client has heard of it: before, it may be said to be reached, and be none any more. */
        const int64_t end = now_ms () + WAIT_LIMIT_MS;
        do
            MUST (godwit_client_fanout (core.client, NULL, "nothing", GODWIT_NO_ARGS, &report, &error));
        while (report.reached + report.missing > 1 && now_ms () < end);
        if (i % 2)
            MUST (godwit_server_wait (two.server, GODWIT_STEP_OPTIONS (.timeout_ms = WAIT_LIMIT_MS), &error));
        MUST (godwit_server_start (two.server, NULL, &error));
        if (i % 3 == 0) /* else it may not know of it yet */
            MUST (godwit_client_wait_servers (core.client, 2, WAIT_LIMIT_MS, &error));
        MUST (godwit_client_fanout (core.client, NULL, "count", GODWIT_NO_ARGS, &report, &error));
        cr_assert_geq (report.reached, 1u);
        said += report.reached;
        /* One is always there. What it was said to have reached beside it must have got it before it stops
         * again. */
        service_wait (&core.one, &core.one.counted, (uint64_t) i + 1);
        service_wait (&two, &two.counted, said - (uint64_t) (i + 1));
    }
    service_end (&two);
    core_close (&core);
}

/* What a server's queue has no room for is counted as missed. */
void
core_fanouts_that_overflow_are_counted (const core_kind_t *kind)
{
    enum { MORE = 50 };
    core_t core;
    godwit_transport_stats_t stats;
    core_open_empty (&core, kind);
    service_start (&core.one, core.serving, "one", TIGHT);
    MUST (godwit_client_wait_servers (core.client, 1, WAIT_LIMIT_MS, &error));
    MUST (godwit_client_fanout (core.client, NULL, "block", GODWIT_NO_ARGS, NULL, &error));
    service_wait (&core.one, &core.one.blocked, 1);
    for (int i = 0; i < 1 + MORE; i++)
        MUST (godwit_client_fanout (core.client, NULL, "count", GODWIT_NO_ARGS, NULL, &error));
    const int64_t end = now_ms () + WAIT_LIMIT_MS;
    do {
        godwit_client_wait_servers (core.client, 9, 1, NULL);
        godwit_transport_stats (core.serving, &stats, sizeof stats);
    } while (stats.fanout_gaps < MORE && now_ms () < end);
    cr_assert_eq (stats.fanout_gaps, (uint64_t) MORE);
    cr_assert_eq (stats.requests_refused, (uint64_t) MORE);
    service_open_gate (&core.one);
    service_wait (&core.one, &core.one.counted, 1);
    core_close (&core);
}

/* A program with a loop of its own, which it does not run while it is stalled. */
typedef struct loop {
    godwit_transport_t *transport;
    pthread_t thread;
    atomic_bool stop;
} loop_t;

static void *
run_loop (void *user)
{
    loop_t *loop = user;
    while (!atomic_load (&loop->stop))
        godwit_transport_process (loop->transport, 10, NULL);
    return NULL;
}

static void
loop_begin (loop_t *loop)
{
    atomic_store (&loop->stop, false);
    cr_assert_eq (pthread_create (&loop->thread, NULL, run_loop, loop), 0);
}

static void
loop_end (loop_t *loop)
{
    atomic_store (&loop->stop, true);
    pthread_join (loop->thread, NULL);
}

/* What there is no room for is not accepted, and nobody gets it; all that was accepted comes. */
void
core_fanouts_wait_for_who_is_full (const core_kind_t *kind)
{
    enum { ROUNDS_MAX = 2000 };
    static char bytes[50000];
    core_t core;
    service_t slow;
    loop_t loop = {.transport = NULL};
    godwit_transport_stats_t stats;
    core_open (&core, kind);
    loop.transport =
        core_transport (&core, GODWIT_TRANSPORT_OPTIONS (.external_loop = true, .queue_limit = 16));
    service_start (&slow, loop.transport, "slow", NULL);
    godwit_transport_t *calling = core_transport (&core, GODWIT_TRANSPORT_OPTIONS (.queue_limit = 16));
    godwit_client_t *client = core_client (calling, NULL);
    loop_begin (&loop);
    MUST (godwit_client_wait_servers (client, 2, WAIT_LIMIT_MS, &error));
    godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
    MUST (godwit_client_fanout (client, NULL, "count", GODWIT_NO_ARGS, &report, &error));
    cr_assert_eq (report.reached, 2u);
    service_wait (&slow, &slow.counted, 1);
    loop_end (&loop);

    godwit_client_t *brief = prepared (client, GODWIT_OVERRIDES (.timeout_ms = 200));
    uint64_t accepted = 1;
    godwit_status_t status = GODWIT_OK;
    for (int i = 0; i < ROUNDS_MAX && !status; i++) {
        godwit_error_t *error = NULL;
        status = godwit_client_fanout (brief, NULL, "count",
                                       GODWIT_ARGS (GODWIT_BIN ("x", bytes, sizeof bytes)), &report, &error);
        cr_assert (!status || (status == GODWIT_ERR_DELIVERY_FAILURE &&
                               godwit_error_outcome (error) == GODWIT_OUTCOME_NOT_SENT),
                   "%s", godwit_error_print (error));
        godwit_error_destroy (&error);
        accepted += !status;
        service_wait (&core.one, &core.one.counted, accepted);
    }
    cr_assert_eq (status, GODWIT_ERR_DELIVERY_FAILURE, "it was never full");
    loop_begin (&loop);
    service_wait (&slow, &slow.counted, accepted);
    MUST (godwit_client_fanout (client, NULL, "count", GODWIT_NO_ARGS, &report, &error));
    cr_assert_eq (report.reached, 2u);
    service_wait (&slow, &slow.counted, accepted + 1);
    service_wait (&core.one, &core.one.counted, accepted + 1);
    cr_assert_eq (service_get (&core.one, &core.one.counted), accepted + 1);
    godwit_transport_stats (loop.transport, &stats, sizeof stats);
    cr_assert (stats.fanout_gaps == 0 && stats.requests_duplicate == 0);
    loop_end (&loop);
    godwit_client_destroy (&brief);
    godwit_client_destroy (&client);
    service_end (&slow);
    godwit_transport_destroy (&loop.transport);
    godwit_transport_destroy (&calling);
    core_close (&core);
}
