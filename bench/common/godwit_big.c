/* SPDX-License-Identifier: Apache-2.0 */
/* Calls with one large argument, one at a time; the reply is its size. As in the bare half, the buffer is
 * lent: it stays where it is until it was sent. */
#include "clock.h"
#include "die.h"
#include "godwit_side.h"

#include <stdlib.h>

typedef struct {
    bench_godwit_client_t side;
    size_t size;
    char *data;
    godwit_value_t *value; /* of data */
} client_t;

static void *
open_client (const bench_setup_t *setup)
{
    client_t *self = bench_alloc (sizeof *self);
    self->size = setup->payload_size;
    self->data = bench_alloc (self->size);
    /* Pages that were never written are all the same page of zeros, which is faster to read than data. */
    for (size_t i = 0; i < self->size; i++)
        self->data[i] = (char) i;
    godwit_error_t *error = NULL;
    bench_godwit_check (godwit_value_new_bin (&self->value, self->data, self->size, NULL, NULL, &error),
                        &error, "data");
    bench_godwit_open (&self->side, setup, 1);
    return self;
}

static uint64_t
burst (void *client, size_t count, bench_samples_t *samples)
{
    client_t *self = client;
    uint64_t begin = bench_now_ns (), before = begin;

    for (size_t i = 0; i < count; i++) {
        godwit_value_t *size = NULL;
        godwit_error_t *error = NULL;
        bench_godwit_check (godwit_client_call (self->side.client, self->side.context, "store",
                                                GODWIT_ARGS (GODWIT_VALUE ("data", self->value)), &size,
                                                &error),
                            &error, "store");
        if (godwit_value_as_int (size, -1) != (int64_t) self->size)
            bench_die ("store: a wrong size");
        godwit_value_unref (&size);
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
    godwit_value_unref (&self->value);
    free (self->data);
    free (self);
}

const bench_half_t bench_godwit_big = {
    .name = "godwit",
    .serve = bench_godwit_serve,
    .unserve = bench_godwit_unserve,
    .open = open_client,
    .burst = burst,
    .close = close_client,
};
