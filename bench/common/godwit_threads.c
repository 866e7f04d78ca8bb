/* SPDX-License-Identifier: Apache-2.0 */
/* Many threads that share one client. */
#include "clock.h"
#include "die.h"
#include "godwit_side.h"
#include "team.h"

#include <stdlib.h>

typedef struct {
    bench_godwit_client_t side;
    bench_team_t *team;
} client_t;

static void
run (void *member, size_t count, bench_samples_t *samples)
{
    const client_t *self = member;
    uint64_t before = bench_now_ns ();

    for (size_t i = 0; i < count; i++) {
        bench_godwit_add (&self->side, "add", (int64_t) i);
        uint64_t now = bench_now_ns ();
        bench_samples_add (samples, now - before);
        before = now;
    }
}

static const bench_team_work_t work = {.run = run};

static void *
open_client (const bench_setup_t *setup)
{
    client_t *self = bench_alloc (sizeof *self);
    bench_godwit_open (&self->side, setup, 1);
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
    bench_godwit_close (&self->side);
    free (self);
}

const bench_half_t bench_godwit_threads = {
    .name = "godwit",
    .serve = bench_godwit_serve,
    .unserve = bench_godwit_unserve,
    .open = open_client,
    .burst = burst,
    .close = close_client,
};
