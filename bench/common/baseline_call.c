/* SPDX-License-Identifier: Apache-2.0 */
/* A synchronous round trip: one DEALER, one thread, blocking. */
#include "baseline.h"
#include "clock.h"
#include "die.h"

#include <stdlib.h>
#include <zmq.h>

typedef struct {
    bench_setup_t setup;
    void *context;
    void *dealer;
    char *buffer;
} client_t;

static void *
open_client (const bench_setup_t *setup)
{
    client_t *self = bench_alloc (sizeof *self);
    self->setup = *setup;
    self->context = baseline_context (setup);
    self->dealer = baseline_dealer (self->context, setup);
    self->buffer = bench_alloc (setup->payload_size);
    return self;
}

static uint64_t
burst (void *client, size_t count, bench_samples_t *samples)
{
    client_t *self = client;
    const size_t size = self->setup.payload_size;
    uint64_t begin = bench_now_ns (), before = begin;

    for (size_t i = 0; i < count; i++) {
        bench_check (zmq_send (self->dealer, self->buffer, size, 0) >= 0, "zmq_send");
        bench_check (zmq_recv (self->dealer, self->buffer, size, 0) >= 0, "zmq_recv");
        uint64_t now = bench_now_ns ();
        bench_samples_add (samples, now - before);
        before = now;
    }
    return before - begin;
}

static void
close_client (void *client)
{
    client_t *self = client;
    zmq_close (self->dealer);
    baseline_context_release (&self->setup, self->context);
    free (self->buffer);
    free (self);
}

const bench_half_t bench_baseline_call = {
    .name = "bare libzmq",
    .serve = baseline_router_serve,
    .unserve = baseline_router_unserve,
    .open = open_client,
    .burst = burst,
    .close = close_client,
};
