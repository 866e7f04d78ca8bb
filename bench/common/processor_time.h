/* SPDX-License-Identifier: Apache-2.0 */
/* The processor time of some processes: user and kernel time of all of their threads. */
#ifndef BENCH_PROCESSOR_TIME_H
#define BENCH_PROCESSOR_TIME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

enum { BENCH_GROUP_MAX = 16 };

typedef struct {
    clockid_t clocks[BENCH_GROUP_MAX];
    size_t count;
} bench_processor_time_t;

/* The processes that are in the caller's process group now: those of one half. */
void bench_processor_time_of_group (bench_processor_time_t *self);
/* One process more. */
void bench_processor_time_add (bench_processor_time_t *self, pid_t pid);

/* Nanoseconds, from the start of these processes on. */
uint64_t bench_processor_time_ns (const bench_processor_time_t *self);

#endif
