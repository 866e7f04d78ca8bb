/* SPDX-License-Identifier: Apache-2.0 */
/* What the Godwit halves share: the server with all methods that a benchmark calls, and the client side's
 * objects. Only the public API is used, with every option at its default. */
#ifndef BENCH_GODWIT_SIDE_H
#define BENCH_GODWIT_SIDE_H

#include "pair.h"

#include <godwit/godwit.h>

#define BENCH_TOPIC "bench"

/* Dies, with the error's text, unless status is OK. */
void bench_godwit_check (godwit_status_t status, godwit_error_t **error, const char *what);

/* That of the URLs: chosen by the option --scheme, "zmq" without it. */
const char *bench_godwit_scheme (void);

/* A server with all methods, started. Returns what went wrong, if anything did. */
godwit_status_t bench_godwit_server (godwit_server_t **server, godwit_transport_t *transport,
                                     const char *name, godwit_error_t **error);

/* A process with one server. The line for the client is the transport's URL. */
void *bench_godwit_serve (const bench_setup_t *setup, char where[BENCH_WHERE_SIZE]);
void bench_godwit_unserve (void *server);

/* A URL that only the processes of this pair use. */
void bench_godwit_url (const bench_setup_t *setup, char where[BENCH_WHERE_SIZE]);

typedef struct {
    godwit_transport_t *transport; /* the server's own when that is in this process */
    bool own_transport;
    godwit_client_t *client;
    godwit_value_t *context; /* two keys, as in an ordinary call */
} bench_godwit_client_t;

/* Returns when `servers` servers are connected; dies if that takes longer than 10 s, or than `limit_ms`. */
void bench_godwit_open (bench_godwit_client_t *self, const bench_setup_t *setup, size_t servers);
void bench_godwit_open_within (bench_godwit_client_t *self, const bench_setup_t *setup, size_t servers,
                               int64_t limit_ms);
void bench_godwit_close (bench_godwit_client_t *self);

/* The ordinary call that most pairs measure: two integers there, their sum back, checked. */
void bench_godwit_add (const bench_godwit_client_t *self, const char *method, int64_t a);

#endif
