/* SPDX-License-Identifier: Apache-2.0 */
/* How a call ends, and what its caller is told of it, for each thing that a server can answer or fail to
 * answer, alone and one after the other; on both drivers, synchronous and not. What needs no hostile server
 * is in contract.section03, contract.section03_errors and the conformance suites. */
#include "tests/support/scripted_server.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const struct {
    const char *name;
    const godwit__driver_ops_t *driver;
} drivers[] = {{"zmq", &godwit__zmtp_driver}, {"inproc", &godwit__inproc_driver}};

enum { DRIVERS = 2, WAIT_LIMIT_S = 60 };

typedef struct row {
    const char *what;
    scripted_answer_t answers[SCRIPTED_ANSWER_MAX];
    size_t answer_count;
    godwit_overrides_t how;
    godwit_status_t status; /* OK: the outcome is NONE */
    godwit_outcome_t outcome;
    const char *says;
    size_t requests; /* attempts */
} row_t;

#define NACK(reason_) (ANSWER_NACK + GODWIT__NACK_##reason_)
#define HOW(...)                                                                                             \
    {                                                                                                        \
        .struct_size = sizeof (godwit_overrides_t), __VA_ARGS__                                              \
    }
#define ONE(answer_) {answer_}, 1
#define TWO(first_, second_) {first_, second_}, 2
#define ONCE HOW (.retry = GODWIT_RETRY_NONE)
#define IDEMPOTENT HOW (.idempotent = GODWIT_YES)
#define TWICE HOW (.idempotent = GODWIT_YES, .retry = 1)

