/* SPDX-License-Identifier: Apache-2.0 */
/* No call, cast or publication runs twice, whatever becomes of its frames: several clients and servers, with
 * somebody between them who repeats, delays, reorders and replays what the clients send, also over new
 * connections (tests/support/meddler.h). The seed is printed; GODWIT_TEST_SEED repeats its decisions. */
#include "tests/conformance/core_world.h"
#include "tests/faults/check.h"
#include "tests/support/meddler.h"

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
/* It is not about time here: one process does everything. */
#define LATE_MS 100000
#define SERVER_NODE 10u
#define RUNNER_NODE 100u

static char folder[32];

typedef struct logging_server {
    godwit_transport_t *transport;
    godwit_server_t *server;
    history_t *history;
    char name[16];
} logging_server_t;

static history_t *
open_history (uint32_t node, uint64_t seed)
{
    char path[64];
    char name[16];
    snprintf (name, sizeof name, "%u", node);
    snprintf (path, sizeof path, "%s/%s%s", folder, name, HISTORY_SUFFIX);
    history_t *history = history_open (
        path, &(const history_options_t){.node = node, .name = name, .seed = seed, .capacity = 100000});
    cr_assert (history, "%s", path);
    return history;
}

static godwit_status_t
note (godwit_request_t *request, void *self)
{
    const logging_server_t *server = self;
    const godwit_value_t *args = godwit_request_args (request);
    const uint64_t id = (uint64_t) godwit_value_as_int (godwit_value_get (args, "id"), 0);
    history_put (server->history,
                 (history_record_t){.call = id, .event = HISTORY_HANDLER_BEGIN, .of_call = {.life = 1}});
    history_put (server->history,
                 (history_record_t){.call = id, .event = HISTORY_HANDLER_END, .of_call = {.life = 1}});
    return GODWIT_OK;
}

static const godwit_method_t noting[] = {GODWIT_METHOD ("note", note, 0),
                                         GODWIT_METHOD ("note_slowly", note, GODWIT_METHOD_SLOW)};

#define ARGS(id_) GODWIT_ARGS (GODWIT_INT ("id", (int64_t) (id_)))

typedef struct caller {
    godwit_transport_t *transport;
    godwit_client_t *client;
    history_t *history;
    pthread_t thread;
    atomic_uint next;   /* asynchronous call */
    tally_t ended;      /* of them */
    atomic_uint failed; /* calls */
} caller_t;

typedef struct one_call {
    caller_t *caller;
    uint64_t id;
} one_call_t;

static uint64_t
begin (caller_t *caller, history_kind_t kind)
{
    const uint64_t id = history_next_id (caller->history);
    history_call_begin (caller->history, id, kind, TIMEOUT_MS, NULL);
    return id;
}

static void
examine (caller_t *caller, uint64_t id, godwit_status_t status, const godwit_error_t *error)
{
    if (status)
        atomic_fetch_add (&caller->failed, 1);
    history_put (caller->history,
                 (history_record_t){.call = id,
                                    .event = HISTORY_CALL_END,
                                    .of_call = {.status = (uint16_t) status,
                                                .outcome = (uint16_t) godwit_error_outcome (error)}});
}

static void call_next (caller_t *caller);

static void
on_end (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    one_call_t *call = user;
    caller_t *caller = call->caller;
    (void) result;
    examine (caller, call->id, status, error);
    free (call);
    call_next (caller); /* from a callback: these go as BATCH */
    tally_add (&caller->ended);
}

