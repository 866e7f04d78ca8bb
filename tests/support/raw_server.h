/* SPDX-License-Identifier: Apache-2.0 */
/* A server whose handlers a test controls (it holds them, lets them go and counts them), and a raw peer at
 * one of its ports. */
#ifndef GODWIT_TESTS_RAW_SERVER_H
#define GODWIT_TESTS_RAW_SERVER_H

#include <godwit/server.h>

#include "src/server/pool.h"
#include "src/server/server.h"
#include "tests/support/raw_peer.h"

#include <pthread.h>

#define RAW_KEPT_MAX 2000

typedef struct raw_server {
    godwit_transport_t *transport;
    godwit_server_t *server;
    raw_peer_t peer;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open;        /* handlers of "block" return */
    bool spins;       /* they compute until then, and do not sleep */
    unsigned entered; /* handlers of "block" that began */
    unsigned inside;  /* ... and have not returned */
    unsigned most_inside;
    unsigned ran; /* handlers of all methods that began */
    size_t kept_count;
    godwit_request_t *kept[RAW_KEPT_MAX];
    bool destroyed;                  /* on_destroy was called */
    _Atomic (int64_t) *hand_ns;      /* the clock that "take" moves */
    godwit_cancel_fn *kept_callback; /* for requests that are kept from now on; NULL: none */
    void *kept_user;
    unsigned told;    /* callbacks of "watch" that ran */
    unsigned saw;     /* handlers of "watch" that ended and saw that they were cancelled */
    unsigned refused; /* handlers of "twice" whose second reply was refused */
} raw_server_t;

/* Starts the server, and connects a peer that says HELLO, over this driver. The methods: echo (its argument
 * x), block (until raw_server_let_go), watch (until then, or until its request is cancelled), keep, fail,
 * typed (fails with a type of its own), twice (replies twice), large, take (x ms by the hand clock; fails if
 * that is negative), take_late (the same, RUNS_LATE), inline (as echo), inline_keep, and _denied. */
void raw_server_start (raw_server_t *self, const godwit__driver_ops_t *driver,
                       const godwit_server_options_t *options,
                       const godwit_transport_options_t *transport_options);
/* The same with a clock of the test's. */
void raw_server_start_at (raw_server_t *self, const godwit__driver_ops_t *driver, godwit__clock_t clock,
                          const godwit_server_options_t *options);
/* The same without a peer. */
void raw_server_start_quiet (raw_server_t *self, const godwit__driver_ops_t *driver,
                             const godwit_server_options_t *options,
                             const godwit_transport_options_t *transport_options);
/* One more server on the transport, with the same methods, started. */
godwit_status_t raw_server_add (raw_server_t *self, const char *topic, const char *name,
                                godwit_server_t **server);
/* Another link to the same port. */
void raw_server_connect (raw_server_t *self, raw_peer_t *peer);
/* Also says HELLO. */
void raw_server_greet (raw_server_t *self, raw_peer_t *peer);
/* Closes everything. */
void raw_server_end (raw_server_t *self);
/* Lets the handlers of "block" and "watch" return. */
void raw_server_let_go (raw_server_t *self);
/* From now on these handlers wait again. */
void raw_server_hold (raw_server_t *self);
/* Reads one of the numbers above while handlers may run. */
unsigned raw_server_count (raw_server_t *self, const unsigned *number);
/* Waits until so many handlers of "block" have begun. */
void raw_server_await_entered (raw_server_t *self, unsigned count);
/* Waits until one of the numbers above is at least `least`. */
void raw_server_await (raw_server_t *self, const unsigned *number, unsigned least);
void raw_server_await_kept (raw_server_t *self, size_t count);
godwit_transport_stats_t raw_server_stats (const raw_server_t *self);
/* The peer calls a method of the server with x. */
void raw_server_ask (raw_server_t *self, uint64_t id, const char *method, int64_t x);
godwit__header_t raw_header_of (const raw_server_t *self, uint64_t id);

/* RAW_TEST (name) { ... } runs once for each driver, with `driver` being that one. */
#define RAW_TEST(name_)                                                                                      \
    static void name_ (const godwit__driver_ops_t *driver);                                                  \
    Test (inproc, name_, .timeout = 120)                                                                     \
    {                                                                                                        \
        name_ (&godwit__inproc_driver);                                                                      \
    }                                                                                                        \
    Test (zmq, name_, .timeout = 120)                                                                        \
    {                                                                                                        \
        name_ (&godwit__zmtp_driver);                                                                        \
    }                                                                                                        \
    static void name_ (const godwit__driver_ops_t *driver)

#endif
