/* SPDX-License-Identifier: Apache-2.0 */
#include "baseline.h"
#include "die.h"
#include "silent.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

typedef struct {
    void *context;
    void *router;
    size_t reply_size;
    pthread_t thread;
} router_t;

/* A reply of the request's size is the request's own message, sent back; another one is made. */
static int
answer (const router_t *self, zmq_msg_t *body)
{
    if (zmq_msg_size (body) == self->reply_size)
        return zmq_msg_send (body, self->router, 0);

    zmq_msg_t reply;
    zmq_msg_init_size (&reply, self->reply_size);
    memset (zmq_msg_data (&reply), 0, self->reply_size);
    int rc = zmq_msg_send (&reply, self->router, 0);
    if (rc < 0)
        zmq_msg_close (&reply);
    return rc;
}

static void *
router_main (void *argument)
{
    router_t *self = argument;
    zmq_msg_t id, body;

    zmq_msg_init (&id);
    zmq_msg_init (&body);
    while (zmq_msg_recv (&id, self->router, 0) >= 0 && zmq_msg_recv (&body, self->router, 0) >= 0 &&
           zmq_msg_send (&id, self->router, ZMQ_SNDMORE) >= 0 && answer (self, &body) >= 0)
        continue;
    bench_check (errno == ETERM, "baseline server");
    zmq_msg_close (&id);
    zmq_msg_close (&body);
    zmq_close (self->router);
    return NULL;
}

/* As Godwit's sockets have by default. An answer may take the rest of the time-out. */
static void
set_heartbeats (void *socket)
{
    const int interval_ms = BENCH_HEARTBEAT_MS, answer_ms = BENCH_HEARTBEAT_TIMEOUT_MS - BENCH_HEARTBEAT_MS;
    bench_check (zmq_setsockopt (socket, ZMQ_HEARTBEAT_IVL, &interval_ms, sizeof interval_ms) == 0 &&
                     zmq_setsockopt (socket, ZMQ_HEARTBEAT_TIMEOUT, &answer_ms, sizeof answer_ms) == 0,
                 "heartbeats");
}

void *
baseline_router_serve (const bench_setup_t *setup, char where[BENCH_WHERE_SIZE])
{
    router_t *self = bench_alloc (sizeof *self);
    const int no_linger = 0;
    size_t size = BENCH_WHERE_SIZE;
    char bind_to[64];

    self->reply_size = setup->reply_size;
    self->context = zmq_ctx_new ();
    self->router = zmq_socket (self->context, ZMQ_ROUTER);
    bench_check (self->router != NULL, "zmq_socket");
    zmq_setsockopt (self->router, ZMQ_LINGER, &no_linger, sizeof no_linger);
    if (setup->with_heartbeats)
        set_heartbeats (self->router);
    snprintf (bind_to, sizeof bind_to, "%s://%s", setup->transport,
              strcmp (setup->transport, "tcp") == 0   ? "127.0.0.1:*"
              : strcmp (setup->transport, "ipc") == 0 ? "*"
                                                      : "bench");
    bench_check (zmq_bind (self->router, bind_to) == 0, bind_to);
    bench_check (zmq_getsockopt (self->router, ZMQ_LAST_ENDPOINT, where, &size) == 0, "ZMQ_LAST_ENDPOINT");
    bench_check (pthread_create (&self->thread, NULL, router_main, self) == 0, "pthread_create");
    return self;
}

void
baseline_router_unserve (void *server)
{
    router_t *self = server;
    zmq_ctx_shutdown (self->context);
    pthread_join (self->thread, NULL);
    zmq_ctx_term (self->context);
    free (self);
}

void *
baseline_context (const bench_setup_t *setup)
{
    if (setup->server == NULL)
        return zmq_ctx_new ();
    return ((router_t *) setup->server)->context;
}

void
baseline_context_release (const bench_setup_t *setup, void *context)
{
    if (setup->server == NULL)
        zmq_ctx_term (context);
}

void *
baseline_dealer (void *context, const bench_setup_t *setup)
{
    void *dealer = zmq_socket (context, ZMQ_DEALER);
    const int no_linger = 0;
    char byte = 0;

    bench_check (dealer != NULL, "zmq_socket");
    zmq_setsockopt (dealer, ZMQ_LINGER, &no_linger, sizeof no_linger);
    bench_check (zmq_connect (dealer, setup->where) == 0, "zmq_connect");
    bench_check (zmq_send (dealer, &byte, 1, 0) == 1 && zmq_recv (dealer, &byte, 1, 0) >= 0,
                 "first round trip");
    return dealer;
}
