/* SPDX-License-Identifier: Apache-2.0 */
/* Many clients that are connected and say nothing: plain sockets that speak as much ZMTP as that takes. They
 * shake hands as DEALERs, say HELLO to a Godwit server, test the connection every 500 ms as libzmq's and
 * Godwit's sockets do, and answer when they are tested. One descriptor and a few bytes each, so that
 * thousands fit beside the server that is measured, and the same for bare libzmq and for Godwit. Once
 * connected they only run when nobody else wants their processor. */
#ifndef BENCH_SILENT_H
#define BENCH_SILENT_H

#include "child.h"

enum { BENCH_HEARTBEAT_MS = 500, BENCH_HEARTBEAT_TIMEOUT_MS = 2000 };

/* Starts a process with `count` such clients of `address` (tcp://127.0.0.1:PORT). Returns when all are
 * connected. Dies if that takes longer than `limit_s`. */
void bench_silent_start (bench_child_t *child, const char *address, size_t count, unsigned limit_s);
/* How many have lost their connection since. */
size_t bench_silent_lost (bench_child_t *child);
/* Stops all of them: they neither test nor answer. */
void bench_silent_freeze (const bench_child_t *child);
/* Lets them go on; returns when they have made up for what was due meanwhile. */
void bench_silent_thaw (bench_child_t *child);
void bench_silent_end (bench_child_t *child);

/* The process: role "silent ADDRESS COUNT LIMIT". */
int bench_silent_main (char **arguments);

#endif
