/* SPDX-License-Identifier: Apache-2.0 */
#include "pair.h"

#include <string.h>

enum { KIB = 1024, MIB = 1024 * KIB };

#define SMALL .payload_size = 64, .reply_size = 64

/* Goals: those of docs/performance.md. */
const bench_pair_t bench_pairs[] = {
    {
        .name = "call_tcp",
        .what = "synchronous call over tcp, two processes",
        .measure = BENCH_P50,
        .goal = 1.05,
        .pinned = true,
        .halves = {&bench_baseline_call, &bench_godwit_call},
        .setups = {{.transport = "tcp", SMALL}, {.transport = "tcp", SMALL}},
    },
    {
        .name = "call_ipc",
        .what = "synchronous call over ipc, two processes",
        .measure = BENCH_P50,
        .goal = 1.05,
        .pinned = true,
        .halves = {&bench_baseline_call, &bench_godwit_call},
        .setups = {{.transport = "ipc", SMALL}, {.transport = "ipc", SMALL}},
    },
    {
        .name = "call_inproc",
        .what = "synchronous call inside one process, handler on a worker",
        .measure = BENCH_P50,
        .goal = 1.0,
        .halves = {&bench_baseline_call, &bench_godwit_call},
        .setups = {{.transport = "inproc", SMALL}, {.transport = "inproc", SMALL}},
    },
    {
        .name = "call_inproc_inline",
        .what = "the same, a method marked inline: handler on the caller's thread",
        .measure = BENCH_P50,
        .goal = 0.2,
        .halves = {&bench_baseline_call, &bench_godwit_call},
        .setups = {{.transport = "inproc", SMALL}, {.transport = "inproc", SMALL, .inlined = true}},
    },
    {
        .name = "prepare_call",
        .what = "prepare, call over tcp and destroy, against the call alone",
        .measure = BENCH_P50,
        .goal = 1.03,
        .pinned = true,
        .halves = {&bench_godwit_call, &bench_godwit_call},
        .setups = {{.transport = "tcp", SMALL}, {.transport = "tcp", SMALL, .prepared = true}},
    },
    {
        .name = "threads16_tcp",
        .what = "16 threads calling: one shared client, against a DEALER each",
        .measure = BENCH_RATE,
        .goal = 1.25,
        .unit = "call/s",
        .multiple = 16,
        .pinned = true,
        .halves = {&bench_baseline_threads, &bench_godwit_threads},
        .setups = {{.transport = "tcp", SMALL, .concurrency = 16},
                   {.transport = "tcp", SMALL, .concurrency = 16}},
    },
    {
        .name = "async_tcp",
        .what = "asynchronous calls, 256 in flight",
        .measure = BENCH_RATE,
        .goal = 0.6,
        .unit = "call/s",
        .pinned = true,
        .halves = {&bench_baseline_async, &bench_godwit_async},
        .setups = {{.transport = "tcp", SMALL, .concurrency = 256},
                   {.transport = "tcp", SMALL, .concurrency = 256}},
    },
    {
        .name = "fanout32",
        .what = "fanout casts that all of 32 subscribers received",
        .measure = BENCH_RATE,
        .goal = 0.8,
        .unit = "cast/s",
        .multiple = BENCH_WINDOW_CHUNK,
        .windowed = true,
        .pinned = true,
        .halves = {&bench_baseline_fanout, &bench_godwit_fanout},
        .setups = {{.transport = "tcp", .payload_size = 100, .concurrency = BENCH_WINDOW_SUBSCRIBERS},
                   {.transport = "tcp", .payload_size = 100, .concurrency = BENCH_WINDOW_SUBSCRIBERS}},
    },
    {
        .name = "big_tcp",
        .what = "calls with an argument of 1 MiB, one at a time",
        .measure = BENCH_RATE,
        .goal = 0.9,
        .unit = "MiB/s",
        .pinned = true,
        .halves = {&bench_baseline_big, &bench_godwit_big},
        .setups = {{.transport = "tcp", .payload_size = MIB, .reply_size = 8},
                   {.transport = "tcp", .payload_size = MIB, .reply_size = 8}},
    },
    {
        .name = "slow_neighbour",
        .what = "fast calls while 4 calls of 50 ms run at the same server, against without",
        .measure = BENCH_P99,
        .goal = 2,
        .minimum = 1000,
        .pinned = true,
        .halves = {&bench_godwit_neighbour, &bench_godwit_neighbour},
        .setups = {{.transport = "tcp", SMALL, .concurrency = 4},
                   {.transport = "tcp", SMALL, .concurrency = 4, .slow_neighbours = true}},
    },
};

const size_t bench_pairs_count = sizeof bench_pairs / sizeof *bench_pairs;

const bench_pair_t *
bench_pair_find (const char *name)
{
    for (size_t i = 0; i < bench_pairs_count; i++)
        if (strcmp (bench_pairs[i].name, name) == 0)
            return &bench_pairs[i];
    return NULL;
}
