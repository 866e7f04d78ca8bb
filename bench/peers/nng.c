/* SPDX-License-Identifier: Apache-2.0 */
/* nng: one REQ and one REP socket. A context of a socket has one request under way; with several in flight
 * there are as many contexts on both sides. */
#include "bench/peers/peer.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/supplemental/util/platform.h>

#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static void
check (int result, const char *what)
{
    if (result != 0)
        bench_die ("nng: %s: %s", what, nng_strerror (result));
}

static size_t
contexts_of (const bench_setup_t *setup)
{
    return setup->concurrency > 0 ? setup->concurrency : 1;
}

/* ---- server: a context receives, and sends what it received ---- */

typedef struct {
    nng_ctx context;
    nng_aio *aio;
    bool is_sending;
} echo_t;

typedef struct {
    nng_socket socket;
    size_t count;
    echo_t echoes[];
} server_t;

static void
echo_on (void *argument)
{
    echo_t *self = argument;
    const int result = nng_aio_result (self->aio);

    if (result == NNG_ECLOSED || result == NNG_ECANCELED)
        return;
    if (!self->is_sending && result == 0) {
        self->is_sending = true;
        nng_aio_set_msg (self->aio, nng_aio_get_msg (self->aio));
        nng_ctx_send (self->context, self->aio);
    } else {
        self->is_sending = false;
        nng_ctx_recv (self->context, self->aio);
    }
}

static void *
serve (const bench_setup_t *setup, char where[BENCH_WHERE_SIZE])
{
    const size_t count = contexts_of (setup);
    server_t *self = bench_alloc (sizeof *self + count * sizeof (echo_t));
    nng_listener listener;

    self->count = count;
    check (nng_rep0_open (&self->socket), "rep");
    snprintf (where, BENCH_WHERE_SIZE, "abstract://godwit-bench-nng-%ld", (long) getpid ());
    if (bench_peer_is_tcp (setup))
        snprintf (where, BENCH_WHERE_SIZE, "tcp://127.0.0.1:0");
    check (nng_listen (self->socket, where, &listener, 0), where);
    if (bench_peer_is_tcp (setup)) {
        int port = 0;
        check (nng_listener_get_int (listener, NNG_OPT_TCP_BOUND_PORT, &port), "port");
        snprintf (where, BENCH_WHERE_SIZE, "tcp://127.0.0.1:%d", port);
    }
    for (size_t i = 0; i < count; i++) {
        check (nng_ctx_open (&self->echoes[i].context, self->socket), "context");
        check (nng_aio_alloc (&self->echoes[i].aio, echo_on, &self->echoes[i]), "aio");
        nng_ctx_recv (self->echoes[i].context, self->echoes[i].aio);
    }
    return self;
}

static void
unserve (void *server)
{
    server_t *self = server;
    nng_close (self->socket);
    for (size_t i = 0; i < self->count; i++) {
        nng_aio_stop (self->echoes[i].aio);
        nng_aio_free (self->echoes[i].aio);
    }
    free (self);
}

/* ---- client ---- */

typedef struct client client_t;

typedef struct {
    client_t *client;
    nng_ctx context;
    nng_aio *aio;
    bool is_sending;
} call_t;

struct client {
    nng_socket socket;
    size_t size;
    size_t in_flight; /* 0: one at a time */
    _Atomic size_t to_start;
    _Atomic size_t to_end;
    sem_t ended;
    size_t count;
    call_t calls[];
};

static nng_msg *
request (const client_t *self)
{
    nng_msg *message = NULL;
    check (nng_msg_alloc (&message, self->size), "message");
    return message;
}

static void
start_next (call_t *self)
{
    size_t left = atomic_load (&self->client->to_start);
    while (left > 0 && !atomic_compare_exchange_weak (&self->client->to_start, &left, left - 1))
        continue;
    if (left == 0)
        return;
    self->is_sending = true;
    nng_aio_set_msg (self->aio, request (self->client));
    nng_ctx_send (self->context, self->aio);
}

static void
call_on (void *argument)
{
    call_t *self = argument;
    const int result = nng_aio_result (self->aio);

    if (result == NNG_ECLOSED || result == NNG_ECANCELED)
        return;
    check (result, "call");
    if (self->is_sending) {
        self->is_sending = false;
        nng_ctx_recv (self->context, self->aio);
        return;
    }
    nng_msg_free (nng_aio_get_msg (self->aio));
    client_t *client = self->client;
    start_next (self);
    if (atomic_fetch_sub (&client->to_end, 1) == 1)
        sem_post (&client->ended);
}

static void
call (const client_t *self)
{
    nng_msg *reply = NULL;
    check (nng_sendmsg (self->socket, request (self), 0), "send");
    check (nng_recvmsg (self->socket, &reply, 0), "receive");
    nng_msg_free (reply);
}

static void *
open_client (const bench_setup_t *setup)
{
    const size_t count = contexts_of (setup);
    client_t *self = bench_alloc (sizeof *self + count * sizeof (call_t));

    self->size = setup->payload_size;
    self->in_flight = setup->concurrency;
    self->count = count;
    sem_init (&self->ended, 0, 0);
    check (nng_req0_open (&self->socket), "req");
    check (nng_dial (self->socket, setup->where, NULL, 0), setup->where);
    for (size_t i = 0; i < count; i++) {
        self->calls[i].client = self;
        check (nng_ctx_open (&self->calls[i].context, self->socket), "context");
        check (nng_aio_alloc (&self->calls[i].aio, call_on, &self->calls[i]), "aio");
    }
    call (self);
    return self;
}

static uint64_t
burst (void *client, size_t count, bench_samples_t *samples)
{
    client_t *self = client;
    uint64_t begin = bench_now_ns (), before = begin;

    for (size_t i = 0; self->in_flight == 0 && i < count; i++) {
        call (self);
        const uint64_t now = bench_now_ns ();
        bench_samples_add (samples, now - before);
        before = now;
    }
    if (self->in_flight > 0) {
        atomic_store (&self->to_end, count);
        atomic_store (&self->to_start, count);
        for (size_t i = 0; i < self->count; i++)
            start_next (&self->calls[i]);
        while (sem_wait (&self->ended) != 0)
            continue;
        before = bench_now_ns ();
    }
    return before - begin;
}

static void
close_client (void *client)
{
    client_t *self = client;
    nng_close (self->socket);
    for (size_t i = 0; i < self->count; i++) {
        nng_aio_stop (self->calls[i].aio);
        nng_aio_free (self->calls[i].aio);
    }
    sem_destroy (&self->ended);
    free (self);
}

static const bench_half_t half = {
    .name = "nng",
    .serve = serve,
    .unserve = unserve,
    .open = open_client,
    .burst = burst,
    .close = close_client,
};

int
main (int argc, char **argv)
{
    return bench_peer_main (argc, argv, &half);
}