static const row_t rows[] = {
    /* one answer */
    {"REPLY", ONE (ANSWER_REPLY), HOW (), GODWIT_OK, GODWIT_OUTCOME_NONE, "", 1},
    {"FAILURE", ONE (ANSWER_FAILURE), HOW (), GODWIT_ERR_FAILED, GODWIT_OUTCOME_RAN, "it failed", 1},
    {"FAILURE, NOT_RUN", ONE (ANSWER_FAILURE_NOT_RUN), HOW (), GODWIT_ERR_FAILED, GODWIT_OUTCOME_REJECTED,
     "it failed", 1},
    {"FAILURE, malformed", ONE (ANSWER_FAILURE_MALFORMED), HOW (), GODWIT_ERR_MALFORMED, GODWIT_OUTCOME_RAN,
     "", 1},
    {"REPLY, malformed", ONE (ANSWER_REPLY_MALFORMED), HOW (), GODWIT_ERR_MALFORMED, GODWIT_OUTCOME_RAN, "",
     1},
    {"RESOLVED", ONE (ANSWER_RESOLVED), HOW (), GODWIT_ERR_MALFORMED, GODWIT_OUTCOME_MAYBE_RUN,
     "The answer is not a reply, but another kind of frame", 1},
    {"NACK OVERLOADED", ONE (NACK (OVERLOADED)), ONCE, GODWIT_ERR_DELIVERY_FAILURE, GODWIT_OUTCOME_REJECTED,
     "overloaded", 1},
    {"NACK DRAINING", ONE (NACK (DRAINING)), ONCE, GODWIT_ERR_DELIVERY_FAILURE, GODWIT_OUTCOME_REJECTED,
     "draining", 1},
    {"NACK EXPIRED", ONE (NACK (EXPIRED)), HOW (), GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_REJECTED,
     "its time was spent", 1},
    {"NACK NOT_HERE", ONE (NACK (NOT_HERE)), ONCE, GODWIT_ERR_DELIVERY_FAILURE, GODWIT_OUTCOME_REJECTED,
     "not there any more", 1},
    {"NACK HELLO", ONE (NACK (HELLO)), ONCE, GODWIT_ERR_DELIVERY_FAILURE, GODWIT_OUTCOME_REJECTED, "identity",
     1},
    {"NACK DUPLICATE", ONE (NACK (DUPLICATE)), HOW (), GODWIT_ERR_CLIENT_SEND, GODWIT_OUTCOME_MAYBE_RUN,
     "DUPLICATE", 1},
    {"NACK MALFORMED", ONE (NACK (MALFORMED)), HOW (), GODWIT_ERR_CLIENT_SEND, GODWIT_OUTCOME_REJECTED,
     "MALFORMED", 1},
    {"NACK IDENTITY", ONE (NACK (IDENTITY)), ONCE, GODWIT_ERR_DELIVERY_FAILURE, GODWIT_OUTCOME_REJECTED,
     "identity", 1},
    {"NACK FORBIDDEN", ONE (NACK (FORBIDDEN)), HOW (), GODWIT_ERR_PERMISSION_DENIED, GODWIT_OUTCOME_REJECTED,
     "the server does not allow it", 1},
    {"NACK of no reason that is known", ONE (ANSWER_NACK + 77), ONCE, GODWIT_ERR_DELIVERY_FAILURE,
     GODWIT_OUTCOME_REJECTED, "refused", 1},
    {"no answer", ONE (ANSWER_TIME_PASSES), HOW (), GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN,
     "No reply within 100 ms", 1},
    {"no answer, idempotent", ONE (ANSWER_TIME_PASSES), IDEMPOTENT, GODWIT_ERR_TIMEOUT,
     GODWIT_OUTCOME_MAYBE_RUN, "No reply within 100 ms", 1},
    {"no sign of life", ONE (ANSWER_MONITOR_PASSES), HOW (.call_monitor_timeout_ms = 50), GODWIT_ERR_TIMEOUT,
     GODWIT_OUTCOME_MAYBE_RUN, "no sign of life for 50 ms", 1},
    {"it dies", ONE (ANSWER_DIES), HOW (), GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN,
     "the connection was lost after", 1},
    {"it dies, and no retry is left", ONE (ANSWER_DIES),
     HOW (.idempotent = GODWIT_YES, .retry = GODWIT_RETRY_NONE), GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN,
     "the connection was lost after", 1},
    {"GOODBYE, and it goes", ONE (ANSWER_LEAVES), HOW (), GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN,
     "the connection was lost after", 1},
    {"GOODBYE, and then REPLY", ONE (ANSWER_LEAVES_LATER), HOW (), GODWIT_OK, GODWIT_OUTCOME_NONE, "", 1},

    /* what was certainly not run goes to another server ... */
    {"OVERLOADED, REPLY", TWO (NACK (OVERLOADED), ANSWER_REPLY), HOW (), GODWIT_OK, GODWIT_OUTCOME_NONE, "",
     2},
    {"DRAINING, REPLY", TWO (NACK (DRAINING), ANSWER_REPLY), HOW (), GODWIT_OK, GODWIT_OUTCOME_NONE, "", 2},
    {"NOT_HERE, REPLY", TWO (NACK (NOT_HERE), ANSWER_REPLY), HOW (), GODWIT_OK, GODWIT_OUTCOME_NONE, "", 2},
    {"HELLO, REPLY", TWO (NACK (HELLO), ANSWER_REPLY), HOW (), GODWIT_OK, GODWIT_OUTCOME_NONE, "", 2},
    {"IDENTITY, REPLY", TWO (NACK (IDENTITY), ANSWER_REPLY), HOW (), GODWIT_OK, GODWIT_OUTCOME_NONE, "", 2},
    /* ... and the outcome is what the worst of them was */
    {"OVERLOADED, FAILURE", TWO (NACK (OVERLOADED), ANSWER_FAILURE), HOW (), GODWIT_ERR_FAILED,
     GODWIT_OUTCOME_RAN, "it failed", 2},
    {"DRAINING, EXPIRED", TWO (NACK (DRAINING), NACK (EXPIRED)), HOW (), GODWIT_ERR_TIMEOUT,
     GODWIT_OUTCOME_REJECTED, "its time was spent", 2},
    {"OVERLOADED, it dies", TWO (NACK (OVERLOADED), ANSWER_DIES), HOW (), GODWIT_ERR_TIMEOUT,
     GODWIT_OUTCOME_MAYBE_RUN, "the connection was lost after", 2},
    {"OVERLOADED, no answer", TWO (NACK (OVERLOADED), ANSWER_TIME_PASSES), HOW (), GODWIT_ERR_TIMEOUT,
     GODWIT_OUTCOME_MAYBE_RUN, "No reply within", 2},

    /* what may have run, only of an idempotent client */
    {"it dies, REPLY", TWO (ANSWER_DIES, ANSWER_REPLY), IDEMPOTENT, GODWIT_OK, GODWIT_OUTCOME_NONE, "", 2},
    {"GOODBYE and it goes, REPLY", TWO (ANSWER_LEAVES, ANSWER_REPLY), IDEMPOTENT, GODWIT_OK,
     GODWIT_OUTCOME_NONE, "", 2},
    {"DUPLICATE, REPLY", TWO (NACK (DUPLICATE), ANSWER_REPLY), IDEMPOTENT, GODWIT_OK, GODWIT_OUTCOME_NONE, "",
     2},
    {"no sign of life, REPLY", TWO (ANSWER_MONITOR_PASSES, ANSWER_REPLY),
     HOW (.idempotent = GODWIT_YES, .call_monitor_timeout_ms = 50), GODWIT_OK, GODWIT_OUTCOME_NONE, "", 2},
    {"it dies, FAILURE", TWO (ANSWER_DIES, ANSWER_FAILURE), IDEMPOTENT, GODWIT_ERR_FAILED, GODWIT_OUTCOME_RAN,
     "it failed", 2},
    {"FAILURE is never tried again", TWO (ANSWER_FAILURE, ANSWER_REPLY), IDEMPOTENT, GODWIT_ERR_FAILED,
     GODWIT_OUTCOME_RAN, "it failed", 1},
    {"a malformed REPLY is never", TWO (ANSWER_REPLY_MALFORMED, ANSWER_REPLY), IDEMPOTENT,
     GODWIT_ERR_MALFORMED, GODWIT_OUTCOME_RAN, "", 1},
    {"it dies, FAILURE NOT_RUN", TWO (ANSWER_DIES, ANSWER_FAILURE_NOT_RUN), IDEMPOTENT, GODWIT_ERR_FAILED,
     GODWIT_OUTCOME_MAYBE_RUN, "it failed", 2},
    {"it dies, MALFORMED", TWO (ANSWER_DIES, NACK (MALFORMED)), IDEMPOTENT, GODWIT_ERR_CLIENT_SEND,
     GODWIT_OUTCOME_MAYBE_RUN, "MALFORMED", 2},
    {"FORBIDDEN is never tried again", TWO (NACK (FORBIDDEN), ANSWER_REPLY), IDEMPOTENT,
     GODWIT_ERR_PERMISSION_DENIED, GODWIT_OUTCOME_REJECTED, "", 1},
    {"it dies, FORBIDDEN", TWO (ANSWER_DIES, NACK (FORBIDDEN)), IDEMPOTENT, GODWIT_ERR_PERMISSION_DENIED,
     GODWIT_OUTCOME_MAYBE_RUN, "", 2},
    {"it dies, EXPIRED", TWO (ANSWER_DIES, NACK (EXPIRED)), IDEMPOTENT, GODWIT_ERR_TIMEOUT,
     GODWIT_OUTCOME_MAYBE_RUN, "its time was spent", 2},
    {"it dies, OVERLOADED", TWO (ANSWER_DIES, NACK (OVERLOADED)), TWICE, GODWIT_ERR_TIMEOUT,
     GODWIT_OUTCOME_MAYBE_RUN, "no retry is left: the server is overloaded", 2},
    {"it dies, no answer", TWO (ANSWER_DIES, ANSWER_TIME_PASSES), IDEMPOTENT, GODWIT_ERR_TIMEOUT,
     GODWIT_OUTCOME_MAYBE_RUN, "No reply within", 2},
};

