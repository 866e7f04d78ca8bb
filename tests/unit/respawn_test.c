/* SPDX-License-Identifier: Apache-2.0 */
/* A worker hands its lead over when it runs a method that takes long. If no thread can be started for that,
 * the port gets a leader as soon as one can, and not when a handler ends. */
#include "src/server/pool.h"
#include "tests/support/must.h"

#include <godwit/godwit.h>

#include <stdio.h>
#include <unistd.h>

#define WAIT_MS 10000

/* ---- no more threads: no stack is as large as threads get from now on ---- */

static void
set_stack_size (size_t size)
{
    pthread_attr_t attributes;
    pthread_attr_init (&attributes);
    cr_assert_eq (pthread_attr_setstacksize (&attributes, size), 0);
    cr_assert_eq (pthread_setattr_default_np (&attributes), 0);
    pthread_attr_destroy (&attributes);
}

/* ---- the world ---- */

static struct {
    godwit_transport_t *serving, *calling;
    godwit_server_t *server;
    godwit_client_t *client;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool runs, may_end;
} world = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void
set (bool *what)
{
    pthread_mutex_lock (&world.lock);
    *what = true;
    pthread_cond_broadcast (&world.changed);
    pthread_mutex_unlock (&world.lock);
}

static void
wait_for (const bool *what)
{
    pthread_mutex_lock (&world.lock);
    while (!*what)
        pthread_cond_wait (&world.changed, &world.lock);
    pthread_mutex_unlock (&world.lock);
}

static godwit_status_t
run_long (godwit_request_t *request, void *self)
{
    (void) request, (void) self;
    set (&world.runs);
    wait_for (&world.may_end);
    return GODWIT_OK;
}

static godwit_status_t
do_nothing (godwit_request_t *request, void *self)
{
    (void) request, (void) self;
    return GODWIT_OK;
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("run_long", run_long, GODWIT_METHOD_SLOW),
                                          GODWIT_METHOD ("do_nothing", do_nothing, 0)};

static void
open_world (void)
{
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods);
    char url[64];
    snprintf (url, sizeof url, "inproc:///respawn-%d", (int) getpid ());
    MUST (godwit_transport_new (&world.serving, url, NULL, &error));
    MUST (godwit_transport_new (&world.calling, url, NULL, &error));
    MUST (godwit_server_new (&world.server, world.serving, GODWIT_TARGET (.topic = "work", .server = "one"),
                             &endpoint, 1, NULL, &error));
    MUST (godwit_server_start (world.server, NULL, &error));
    MUST (godwit_client_new (&world.client, world.calling, GODWIT_TARGET (.topic = "work"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_MS), &error));
    MUST (godwit_client_wait_servers (world.client, 1, WAIT_MS, &error));
}

static void
close_world (void)
{
    godwit_client_destroy (&world.client);
    godwit_server_destroy (&world.server);
    godwit_transport_destroy (&world.calling);
    godwit_transport_destroy (&world.serving);
}

Test (respawn, a_port_gets_a_leader_once_a_thread_can_be_started, .init = open_world, .fini = close_world,
      .timeout = 60)
{
    godwit_future_t *call = NULL;
    godwit__pool_t *const pool = world.serving->pool;
    set_stack_size ((size_t) 1 << 47);
    MUST (godwit_client_call_future (world.client, NULL, "run_long", GODWIT_NO_ARGS, &call, &error));
    wait_for (&world.runs);
    godwit__pool_lock (pool);
    cr_assert_neq (pool->inspection.unstarted, 0, "a thread was started all the same");
    cr_assert_null (pool->ports[0].leader);
    godwit__pool_unlock (pool);

    set_stack_size ((size_t) 1 << 20);
    MUST (godwit_client_call (world.client, NULL, "do_nothing", GODWIT_NO_ARGS, NULL, &error));
    set (&world.may_end);
    MUST (godwit_future_wait (call, WAIT_MS, NULL, NULL, &error));
    godwit_future_destroy (&call);
}
