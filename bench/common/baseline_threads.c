/* SPDX-License-Identifier: Apache-2.0 */
/* Many threads that call at once, a DEALER each: libzmq's sockets are not for sharing, so this is the plain
 * way. */
#include "baseline.h"
#include "clock.h"
#include "die.h"
#include "team.h"

#include <stdlib.h>
#include <zmq.h>

enum { MAX_SIZE = 256 };

typedef struct {
    bench_setup_t setup;
    void *context;
    bench_team_t *team;
} client_t;

typedef struct {
    void *dealer;
    size_t size;
} member_t;

static void *
prepare (void *argument, size_t index)
{
    client_t *client = argument;
    member_t *self = bench_alloc (sizeof *self);
    (void) index;
    self->dealer = baseline_dealer (client->context, &client->setup);
    self->size = client->setup.payload_size;
    return self;
}

static void
run (void *member, size_t count, bench_samples_t *samples)
{
    member_t *self = member;
    char buffer[MAX_SIZE] = {0};
    uint64_t before = bench_now_ns ();

    for (size_t i = 0; i < count; i++) {
        bench_check (zmq_send (self->dealer, buffer, self->size, 0) >= 0, "zmq_send");
        bench_check (zmq_recv (self->dealer, buffer, sizeof buffer, 0) >= 0, "zmq_recv");
        uint64_t now = bench_now_ns ();
        bench_samples_add (samples, now - before);
        before = now;
    }
}

static void
finish (void *member)
{
    member_t *self = member;
    zmq_close (self->dealer);
    free (self);
}

static const bench_team_work_t work = {.prepare = prepare, .run = run, .finish = finish};

static void *
open_client (const bench_setup_t *setup)
{
    client_t *self = bench_alloc (sizeof *self);
    self->setup = *setup;
    self->context = baseline_context (setup);
    self->team = bench_team_new (setup->concurrency, &work, self);
    return self;
}

static uint64_t
burst (void *client, size_t count, bench_samples_t *samples)
{
    client_t *self = client;
    return bench_team_run (self->team, count, samples);
}

static void
close_client (void *client)
{
    client_t *self = client;
    bench_team_destroy (&self->team);
    baseline_context_release (&self->setup, self->context);
    free (self);
}

const bench_half_t bench_baseline_threads = {
    .name = "bare libzmq",
    .serve = baseline_router_serve,
    .unserve = baseline_router_unserve,
    .open = open_client,
    .burst = burst,
    .close = close_client,
};