typedef struct call_end {
    godwit_status_t status;
    godwit_error_t *error;
} call_end_t;

static call_end_t
call (godwit_client_t *client, bool later)
{
    call_end_t call_end = {GODWIT_OK, NULL};
    godwit_future_t *future = NULL;
    if (!later) {
        call_end.status = godwit_client_call (client, NULL, "any", GODWIT_NO_ARGS, NULL, &call_end.error);
        return call_end;
    }
    call_end.status =
        godwit_client_call_future (client, NULL, "any", GODWIT_NO_ARGS, &future, &call_end.error);
    if (call_end.status == GODWIT_OK)
        call_end.status = godwit_future_wait (future, -1, NULL, NULL, &call_end.error);
    godwit_future_destroy (&future);
    return call_end;
}

/* What the errors of some rows tell besides. */
static const struct {
    const char *what;
    const char *says;
} known[] = {
    {"no answer", "; its connection is up, and the last frame came over it at most 60000 ms ago; without a "
                  "call monitor nobody knows whether the method still runs"},
    {"no sign of life", "; its connection is up, and the last frame came over it at most 50 ms ago; it never "
                        "said that the call waits or runs there"},
    {"it dies", "; the connection ended 0 ms after the call began"},
    {"it dies, and no retry is left", "; the method may have run"},
};

