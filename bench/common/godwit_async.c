/* SPDX-License-Identifier: Apache-2.0 */
/* Asynchronous calls with a number of them in flight: each completion starts the next call, as the API
 * invites to. */
#include "clock.h"
#include "die.h"
#include "godwit_side.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

typedef struct {
    bench_godwit_client_t side;
    size_t in_flight;
    _Atomic size_t to_start; /* calls of the burst that were not started yet */
    _Atomic size_t to_end;
    sem_t ended;
} client_t;

static void completed (void *user, godwit_status_t status, const godwit_value_t *result,
                       const godwit_error_t *error);

static void
start_next (client_t *self)
{
    godwit_error_t *error = NULL;
    size_t left = atomic_load_explicit (&self->to_start, memory_order_relaxed);

    while (left > 0 && !atomic_compare_exchange_weak (&self->to_start, &left, left - 1))
        continue;
    if (left == 0)
        return;
    bench_godwit_check (
        godwit_client_call_async (self->side.client, self->side.context, "add",
                                  GODWIT_ARGS (GODWIT_INT ("a", (int64_t) left), GODWIT_INT ("b", 3)),
                                  completed, self, &error),
        &error, "asynchronous call");
}

static void
completed (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    client_t *self = user;
    if (status != GODWIT_OK)
        bench_die ("asynchronous call: %s", godwit_error_print (error));
    if (godwit_value_as_int (result, -1) < 0)
        bench_die ("asynchronous call: no sum");
    start_next (self);
    if (atomic_fetch_sub (&self->to_end, 1) == 1)
        sem_post (&self->ended);
}

static void *
open_client (const bench_setup_t *setup)
{
    client_t *self = bench_alloc (sizeof *self);
    self->in_flight = setup->concurrency;
    sem_init (&self->ended, 0, 0);
    bench_godwit_open (&self->side, setup, 1);
    return self;
}

static uint64_t
burst (void *client, size_t count, bench_samples_t *samples)
{
    client_t *self = client;
    uint64_t begin = bench_now_ns ();

    (void) samples; /* throughput: with a full pipe the latency is the queue's */
    atomic_store (&self->to_end, count);
    atomic_store (&self->to_start, count);
    for (size_t i = 0; i < self->in_flight; i++)
        start_next (self);
    while (sem_wait (&self->ended) != 0)
        continue;
    return bench_now_ns () - begin;
}

static void
close_client (void *client)
{
    client_t *self = client;
    bench_godwit_close (&self->side);
    sem_destroy (&self->ended);
    free (self);
}

const bench_half_t bench_godwit_async = {
    .name = "godwit",
    .serve = bench_godwit_serve,
    .unserve = bench_godwit_unserve,
    .open = open_client,
    .burst = burst,
    .close = close_client,
};
