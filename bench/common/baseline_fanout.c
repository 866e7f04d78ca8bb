/* SPDX-License-Identifier: Apache-2.0 */
/* One XPUB that connects to 32 bound SUBs, as Godwit's fanout does. Each subscriber stands for a process of
 * its own: it has its own context (so its own I/O thread and connection) and its own thread, all in one
 * process like the 32 Godwit servers that it is compared with. */
#include "baseline.h"
#include "clock.h"
#include "die.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum { MAX_SIZE = 256 };
static const char topic[] = "bench.fanout";

typedef struct {
    size_t index;
    bench_window_t *window;
    void *context;
    void *sub;
    pthread_t thread;
} subscriber_t;

typedef struct {
    size_t count;
    subscriber_t subscribers[];
} subscribers_t;

static void *
subscriber_main (void *argument)
{
    subscriber_t *self = argument;
    zmq_msg_t message;

    zmq_msg_init (&message);
    while (zmq_msg_recv (&message, self->sub, 0) >= 0)
        bench_window_received (self->window, self->index);
    bench_check (errno == ETERM, "baseline subscriber");
    zmq_msg_close (&message);
    zmq_close (self->sub);
    return NULL;
}

static void *
serve (const bench_setup_t *setup, char where[BENCH_WHERE_SIZE])
{
    subscribers_t *self = bench_alloc (sizeof *self + setup->concurrency * sizeof (subscriber_t));
    size_t length = 0;

    self->count = setup->concurrency;
    for (size_t i = 0; i < self->count; i++) {
        subscriber_t *subscriber = &self->subscribers[i];
        char endpoint[128];
        size_t size = sizeof endpoint;
        subscriber->index = i;
        subscriber->window = setup->window;
        subscriber->context = zmq_ctx_new ();
        subscriber->sub = zmq_socket (subscriber->context, ZMQ_SUB);
        bench_check (subscriber->sub != NULL, "zmq_socket");
        bench_check (zmq_setsockopt (subscriber->sub, ZMQ_SUBSCRIBE, topic, sizeof topic - 1) == 0,
                     "ZMQ_SUBSCRIBE");
        bench_check (zmq_bind (subscriber->sub, "tcp://127.0.0.1:*") == 0, "zmq_bind");
        bench_check (zmq_getsockopt (subscriber->sub, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0,
                     "zmq_getsockopt");
        length += (size_t) snprintf (where + length, BENCH_WHERE_SIZE - length, "%s%s", i == 0 ? "" : " ",
                                     endpoint);
        bench_check (pthread_create (&subscriber->thread, NULL, subscriber_main, subscriber) == 0,
                     "pthread_create");
    }
    return self;
}

static void
unserve (void *server)
{
    subscribers_t *self = server;
    for (size_t i = 0; i < self->count; i++) {
        zmq_ctx_shutdown (self->subscribers[i].context);
        pthread_join (self->subscribers[i].thread, NULL);
        zmq_ctx_term (self->subscribers[i].context);
    }
    free (self);
}

typedef struct {
    bench_setup_t setup;
    void *context;
    void *xpub;
} publisher_t;

/* An XPUB receives each subscription as a message, so that it knows when it is connected to all. */
static void *
open_publisher (const bench_setup_t *setup)
{
    publisher_t *self = bench_alloc (sizeof *self);
    const int yes = 1, no_linger = 0, wait_limit_ms = 10000;
    char endpoints[BENCH_WHERE_SIZE], *rest = endpoints, subscription[64];

    self->setup = *setup;
    self->context = zmq_ctx_new ();
    self->xpub = zmq_socket (self->context, ZMQ_XPUB);
    bench_check (self->xpub != NULL, "zmq_socket");
    /* Without these it would hide all subscriptions but the first, and drop what does not fit into a queue.
     */
    zmq_setsockopt (self->xpub, ZMQ_XPUB_VERBOSE, &yes, sizeof yes);
    zmq_setsockopt (self->xpub, ZMQ_XPUB_NODROP, &yes, sizeof yes);
    zmq_setsockopt (self->xpub, ZMQ_LINGER, &no_linger, sizeof no_linger);
    zmq_setsockopt (self->xpub, ZMQ_RCVTIMEO, &wait_limit_ms, sizeof wait_limit_ms);
    snprintf (endpoints, sizeof endpoints, "%s", setup->where);
    for (char *endpoint; (endpoint = strtok_r (rest, " ", &rest)) != NULL;)
        bench_check (zmq_connect (self->xpub, endpoint) == 0, "zmq_connect");
    for (size_t i = 0; i < setup->concurrency; i++)
        bench_check (zmq_recv (self->xpub, subscription, sizeof subscription, 0) >= 0, "subscription");
    return self;
}

static uint64_t
burst (void *client, size_t count, bench_samples_t *samples)
{
    publisher_t *self = client;
    char payload[MAX_SIZE] = {0};
    uint64_t begin = bench_now_ns ();

    (void) samples;
    memcpy (payload, topic, sizeof topic);
    for (size_t i = 0; i < count; i++) {
        bench_window_publish (self->setup.window);
        bench_check (zmq_send (self->xpub, payload, self->setup.payload_size, 0) >= 0, "zmq_send");
    }
    bench_window_drain (self->setup.window);
    return bench_now_ns () - begin;
}

static void
close_publisher (void *client)
{
    publisher_t *self = client;
    zmq_close (self->xpub);
    zmq_ctx_term (self->context);
    free (self);
}

const bench_half_t bench_baseline_fanout = {
    .name = "bare libzmq",
    .serve = serve,
    .unserve = unserve,
    .open = open_publisher,
    .burst = burst,
    .close = close_publisher,
};
