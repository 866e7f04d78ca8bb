/* SPDX-License-Identifier: Apache-2.0 */
/* Contract 4: the call monitor. The server's side is looked at frame by frame, over a link of the same
 * driver. */
#include "tests/contract/contract.h"

#include "src/client/call.h"
#include "tests/support/raw_server.h"

#include <stdio.h>
#include <time.h>

/* ---- the server's list ---- */

static size_t
monitored_by (godwit_transport_t *transport, int64_t *first_ns)
{
    godwit__call_monitor_t *monitor = &transport->pool->call_monitor;
    pthread_mutex_lock (&monitor->lock);
    const size_t count = monitor->count;
    const godwit_request_t *const first = GODWIT__FIRST (&monitor->requests, godwit_request_t, in_monitor);
    if (first_ns && first)
        *first_ns = first->monitor_ns;
    pthread_mutex_unlock (&monitor->lock);
    return count;
}

/* Nothing tells of the list: it is looked at until it has that length. */
static void
await_monitored (godwit_transport_t *transport, size_t count)
{
    const int64_t end = now_ms () + WAIT_LIMIT_MS;
    while (monitored_by (transport, NULL) != count) {
        cr_assert_lt (now_ms (), end, "%zu calls are monitored, not %zu", monitored_by (transport, NULL),
                      count);
        nanosleep (&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

/* The server falls silent, as one does whose process was stopped. */
static void
silence (core_t *core)
{
    godwit__call_monitor_t *monitor = &core->serving->pool->call_monitor;
    pthread_mutex_lock (&monitor->lock);
    monitor->stopped = true;
    pthread_mutex_unlock (&monitor->lock);
}

static godwit_client_t *
monitoring (godwit_client_t *parent, int64_t timeout_ms, int64_t monitor_ms)
{
    godwit_client_t *client = NULL;
    MUST (godwit_client_prepare (
        &client, parent, GODWIT_OVERRIDES (.timeout_ms = timeout_ms, .call_monitor_timeout_ms = monitor_ms),
        &error));
    return client;
}

/* ---- calls of every kind at once: asynchronous, futures, and threads that lead and follow ---- */

enum { THREADS = 3, CALLS = THREADS + 2 };

typedef struct bundle {
    godwit_client_t *client;
    godwit_client_t *sync_client; /* of another transport: no asynchronous call takes the lead there */
    const char *method;
    tally_t ended;
    pthread_mutex_t lock;
    size_t count;
    godwit_status_t statuses[CALLS];
    godwit_outcome_t outcomes[CALLS];
    char texts[CALLS][200];
    pthread_t threads[THREADS];
    godwit_future_t *future;
} bundle_t;

static void
note (bundle_t *bundle, godwit_status_t status, const godwit_error_t *error)
{
    pthread_mutex_lock (&bundle->lock);
    const size_t at = bundle->count++;
    bundle->statuses[at] = status;
    bundle->outcomes[at] = godwit_error_outcome (error);
    snprintf (bundle->texts[at], sizeof bundle->texts[at], "%s", godwit_error_message (error));
    pthread_mutex_unlock (&bundle->lock);
    tally_add (&bundle->ended);
}

static void *
call_it (void *user)
{
    bundle_t *bundle = user;
    godwit_error_t *error = NULL;
    const godwit_status_t status =
        godwit_client_call (bundle->sync_client, NULL, bundle->method, GODWIT_NO_ARGS, NULL, &error);
    note (bundle, status, error);
    godwit_error_destroy (&error);
    return NULL;
}

static void
on_end (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    (void) result;
    note (user, status, error);
}

static void
bundle_start (bundle_t *bundle, godwit_client_t *client, godwit_client_t *sync_client, const char *method)
{
    memset (bundle, 0, sizeof *bundle);
    bundle->client = client;
    bundle->sync_client = sync_client;
    bundle->method = method;
    tally_open (&bundle->ended);
    pthread_mutex_init (&bundle->lock, NULL);
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq (pthread_create (&bundle->threads[i], NULL, call_it, bundle), 0);
    MUST (godwit_client_call_async (client, NULL, method, GODWIT_NO_ARGS, on_end, bundle, &error));
    MUST (godwit_client_call_future (client, NULL, method, GODWIT_NO_ARGS, &bundle->future, &error));
}

static void
bundle_end (bundle_t *bundle)
{
    godwit_error_t *error = NULL;
    const godwit_status_t status = godwit_future_wait (bundle->future, -1, NULL, NULL, &error);
    note (bundle, status, error);
    godwit_error_destroy (&error);
    godwit_future_destroy (&bundle->future);
    for (int i = 0; i < THREADS; i++)
        pthread_join (bundle->threads[i], NULL);
    tally_wait (&bundle->ended, CALLS);
    tally_close (&bundle->ended);
    pthread_mutex_destroy (&bundle->lock);
}

static void
expect_all (const bundle_t *bundle, godwit_status_t status, godwit_outcome_t outcome, const char *says)
{
    for (size_t i = 0; i < CALLS; i++)
        cr_assert (bundle->statuses[i] == status && bundle->outcomes[i] == outcome &&
                       strstr (bundle->texts[i], says),
                   "call %zu: expected %s %s \"%s\", got %s %s \"%s\"", i, godwit_status_type (status),
                   godwit_outcome_name (outcome), says, godwit_status_type (bundle->statuses[i]),
                   godwit_outcome_name (bundle->outcomes[i]), bundle->texts[i]);
}

/* ---- the client ---- */

static void
sends_the_timeout (core_t *core)
{
    godwit_client_t *one = monitoring (core->client, WAIT_LIMIT_MS, 12345);
    godwit_client_t *none = monitoring (one, 0, GODWIT_CLEAR_INT);
    godwit_client_t *inherits = monitoring (one, 19999, 0);
    godwit_client_t *first = core_client (
        core->calling, GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_LIMIT_MS, .call_monitor_timeout_ms = 14321));
    static const struct {
        int at;
        int64_t ms; /* 0: not monitored */
    } rows[] = {{0, 12345}, {1, 0}, {2, 12345}, {3, 14321}};
    godwit_client_t *clients[] = {one, none, inherits, first};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        godwit_future_t *future = NULL;
        int64_t first_ns = 0;
        MUST (godwit_client_call_future (clients[rows[i].at], NULL, "hold", GODWIT_NO_ARGS, &future, &error));
        service_wait_held (&core->one, 1);
        cr_assert_eq (monitored_by (core->serving, &first_ns), rows[i].ms ? 1u : 0u, "row %zu", i);
        cr_assert_eq (first_ns, rows[i].ms * GODWIT__NS_PER_MS, "row %zu: %lld", i, (long long) first_ns);
        godwit_request_t *request = service_take (&core->one);
        godwit_request_reply (request, GODWIT_NIL (NULL));
        godwit_request_destroy (&request);
        MUST (godwit_future_wait (future, -1, NULL, NULL, &error));
        godwit_future_destroy (&future);
        cr_assert_eq (monitored_by (core->serving, NULL), 0u, "row %zu", i);
    }
    /* A cast has no reply to wait for. */
    MUST (godwit_client_cast (one, NULL, "hold", GODWIT_NO_ARGS, &error));
    service_wait_held (&core->one, 1);
    cr_assert_eq (monitored_by (core->serving, NULL), 0u);
    for (size_t i = 0; i < 4; i++)
        godwit_client_destroy (&clients[i]);
}

static void
waits_for_the_shorter (core_t *core)
{
    bundle_t bundle;
    godwit_transport_t *transport = core_transport (core, NULL);
    godwit_client_t *other = core_client (transport, NULL);
    MUST (godwit_client_wait_servers (other, 1, WAIT_LIMIT_MS, &error));
    silence (core);
    godwit_client_t *monitor = monitoring (core->client, WAIT_LIMIT_MS, 150);
    godwit_client_t *sync_monitor = monitoring (other, WAIT_LIMIT_MS, 150);
    int64_t began = now_ms ();
    bundle_start (&bundle, monitor, sync_monitor, "hold");
    bundle_end (&bundle);
    cr_assert (now_ms () - began >= 150 && now_ms () - began < WAIT_LIMIT_MS - 1000);
    expect_all (&bundle, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN,
                "The call monitor ended the call: the server gave no sign of life for 150 ms");

    godwit_client_t *total = monitoring (core->client, 150, WAIT_LIMIT_MS);
    godwit_client_t *sync_total = monitoring (other, 150, WAIT_LIMIT_MS);
    began = now_ms ();
    bundle_start (&bundle, total, sync_total, "hold");
    bundle_end (&bundle);
    cr_assert_geq (now_ms () - began, 150);
    expect_all (&bundle, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN, "No reply within 150 ms");

    /* Without a monitor there is no such end: silence is not what it waits for. */
    MUST (godwit_client_call (core->client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    godwit_client_destroy (&monitor);
    godwit_client_destroy (&sync_monitor);
    godwit_client_destroy (&total);
    godwit_client_destroy (&sync_total);
    godwit_client_destroy (&other);
    godwit_transport_destroy (&transport);
}

/* With heartbeats, a call outlives its monitor timeout, but not its own time. The very same with a clock that
 * is moved by hand is in unit/monitor_client_test.c. */
static void
heartbeats_restart_the_monitor_only (core_t *core)
{
    enum { MONITOR_MS = 2000, LONGER_MS = 2600, TOTAL_MS = 4500 };
    bundle_t answered, late;
    godwit_transport_t *transport = core_transport (core, NULL);
    godwit_client_t *other = core_client (transport, NULL);
    MUST (godwit_client_wait_servers (other, 1, WAIT_LIMIT_MS, &error));
    godwit_client_t *one = monitoring (core->client, WAIT_LIMIT_MS, MONITOR_MS);
    godwit_client_t *sync_one = monitoring (other, WAIT_LIMIT_MS, MONITOR_MS);
    godwit_client_t *two = monitoring (core->client, TOTAL_MS, MONITOR_MS);
    godwit_client_t *sync_two = monitoring (other, TOTAL_MS, MONITOR_MS);
    const int64_t began = now_ms ();
    bundle_start (&answered, one, sync_one, "block");
    bundle_start (&late, two, sync_two, "hold");
    /* One that has its own time runs as long as the monitor allows, and more. */
    FAILS (GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_NONE, "",
           godwit_future_wait (answered.future, LONGER_MS, NULL, NULL, &error));
    cr_assert_eq (tally_get (&answered.ended), 0u, "%s", answered.texts[0]);
    service_open_gate (&core->one);
    bundle_end (&answered);
    expect_all (&answered, GODWIT_OK, GODWIT_OUTCOME_NONE, "");
    bundle_end (&late);
    cr_assert_geq (now_ms () - began, TOTAL_MS);
    expect_all (&late, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN, "No reply within 4500 ms");
    godwit_client_destroy (&one);
    godwit_client_destroy (&sync_one);
    godwit_client_destroy (&two);
    godwit_client_destroy (&sync_two);
    godwit_client_destroy (&other);
    godwit_transport_destroy (&transport);
}

/* ---- the server, frame by frame ---- */

static const godwit__driver_ops_t *
driver_of (const core_t *core)
{
    return strcmp (core->kind->driver, "inproc") ? &godwit__zmtp_driver : &godwit__inproc_driver;
}

static void
request (raw_server_t *server, raw_peer_t *peer, uint64_t id, const char *method, uint32_t monitor_ms,
         uint32_t budget_ms)
{
    godwit__header_t header = raw_header_of (server, id);
    header.aux = monitor_ms;
    header.budget_ms = budget_ms;
    raw_request (peer, &header, method, 1);
}

/* Answers PING after all that was sent before. */
static void
expect_silence (raw_peer_t *peer)
{
    raw_header (peer, &(godwit__header_t){.type = GODWIT__PING, .id = 99});
    cr_assert (raw_expect (peer, GODWIT__PONG, 99));
}

/* The same, whatever else comes meanwhile. */
static void
await_passed (raw_peer_t *peer)
{
    raw_answer_t answer;
    raw_header (peer, &(godwit__header_t){.type = GODWIT__PING, .id = 99});
    do {
        answer = raw_receive (peer, RAW_WAIT_LIMIT_NS);
        cr_assert (answer.came);
        raw_answer_release (&answer);
    } while (answer.header.type != GODWIT__PONG);
}

static void
every_half_of_it (core_t *core)
{
    enum { MONITOR_MS = 400, BEATS = 4 };
    raw_server_t self;
    raw_server_start (&self, driver_of (core), NULL, NULL);
    int64_t before = now_ms ();
    request (&self, &self.peer, 1, "block", MONITOR_MS, 0);
    for (int i = 0; i < BEATS; i++) {
        cr_assert (raw_expect (&self.peer, i ? GODWIT__HEARTBEAT : GODWIT__ACCEPTED, 1));
        /* At most a quarter of the half too early: the last one may have come late, this one not early. */
        if (i == 0)
            cr_assert_geq (now_ms () - before, MONITOR_MS / 2 * 3 / 4 - 1);
    }
    /* The first by then; the fourth no sooner than three intervals later, shortened by what one may be late.
     */
    cr_assert_geq (now_ms () - before, BEATS * (MONITOR_MS / 2 * 3 / 4) - 1);
    cr_assert_lt (now_ms () - before, WAIT_LIMIT_MS / 2);
    raw_server_let_go (&self);
    raw_server_end (&self);
}

static void
in_milliseconds (core_t *core)
{
    raw_server_t self;
    raw_server_start (&self, driver_of (core), NULL, NULL);
    const int64_t began = now_ms ();
    request (&self, &self.peer, 1, "block", 10, 0);
    for (int i = 0; i < 20; i++)
        cr_assert (raw_expect (&self.peer, i ? GODWIT__HEARTBEAT : GODWIT__ACCEPTED, 1));
    cr_assert_lt (now_ms () - began, WAIT_LIMIT_MS / 2);
    raw_server_end (&self);
}

/* A busy machine may take so long that it is told of before. */
static void
expect_refusal (raw_peer_t *peer, uint64_t id, const char *type)
{
    for (;;) {
        raw_answer_t answer = raw_receive (peer, RAW_WAIT_LIMIT_NS);
        cr_assert (answer.came && answer.header.id == id);
        const bool ended = answer.header.type == GODWIT__FAILURE;
        if (ended)
            cr_assert_str_eq (godwit_value_as_str (godwit_value_at (answer.body, 0), ""), type);
        else
            cr_assert (answer.header.type == GODWIT__ACCEPTED || answer.header.type == GODWIT__HEARTBEAT);
        raw_answer_release (&answer);
        if (ended)
            return;
    }
}

static void
nothing_after_a_request_that_is_refused (core_t *core)
{
    raw_server_t self;
    godwit_value_t *body = NULL;
    raw_server_start (&self, driver_of (core), NULL, NULL);
    request (&self, &self.peer, 1, "no such method", 1, 0);
    expect_refusal (&self.peer, 1, "NoSuchMethod");
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_list (builder, NULL);
    godwit_builder_open_map (builder, NULL);
    godwit_builder_close (builder);
    godwit_builder_str (builder, NULL, "echo");
    godwit_builder_open_map (builder, NULL);
    godwit_builder_close (builder);
    godwit_builder_nil (builder, NULL);
    godwit_builder_str (builder, NULL, "7.0");
    godwit_builder_close (builder);
    MUST (godwit_builder_finish (&builder, &body, &error));
    godwit__header_t header = raw_header_of (&self, 2);
    header.aux = 1;
    raw_request_value (&self.peer, &header, body);
    expect_refusal (&self.peer, 2, "UnsupportedVersion");
    request (&self, &self.peer, 3, "_denied", 1, 0);
    expect_refusal (&self.peer, 3, "NoSuchMethod");
    cr_assert_eq (monitored_by (self.transport, NULL), 0u);
    /* A heartbeat of theirs would come before those of a call that is told of ten times as late. */
    request (&self, &self.peer, 4, "block", 20, 0);
    for (int i = 0; i < 3; i++)
        cr_assert (raw_expect (&self.peer, i ? GODWIT__HEARTBEAT : GODWIT__ACCEPTED, 4));
    godwit_value_unref (&body);
    raw_server_end (&self);
}

/* Every worker there may be is in a handler. */
static void
from_the_control_thread (core_t *core)
{
    enum { WORKERS = 4 };
    raw_server_t self;
    raw_server_start (&self, driver_of (core), NULL, GODWIT_TRANSPORT_OPTIONS (.worker_limit = WORKERS));
    unsigned news[WORKERS + 1] = {0};
    size_t heard = 0;
    for (uint64_t id = 1; id <= WORKERS; id++)
        request (&self, &self.peer, id, "block", 40, 0);
    while (heard < WORKERS) {
        raw_answer_t answer = raw_receive (&self.peer, RAW_WAIT_LIMIT_NS);
        cr_assert (answer.came && answer.header.id <= WORKERS);
        if (++news[answer.header.id] == 4)
            heard++;
        raw_answer_release (&answer);
    }
    raw_server_end (&self);
}

static void
ends_with_the_call (core_t *core)
{
    raw_server_t self;
    raw_server_start (&self, driver_of (core), NULL, NULL);
    /* Its reply. */
    request (&self, &self.peer, 1, "block", 20, 0);
    cr_assert (raw_expect (&self.peer, GODWIT__ACCEPTED, 1));
    raw_server_let_go (&self);
    raw_answer_t answer;
    do {
        answer = raw_receive (&self.peer, RAW_WAIT_LIMIT_NS);
        cr_assert (answer.came && answer.header.id == 1);
        raw_answer_release (&answer);
    } while (answer.header.type == GODWIT__HEARTBEAT);
    cr_assert_eq (answer.header.type, GODWIT__REPLY);
    cr_assert_eq (monitored_by (self.transport, NULL), 0u);
    /* Short calls are over before there is anything to tell. */
    for (uint64_t id = 2; id < 50; id++) {
        request (&self, &self.peer, id, "echo", 60000, 0);
        cr_assert (raw_expect_reply_int (&self.peer, id, 1));
    }
    expect_silence (&self.peer);
    cr_assert_eq (monitored_by (self.transport, NULL), 0u);
    /* Its caller's time; and the caller, who says so. */
    raw_server_hold (&self);
    request (&self, &self.peer, 50, "block", 20, 60);
    await_passed (&self.peer);
    await_monitored (self.transport, 0);
    request (&self, &self.peer, 51, "block", 60000, 0);
    await_monitored (self.transport, 1);
    godwit__header_t cancel = raw_header_of (&self, 51);
    cancel.type = GODWIT__CANCEL;
    raw_header (&self.peer, &cancel);
    await_monitored (self.transport, 0);
    raw_server_end (&self);
}

/* The client's side says so when the monitor has ended a call, and when it goes. */
static void
a_client_that_gave_up_is_not_told (core_t *core)
{
    godwit_client_t *client = monitoring (core->client, WAIT_LIMIT_MS, 15000);
    godwit_future_t *future = NULL;
    MUST (godwit_client_call_future (client, NULL, "hold", GODWIT_NO_ARGS, &future, &error));
    service_wait_held (&core->one, 1);
    cr_assert_eq (monitored_by (core->serving, NULL), 1u);
    godwit_client_destroy (&client);
    await_monitored (core->serving, 0);
    godwit_future_destroy (&future);
}

static void
a_client_that_died_is_forgotten (core_t *core)
{
    raw_server_t self;
    raw_peer_t other;
    raw_server_start (&self, driver_of (core), NULL, NULL);
    raw_server_greet (&self, &other);
    for (uint64_t id = 1; id <= 3; id++)
        request (&self, &other, id, "keep", 30, 0);
    request (&self, &self.peer, 1, "keep", 30, 0);
    raw_server_await_kept (&self, 4);
    cr_assert_eq (monitored_by (self.transport, NULL), 4u);
    raw_close (&other); /* without a GOODBYE */
    await_monitored (self.transport, 1);
    cr_assert (raw_expect (&self.peer, GODWIT__ACCEPTED, 1));
    for (int i = 0; i < 5; i++)
        cr_assert (raw_expect (&self.peer, GODWIT__HEARTBEAT, 1));
    for (size_t i = 0; i < 4; i++)
        godwit_request_destroy (&self.kept[i]);
    cr_assert_eq (monitored_by (self.transport, NULL), 0u);
    raw_server_end (&self);
}

static void
queued_and_kept_calls_too (core_t *core)
{
    raw_server_t self;
    raw_server_start (&self, driver_of (core), GODWIT_SERVER_OPTIONS (.concurrency = 1), NULL);
    request (&self, &self.peer, 1, "keep", 0, 0); /* occupies the server */
    request (&self, &self.peer, 2, "keep", 30, 0);
    for (int i = 0; i < 3; i++)
        cr_assert (raw_expect (&self.peer, i ? GODWIT__HEARTBEAT : GODWIT__ACCEPTED, 2));
    cr_assert_eq (raw_server_count (&self, &self.ran), 1u);
    godwit_request_destroy (&self.kept[0]); /* and the second begins, and is kept */
    raw_server_await_kept (&self, 2);
    raw_answer_t answer;
    bool failed = false;
    for (int beats = 0; !failed || beats < 6;) {
        answer = raw_receive (&self.peer, RAW_WAIT_LIMIT_NS);
        cr_assert (answer.came);
        failed |= answer.header.id == 1 && answer.header.type == GODWIT__FAILURE;
        beats += answer.header.id == 2 && answer.header.type == GODWIT__HEARTBEAT;
        raw_answer_release (&answer);
    }
    godwit_request_destroy (&self.kept[1]);
    /* One that is cancelled before it began. */
    request (&self, &self.peer, 3, "block", 0, 0);
    request (&self, &self.peer, 4, "block", 60000, 0);
    await_monitored (self.transport, 1);
    godwit__header_t cancel = raw_header_of (&self, 4);
    cancel.type = GODWIT__CANCEL;
    raw_header (&self.peer, &cancel);
    await_monitored (self.transport, 0);
    raw_server_end (&self);
}

static void
many_at_once (core_t *core)
{
    enum { MANY = 500 };
    raw_server_t self;
    static unsigned news[MANY + 1];
    size_t heard = 0;
    raw_server_start (&self, driver_of (core),
                      GODWIT_SERVER_OPTIONS (.concurrency = 2 * MANY, .queue_limit = 2 * MANY), NULL);
    memset (news, 0, sizeof news);
    for (uint64_t id = 1; id <= MANY; id++)
        request (&self, &self.peer, id, "keep", 100 + (uint32_t) id % 7 * 50, 0);
    while (heard < MANY) {
        raw_answer_t answer = raw_receive (&self.peer, RAW_WAIT_LIMIT_NS);
        cr_assert (answer.came && answer.header.id <= MANY);
        cr_assert_eq (answer.header.type, news[answer.header.id] ? GODWIT__HEARTBEAT : GODWIT__ACCEPTED);
        if (++news[answer.header.id] == 3)
            heard++;
        raw_answer_release (&answer);
    }
    cr_assert_eq (monitored_by (self.transport, NULL), (size_t) MANY);
    for (size_t i = 0; i < MANY; i++)
        godwit_request_destroy (&self.kept[i]);
    cr_assert_eq (monitored_by (self.transport, NULL), 0u);
    /* What is still on its way, then the failures, and nothing behind them. */
    for (size_t failures = 0; failures < MANY;) {
        raw_answer_t answer = raw_receive (&self.peer, RAW_WAIT_LIMIT_NS);
        cr_assert (answer.came);
        failures += answer.header.type == GODWIT__FAILURE;
        raw_answer_release (&answer);
    }
    expect_silence (&self.peer);
    raw_server_end (&self);
}

/* A program's own loop, for one side each. */
typedef struct loop {
    godwit_transport_t *transport;
    atomic_bool stop;
} loop_t;

static void *
run_loop (void *user)
{
    loop_t *loop = user;
    while (!atomic_load (&loop->stop))
        MUST (godwit_transport_process (loop->transport, 10, &error));
    return NULL;
}

static void
also_in_a_loop_of_the_programs (core_t *core)
{
    pthread_t thread;
    loop_t loop = {core_transport (core, GODWIT_TRANSPORT_OPTIONS (.external_loop = true)), false};
    service_t two;
    cr_assert_eq (pthread_create (&thread, NULL, run_loop, &loop), 0);
    service_start (&two, loop.transport, "two", NULL);
    godwit_client_t *client = NULL;
    MUST (godwit_client_prepare (
        &client, core->client, GODWIT_OVERRIDES (.server = "two", .call_monitor_timeout_ms = 2000), &error));
    godwit_future_t *future = NULL;
    MUST (godwit_client_call_future (client, NULL, "hold", GODWIT_NO_ARGS, &future, &error));
    service_wait_held (&two, 1);
    FAILS (GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_NONE, "",
           godwit_future_wait (future, 2600, NULL, NULL, &error)); /* it goes on */
    godwit_request_t *held = service_take (&two);
    godwit_request_reply (held, GODWIT_NIL (NULL));
    godwit_request_destroy (&held);
    MUST (godwit_future_wait (future, -1, NULL, NULL, &error));
    godwit_future_destroy (&future);
    godwit_client_destroy (&client);

    /* A client in a loop: the calls of another thread, asynchronous ones, and of the loop's own thread. */
    silence (core);
    godwit_client_t *outside = core_client (
        loop.transport, GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_LIMIT_MS, .call_monitor_timeout_ms = 100));
    MUST (godwit_client_prepare (&client, outside, GODWIT_OVERRIDES (.server = "one"), &error));
    FAILS (GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN, "The call monitor ended the call",
           godwit_client_call (client, NULL, "hold", GODWIT_NO_ARGS, NULL, &error));
    MUST (godwit_client_call_future (client, NULL, "hold", GODWIT_NO_ARGS, &future, &error));
    FAILS (GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN, "The call monitor ended the call",
           godwit_future_wait (future, -1, NULL, NULL, &error));
    godwit_future_destroy (&future);
    godwit_client_destroy (&client);
    godwit_client_destroy (&outside);
    service_end (&two);
    atomic_store (&loop.stop, true);
    pthread_join (thread, NULL);
    godwit_transport_destroy (&loop.transport);
}

static const contract_row_t rows[] = {
    {"4: The client may send call_monitor_timeout.", sends_the_timeout},
    {"4: It then waits min(rest of the total timeout, monitor timeout).", waits_for_the_shorter},
    {"4: A heartbeat restarts the monitor timer only, never the total.", heartbeats_restart_the_monitor_only},
};
CONTRACT (section04, rows)

static const contract_row_t rows_of_each_driver[] = {
    {"4: The server heartbeats a running call every half of it.", every_half_of_it},
    {"4: Queued and kept calls are told of, too.", queued_and_kept_calls_too},
    {"4: Fix: works in milliseconds.", in_milliseconds},
    {"4: Fix: no heartbeat after NoSuchMethod and UnsupportedVersion.",
     nothing_after_a_request_that_is_refused},
    {"4: Fix: from the control thread.", from_the_control_thread},
    {"4: Fix: ends with the call.", ends_with_the_call},
    {"4: Ends with a client that gave up.", a_client_that_gave_up_is_not_told},
    {"4: Ends with a client that died.", a_client_that_died_is_forgotten},
    {"4: Many calls at once.", many_at_once},
    {"4: In a program's own loop.", also_in_a_loop_of_the_programs},
};
CONTRACT_OF_EACH_DRIVER (section04_of_each_driver, rows_of_each_driver)
