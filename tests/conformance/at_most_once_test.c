/* No call, cast or publication runs twice, whatever becomes of its frames: several clients and servers, with
 * somebody between them who repeats, delays, reorders and replays what the clients send, also over new
 * connections (tests/support/meddler.h). The seed is printed; GODWIT_TEST_SEED repeats its decisions. */
#include "tests/conformance/core_world.h"
#include "tests/support/meddler.h"
#include "tests/support/run_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SERVERS 2
#define PASSING_SERVERS 5
#define CLIENTS 3
#define SYNC_CALLS 300
#define ASYNC_CALLS 2000 /* more than a window */
#define IN_FLIGHT 64
#define CASTS 200
#define FANOUTS 30
/* Calls whose requests are held back time out. */
#define TIMEOUT_MS 200

static run_log_t run_log;

typedef struct logging_server {
    godwit_transport_t *transport;
    godwit_server_t *server;
    uint32_t number;
} logging_server_t;

static godwit_status_t
note (godwit_request_t *request, void *self)
{
    const logging_server_t *server = self;
    const godwit_value_t *args = godwit_request_args (request);
    run_log_run (&run_log, (run_t){(run_kind_t) godwit_value_as_int (godwit_value_get (args, "kind"), 0),
                                   (uint32_t) godwit_value_as_int (godwit_value_get (args, "client"), 0),
                                   (uint32_t) godwit_value_as_int (godwit_value_get (args, "number"), 0),
                                   server->number});
    return GODWIT_OK;
}

static const godwit_method_t noting[] = {GODWIT_METHOD ("note", note, 0),
                                         GODWIT_METHOD ("note_slowly", note, GODWIT_METHOD_SLOW)};

#define ARGS(kind_, caller_, number_)                                                                        \
    GODWIT_ARGS (GODWIT_INT ("kind", (kind_)), GODWIT_INT ("client", (caller_)->number),                     \
                 GODWIT_INT ("number", (number_)))

typedef struct caller {
    godwit_transport_t *transport;
    godwit_client_t *client;
    uint32_t number;
    pthread_t thread;
    atomic_uint next;   /* asynchronous call; they come after the synchronous ones */
    tally_t ended;      /* of them */
    atomic_uint failed; /* calls */
} caller_t;

typedef struct one_call {
    caller_t *caller;
    uint32_t number;
} one_call_t;

static void
judge (run_kind_t kind, caller_t *caller, uint32_t number, godwit_status_t status,
       const godwit_error_t *error)
{
    if (status)
        atomic_fetch_add (&caller->failed, 1);
    run_log_verdict (&run_log, (verdict_t){kind, caller->number, number, status,
                                           status ? godwit_error_outcome (error) : GODWIT_OUTCOME_NOT_SENT});
}

static void call_next (caller_t *caller);

static void
on_end (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    one_call_t *call = user;
    caller_t *caller = call->caller;
    (void) result;
    judge (RUN_CALL, caller, call->number, status, error);
    free (call);
    call_next (caller); /* from a callback: these go as BATCH */
    tally_add (&caller->ended);
}

static void
call_next (caller_t *caller)
{
    const unsigned number = atomic_fetch_add (&caller->next, 1);
    if (number >= SYNC_CALLS + ASYNC_CALLS)
        return;
    one_call_t *call = malloc (sizeof *call);
    godwit_error_t *error = NULL;
    *call = (one_call_t){caller, number};
    const godwit_status_t status =
        godwit_client_call_async (caller->client, NULL, number % 7 ? "note" : "note_slowly",
                                  ARGS (RUN_CALL, caller, number), on_end, call, &error);
    if (status == GODWIT_OK)
        return;
    on_end (call, status, NULL, error);
    godwit_error_destroy (&error);
}

