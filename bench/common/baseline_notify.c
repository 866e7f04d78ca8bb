/* SPDX-License-Identifier: Apache-2.0 */
/* What stands for notifications in plain libzmq: a PUSH for each pool, whose PULL acknowledges every 64
 * messages over a connection of its own; at most 512 messages to a pool are without an acknowledgement. Each
 * PULL stands for a process: it has a context and a thread of its own. */
#include "baseline.h"
#include "clock.h"
#include "die.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum { ACK_EVERY = 64, UNACKNOWLEDGED_MAX = 512, WAIT_LIMIT_MS = 10000 };

typedef struct {
    bench_window_t *window; /* each message is told there; NULL: none is */
    void *context;
    void *pull;
    void *acks;
    pthread_t thread;
} listener_t;

typedef struct {
    size_t count;
    listener_t listeners[];
} listeners_t;

static void *
listener_main (void *argument)
{
    listener_t *self = argument;
    zmq_msg_t message;
    size_t count = 0;

    zmq_msg_init (&message);
    while (zmq_msg_recv (&message, self->pull, 0) >= 0) {
        if (self->window != NULL)
            bench_window_arrived (self->window);
        if (++count % ACK_EVERY == 0 || self->window != NULL)
            zmq_send (self->acks, &count, sizeof count, 0);
    }
    bench_check (errno == ETERM, "baseline listener");
    zmq_msg_close (&message);
    zmq_close (self->pull);
    zmq_close (self->acks);
    return NULL;
}

/* Binds to any port, and appends the address to the line. */
static size_t
bind_any (void *socket, char where[BENCH_WHERE_SIZE], size_t length)
{
    char endpoint[128];
    size_t size = sizeof endpoint;

    bench_check (socket != NULL && zmq_bind (socket, "tcp://127.0.0.1:*") == 0, "zmq_bind");
    bench_check (zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0, "ZMQ_LAST_ENDPOINT");
    return length +
           (size_t) snprintf (where + length, BENCH_WHERE_SIZE - length, "%s%s", length ? " " : "", endpoint);
}

static void *
serve (const bench_setup_t *setup, char where[BENCH_WHERE_SIZE])
{
    listeners_t *self = bench_alloc (sizeof *self + setup->concurrency * sizeof (listener_t));
    const int no_linger = 0;
    size_t length = 0;

    self->count = setup->concurrency;
    for (size_t i = 0; i < self->count; i++) {
        listener_t *listener = &self->listeners[i];
        listener->window = setup->window;
        listener->context = zmq_ctx_new ();
        listener->pull = zmq_socket (listener->context, ZMQ_PULL);
        listener->acks = zmq_socket (listener->context, ZMQ_PUSH);
        length = bind_any (listener->pull, where, length);
        length = bind_any (listener->acks, where, length);
        zmq_setsockopt (listener->acks, ZMQ_LINGER, &no_linger, sizeof no_linger);
        bench_check (pthread_create (&listener->thread, NULL, listener_main, listener) == 0,
                     "pthread_create");
    }
    return self;
}

static void
unserve (void *server)
{
    listeners_t *self = server;
    for (size_t i = 0; i < self->count; i++) {
        zmq_ctx_shutdown (self->listeners[i].context);
        pthread_join (self->listeners[i].thread, NULL);
        zmq_ctx_term (self->listeners[i].context);
    }
    free (self);
}

typedef struct {
    void *push;
    void *acks;
    size_t sent;
    size_t acknowledged;
} pool_t;

typedef struct {
    bench_setup_t setup;
    void *context;
    size_t count;
    pool_t pools[];
} notifier_t;

static void *
open_notifier (const bench_setup_t *setup)
{
    notifier_t *self = bench_alloc (sizeof *self + setup->concurrency * sizeof (pool_t));
    const int no_linger = 0, wait_limit_ms = WAIT_LIMIT_MS;
    char endpoints[BENCH_WHERE_SIZE], *rest = endpoints;

    self->setup = *setup;
    self->context = zmq_ctx_new ();
    self->count = setup->concurrency;
    snprintf (endpoints, sizeof endpoints, "%s", setup->where);
    for (size_t i = 0; i < self->count; i++) {
        pool_t *pool = &self->pools[i];
        pool->push = zmq_socket (self->context, ZMQ_PUSH);
        pool->acks = zmq_socket (self->context, ZMQ_PULL);
        zmq_setsockopt (pool->push, ZMQ_LINGER, &no_linger, sizeof no_linger);
        zmq_setsockopt (pool->acks, ZMQ_RCVTIMEO, &wait_limit_ms, sizeof wait_limit_ms);
        bench_check (zmq_connect (pool->push, strtok_r (rest, " ", &rest)) == 0, "zmq_connect");
        bench_check (zmq_connect (pool->acks, strtok_r (rest, " ", &rest)) == 0, "zmq_connect");
    }
    return self;
}

/* Takes acknowledgements until at most `most` messages are without one. */
static void
take_acks (pool_t *pool, size_t most)
{
    int flags = ZMQ_DONTWAIT;
    for (;;) {
        const bool enough = pool->sent - pool->acknowledged <= most;
        flags = enough ? ZMQ_DONTWAIT : 0;
        if (zmq_recv (pool->acks, &pool->acknowledged, sizeof pool->acknowledged, flags) < 0) {
            bench_check (enough && errno == EAGAIN, "acknowledgement");
            return;
        }
    }
}

static uint64_t
burst (void *client, size_t count, bench_samples_t *samples)
{
    notifier_t *self = client;
    static char payload[65536];
    uint64_t begin = bench_now_ns ();

    for (size_t i = 0; i < count; i++) {
        const uint64_t before = bench_now_ns ();
        for (size_t p = 0; p < self->count; p++) {
            pool_t *pool = &self->pools[p];
            bench_check (zmq_send (pool->push, payload, self->setup.payload_size, 0) >= 0, "zmq_send");
            pool->sent++;
        }
        if (self->setup.window != NULL)
            bench_samples_add (samples, bench_window_arrival (self->setup.window) - before);
        for (size_t p = 0; p < self->count; p++)
            take_acks (&self->pools[p], self->setup.window != NULL ? 0 : UNACKNOWLEDGED_MAX);
    }
    for (size_t p = 0; p < self->count; p++) /* the rest of less than ACK_EVERY is not acknowledged yet */
        take_acks (&self->pools[p], ACK_EVERY - 1);
    return bench_now_ns () - begin;
}

static void
close_notifier (void *client)
{
    notifier_t *self = client;
    for (size_t i = 0; i < self->count; i++) {
        zmq_close (self->pools[i].push);
        zmq_close (self->pools[i].acks);
    }
    zmq_ctx_term (self->context);
    free (self);
}

const bench_half_t bench_baseline_notify = {
    .name = "bare libzmq",
    .serve = serve,
    .unserve = unserve,
    .open = open_notifier,
    .burst = burst,
    .close = close_notifier,
};
