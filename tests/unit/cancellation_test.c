/* SPDX-License-Identifier: Apache-2.0 */
/* pthread_cancel: a thread inside of the library leaves it first, and no other thread notices. */
#include "tests/support/must.h"

#include <godwit/godwit.h>

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

typedef struct world {
    godwit_transport_t *transport, *callers;
    godwit_server_t *server;
    godwit_client_t *client;
    sem_t entered, returns;
} world_t;

static void
await (sem_t *semaphore)
{
    while (sem_wait (semaphore) && errno == EINTR)
        ;
}

static godwit_status_t
hang (godwit_request_t *request, void *self)
{
    world_t *const world = self;
    sem_post (&world->entered);
    await (&world->returns);
    return godwit_request_reply (request, GODWIT_INT ("", 1));
}

static godwit_status_t
cancel_self (godwit_request_t *request, void *self)
{
    (void) self;
    pthread_cancel (pthread_self ());
    pthread_testcancel ();
    return godwit_request_reply (request, GODWIT_INT ("", 2));
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("hang", hang, GODWIT_METHOD_SLOW),
                                          GODWIT_METHOD ("cancel_self", cancel_self, 0)};

static void
open_world (world_t *world, const char *url)
{
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .self = world);
    sem_init (&world->entered, 0, 0);
    sem_init (&world->returns, 0, 0);
    MUST (godwit_transport_new (&world->transport, url, NULL, &error));
    MUST (godwit_transport_new (&world->callers, url, NULL, &error));
    MUST (godwit_server_new (&world->server, world->transport, GODWIT_TARGET (.topic = "c", .server = "one"),
                             &endpoint, 1, NULL, &error));
    MUST (godwit_server_start (world->server, NULL, &error));
    MUST (godwit_client_new (&world->client, world->callers, GODWIT_TARGET (.topic = "c"), NULL, &error));
    MUST (godwit_client_wait_servers (world->client, 1, 20000, &error));
}

static void
close_world (world_t *world)
{
    godwit_client_destroy (&world->client);
    godwit_transport_destroy (&world->callers);
    godwit_server_destroy (&world->server);
    godwit_transport_destroy (&world->transport);
}

typedef godwit_status_t call_fn (godwit_client_t *client);

typedef struct caller {
    world_t *world;
    call_fn *call;
    pthread_t thread;
    godwit_status_t status;
    bool returned;
} caller_t;

static godwit_status_t
call_hang (godwit_client_t *client)
{
    return godwit_client_call (client, NULL, "hang", GODWIT_NO_ARGS, NULL, NULL);
}

static godwit_status_t
wait_hang (godwit_client_t *client)
{
    godwit_future_t *future = NULL;
    if (godwit_client_call_future (client, NULL, "hang", GODWIT_NO_ARGS, &future, NULL))
        return GODWIT_ERR_FAILED;
    const godwit_status_t status = godwit_future_wait (future, -1, NULL, NULL, NULL);
    godwit_future_destroy (&future);
    return status;
}

static godwit_status_t
call_all_hang (godwit_client_t *client)
{
    godwit_fanout_result_t *result = NULL;
    const godwit_status_t status =
        godwit_client_fanout_call (client, NULL, "hang", GODWIT_NO_ARGS, &result, NULL);
    godwit_fanout_result_destroy (&result);
    return status;
}

static void *
run (void *user)
{
    caller_t *const caller = user;
    caller->status = caller->call (caller->world->client);
    caller->returned = true;
    pthread_testcancel ();
    return NULL;
}

static void
begin (caller_t *caller, world_t *world, call_fn *call)
{
    *caller = (caller_t){.world = world, .call = call, .status = GODWIT_ERR_FAILED};
    cr_assert_eq (pthread_create (&caller->thread, NULL, run, caller), 0);
    await (&world->entered);
}

static void *
join (caller_t *caller)
{
    void *how = NULL;
    pthread_join (caller->thread, &how);
    return how;
}

static void
join_cancelled (caller_t *caller)
{
    cr_assert_eq (join (caller), PTHREAD_CANCELED);
    cr_assert (caller->returned, "the call ends first");
    cr_assert_eq (caller->status, GODWIT_OK);
}

/* The first caller has the lead of the connection, the others follow. Two of the three are cancelled. */
static void
cancel_callers (const char *url, call_fn *call)
{
    static world_t world;
    caller_t first, second, third;
    open_world (&world, url);
    begin (&first, &world, call);
    begin (&second, &world, call);
    begin (&third, &world, call_hang);
    cr_assert_eq (pthread_cancel (second.thread), 0);
    cr_assert_eq (pthread_cancel (first.thread), 0);
    for (int i = 0; i < 3; i++)
        sem_post (&world.returns);
    cr_assert_eq (join (&third), NULL);
    cr_assert_eq (third.status, GODWIT_OK);
    join_cancelled (&first);
    join_cancelled (&second);
    close_world (&world);
}

#define CANCELLATION_TEST(name_, call_)                                                                      \
    Test (inproc, name_, .timeout = 60)                                                                      \
    {                                                                                                        \
        cancel_callers ("inproc://cancellation-" #name_ "/", call_);                                         \
    }                                                                                                        \
    Test (zmq, name_, .timeout = 60)                                                                         \
    {                                                                                                        \
        cancel_callers ("zmq:///cancellation-" #name_, call_);                                               \
    }

CANCELLATION_TEST (in_a_call, call_hang)
CANCELLATION_TEST (in_a_wait_for_a_future, wait_hang)
CANCELLATION_TEST (in_a_fanout_call, call_all_hang)

Test (zmq, a_handler_that_is_cancelled_runs_on, .timeout = 60)
{
    static world_t world;
    open_world (&world, "zmq:///cancellation-handler");
    for (int i = 0; i < 3; i++)
        MUST (godwit_client_call (world.client, NULL, "cancel_self", GODWIT_NO_ARGS, NULL, &error));
    close_world (&world);
}

/* What asked for it before finds it as it was. */
Test (zmq, the_state_of_the_program_is_kept, .timeout = 60)
{
    static world_t world;
    int state = -1;
    open_world (&world, "zmq:///cancellation-state");
    pthread_setcancelstate (PTHREAD_CANCEL_DISABLE, NULL);
    MUST (godwit_client_call (world.client, NULL, "cancel_self", GODWIT_NO_ARGS, NULL, &error));
    pthread_setcancelstate (PTHREAD_CANCEL_ENABLE, &state);
    cr_assert_eq (state, PTHREAD_CANCEL_DISABLE);
    MUST (godwit_client_call (world.client, NULL, "cancel_self", GODWIT_NO_ARGS, NULL, &error));
    pthread_setcancelstate (PTHREAD_CANCEL_DISABLE, &state);
    cr_assert_eq (state, PTHREAD_CANCEL_ENABLE);
    close_world (&world);
}
