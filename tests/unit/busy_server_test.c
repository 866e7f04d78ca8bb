/* SPDX-License-Identifier: Apache-2.0 */
/* A server all of whose handlers block: it still leads on its ports. No more handlers run than may. */
#include <godwit/client.h>
#include <godwit/server.h>

#include "src/loop/clock.h"
#include "src/server/pool.h"
#include "src/server/server.h"
#include "tests/support/must.h"

#include <criterion/criterion.h>

#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define HEARTBEAT_TIMEOUT_MS 200
/* Connections that are not answered are lost within this time, by far. */
#define LONG_MS (INT64_C (5) * HEARTBEAT_TIMEOUT_MS)
#define LIMIT_S 20
#define LIMIT_MS INT64_C (20000)

static sem_t entered, cancelled, go_on;
static atomic_uint inside, most_inside;

/* ---- handlers ---- */

static void
on_cancel (godwit_request_t *request, void *user)
{
    (void) request;
    (void) user;
    sem_post (&cancelled);
}

static void
enter (void)
{
    const unsigned now = atomic_fetch_add (&inside, 1) + 1;
    unsigned most = atomic_load (&most_inside);
    while (most < now && !atomic_compare_exchange_weak (&most_inside, &most, now))
        ;
}

static godwit_status_t
handle_hold (godwit_request_t *request, void *self)
{
    (void) self;
    enter ();
    godwit_request_on_cancel (request, on_cancel, NULL);
    sem_post (&entered);
    while (sem_wait (&go_on))
        ;
    atomic_fetch_sub (&inside, 1);
    return GODWIT_OK;
}

static godwit_status_t
handle_short (godwit_request_t *request, void *self)
{
    (void) request;
    (void) self;
    enter ();
    atomic_fetch_sub (&inside, 1);
    return GODWIT_OK;
}

static godwit_status_t
handle_yield (godwit_request_t *request, void *self)
{
    (void) request;
    (void) self;
    enter ();
    for (int i = 0; i < 20; i++)
        sched_yield ();
    atomic_fetch_sub (&inside, 1);
    return GODWIT_OK;
}

static const godwit_method_t methods[] = {
    GODWIT_METHOD ("hold", handle_hold, 0),
    GODWIT_METHOD ("short", handle_short, 0),
    GODWIT_METHOD ("yield", handle_yield, GODWIT_METHOD_SLOW),
};

/* ---- two transports over sockets ---- */

typedef struct world {
    godwit_transport_t *near, *far;
    godwit_server_t *servers[2];
    godwit_client_t *client; /* tries once */
    godwit_client_t *hasty;  /* the same, with LONG_MS */
} world_t;

static void
world_open (world_t *world, int worker_limit, int concurrency, int server_count)
{
    char url[64];
    sem_init (&entered, 0, 0);
    sem_init (&cancelled, 0, 0);
    sem_init (&go_on, 0, 0);
    atomic_store (&most_inside, 0);
    *world = (world_t){.near = NULL};
    snprintf (url, sizeof url, "zmq:///busy-%ld", (long) getpid ());
    const godwit_transport_options_t *const options =
        GODWIT_TRANSPORT_OPTIONS (.worker_limit = worker_limit, .heartbeat_ms = 50,
                                  .heartbeat_timeout_ms = HEARTBEAT_TIMEOUT_MS);
    MUST (godwit_transport_new (&world->near, url, options, &error));
    MUST (godwit_transport_new (&world->far, url, options, &error));
    for (int i = 0; i < server_count; i++) {
        MUST (godwit_server_new (
            &world->servers[i], world->near, GODWIT_TARGET (.topic = "work", .server = i ? "b" : "a"),
            &GODWIT_ENDPOINT (methods), 1,
            GODWIT_SERVER_OPTIONS (.concurrency = concurrency, .queue_limit = 1), &error));
        MUST (godwit_server_start (world->servers[i], NULL, &error));
    }
    MUST (godwit_client_new (&world->client, world->far, GODWIT_TARGET (.topic = "work"),
                             GODWIT_CLIENT_OPTIONS (.retry = GODWIT_RETRY_NONE), &error));
    MUST (godwit_client_prepare (&world->hasty, world->client, GODWIT_OVERRIDES (.timeout_ms = LONG_MS),
                                 &error));
    MUST (godwit_client_wait_servers (world->client, (size_t) server_count, 20000, &error));
}

static void
world_close (world_t *world)
{
    godwit_client_destroy (&world->hasty);
    godwit_client_destroy (&world->client);
    for (int i = 0; i < 2; i++)
        godwit_server_destroy (&world->servers[i]);
    godwit_transport_destroy (&world->far);
    godwit_transport_destroy (&world->near);
}

static void
await (sem_t *event)
{
    struct timespec until;
    clock_gettime (CLOCK_REALTIME, &until);
    until.tv_sec += LIMIT_S;
    cr_assert_eq (sem_timedwait (event, &until), 0, "it did not come within %d s", LIMIT_S);
}

static godwit_future_t *
hold (const world_t *world)
{
    godwit_future_t *future = NULL;
    MUST (godwit_client_call_future (world->client, NULL, "hold", GODWIT_NO_ARGS, &future, &error));
    return future;
}

/* Returns how a call ends that has LONG_MS. */
static godwit_status_t
call (const world_t *world, const char *method, godwit_outcome_t *outcome)
{
    godwit_error_t *error = NULL;
    const godwit_status_t status =
        godwit_client_call (world->hasty, NULL, method, GODWIT_NO_ARGS, NULL, &error);
    *outcome = error ? godwit_error_outcome (error) : GODWIT_OUTCOME_RAN;
    godwit_error_destroy (&error);
    return status;
}

