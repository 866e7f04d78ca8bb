/* SPDX-License-Identifier: Apache-2.0 */
/* A benchmark is a pair of halves that do the same work: bare libzmq, and Godwit; a third one may do it over
 * raw sockets, and more with other frameworks. The harness (rounds.c) keeps all of them alive and runs short
 * bursts of them in turn, so that what the machine does meanwhile (clock, neighbours, heat) hits all alike
 * and cancels in the ratios. While one is measured, the others are stopped. */
#ifndef BENCH_PAIR_H
#define BENCH_PAIR_H

#include "samples.h"
#include "window.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { BENCH_WHERE_SIZE = 8192, BENCH_HALVES_MAX = 8, BENCH_RATIOS_MAX = 4 };

/* What a half is told. The client gets the same as its server, and what that said. */
typedef struct {
    const char *transport;  /* "tcp", "ipc" or "inproc" */
    size_t payload_size;    /* bytes of a request's (or publication's) payload on the bare side */
    size_t reply_size;      /* bytes of a bare reply */
    size_t concurrency;     /* threads that call, calls in flight, or subscribers: what the pair says */
    bool inlined;           /* the method may run on the caller's thread */
    bool prepared;          /* each call is made with a client that was prepared for it */
    bool slow_neighbours;   /* slow calls run at the same server meanwhile */
    bool in_realm;          /* certificates, and CURVE over tcp */
    bool with_heartbeats;   /* the bare side's sockets have the heartbeats that Godwit's have */
    const char *where;      /* client: the line that the server wrote */
    void *server;           /* client: the server, when it is in this process */
    bench_window_t *window; /* fanout: shared by publisher and subscribers */
} bench_setup_t;

/* Every function dies on failure; a benchmark that went wrong has no figure. */
typedef struct {
    const char *name;

    /* The server's process (or the client's, for inproc): starts to serve on threads of its own, and writes
     * one line for the client. */
    void *(*serve) (const bench_setup_t *setup, char where[BENCH_WHERE_SIZE]);
    void (*unserve) (void *server);

    /* The client's process. `burst` makes `count` calls, appends one sample a call if it measures latencies,
     * and returns the elapsed time in nanoseconds. */
    void *(*open) (const bench_setup_t *setup);
    uint64_t (*burst) (void *client, size_t count, bench_samples_t *samples);
    void (*close) (void *client);

    const char *program; /* the one that has the functions above; NULL: this one */
} bench_half_t;

typedef enum {
    BENCH_P50,  /* ratio of medians of latencies: small is good */
    BENCH_P99,  /* the same of the 99th percentiles */
    BENCH_RATE, /* ratio of calls (or bytes) per second: large is good */
    BENCH_CPU   /* ratio of processor times a call, of all processes of a half: small is good */
} bench_measure_t;

enum { BENCH_MEASURES = 4 };

typedef struct {
    const char *name;
    bench_measure_t measure;
    size_t of, to; /* the indices of the halves that are divided */
    double goal;
} bench_ratio_t;

typedef struct {
    const char *name;
    const char *what;
    const char *unit; /* what a call counts as, a second; NULL: call/s */
    size_t multiple;  /* bursts are multiples of this many calls */
    size_t minimum;   /* calls a burst, however slow */
    bool windowed;    /* the publisher shares a window with its subscribers */
    bool pinned;      /* the client's process has a processor, and the server's has another */
    bool peers;       /* only with --peers */
    struct {
        const bench_half_t *half; /* NULL behind the last one */
        const char *label;        /* NULL: the half's name */
        bench_setup_t setup;
    } halves[BENCH_HALVES_MAX];
    bench_ratio_t ratios[BENCH_RATIOS_MAX]; /* behind the last one: name is NULL */
} bench_pair_t;

extern const bench_pair_t bench_pairs[];
extern const size_t bench_pairs_count;

/* The pair with this name, or with a ratio of this name; NULL if there is none. */
const bench_pair_t *bench_pair_find (const char *name);

extern const bench_half_t bench_baseline_call;
extern const bench_half_t bench_baseline_threads;
extern const bench_half_t bench_baseline_async;
extern const bench_half_t bench_baseline_big;
extern const bench_half_t bench_baseline_fanout;
extern const bench_half_t bench_baseline_notify;

extern const bench_half_t bench_raw_call;

extern const bench_half_t bench_godwit_call;
extern const bench_half_t bench_godwit_threads;
extern const bench_half_t bench_godwit_async;
extern const bench_half_t bench_godwit_big;
extern const bench_half_t bench_godwit_fanout;
extern const bench_half_t bench_godwit_neighbour;
extern const bench_half_t bench_godwit_notify;

#ifdef BENCH_SPOOL
extern const bench_half_t bench_baseline_spool;
extern const bench_half_t bench_godwit_spool;
#endif

extern const bench_half_t bench_peer_grpc;
extern const bench_half_t bench_peer_nng;
extern const bench_half_t bench_peer_capnp;
extern const bench_half_t bench_peer_nats;

#ifdef __cplusplus
}
#endif

#endif
