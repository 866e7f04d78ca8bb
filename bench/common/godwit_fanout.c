/* SPDX-License-Identifier: Apache-2.0 */
/* A fanout to 32 servers, each with a transport of its own in the servers' process, as if they were 32
 * processes. Context and arguments are those of the ordinary call, which makes about the bare side's 100
 * bytes. */
#include "clock.h"
#include "die.h"
#include "godwit_side.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct {
    size_t index;
    bench_window_t *window;
    godwit_transport_t *transport;
    godwit_server_t *server;
} subscriber_t;

typedef struct {
    size_t count;
    subscriber_t subscribers[];
} subscribers_t;

static godwit_status_t
tick (godwit_request_t *request, void *self)
{
    subscriber_t *subscriber = self;
    (void) request;
    bench_window_received (subscriber->window, subscriber->index);
    return GODWIT_OK;
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("tick", tick, 0)};

static void *
serve (const bench_setup_t *setup, char where[BENCH_WHERE_SIZE])
{
    subscribers_t *self = bench_alloc (sizeof *self + setup->concurrency * sizeof (subscriber_t));
    godwit_error_t *error = NULL;

    bench_godwit_url (setup, where);
    self->count = setup->concurrency;
    for (size_t i = 0; i < self->count; i++) {
        subscriber_t *subscriber = &self->subscribers[i];
        const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .version = "1.0", .self = subscriber);
        char name[32];
        snprintf (name, sizeof name, "s%zu", i);
        subscriber->index = i;
        subscriber->window = setup->window;
        bench_godwit_check (godwit_transport_new (&subscriber->transport, where, NULL, &error), &error,
                            "subscriber's transport");
        bench_godwit_check (godwit_server_new (&subscriber->server, subscriber->transport,
                                               GODWIT_TARGET (.topic = BENCH_TOPIC, .server = name),
                                               &endpoint, 1, NULL, &error),
                            &error, "subscriber");
        bench_godwit_check (godwit_server_start (subscriber->server, NULL, &error), &error,
                            "subscriber's start");
    }
    return self;
}

static void
unserve (void *server)
{
    subscribers_t *self = server;
    for (size_t i = 0; i < self->count; i++) {
        godwit_server_destroy (&self->subscribers[i].server);
        godwit_transport_destroy (&self->subscribers[i].transport);
    }
    free (self);
}

typedef struct {
    bench_godwit_client_t side;
    bench_window_t *window;
    size_t subscribers;
} publisher_t;

static void *
open_publisher (const bench_setup_t *setup)
{
    publisher_t *self = bench_alloc (sizeof *self);
    self->window = setup->window;
    self->subscribers = setup->concurrency;
    bench_godwit_open (&self->side, setup, setup->concurrency);
    return self;
}

static uint64_t
burst (void *client, size_t count, bench_samples_t *samples)
{
    publisher_t *self = client;
    uint64_t begin = bench_now_ns ();

    (void) samples;
    for (size_t i = 0; i < count; i++) {
        godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
        godwit_error_t *error = NULL;
        bench_window_publish (self->window);
        bench_godwit_check (
            godwit_client_fanout (self->side.client, self->side.context, "tick",
                                  GODWIT_ARGS (GODWIT_INT ("a", (int64_t) i), GODWIT_INT ("b", 3)), &report,
                                  &error),
            &error, "fanout");
        if (report.reached != self->subscribers)
            bench_die ("a fanout reached %u of %zu servers", report.reached, self->subscribers);
    }
    bench_window_drain (self->window);
    return bench_now_ns () - begin;
}

static void
close_publisher (void *client)
{
    publisher_t *self = client;
    bench_godwit_close (&self->side);
    free (self);
}

const bench_half_t bench_godwit_fanout = {
    .name = "godwit",
    .serve = serve,
    .unserve = unserve,
    .open = open_publisher,
    .burst = burst,
    .close = close_publisher,
};