/* Each failure tells which call it ended, and which server that went to. A server's own error keeps its
 * text. */
static void
check_where (const row_t *row, const scripted_t *world, const godwit_error_t *error)
{
    const char *const text = godwit_error_print (error);
    bool has_server = false, has_address = false;
    for (size_t i = 0; i < world->server_count; i++) {
        char server[64];
        snprintf (server, sizeof server, "server \"%s\" at ", world->servers[i].name);
        has_server |= strstr (text, server) != NULL;
        has_address |= strstr (text, world->servers[i].address) != NULL;
    }
    cr_assert (strstr (text, "method \"any\"") && strstr (text, "<Target topic=calc>"), "%s: %s", row->what,
               text);
    cr_assert (has_server && has_address, "%s: no server in: %s", row->what, text);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        cr_assert (strcmp (known[i].what, row->what) != 0 || strstr (text, known[i].says),
                   "%s: expected %s in: %s", row->what, known[i].says, text);
    if (godwit_error_is_remote (error)) {
        cr_assert_str_eq (godwit_error_message (error), "it failed");
        return;
    }
    static const char *const details[] = {"method", "target", "server", "address"};
    for (size_t i = 0; i < sizeof details / sizeof *details; i++) {
        const char *const detail = godwit_error_detail (error, details[i]);
        cr_assert (detail && strstr (godwit_error_message (error), detail), "%s: %s: %s", row->what,
                   details[i], text);
    }
}

static void
check (const row_t *row, size_t driver, bool later)
{
    scripted_t world;
    godwit_client_t *client = NULL;
    godwit_overrides_t how = row->how;
    how.timeout_ms = 100;
    scripted_open (&world, drivers[driver].driver, 2, true, NULL, row->answers, row->answer_count);
    cr_assert_eq (godwit_client_prepare (&client, world.client, &how, NULL), GODWIT_OK);
    call_end_t call_end = call (client, later);
    const char *const text = call_end.error ? godwit_error_print (call_end.error) : "";
    cr_assert (call_end.status == row->status && godwit_error_outcome (call_end.error) == row->outcome &&
                   strstr (text, row->says) && atomic_load (&world.requests) == row->requests,
               "%s, %s%s: expected %s %s \"%s\" after %zu requests, got %s after %zu", row->what,
               drivers[driver].name, later ? ", asynchronous" : "", godwit_status_type (row->status),
               godwit_outcome_name (row->outcome), row->says, row->requests,
               call_end.status ? text : "a result", atomic_load (&world.requests));
    if (call_end.status)
        check_where (row, &world, call_end.error);
    godwit_error_destroy (&call_end.error);
    godwit_client_destroy (&client);
    scripted_close (&world);
}

static void
check_all (size_t driver, bool later)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check (&rows[i], driver, later);
}

Test (outcomes, over_zmq, .timeout = WAIT_LIMIT_S)
{
    check_all (0, false);
}

Test (outcomes, over_zmq_asynchronous, .timeout = WAIT_LIMIT_S)
{
    check_all (0, true);
}

Test (outcomes, over_inproc, .timeout = WAIT_LIMIT_S)
{
    check_all (1, false);
}

Test (outcomes, over_inproc_asynchronous, .timeout = WAIT_LIMIT_S)
{
    check_all (1, true);
}

/* ---- what ends before its answer ---- */

static void
await (const scripted_t *world, size_t requests, uint64_t retried)
{
    godwit_transport_stats_t stats = {0};
    const struct timespec pause = {0, 1000000};
    for (int ms = 0; ms < WAIT_LIMIT_S * 1000; ms++) {
        godwit_transport_stats (world->transport, &stats, sizeof stats);
        if (atomic_load (&world->requests) >= requests && stats.calls_retried >= retried)
            return;
        nanosleep (&pause, NULL);
    }
    cr_assert_fail ("%zu requests, %llu retries", atomic_load (&world->requests),
                    (unsigned long long) stats.calls_retried);
}