static size_t
threads_of (const world_t *world)
{
    godwit_transport_stats_t stats;
    godwit_transport_stats (world->near, &stats, sizeof stats);
    return (size_t) stats.workers;
}

static void
is_led_while_handlers_block (int concurrency, unsigned running)
{
    world_t world;
    godwit_future_t *futures[2] = {NULL, NULL};
    godwit_outcome_t outcome;
    bool finished = false;
    world_open (&world, 2, concurrency, 1);
    for (unsigned i = 0; i < running; i++) {
        futures[i] = hold (&world);
        await (&entered);
    }
    godwit_future_t *queued = hold (&world);
    /* The queue is full: refused at once. The clock is of the slowest machine. */
    const int64_t start_ns = godwit__clock_now (&godwit__clock_system);
    cr_assert_eq (call (&world, "hold", &outcome), GODWIT_ERR_DELIVERY_FAILURE);
    cr_assert_eq (outcome, GODWIT_OUTCOME_REJECTED);
    cr_assert_lt (godwit__clock_now (&godwit__clock_system) - start_ns, LONG_MS * GODWIT__NS_PER_MS);
    /* CANCEL reaches the handler. */
    godwit_future_destroy (&futures[0]);
    await (&cancelled);
    /* Heartbeats are due many times, and the connection lives. */
    cr_assert_eq (godwit_future_wait (queued, LONG_MS, &finished, NULL, NULL), GODWIT_ERR_TIMEOUT);
    cr_assert_not (finished);
    cr_assert_eq (atomic_load (&inside), running);
    cr_assert_leq (threads_of (&world), 2u + world.near->pool->port_count);
    for (unsigned i = 0; i < running + 1; i++)
        sem_post (&go_on);
    MUST (godwit_future_wait (queued, LIMIT_MS, &finished, NULL, &error));
    cr_assert (finished);
    if (futures[1]) {
        MUST (godwit_future_wait (futures[1], LIMIT_MS, &finished, NULL, &error));
        cr_assert (finished);
    }
    cr_assert_eq (atomic_load (&most_inside), running);
    godwit_future_destroy (&queued);
    godwit_future_destroy (&futures[1]);
    world_close (&world);
}

Test (busy_server, leads_while_its_only_handler_blocks, .timeout = 60)
{
    is_led_while_handlers_block (1, 1);
}

Test (busy_server, leads_while_both_of_its_handlers_block, .timeout = 60)
{
    is_led_while_handlers_block (2, 2);
}

Test (busy_server, leads_while_all_threads_of_the_pool_block, .timeout = 60)
{
    is_led_while_handlers_block (64, 2);
}

/* ---- the limit ---- */

typedef struct caller {
    godwit_client_t *client;
    pthread_t thread;
    unsigned served;
} caller_t;

static void *
call_often (void *argument)
{
    caller_t *const self = argument;
    for (int i = 0; i < 200; i++)
        if (godwit_client_call (self->client, NULL, i % 3 ? "short" : "yield", GODWIT_NO_ARGS, NULL, NULL) ==
            GODWIT_OK)
            self->served++;
    return NULL;
}

/* Callers from here and from there, of two servers that could run 64 handlers each. */
Test (busy_server, never_runs_more_handlers_than_worker_limit, .timeout = 120)
{
    enum { CALLERS = 8 };
    world_t world;
    caller_t callers[CALLERS];
    world_open (&world, 2, 64, 2);
    for (int i = 0; i < CALLERS; i++) {
        callers[i].served = 0;
        MUST (godwit_client_new (&callers[i].client, i % 2 ? world.near : world.far,
                                 GODWIT_TARGET (.topic = "work", .server = i % 4 < 2 ? "a" : "b"), NULL,
                                 &error));
        cr_assert_eq (pthread_create (&callers[i].thread, NULL, call_often, &callers[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        pthread_join (callers[i].thread, NULL);
        cr_expect_eq (callers[i].served, 200u, "caller %d", i);
        godwit_client_destroy (&callers[i].client);
    }
    cr_assert_leq (atomic_load (&most_inside), 2u);
    world_close (&world);
}

/* One that waits for a thread of the pool counts towards the limits of its server's queue, though the server
 * itself has room. When a handler ends, whoever waits gets its thread. */
Test (busy_server, queues_what_finds_no_thread_and_runs_it_later, .timeout = 60)
{
    world_t world;
    godwit_future_t *futures[4] = {NULL};
    godwit_outcome_t outcome;
    bool finished = false;
    world_open (&world, 2, 64, 1);
    for (int i = 0; i < 3; i++) {
        futures[i] = hold (&world);
        if (i < 2)
            await (&entered);
    }
    cr_assert_eq (call (&world, "short", &outcome), GODWIT_ERR_DELIVERY_FAILURE);
    cr_assert_eq (outcome, GODWIT_OUTCOME_REJECTED);
    sem_post (&go_on);
    await (&entered);
    for (int i = 0; i < 2; i++)
        sem_post (&go_on);
    for (int i = 0; i < 3; i++) {
        MUST (godwit_future_wait (futures[i], LIMIT_MS, &finished, NULL, &error));
        cr_assert (finished);
        godwit_future_destroy (&futures[i]);
    }
    cr_assert_eq (call (&world, "short", &outcome), GODWIT_OK);
    world_close (&world);
}
