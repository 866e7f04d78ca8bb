/* SPDX-License-Identifier: Apache-2.0 */
/* What the bare halves share. They are what an engineer writes who knows libzmq and needs no more than one
 * message each way: blocking calls, messages moved and not copied, one thread a socket. */
#ifndef BENCH_BASELINE_H
#define BENCH_BASELINE_H

#include "pair.h"

/* One thread that owns a bound ROUTER and answers each message as it comes. Serves all pairs but the fanout.
 */
void *baseline_router_serve (const bench_setup_t *setup, char where[BENCH_WHERE_SIZE]);
void baseline_router_unserve (void *server);

/* The context to connect in: the server's own for inproc, else a new one, which the caller terminates. */
void *baseline_context (const bench_setup_t *setup);
void baseline_context_release (const bench_setup_t *setup, void *context);

/* A DEALER that is connected to the ROUTER and has had an answer from it. */
void *baseline_dealer (void *context, const bench_setup_t *setup);

#endif