/* Its client is destroyed, or its transport, at any stage. */
static void
check_destroyed (size_t driver, bool transport_too)
{
    static const struct {
        const char *what;
        const char *topic;
        scripted_answer_t answer;
        size_t requests;
        uint64_t retried;
        godwit_outcome_t outcome;
    } stages[] = {{"nobody is there", "nobody", ANSWER_NOTHING, 0, 0, GODWIT_OUTCOME_NOT_SENT},
                  {"it was refused", "calc", NACK (OVERLOADED), 1, 1, GODWIT_OUTCOME_REJECTED},
                  {"it was handed over", "calc", ANSWER_NOTHING, 1, 0, GODWIT_OUTCOME_MAYBE_RUN},
                  {"its server died", "calc", ANSWER_DIES, 1, 1, GODWIT_OUTCOME_MAYBE_RUN}};
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
        scripted_t world;
        godwit_client_t *client = NULL;
        godwit_future_t *future = NULL;
        godwit_error_t *error = NULL;
        /* By the clock that is moved by hand no back-off ever ends. */
        scripted_open (&world, drivers[driver].driver, 1, true, NULL, &stages[i].answer, 1);
        cr_assert_eq (
            godwit_client_new (&client, world.transport, GODWIT_TARGET (.topic = stages[i].topic),
                               GODWIT_CLIENT_OPTIONS (.timeout_ms = 20000, .idempotent = GODWIT_YES), NULL),
            GODWIT_OK);
        cr_assert_eq (godwit_client_call_future (client, NULL, "any", GODWIT_NO_ARGS, &future, NULL),
                      GODWIT_OK);
        await (&world, stages[i].requests, stages[i].retried);
        if (transport_too)
            godwit_transport_destroy (&world.transport);
        godwit_client_destroy (&client);
        cr_assert_eq (godwit_future_wait (future, -1, NULL, NULL, &error), GODWIT_ERR_CLOSED);
        cr_assert_eq (godwit_error_outcome (error), stages[i].outcome, "%s, %s: %s", stages[i].what,
                      drivers[driver].name, godwit_error_print (error));
        godwit_error_destroy (&error);
        godwit_future_destroy (&future);
        scripted_close (&world);
    }
}

Test (outcomes, its_client_is_destroyed, .timeout = WAIT_LIMIT_S)
{
    for (size_t driver = 0; driver < DRIVERS; driver++)
        check_destroyed (driver, false);
}

Test (outcomes, its_transport_is_destroyed, .timeout = WAIT_LIMIT_S)
{
    for (size_t driver = 0; driver < DRIVERS; driver++)
        check_destroyed (driver, true);
}

/* ---- overload ---- */

static int64_t
real_ms (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* As unit.retry_cluster has it in virtual time, by a real clock: however long it takes, no more requests
 * reach the servers than the budget allows for that time. */
static void
check_overload (size_t driver)
{
    enum { CALLS = 2000 };
    static const scripted_answer_t refusal = NACK (OVERLOADED);
    static godwit_future_t *futures[CALLS];
    scripted_t world;
    godwit_client_t *client = NULL;
    const int64_t began_ms = real_ms ();
    scripted_open (&world, drivers[driver].driver, SCRIPTED_MAX, false, NULL, &refusal, 1);
    cr_assert_eq (godwit_client_prepare (&client, world.client, GODWIT_OVERRIDES (.timeout_ms = 2000), NULL),
                  GODWIT_OK);
    for (size_t i = 0; i < CALLS; i++)
        cr_assert_eq (godwit_client_call_future (client, NULL, "any", GODWIT_NO_ARGS, &futures[i], NULL),
                      GODWIT_OK);
    for (size_t i = 0; i < CALLS; i++) {
        cr_assert_eq (godwit_future_wait (futures[i], -1, NULL, NULL, NULL), GODWIT_ERR_TIMEOUT);
        godwit_future_destroy (&futures[i]);
    }
    godwit_transport_stats_t stats;
    godwit_transport_stats (world.transport, &stats, sizeof stats);
    godwit_client_destroy (&client);
    scripted_close (&world);
    const size_t requests = atomic_load (&world.requests);
    const size_t most = CALLS + CALLS / 5 + 100 + (size_t) (real_ms () - began_ms + 100) / 100;
    fprintf (stderr, "%s: %zu requests of %d calls; at most %zu\n", drivers[driver].name, requests, CALLS,
             most);
    cr_assert_leq (requests, most);
    cr_assert_gt (stats.retries_withheld, 0u);
}

Test (outcomes, overloaded_servers_over_zmq, .timeout = WAIT_LIMIT_S)
{
    check_overload (0);
}

Test (outcomes, overloaded_servers_over_inproc, .timeout = WAIT_LIMIT_S)
{
    check_overload (1);
}