static void *
make_calls (void *user)
{
    caller_t *caller = user;
    for (uint32_t i = 0; i < IN_FLIGHT; i++)
        call_next (caller);
    for (uint32_t i = 0; i < SYNC_CALLS; i++) {
        godwit_error_t *error = NULL;
        const godwit_status_t status = godwit_client_call (
            caller->client, NULL, i % 5 ? "note" : "note_slowly", ARGS (RUN_CALL, caller, i), NULL, &error);
        judge (RUN_CALL, caller, i, status, error);
        godwit_error_destroy (&error);
        if (i < CASTS) {
            error = NULL;
            const godwit_status_t sent =
                godwit_client_cast (caller->client, NULL, "note", ARGS (RUN_CAST, caller, i), &error);
            judge (RUN_CAST, caller, i, sent, error);
            godwit_error_destroy (&error);
        }
        if (i % (SYNC_CALLS / FANOUTS) == 0) {
            error = NULL;
            const godwit_status_t sent = godwit_client_fanout (caller->client, NULL, "note",
                                                               ARGS (RUN_FANOUT, caller, i), NULL, &error);
            judge (RUN_FANOUT, caller, i, sent, error);
            godwit_error_destroy (&error);
        }
        if (i % 60 == 59)
            meddler_cut (caller->transport);
    }
    tally_wait (&caller->ended, ASYNC_CALLS);
    return NULL;
}

static uint64_t
choose_seed (const core_kind_t *kind)
{
    const char *text = getenv ("GODWIT_TEST_SEED");
    struct timespec now;
    clock_gettime (CLOCK_REALTIME, &now);
    const uint64_t seed =
        text ? strtoull (text, NULL, 0) : (uint64_t) (now.tv_sec * 1000000000 + now.tv_nsec);
    fprintf (stderr, "%s%s: GODWIT_TEST_SEED=%llu repeats this\n", kind->driver, kind->query,
             (unsigned long long) seed);
    return seed;
}

static void
start_server (logging_server_t *server, godwit_transport_t *transport, uint32_t number)
{
    char name[16];
    snprintf (name, sizeof name, "server-%u", number);
    server->number = number;
    server->transport = transport;
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (noting, .version = "1.0", .self = server);
    MUST (godwit_server_new (&server->server, server->transport,
                             GODWIT_TARGET (.topic = "work", .server = name), &endpoint, 1, NULL, &error));
    MUST (godwit_server_start (server->server, NULL, &error));
}

static void
prove (const core_kind_t *kind)
{
    core_t core = {.kind = kind};
    logging_server_t servers[SERVERS];
    static caller_t callers[CLIENTS];
    unsigned failed = 0;
    uint64_t refused = 0;
    core_url (core.url, sizeof core.url, kind);
    run_log_open (&run_log);
    meddler_open (choose_seed (kind));
    for (uint32_t i = 0; i < SERVERS; i++)
        start_server (&servers[i], core_transport (&core, NULL), i);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        callers[i] = (caller_t){.number = i, .next = SYNC_CALLS};
        tally_open (&callers[i].ended);
        callers[i].transport = core_transport (&core, NULL);
        meddler_attach (callers[i].transport);
        callers[i].client =
            core_client (callers[i].transport, GODWIT_CLIENT_OPTIONS (.timeout_ms = TIMEOUT_MS));
        MUST (godwit_client_wait_servers (callers[i].client, SERVERS, PATIENCE_MS, &error));
    }
    for (int i = 0; i < CLIENTS; i++)
        pthread_create (&callers[i].thread, NULL, make_calls, &callers[i]);
    for (uint32_t i = 0; i < PASSING_SERVERS; i++) { /* what is known of publications outlives these */
        logging_server_t passing;
        start_server (&passing, servers[0].transport, SERVERS + i);
        tally_wait (&callers[0].ended, (i + 1) * ASYNC_CALLS / PASSING_SERVERS / 2);
        godwit_server_destroy (&passing.server);
    }
    for (int i = 0; i < CLIENTS; i++)
        pthread_join (callers[i].thread, NULL);
    meddler_replay_all ();
    for (int i = 0; i < CLIENTS; i++) {
        failed += atomic_load (&callers[i].failed);
        godwit_client_destroy (&callers[i].client);
        godwit_transport_destroy (&callers[i].transport);
        tally_close (&callers[i].ended);
    }
    for (int i = 0; i < SERVERS; i++) {
        godwit_transport_stats_t stats;
        godwit_transport_stats (servers[i].transport, &stats, sizeof stats);
        refused += stats.requests_duplicate;
        godwit_server_destroy (&servers[i].server);
        godwit_transport_destroy (&servers[i].transport);
    }
    const meddler_counts_t done = meddler_close ();
    const run_faults_t faults = run_log_check (&run_log);
    fprintf (stderr,
             "%zu runs of %zu; %u failed; repeated %llu, batched %llu, delayed %llu, replayed %llu, of older "
             "connections %llu, publications %llu; %llu refused as seen\n",
             run_log.run_count, run_log.verdict_count, failed, (unsigned long long) done.repeated,
             (unsigned long long) done.batched, (unsigned long long) done.delayed,
             (unsigned long long) done.replayed, (unsigned long long) done.replayed_older,
             (unsigned long long) done.published, (unsigned long long) refused);
    cr_assert_eq (faults.twice, 0u);
    cr_assert_eq (faults.missing, 0u);
    cr_assert_eq (faults.denied, 0u);
    cr_assert_eq (faults.unknown, 0u);
    /* It has been tried. */
    cr_assert_eq (run_log.verdict_count, (size_t) CLIENTS * (SYNC_CALLS + ASYNC_CALLS + CASTS + FANOUTS));
    cr_assert (run_log.run_count > 0 && refused > 0);
    cr_assert (done.repeated && done.batched && done.delayed && done.replayed && done.replayed_older &&
               done.published);
    run_log_close (&run_log);
}

