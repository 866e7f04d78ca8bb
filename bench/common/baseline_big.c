/* SPDX-License-Identifier: Apache-2.0 */
/* Large requests with a small reply, one at a time. The message lends the caller's buffer to libzmq, so that
 * the only copies are the kernel's and those that libzmq makes itself. */
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
    /* Pages that were never written are all the same page of zeros, which is faster to read than data. */
    for (size_t i = 0; i < setup->payload_size; i++)
        self->buffer[i] = (char) i;
    return self;
}

/* The reply tells that the buffer was sent, so nothing is left to do when libzmq lets go of it. */
static void
still_ours (void *data, void *hint)
{
    (void) data;
    (void) hint;
}

static uint64_t
burst (void *client, size_t count, bench_samples_t *samples)
{
    client_t *self = client;
    char reply[64];
    uint64_t begin = bench_now_ns (), before = begin;

    for (size_t i = 0; i < count; i++) {
        zmq_msg_t message;
        zmq_msg_init_data (&message, self->buffer, self->setup.payload_size, still_ours, NULL);
        bench_check (zmq_msg_send (&message, self->dealer, 0) >= 0, "zmq_msg_send");
        bench_check (zmq_recv (self->dealer, reply, sizeof reply, 0) >= 0, "zmq_recv");
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

const bench_half_t bench_baseline_big = {
    .name = "bare libzmq",
    .serve = baseline_router_serve,
    .unserve = baseline_router_unserve,
    .open = open_client,
    .burst = burst,
    .close = close_client,
};
