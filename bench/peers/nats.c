/* SPDX-License-Identifier: Apache-2.0 */
/* NATS: a request to a subject, and a subscriber that answers it. The server's process starts nats-server,
 * whose processor time counts. */
#include "bench/peers/peer.h"

#include <nats/nats.h>

#include <arpa/inet.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SUBJECT "bench.echo"

enum { CALL_LIMIT_MS = 5000, START_TRIES = 500, START_PAUSE_NS = 10000000 };

static void
check (natsStatus status, const char *what)
{
    if (status != NATS_OK)
        bench_die ("NATS: %s: %s", what, natsStatus_GetText (status));
}

static natsStatus
connect_to (natsConnection **connection, const char *url)
{
    natsOptions *options = NULL;
    check (natsOptions_Create (&options), "options");
    check (natsOptions_SetURL (options, url), url);
    /* Otherwise a message waits for another thread. */
    check (natsOptions_SetSendAsap (options, true), "options");
    const natsStatus status = natsConnection_Connect (connection, options);
    natsOptions_Destroy (options);
    return status;
}

/* ---- server ---- */

typedef struct {
    pid_t broker;
    natsConnection *connection;
    natsSubscription *subscription;
} server_t;

/* The broker cannot be asked for a port that is free and known. */
static unsigned
free_port (void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    const int fd = socket (AF_INET, SOCK_STREAM, 0);
    bench_check (bind (fd, (struct sockaddr *) &address, size) == 0 &&
                     getsockname (fd, (struct sockaddr *) &address, &size) == 0,
                 "a free port");
    close (fd);
    return ntohs (address.sin_port);
}

static pid_t
start_broker (unsigned port)
{
    char text[16];

    snprintf (text, sizeof text, "%u", port);
    const pid_t pid = fork ();
    bench_check (pid >= 0, "fork");
    if (pid == 0) {
        prctl (PR_SET_PDEATHSIG, SIGKILL);
        execl (GODWIT_BENCH_NATS_SERVER, "nats-server", "-a", "127.0.0.1", "-p", text, "-l", "/dev/null",
               (char *) NULL);
        _exit (127);
    }
    return pid;
}

static void
answer (natsConnection *connection, natsSubscription *subscription, natsMsg *message, void *self)
{
    (void) subscription;
    (void) self;
    check (natsConnection_Publish (connection, natsMsg_GetReply (message), natsMsg_GetData (message),
                                   natsMsg_GetDataLength (message)),
           "reply");
    natsMsg_Destroy (message);
}

static void *
serve (const bench_setup_t *setup, char where[BENCH_WHERE_SIZE])
{
    server_t *self = bench_alloc (sizeof *self);
    const struct timespec pause = {.tv_nsec = START_PAUSE_NS};
    const unsigned port = free_port ();
    natsStatus status = NATS_ERR;

    (void) setup;
    self->broker = start_broker (port);
    snprintf (where, BENCH_WHERE_SIZE, "nats://127.0.0.1:%u", port);
    for (int i = 0; i < START_TRIES && status != NATS_OK; i++) {
        nanosleep (&pause, NULL);
        status = connect_to (&self->connection, where);
    }
    check (status, GODWIT_BENCH_NATS_SERVER);
    check (natsConnection_Subscribe (&self->subscription, self->connection, SUBJECT, answer, self),
           "subscription");
    check (natsConnection_Flush (self->connection), "subscription");
    return self;
}

static void
unserve (void *server)
{
    server_t *self = server;
    natsSubscription_Destroy (self->subscription);
    natsConnection_Destroy (self->connection);
    kill (self->broker, SIGTERM);
    waitpid (self->broker, NULL, 0);
    free (self);
}

/* ---- client ---- */

typedef struct {
    natsConnection *connection;
    natsSubscription *replies;
    natsInbox *inbox;
    size_t size;
    size_t in_flight; /* 0: one at a time */
    _Atomic size_t to_start;
    _Atomic size_t to_end;
    sem_t ended;
    char payload[256];
} client_t;

static void
start_next (client_t *self)
{
    size_t left = atomic_load (&self->to_start);
    while (left > 0 && !atomic_compare_exchange_weak (&self->to_start, &left, left - 1))
        continue;
    if (left > 0)
        check (natsConnection_PublishRequest (self->connection, SUBJECT, self->inbox, self->payload,
                                              (int) self->size),
               "request");
}

static void
replied (natsConnection *connection, natsSubscription *subscription, natsMsg *message, void *client)
{
    client_t *self = client;
    (void) connection;
    (void) subscription;
    natsMsg_Destroy (message);
    start_next (self);
    if (atomic_fetch_sub (&self->to_end, 1) == 1)
        sem_post (&self->ended);
}

static void
call (client_t *self)
{
    natsMsg *reply = NULL;
    check (natsConnection_Request (&reply, self->connection, SUBJECT, self->payload, (int) self->size,
                                   CALL_LIMIT_MS),
           "call");
    natsMsg_Destroy (reply);
}

static void *
open_client (const bench_setup_t *setup)
{
    client_t *self = bench_alloc (sizeof *self);
    self->size = setup->payload_size;
    self->in_flight = setup->concurrency;
    sem_init (&self->ended, 0, 0);
    check (connect_to (&self->connection, setup->where), setup->where);
    check (natsInbox_Create (&self->inbox), "inbox");
    check (natsConnection_Subscribe (&self->replies, self->connection, self->inbox, replied, self), "inbox");
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
        for (size_t i = 0; i < self->in_flight; i++)
            start_next (self);
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
    natsSubscription_Destroy (self->replies);
    natsInbox_Destroy (self->inbox);
    natsConnection_Destroy (self->connection);
    sem_destroy (&self->ended);
    free (self);
}

static const bench_half_t half = {
    .name = "NATS",
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
