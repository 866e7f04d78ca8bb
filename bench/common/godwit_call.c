/* SPDX-License-Identifier: Apache-2.0 */
/* Synchronous calls of one thread. */
#include "clock.h"
#include "die.h"
#include "godwit_side.h"

#include <stdlib.h>

typedef struct {
    bench_godwit_client_t side;
    const char *method;
    bool prepared;
} client_t;

static void *
open_client (const bench_setup_t *setup)
{
    client_t *self = bench_alloc (sizeof *self);
    self->method = setup->inlined ? "add_inline" : "add";
    self->prepared = setup->prepared;
    bench_godwit_open (&self->side, setup, 1);
    return self;
}

/* As a program does that asks for another version and time with each call. */
static void
prepare_and_add (const bench_godwit_client_t *side, const char *method, int64_t a)
{
    bench_godwit_client_t prepared = *side;
    godwit_error_t *error = NULL;
    bench_godwit_check (godwit_client_prepare (&prepared.client, side->client,
                                               GODWIT_OVERRIDES (.version = "1.0", .timeout_ms = 30000),
                                               &error),
                        &error, "prepare");
    bench_godwit_add (&prepared, method, a);
    godwit_client_destroy (&prepared.client);
}

static uint64_t
burst (void *client, size_t count, bench_samples_t *samples)
{
    client_t *self = client;
    uint64_t begin = bench_now_ns (), before = begin;

    for (size_t i = 0; i < count; i++) {
        if (self->prepared)
            prepare_and_add (&self->side, self->method, (int64_t) i);
        else
            bench_godwit_add (&self->side, self->method, (int64_t) i);
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
    bench_godwit_close (&self->side);
    free (self);
}

const bench_half_t bench_godwit_call = {
    .name = "godwit",
    .serve = bench_godwit_serve,
    .unserve = bench_godwit_unserve,
    .open = open_client,
    .burst = burst,
    .close = close_client,
};