Test (at_most_once, inproc, .timeout = 120)
{
    prove (&(const core_kind_t){"inproc", "", false});
}

Test (at_most_once, zmq_tcp, .timeout = 120)
{
    prove (&(const core_kind_t){"zmq", "?paths=tcp", false});
}

/* ---- the checker is checked ---- */

static run_faults_t
check_of (const run_t *runs, size_t run_count, const verdict_t *verdicts, size_t verdict_count)
{
    run_log_t log;
    run_log_open (&log);
    for (size_t i = 0; i < run_count; i++)
        run_log_run (&log, runs[i]);
    for (size_t i = 0; i < verdict_count; i++)
        run_log_verdict (&log, verdicts[i]);
    const run_faults_t faults = run_log_check (&log);
    run_log_close (&log);
    return faults;
}

Test (at_most_once, the_checker_finds_what_is_wrong)
{
    const verdict_t verdicts[] = {
        {RUN_CALL, 0, 1, GODWIT_OK, GODWIT_OUTCOME_NOT_SENT},
        {RUN_CALL, 0, 2, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN},
        {RUN_CALL, 1, 1, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_REJECTED},
        {RUN_CAST, 0, 1, GODWIT_OK, GODWIT_OUTCOME_NOT_SENT},
        {RUN_FANOUT, 0, 1, GODWIT_OK, GODWIT_OUTCOME_NOT_SENT},
    };
    const run_t runs[] = {
        {RUN_CALL, 0, 1, 0}, {RUN_CAST, 0, 1, 1},   {RUN_FANOUT, 0, 1, 0}, {RUN_FANOUT, 0, 1, 1},
        {RUN_CALL, 0, 2, 1}, /* from here on, one more */
        {RUN_CALL, 0, 1, 1}, {RUN_FANOUT, 0, 1, 0}, {RUN_CALL, 1, 1, 0},   {RUN_CALL, 7, 1, 0},
    };
    run_faults_t faults = check_of (runs, 4, verdicts, 5);
    cr_assert (!faults.twice && !faults.missing && !faults.denied && !faults.unknown);
    faults = check_of (runs, 5, verdicts, 5);
    cr_assert (!faults.twice && !faults.missing && !faults.denied && !faults.unknown);
    faults = check_of (runs, 6, verdicts, 5);
    cr_assert (faults.twice == 1 && !faults.missing && !faults.denied && !faults.unknown);
    faults = check_of (runs, 7, verdicts, 5);
    cr_assert_eq (faults.twice, 2u);
    faults = check_of (runs, 8, verdicts, 5);
    cr_assert_eq (faults.denied, 1u);
    faults = check_of (runs, 9, verdicts, 5);
    cr_assert_eq (faults.unknown, 1u);
    faults = check_of (runs + 1, 3, verdicts, 5);
    cr_assert_eq (faults.missing, 1u);
}
