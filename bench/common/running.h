/* SPDX-License-Identifier: Apache-2.0 */
/* One half of a pair while it lives: a process for the client and one for its server (for inproc both are in
 * one), in a process group of their own, so that the half can be stopped as a whole. The client's process
 * makes a burst of calls whenever it is told to. */
#ifndef BENCH_RUNNING_H
#define BENCH_RUNNING_H

#include "child.h"
#include "pair.h"
#include "processor_time.h"

typedef struct {
    const bench_half_t *half;
    const char *label;
    bool has_server;
    bench_child_t server;
    bench_child_t client;
    pid_t group;
    bench_processor_time_t processes;
    uint64_t frozen_ns; /* the processor time of both when they were stopped */
    bench_window_t *window;
} bench_running_t;

typedef struct {
    uint64_t elapsed_ns;
    uint64_t processor_ns; /* of all processes of the half, meanwhile */
    bench_samples_t samples;
} bench_burst_t;

/* Starts half `index` of the pair: server first, then the client, which is connected when this returns. With
 * `pin`, and if the pair is one that pins, the two processes get a processor each. */
void bench_running_start (bench_running_t *running, const bench_pair_t *pair, size_t index, bool pin);
void bench_running_end (bench_running_t *running);

/* Stops all threads of the half (SIGSTOP), and lets them go on; dies if they have run in between. A half that
 * is stopped for much less than its heartbeats' time-out keeps its connections. */
void bench_running_freeze (bench_running_t *running);
void bench_running_thaw (bench_running_t *running);

/* Has `count` calls made. The samples are added to those of `burst`. */
void bench_running_burst (bench_running_t *running, size_t count, bench_burst_t *burst);

/* What the processes of a half do. The functions are those of `half`, if it is not NULL, else the pair's. */
void bench_running_serve (const bench_pair_t *pair, size_t index, const bench_half_t *half);
void bench_running_call (const bench_pair_t *pair, size_t index, const bench_half_t *half, const char *where);

/* `count` calls of a half whose client is this process. Nothing is printed. For counting instructions and
 * allocations from outside. */
void bench_running_plain (const bench_pair_t *pair, size_t index, size_t count);

#endif
