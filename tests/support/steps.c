/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/steps.h"

#include "src/server/server.h"

#include <sched.h>
#include <stdlib.h>

#define WAIT_LIMIT_NS (20000 * GODWIT__NS_PER_MS)

static void *
ask (void *user)
{
    asker_t *const asker = user;
    asker->status = asker->step (asker->server, &asker->options, &asker->error);
    atomic_store (&asker->done, true);
    return NULL;
}

void
asker_begin (asker_t *asker, step_fn *step, godwit_server_t *server, const godwit_step_options_t *options)
{
    asker->step = step;
    asker->server = server;
    asker->options = options ? *options : (godwit_step_options_t){.struct_size = sizeof asker->options};
    atomic_init (&asker->done, false);
    asker->status = GODWIT_OK;
    asker->error = NULL;
    if (pthread_create (&asker->thread, NULL, ask, asker))
        abort ();
}

godwit_status_t
asker_end (asker_t *asker)
{
    pthread_join (asker->thread, NULL);
    return asker->status;
}

void
asker_forget (asker_t *asker)
{
    godwit_error_destroy (&asker->error);
}

bool
steps_await (godwit_server_t *server, unsigned visitors)
{
    const int64_t end_ns = godwit__clock_now (&godwit__clock_system) + WAIT_LIMIT_NS;
    for (;;) {
        pthread_mutex_lock (&server->transport->lock);
        const bool reached = server->visitors == visitors;
        godwit__transport_unlock (server->transport);
        if (reached || godwit__clock_now (&godwit__clock_system) > end_ns)
            return reached;
        sched_yield ();
    }
}

static int64_t
read_clock (void *user)
{
    step_clock_t *const clock = user;
    return (int64_t) atomic_load (&clock->now_ms) * GODWIT__NS_PER_MS;
}

void
step_clock_put (step_clock_t *clock, godwit_server_t *server)
{
    atomic_init (&clock->now_ms, 1);
    server->clock = (godwit__clock_t){read_clock, clock, NULL};
}

void
step_clock_move (step_clock_t *clock, godwit_server_t *server, int64_t ms)
{
    atomic_fetch_add (&clock->now_ms, ms);
    pthread_mutex_lock (&server->transport->lock);
    godwit__change_tell (&server->transport->changed);
    godwit__transport_unlock (server->transport);
    if (server->pool) {
        godwit__pool_lock (server->pool);
        godwit__pool_changed (server->pool);
        godwit__pool_unlock (server->pool);
    }
}
