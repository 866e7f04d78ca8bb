/* SPDX-License-Identifier: Apache-2.0 */
/* Beginnings and ends: destroy in any order and at any time, counters, the log. */
#include "tests/conformance/core_conformance.h"

#include <stdio.h>
#include <unistd.h>

void
core_destroyed_in_any_order (const core_kind_t *kind)
{
    /* The order of server, client, serving transport, calling transport. */
    static const char *const orders[] = {"SCsc", "CScs", "scSC", "csCS", "sCcS", "cSsC", "sScC", "CcsS"};
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        core_t core;
        godwit_future_t *future = NULL;
        core_open (&core, kind);
        const bool one_transport = core.calling == core.serving;
        MUST (godwit_client_call (core.client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
        MUST (godwit_client_call_future (core.client, NULL, "hold", GODWIT_NO_ARGS, &future, &error));
        service_wait_held (&core.one, 1);
        for (const char *at = orders[i]; *at; at++) {
            if (*at == 'S')
                service_end (&core.one);
            else if (*at == 'C')
                godwit_client_destroy (&core.client);
            else if (*at == 's')
                godwit_transport_destroy (&core.serving);
            else if (!one_transport)
                godwit_transport_destroy (&core.calling);
            /* What is left says that it is closed, and does not crash. */
            if (core.client && !core.serving && one_transport)
                FAILS (GODWIT_ERR_CLOSED, GODWIT_OUTCOME_NONE, "",
                       godwit_client_call (core.client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
        }
        godwit_error_t *error = NULL;
        const godwit_status_t status = godwit_future_wait (future, WAIT_LIMIT_MS, NULL, NULL, &error);
        cr_assert (status == GODWIT_ERR_CLOSED || status == GODWIT_ERR_TIMEOUT || status == GODWIT_ERR_FAILED,
                   "order %s: %s", orders[i], godwit_error_print (error));
        godwit_error_destroy (&error);
        godwit_future_destroy (&future);
    }
    godwit_transport_t *none = NULL;
    godwit_client_t *no_client = NULL;
    godwit_server_t *no_server = NULL;
    godwit_transport_destroy (&none);
    godwit_client_destroy (&no_client);
    godwit_server_destroy (&no_server);
    godwit_transport_destroy (NULL);
    godwit_client_destroy (NULL);
    godwit_server_destroy (NULL);
}

/* ---- 1,000 pending calls ---- */

enum { SYNCHRONOUS = 100, ASYNCHRONOUS = 900 };

typedef struct crowd {
    godwit_client_t *client;
    tally_t ended;                   /* calls that ended ... */
    atomic_uint times[ASYNCHRONOUS]; /* ... each so often ... */
    atomic_uint not_closed;          /* ... and otherwise than they should */
    atomic_bool started;
} crowd_t;

typedef struct one_call {
    crowd_t *crowd;
    unsigned number;
} one_call_t;

static void
examine (crowd_t *crowd, godwit_status_t status, godwit_outcome_t outcome)
{
    if (status != GODWIT_ERR_CLOSED || outcome != GODWIT_OUTCOME_MAYBE_RUN)
        atomic_fetch_add (&crowd->not_closed, 1);
    tally_add (&crowd->ended);
}

static void *
call_and_wait (void *user)
{
    crowd_t *crowd = user;
    godwit_error_t *error = NULL;
    const godwit_status_t status =
        godwit_client_call (crowd->client, NULL, "hold", GODWIT_NO_ARGS, NULL, &error);
    examine (crowd, status, godwit_error_outcome (error));
    godwit_error_destroy (&error);
    return NULL;
}

static void
on_end (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    one_call_t *call = user;
    (void) result;
    atomic_fetch_add (&call->crowd->times[call->number], 1);
    examine (call->crowd, status, godwit_error_outcome (error));
}

static void
destroy_during_calls (const core_kind_t *kind, bool of_transport)
{
    static crowd_t crowd;
    static one_call_t calls[ASYNCHRONOUS];
    core_t core;
    pthread_t threads[SYNCHRONOUS];
    core_open_empty (&core, kind);
    memset (&crowd, 0, sizeof crowd);
    tally_open (&crowd.ended);
    service_start (&core.one, core.serving, "one", GODWIT_SERVER_OPTIONS (.concurrency = 2000));
    MUST (godwit_client_wait_servers (core.client, 1, WAIT_LIMIT_MS, &error));
    crowd.client = core.client;
    for (int i = 0; i < SYNCHRONOUS; i++)
        pthread_create (&threads[i], NULL, call_and_wait, &crowd);
    for (unsigned i = 0; i < ASYNCHRONOUS; i++) {
        calls[i] = (one_call_t){&crowd, i};
        MUST (
            godwit_client_call_async (core.client, NULL, "hold", GODWIT_NO_ARGS, on_end, &calls[i], &error));
    }
    service_wait_held (&core.one, SYNCHRONOUS + ASYNCHRONOUS);
    cr_assert_eq (tally_get (&crowd.ended), 0u);

    const int64_t began = now_ms ();
    if (of_transport) {
        godwit_transport_destroy (&core.calling);
        if (kind->shared)
            core.serving = NULL;
    } else {
        godwit_client_destroy (&core.client);
        cr_assert_geq (tally_get (&crowd.ended), ASYNCHRONOUS); /* every callback ran before */
    }
    cr_assert_lt (now_ms () - began, 3000); /* less than a PING, which wakes who was forgotten */
    for (int i = 0; i < SYNCHRONOUS; i++)
        pthread_join (threads[i], NULL);
    cr_assert_eq (tally_get (&crowd.ended), SYNCHRONOUS + ASYNCHRONOUS);
    for (unsigned i = 0; i < ASYNCHRONOUS; i++)
        cr_assert_eq (crowd.times[i], 1u, "call %u ended %u times", i, crowd.times[i]);
    cr_assert_eq (crowd.not_closed, 0u);
    if (of_transport)
        core.calling = core.serving;
    core_close (&core);
    cr_assert_eq (tally_get (&crowd.ended), SYNCHRONOUS + ASYNCHRONOUS);
    tally_close (&crowd.ended);
}

void
core_destroying_a_client_ends_its_calls (const core_kind_t *kind)
{
    destroy_during_calls (kind, false);
}

void
core_destroying_a_transport_ends_its_calls (const core_kind_t *kind)
{
    destroy_during_calls (kind, true);
}

/* ---- at any moment ---- */

static void
on_any_end (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    (void) status;
    (void) result;
    (void) error;
    tally_add (user);
}

typedef struct caller {
    godwit_client_t *client;
    tally_t accepted; /* asynchronous calls */
    tally_t ended;    /* of them */
    tally_t rounds;
    int kind;
} caller_t;

/* Calls in every form until that is refused as CLOSED. */
static void *
call_until_closed (void *user)
{
    caller_t *caller = user;
    unsigned round = 0;
    for (;;) {
        godwit_status_t status = GODWIT_OK;
        switch (caller->kind) {
        case 0:
            status = godwit_client_call (caller->client, NULL, "nothing", GODWIT_NO_ARGS, NULL, NULL);
            break;
        case 1:
            status = godwit_client_call_async (caller->client, NULL, "nothing", GODWIT_NO_ARGS, on_any_end,
                                               &caller->ended, NULL);
            if (status == GODWIT_OK)
                tally_add (&caller->accepted);
            break;
        case 2:
            status = godwit_client_cast (caller->client, NULL, "nothing", GODWIT_NO_ARGS, NULL);
            break;
        default:
            status = godwit_client_fanout (caller->client, NULL, "nothing", GODWIT_NO_ARGS, NULL, NULL);
            break;
        }
        tally_add (&caller->rounds);
        /* Not so many at a time that the server is overloaded. */
        if (status != GODWIT_ERR_CLOSED && ++round % 20 == 0)
            status = godwit_client_call (caller->client, NULL, "nothing", GODWIT_NO_ARGS, NULL, NULL);
        if (status == GODWIT_ERR_CLOSED)
            return NULL;
    }
}

/* The transport goes while threads begin calls of every kind: each call that was accepted ends, and each
 * thread gets away. */
void
core_destroying_while_calls_begin (const core_kind_t *kind)
{
    enum { ROUNDS = 6, CALLERS = 4 };
    for (int round = 0; round < ROUNDS; round++) {
        core_t core;
        caller_t callers[CALLERS];
        pthread_t threads[CALLERS];
        core_open (&core, kind);
        for (int i = 0; i < CALLERS; i++) {
            callers[i].client = core.client;
            callers[i].kind = i;
            tally_open (&callers[i].accepted);
            tally_open (&callers[i].ended);
            tally_open (&callers[i].rounds);
            pthread_create (&threads[i], NULL, call_until_closed, &callers[i]);
        }
        for (int i = 0; i < CALLERS; i++)
            tally_wait (&callers[i].rounds, 5 + (uint64_t) round * 7);
        godwit_transport_destroy (&core.calling);
        for (int i = 0; i < CALLERS; i++) {
            pthread_join (threads[i], NULL);
            cr_assert_eq (tally_get (&callers[i].ended), tally_get (&callers[i].accepted));
            tally_close (&callers[i].accepted);
            tally_close (&callers[i].ended);
            tally_close (&callers[i].rounds);
        }
        if (kind->shared)
            core.serving = NULL;
        core.calling = core.serving;
        core_close (&core);
    }
}

typedef struct beginner {
    godwit_client_t *client;
    tally_t ended;
} beginner_t;

static void *
begin_one (void *user)
{
    beginner_t *beginner = user;
    MUST (godwit_client_call_async (beginner->client, NULL, "nothing", GODWIT_NO_ARGS, on_any_end,
                                    &beginner->ended, &error));
    return NULL;
}

/* Its callback has run, and so all may be destroyed, though godwit_client_call_async may not have returned.
 * Every other time the call waits for its server first. */
void
core_a_call_may_end_while_it_begins (const core_kind_t *kind)
{
    enum { ROUNDS = 20 };
    core_t core;
    core_open (&core, kind);
    for (int round = 0; round < ROUNDS; round++) {
        beginner_t beginner = {.client = NULL};
        pthread_t thread;
        godwit_transport_t *transport = core_transport (&core, NULL);
        godwit_client_t *client = core_client (transport, NULL);
        tally_open (&beginner.ended);
        if (round % 2)
            MUST (godwit_client_wait_servers (client, 1, WAIT_LIMIT_MS, &error));
        MUST (godwit_client_prepare (&beginner.client, client, NULL, &error));
        cr_assert_eq (pthread_create (&thread, NULL, begin_one, &beginner), 0);
        tally_wait (&beginner.ended, 1);
        godwit_client_destroy (&client);
        godwit_client_t *prepared = beginner.client; /* which the thread still reads */
        godwit_client_destroy (&prepared);
        godwit_transport_destroy (&transport);
        pthread_join (thread, NULL);
        tally_close (&beginner.ended);
    }
    core_close (&core);
}

typedef struct stream {
    godwit_client_t *client;
    atomic_bool stop;
    atomic_uint wrong;
    tally_t calls;
} stream_t;

static void *
call_through (void *user)
{
    stream_t *stream = user;
    while (!atomic_load (&stream->stop)) {
        godwit_error_t *error = NULL;
        const godwit_status_t status =
            godwit_client_call (stream->client, NULL, "whoami", GODWIT_NO_ARGS, NULL, &error);
        if (status)
            atomic_fetch_add (&stream->wrong, 1);
        godwit_error_destroy (&error);
        tally_add (&stream->calls);
    }
    return NULL;
}

/* A server is destroyed with what it has accepted; nothing that was refused is lost. */
void
core_destroying_a_server_under_load (const core_kind_t *kind)
{
    core_t core;
    service_t two;
    pthread_t threads[3];
    stream_t stream = {.stop = false};
    core_open (&core, kind);
    tally_open (&stream.calls);
    stream.client = core.client;
    for (int i = 0; i < 3; i++)
        pthread_create (&threads[i], NULL, call_through, &stream);
    for (int i = 0; i < 5; i++) {
        service_start (&two, core.serving, "two", NULL);
        service_wait (&two, &two.runs, 10);
        service_end (&two);
        tally_wait (&stream.calls, tally_get (&stream.calls) + 10);
    }
    atomic_store (&stream.stop, true);
    for (int i = 0; i < 3; i++)
        pthread_join (threads[i], NULL);
    cr_assert_eq (stream.wrong, 0u, "%u of %llu", stream.wrong, (unsigned long long) stream.calls.value);
    tally_close (&stream.calls);
    core_close (&core);
}

/* ---- what is going on ---- */

static godwit_transport_stats_t
stats_of (const godwit_transport_t *transport)
{
    godwit_transport_stats_t stats;
    godwit_transport_stats (transport, &stats, sizeof stats);
    return stats;
}

void
core_stats_are_true (const core_kind_t *kind)
{
    core_t core;
    tally_t tally;
    core_open (&core, kind);
    tally_open (&tally);
    for (int i = 0; i < 10; i++)
        MUST (godwit_client_call (core.client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    for (int i = 0; i < 3; i++)
        cr_assert_neq (godwit_client_call (core.client, NULL, "fail", GODWIT_NO_ARGS, NULL, NULL), GODWIT_OK);
    for (int i = 0; i < 5; i++)
        MUST (godwit_client_call_async (core.client, NULL, "nothing", GODWIT_NO_ARGS, on_any_end, &tally,
                                        &error));
    tally_wait (&tally, 5);
    for (int i = 0; i < 7; i++)
        MUST (godwit_client_cast (core.client, NULL, "count", GODWIT_NO_ARGS, &error));
    MUST (godwit_client_fanout (core.client, NULL, "count", GODWIT_NO_ARGS, NULL, &error));
    service_wait (&core.one, &core.one.counted, 8);

    const godwit_transport_stats_t calling = stats_of (core.calling);
    const godwit_transport_stats_t serving = stats_of (core.serving);
    cr_assert_eq (calling.calls_started, 18u);
    cr_assert_eq (calling.calls_succeeded, 15u);
    cr_assert_eq (calling.calls_failed, 3u);
    cr_assert_eq (calling.calls_retried, 0u);
    cr_assert_eq (calling.casts, 7u);
    cr_assert_eq (calling.fanouts, 1u);
    cr_assert_eq (calling.peers, 1u);
    cr_assert_eq (calling.servers_known, 1u);
    cr_assert_eq (calling.frames_malformed, 0u);
    cr_assert_eq (calling.frames_unknown, 0u);
    cr_assert_eq (calling.frames_dropped, 0u);
    cr_assert_eq (serving.requests_received, 25u);
    cr_assert_eq (serving.requests_refused, 0u);
    cr_assert_eq (serving.requests_duplicate, 0u);
    cr_assert_eq (serving.fanouts_received, 1u);
    cr_assert_eq (serving.fanout_gaps, 0u);
    cr_assert_geq (serving.workers, 1u);

    /* One that fails before it is sent counts as begun, if at all, and as failed. */
    godwit_client_t *late = NULL;
    MUST (godwit_client_prepare (&late, core.client, GODWIT_OVERRIDES (.timeout_ms = 400), &error));
    cr_assert_eq (godwit_client_call (late, NULL, "hold", GODWIT_NO_ARGS, NULL, NULL), GODWIT_ERR_TIMEOUT);
    service_wait_held (&core.one, 1);
    godwit_request_t *request = service_take (&core.one);
    MUST (godwit_request_reply (request, GODWIT_INT (NULL, 1)));
    godwit_request_destroy (&request);
    cr_assert_eq (call_who (core.client), 'e');
    const int64_t end = now_ms () + WAIT_LIMIT_MS;
    while (stats_of (core.calling).frames_dropped == 0 && now_ms () < end)
        cr_assert_eq (call_who (core.client), 'e'); /* whoever leads meets the late reply */
    cr_assert_eq (stats_of (core.calling).frames_dropped, 1u);
    const godwit_transport_stats_t after = stats_of (core.calling);
    cr_assert_eq (after.calls_started, after.calls_succeeded + after.calls_failed);
    cr_assert_eq (after.calls_failed, 4u);

    /* An asynchronous call that is refused at once is no call that never ends. */
    godwit_client_destroy (&late);
    MUST (godwit_client_prepare (&late, core.client,
                                 GODWIT_OVERRIDES (.topic = "elsewhere", .mandatory = GODWIT_YES), &error));
    /* Other tests' processes meet at this rendezvous, too. While its host has just ended, it is not known
     * that there is nobody: such a call is accepted, and ends when that is known. */
    unsigned ended = 5;
    while (godwit_client_call_async (late, NULL, "nothing", GODWIT_NO_ARGS, on_any_end, &tally, NULL) ==
           GODWIT_OK)
        tally_wait (&tally, ++ended);
    const godwit_transport_stats_t last = stats_of (core.calling);
    cr_assert_eq (last.calls_started, last.calls_succeeded + last.calls_failed);

    /* A caller that knows fewer fields gets those. */
    uint64_t started = 0;
    godwit_transport_stats (core.calling, (godwit_transport_stats_t *) &started, sizeof started);
    cr_assert_eq (started, last.calls_started);
    godwit_client_destroy (&late);
    core_close (&core);
    cr_assert_eq (tally_get (&tally), ended);
    tally_close (&tally);
}

/* One thread of the server's reads all connections: once it has taken two calls after another connection has
 * ended, one and then the other, it knows of that end. */
static void
wait_until_the_end_is_known (core_t *core)
{
    godwit_transport_t *other = core_transport (core, NULL);
    godwit_client_t *client = core_client (other, NULL);
    MUST (godwit_client_wait_servers (client, 1, WAIT_LIMIT_MS, &error));
    cr_assert_eq (call_who (client), 'e');
    cr_assert_eq (call_who (client), 'e');
    godwit_client_destroy (&client);
    godwit_transport_destroy (&other);
}

/* A reply to a client that has gone is dropped, and counted once. */
void
core_lost_replies_are_counted_once (const core_kind_t *kind)
{
    enum { HELD = 500 };
    core_t core;
    tally_t tally;
    core_open_empty (&core, kind);
    service_start (&core.one, core.serving, "one", GODWIT_SERVER_OPTIONS (.concurrency = HELD + 1));
    MUST (godwit_client_wait_servers (core.client, 1, WAIT_LIMIT_MS, &error));
    tally_open (&tally);
    for (int i = 0; i < HELD; i++)
        MUST (
            godwit_client_call_async (core.client, NULL, "hold", GODWIT_NO_ARGS, on_any_end, &tally, &error));
    service_wait_held (&core.one, HELD);
    uint64_t dropped = 0;
    if (!kind->shared) {
        godwit_client_destroy (&core.client);
        godwit_transport_destroy (&core.calling);
        wait_until_the_end_is_known (&core);
    }
    for (int i = 0; i < HELD; i++) {
        godwit_request_t *request = service_take (&core.one);
        MUST (godwit_request_reply (request, GODWIT_INT (NULL, 1)));
        godwit_request_destroy (&request);
        const uint64_t now = stats_of (core.serving).frames_dropped;
        cr_assert_eq (now - dropped, kind->shared ? 0u : 1u);
        dropped = now;
    }
    tally_wait (&tally, HELD);
    if (!kind->shared)
        core.calling = core.serving;
    core_close (&core);
    tally_close (&tally);
}

typedef struct book {
    pthread_mutex_t lock;
    unsigned lines[4];
    bool ugly;
} book_t;

static void
on_log (void *user, godwit_log_level_t level, const char *text)
{
    book_t *book = user;
    pthread_mutex_lock (&book->lock);
    book->lines[level]++;
    book->ugly |= !*text || strchr (text, '\n') || strstr (text, "secret");
    pthread_mutex_unlock (&book->lock);
}

/* A method that fails is worth a line; what it was given, and calls that succeed, are not. */
void
core_the_log_is_a_hook (const core_kind_t *kind)
{
    book_t books[2] = {{.lock = PTHREAD_MUTEX_INITIALIZER}, {.lock = PTHREAD_MUTEX_INITIALIZER}};
    core_t core;
    core_open_empty (&core, kind);
    for (int i = 0; i < 2; i++) {
        godwit_transport_t *talks = core_transport (
            &core, GODWIT_TRANSPORT_OPTIONS (.log = on_log, .log_user = &books[i],
                                             .log_level = i ? GODWIT_LOG_ERROR : GODWIT_LOG_DEBUG));
        service_start (&core.one, talks, "one", NULL);
        MUST (godwit_client_call (core.client, NULL, "echo", GODWIT_ARGS (GODWIT_STR ("value", "secret")),
                                  NULL, &error));
        pthread_mutex_lock (&books[i].lock);
        const unsigned before = books[i].lines[GODWIT_LOG_ERROR];
        pthread_mutex_unlock (&books[i].lock);
        cr_assert_neq (godwit_client_call (core.client, NULL, "fail",
                                           GODWIT_ARGS (GODWIT_STR ("value", "secret")), NULL, NULL),
                       GODWIT_OK);
        cr_assert_neq (
            godwit_client_call (core.client, NULL, "fail_ignore_errors", GODWIT_NO_ARGS, NULL, NULL),
            GODWIT_OK);
        service_end (&core.one);
        godwit_transport_destroy (&talks);
        cr_assert_eq (before, 0u);
        cr_assert_eq (books[i].lines[GODWIT_LOG_ERROR], 1u);
        cr_assert (!books[i].ugly);
    }
    cr_assert_geq (books[0].lines[GODWIT_LOG_DEBUG], 1u);
    cr_assert_eq (books[1].lines[GODWIT_LOG_DEBUG] + books[1].lines[GODWIT_LOG_INFO] +
                      books[1].lines[GODWIT_LOG_WARNING],
                  0u);
    core.one.server = NULL;
    core_close (&core);
}