static void
call_next (caller_t *caller)
{
    const unsigned number = atomic_fetch_add (&caller->next, 1);
    if (number >= ASYNC_CALLS)
        return;
    one_call_t *call = malloc (sizeof *call);
    godwit_error_t *error = NULL;
    *call = (one_call_t){caller, begin (caller, HISTORY_CALL)};
    const godwit_status_t status = godwit_client_call_async (
        caller->client, NULL, number % 7 ? "note" : "note_slowly", ARGS (call->id), on_end, call, &error);
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
        uint64_t id = begin (caller, HISTORY_CALL);
        const godwit_status_t status = godwit_client_call (
            caller->client, NULL, i % 5 ? "note" : "note_slowly", ARGS (id), NULL, &error);
        examine (caller, id, status, error);
        godwit_error_destroy (&error);
        if (i < CASTS) {
            error = NULL;
            id = begin (caller, HISTORY_CAST);
            const godwit_status_t sent = godwit_client_cast (caller->client, NULL, "note", ARGS (id), &error);
            examine (caller, id, sent, error);
            godwit_error_destroy (&error);
        }
        if (i % (SYNC_CALLS / FANOUTS) == 0) {
            error = NULL;
            id = begin (caller, HISTORY_FANOUT);
            const godwit_status_t sent =
                godwit_client_fanout (caller->client, NULL, "note", ARGS (id), NULL, &error);
            examine (caller, id, sent, error);
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
note_server (const logging_server_t *server, history_event_t event)
{
    history_record_t record = {.event = (uint16_t) event, .note = {.what = 1}};
    snprintf (record.note.text, sizeof record.note.text, "%s", server->name);
    history_put (server->history, record);
}

static void
start_server (logging_server_t *server, godwit_transport_t *transport, uint32_t number)
{
    snprintf (server->name, sizeof server->name, "server-%u", number);
    server->transport = transport;
    server->history = open_history (SERVER_NODE + number, 0);
    note_server (server, HISTORY_SERVER_UP);
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (noting, .version = "1.0", .self = server);
    MUST (godwit_server_new (&server->server, server->transport,
                             GODWIT_TARGET (.topic = "work", .server = server->name), &endpoint, 1, NULL,
                             &error));
    MUST (godwit_server_start (server->server, NULL, &error));
}

static void
end_server (logging_server_t *server)
{
    godwit_server_destroy (&server->server);
    note_server (server, HISTORY_SERVER_DOWN);
    history_close (server->history);
}

static void
start_caller (caller_t *caller, core_t *core, uint32_t number, uint64_t seed)
{
    *caller = (caller_t){.history = open_history (1 + number, seed)};
    tally_open (&caller->ended);
    caller->transport = core_transport (core, NULL);
    meddler_attach (caller->transport);
    caller->client = core_client (caller->transport, GODWIT_CLIENT_OPTIONS (.timeout_ms = TIMEOUT_MS));
    MUST (godwit_client_wait_servers (caller->client, SERVERS, WAIT_LIMIT_MS, &error));
}

static void
end_caller (caller_t *caller)
{
    godwit_client_destroy (&caller->client);
    godwit_transport_destroy (&caller->transport);
    tally_close (&caller->ended);
    history_close (caller->history);
}

static void
run_callers (caller_t callers[CLIENTS], godwit_transport_t *transport)
{
    for (int i = 0; i < CLIENTS; i++)
        pthread_create (&callers[i].thread, NULL, make_calls, &callers[i]);
    for (uint32_t i = 0; i < PASSING_SERVERS; i++) { /* what is known of publications outlives these */
        logging_server_t passing;
        start_server (&passing, transport, SERVERS + i);
        tally_wait (&callers[0].ended, (i + 1) * ASYNC_CALLS / PASSING_SERVERS / 2);
        end_server (&passing);
    }
    for (int i = 0; i < CLIENTS; i++)
        pthread_join (callers[i].thread, NULL);
    meddler_replay_all ();
}

static check_summary_t
check_and_remove (void)
{
    check_summary_t summary;
    char command[64];
    cr_assert (check_run (folder, &(const check_options_t){.out = stderr, .shown = 5, .late_ms = LATE_MS},
                          &summary));
    snprintf (command, sizeof command, "rm -r %s", folder);
    cr_assert_eq (system (command), 0);
    return summary;
}

static void
prove (const core_kind_t *kind)
{
    core_t core = {.kind = kind};
    logging_server_t servers[SERVERS];
    static caller_t callers[CLIENTS];
    unsigned failed = 0;
    uint64_t refused = 0;
    const uint64_t seed = choose_seed (kind);
    core_url (core.url, sizeof core.url, kind);
    snprintf (folder, sizeof folder, "/tmp/godwit-once-XXXXXX");
    cr_assert (mkdtemp (folder));
    history_t *runner = open_history (RUNNER_NODE, seed);
    history_fault_begin (runner, HISTORY_FAULT_NETWORK, 0, "a meddler between them");
    meddler_open (seed);
    for (uint32_t i = 0; i < SERVERS; i++)
        start_server (&servers[i], core_transport (&core, NULL), i);
    for (uint32_t i = 0; i < CLIENTS; i++)
        start_caller (&callers[i], &core, i, seed);
    run_callers (callers, servers[0].transport);
    for (int i = 0; i < CLIENTS; i++) {
        failed += atomic_load (&callers[i].failed);
        end_caller (&callers[i]);
    }
    for (int i = 0; i < SERVERS; i++) {
        godwit_transport_stats_t stats;
        godwit_transport_stats (servers[i].transport, &stats, sizeof stats);
        refused += stats.requests_duplicate;
        end_server (&servers[i]);
        godwit_transport_destroy (&servers[i].transport);
    }
    history_close (runner);
    const meddler_counts_t done = meddler_close ();
    const check_summary_t summary = check_and_remove ();
    fprintf (
        stderr,
        "%llu runs of %llu; %u failed; repeated %llu, batched %llu, delayed %llu, replayed %llu, of older "
        "connections %llu, publications %llu; %llu refused as seen\n",
        (unsigned long long) summary.runs, (unsigned long long) summary.tried, failed,
        (unsigned long long) done.repeated, (unsigned long long) done.batched,
        (unsigned long long) done.delayed, (unsigned long long) done.replayed,
        (unsigned long long) done.replayed_older, (unsigned long long) done.published,
        (unsigned long long) refused);
    cr_assert_eq (check_broken (&summary), 0u);
    /* It has been tried. */
    cr_assert_eq (summary.tried, (uint64_t) CLIENTS * (SYNC_CALLS + ASYNC_CALLS + CASTS + FANOUTS));
    cr_assert (summary.runs > 0 && refused > 0);
    cr_assert (done.repeated && done.batched && done.delayed && done.replayed && done.replayed_older &&
               done.published);
}

Test (at_most_once, inproc, .timeout = 120)
{
    prove (&(const core_kind_t){"inproc", "", false, NULL});
}

Test (at_most_once, zmq_tcp, .timeout = 120)
{
    prove (&(const core_kind_t){"zmq", "?paths=tcp&insecure=true", false, NULL});
}

Test (at_most_once, libzmq_tcp, .timeout = 120)
{
    prove (&(const core_kind_t){"zmq+libzmq", "?paths=tcp&insecure=true", false, NULL});
}

/* Every second process uses the other driver. */
Test (at_most_once, mixed_tcp, .timeout = 120)
{
    prove (&(const core_kind_t){"zmq", "?paths=tcp&insecure=true", false, "zmq+libzmq"});
}
