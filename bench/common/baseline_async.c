/* SPDX-License-Identifier: Apache-2.0 */
/* Pipelined round trips: one DEALER that keeps a number of requests in flight. It takes every reply that is
 * there before it refills, so that neither direction wakes up for one message. */
#include "baseline.h"
#include "clock.h"
#include "die.h"

#include <errno.h>
#include <stdlib.h>
#include <zmq.h>

enum { MAX_SIZE = 256 };

typedef struct {
    bench_setup_t setup;
    void *context;
    void *dealer;
} client_t;

static void *
open_client (const bench_setup_t *setup)
{
    client_t *self = bench_alloc (sizeof *self);
    self->setup = *setup;
    self->context = baseline_context (setup);
    self->dealer = baseline_dealer (self->context, setup);
    return self;
}

static uint64_t
burst (void *client, size_t count, bench_samples_t *samples)
{
    client_t *self = client;
    const size_t in_flight = self->setup.concurrency;
    char buffer[MAX_SIZE] = {0};
    size_t sent = 0, received = 0;
    uint64_t begin = bench_now_ns ();

    (void) samples; /* throughput: with a full pipe the latency is the queue's */
    while (received < count) {
        for (; sent < count && sent - received < in_flight; sent++)
            bench_check (zmq_send (self->dealer, buffer, self->setup.payload_size, 0) >= 0, "zmq_send");
        bench_check (zmq_recv (self->dealer, buffer, sizeof buffer, 0) >= 0, "zmq_recv");
        received++;
        while (received < sent && zmq_recv (self->dealer, buffer, sizeof buffer, ZMQ_DONTWAIT) >= 0)
            received++;
        bench_check (received == sent || errno == EAGAIN, "zmq_recv");
    }
    return bench_now_ns () - begin;
}

static void
close_client (void *client)
{
    client_t *self = client;
    zmq_close (self->dealer);
    baseline_context_release (&self->setup, self->context);
    free (self);
}

const bench_half_t bench_baseline_async = {
    .name = "bare libzmq",
    .serve = baseline_router_serve,
    .unserve = baseline_router_unserve,
    .open = open_client,
    .burst = burst,
    .close = close_client,
};
