/* SPDX-License-Identifier: Apache-2.0 */
/* Other frameworks that make the same calls: 64 bytes there and 64 back, one at a time, or 256 in flight.
 * Each is a program of its own, so that no library meets another, and obeys the harness as the processes of
 * every half do (bench/common/running.h). */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include "bench/common/clock.h"
#include "bench/common/die.h"
#include "bench/common/pair.h"

#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The main function of a peer's program. The half's burst makes calls one at a time if setup->concurrency is
 * 0. */
int bench_peer_main (int argc, char **argv, const bench_half_t *half);

static inline bool
bench_peer_is_tcp (const bench_setup_t *setup)
{
    return strcmp (setup->transport, "tcp") == 0;
}

#ifdef __cplusplus
}
#endif

#endif
