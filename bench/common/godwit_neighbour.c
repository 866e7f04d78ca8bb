/* SPDX-License-Identifier: Apache-2.0 */
/* Fast calls of one thread, alone or while slow calls run at the same server. The slow ones come from a
 * transport of their own, as if another process made them: what is measured is the server. */
#include "clock.h"
#include "die.h"
#include "godwit_side.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

typedef struct {
    bench_godwit_client_t fast;
    bench_godwit_client_t slow;
    size_t slow_count; /* 0: alone */
    atomic_bool stopping;
    sem_t ended;
} client_t;

static void completed (void *user, godwit_status_t status, const godwit_value_t *result,
                       const godwit_error_t *error);

static void
start_slow (client_t *self)
{
    godwit_error_t *error = NULL;
    bench_godwit_check (godwit_client_call_async (self->slow.client, self->slow.context, "slow",
                                                  GODWIT_NO_ARGS, completed, self, &error),
                        &error, "slow call");
}

static void
completed (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    client_t *self = user;
    (void) result;
    if (status != GODWIT_OK)
        bench_die ("slow call: %s", godwit_error_print (error));
    if (atomic_load (&self->stopping))
        sem_post (&self->ended);
    else
        start_slow (self);
}

static void *
open_client (const bench_setup_t *setup)
{
    client_t *self = bench_alloc (sizeof *self);
    sem_init (&self->ended, 0, 0);
    bench_godwit_open (&self->fast, setup, 1);
    if (setup->slow_neighbours) {
        self->slow_count = setup->concurrency;
        bench_godwit_open (&self->slow, setup, 1);
    }
    return self;
}

static uint64_t
burst (void *client, size_t count, bench_samples_t *samples)
{
    client_t *self = client;

    atomic_store (&self->stopping, false);
    for (size_t i = 0; i < self->slow_count; i++)
        start_slow (self);

    uint64_t begin = bench_now_ns (), before = begin;
    for (size_t i = 0; i < count; i++) {
        bench_godwit_add (&self->fast, "add", (int64_t) i);
        uint64_t now = bench_now_ns ();
        bench_samples_add (samples, now - before);
        before = now;
    }

    atomic_store (&self->stopping, true);
    for (size_t i = 0; i < self->slow_count;)
        i += sem_wait (&self->ended) == 0;
    return before - begin;
}

static void
close_client (void *client)
{
    client_t *self = client;
    bench_godwit_close (&self->fast);
    if (self->slow_count > 0)
        bench_godwit_close (&self->slow);
    sem_destroy (&self->ended);
    free (self);
}

const bench_half_t bench_godwit_neighbour = {
    .name = "godwit",
    .serve = bench_godwit_serve,
    .unserve = bench_godwit_unserve,
    .open = open_client,
    .burst = burst,
    .close = close_client,
};
