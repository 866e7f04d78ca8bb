/* SPDX-License-Identifier: Apache-2.0 */
#include "pair.h"

#include <string.h>

enum { KIB = 1024, MIB = 1024 * KIB };

#define SMALL .payload_size = 64, .reply_size = 64
/* What a notification has on the wire. */
#define NOTIFICATION .payload_size = 280

/* The indices of the halves in the lists below. */
enum { BARE, GODWIT, RAW };

/* The same setup for all halves; where they differ, it is written out. */
#define HALVES(bare_, godwit_, ...)                                                                          \
    .halves = {{.half = (bare_), .setup = {__VA_ARGS__}}, {.half = (godwit_), .setup = {__VA_ARGS__}}}
#define HALVES_AND_RAW(bare_, godwit_, raw_, ...)                                                            \
    .halves = {{.half = (bare_), .setup = {__VA_ARGS__}},                                                    \
               {.half = (godwit_), .setup = {__VA_ARGS__}},                                                  \
               {.half = (raw_), .setup = {__VA_ARGS__}}}

/* The same calls, made by other frameworks. */
#define PEERS(bare_, godwit_, ...)                                                                           \
    {.half = (bare_), .setup = {__VA_ARGS__}}, {.half = (godwit_), .setup = {__VA_ARGS__}},                  \
        {.half = &bench_peer_grpc, .setup = {__VA_ARGS__}},                                                  \
        {.half = &bench_peer_nng, .setup = {__VA_ARGS__}},                                                   \
    {                                                                                                        \
        .half = &bench_peer_capnp, .setup = { __VA_ARGS__ }                                                  \
    }

/* Goals: those of docs/performance.md. */
const bench_pair_t bench_pairs[] = {
    {
        .name = "call_tcp",
        .what = "synchronous call over tcp, two processes",
        .pinned = true,
        HALVES_AND_RAW (&bench_baseline_call, &bench_godwit_call, &bench_raw_call, .transport = "tcp", SMALL),
        .ratios = {{"call_tcp", BENCH_P50, GODWIT, BARE, 0.50},
                   {"call_tcp_raw", BENCH_P50, GODWIT, RAW, 1.30},
                   {"cpu_tcp", BENCH_CPU, GODWIT, BARE, 0.50}},
    },
    {
        .name = "call_curve",
        .what = "synchronous call over tcp in a realm, against the same without",
        .pinned = true,
        .halves = {{&bench_godwit_call, "without", {.transport = "tcp", SMALL}},
                   {&bench_godwit_call, "realm", {.transport = "tcp", SMALL, .in_realm = true}}},
        .ratios = {{"call_curve", BENCH_P50, 1, 0, 1.25}},
    },
    {
        .name = "call_ipc",
        .what = "synchronous call over ipc, two processes",
        .pinned = true,
        HALVES_AND_RAW (&bench_baseline_call, &bench_godwit_call, &bench_raw_call, .transport = "ipc", SMALL),
        .ratios = {{"call_ipc", BENCH_P50, GODWIT, BARE, 0.50},
                   {"call_ipc_raw", BENCH_P50, GODWIT, RAW, 1.30}},
    },
    {
        .name = "call_inproc",
        .what = "synchronous call inside one process, handler on a worker",
        HALVES (&bench_baseline_call, &bench_godwit_call, .transport = "inproc", SMALL),
        .ratios = {{"call_inproc", BENCH_P50, GODWIT, BARE, 1.0}},
    },
    {
        .name = "call_inproc_inline",
        .what = "the same, a method marked inline: handler on the caller's thread",
        HALVES (&bench_baseline_call, &bench_godwit_call, .transport = "inproc", SMALL, .inlined = true),
        .ratios = {{"call_inproc_inline", BENCH_P50, GODWIT, BARE, 0.2}},
    },
    {
        .name = "prepare_call",
        .what = "prepare, call over tcp and destroy, against the call alone",
        .pinned = true,
        .halves = {{&bench_godwit_call, "without", {.transport = "tcp", SMALL}},
                   {&bench_godwit_call, "with", {.transport = "tcp", SMALL, .prepared = true}}},
        .ratios = {{"prepare_call", BENCH_P50, 1, 0, 1.03}},
    },
    {
        .name = "threads16_tcp",
        .what = "16 threads calling: one shared client, against a DEALER each",
        .multiple = 16,
        .pinned = true,
        HALVES (&bench_baseline_threads, &bench_godwit_threads, .transport = "tcp", SMALL, .concurrency = 16),
        .ratios = {{"threads16_tcp", BENCH_RATE, GODWIT, BARE, 1.6}},
    },
    {
        .name = "async_tcp",
        .what = "asynchronous calls, 256 in flight",
        .pinned = true,
        HALVES (&bench_baseline_async, &bench_godwit_async, .transport = "tcp", SMALL, .concurrency = 256),
        .ratios = {{"async_tcp", BENCH_RATE, GODWIT, BARE, 1.0}},
    },
    {
        .name = "async_curve",
        .what = "asynchronous calls, 256 in flight, in a realm, against the same without",
        .pinned = true,
        .halves = {{&bench_godwit_async, "without", {.transport = "tcp", SMALL, .concurrency = 256}},
                   {&bench_godwit_async,
                    "realm",
                    {.transport = "tcp", SMALL, .concurrency = 256, .in_realm = true}}},
        .ratios = {{"async_curve", BENCH_RATE, 1, 0, 0.7}},
    },
    {
        .name = "fanout32",
        .what = "fanout casts that all of 32 subscribers received",
        .unit = "cast/s",
        .multiple = BENCH_WINDOW_CHUNK,
        .windowed = true,
        .pinned = true,
        HALVES (&bench_baseline_fanout, &bench_godwit_fanout, .transport = "tcp", .payload_size = 100,
                .concurrency = BENCH_WINDOW_SUBSCRIBERS),
        .ratios = {{"fanout32", BENCH_RATE, GODWIT, BARE, 1.0}},
    },
    {
        .name = "big_tcp",
        .what = "calls with an argument of 1 MiB, one at a time",
        .unit = "MiB/s",
        .pinned = true,
        HALVES (&bench_baseline_big, &bench_godwit_big, .transport = "tcp", .payload_size = MIB,
                .reply_size = 8),
        .ratios = {{"big_tcp", BENCH_RATE, GODWIT, BARE, 1.1}},
    },
    {
        .name = "big_curve",
        .what = "calls with an argument of 1 MiB, one at a time, in a realm, against the same without",
        .unit = "MiB/s",
        .pinned = true,
        .halves = {{&bench_godwit_big, "without", {.transport = "tcp", .payload_size = MIB, .reply_size = 8}},
                   {&bench_godwit_big,
                    "realm",
                    {.transport = "tcp", .payload_size = MIB, .reply_size = 8, .in_realm = true}}},
        .ratios = {{"big_curve", BENCH_RATE, 1, 0, 0.2}},
    },
    {
        .name = "notify_tcp",
        .what = "notifications that one listener has acknowledged",
        .unit = "message/s",
        .multiple = 64,
        .pinned = true,
        HALVES (&bench_baseline_notify, &bench_godwit_notify, .transport = "tcp", NOTIFICATION,
                .concurrency = 1),
        .ratios = {{"notify_tcp", BENCH_RATE, GODWIT, BARE, 1.0}},
    },
    {
        .name = "notify_pools10",
        .what = "notifications that a listener of each of ten pools has acknowledged",
        .unit = "message/s",
        .multiple = 64,
        .pinned = true,
        HALVES (&bench_baseline_notify, &bench_godwit_notify, .transport = "tcp", NOTIFICATION,
                .concurrency = 10),
        .ratios = {{"notify_pools10", BENCH_RATE, GODWIT, BARE, 1.0}},
    },
    {
        .name = "notify_one_way",
        .what = "one notification at a time, from notify to the endpoint",
        .windowed = true,
        .pinned = true,
        HALVES (&bench_baseline_notify, &bench_godwit_notify, .transport = "tcp", NOTIFICATION,
                .concurrency = 1),
        .ratios = {{"notify_one_way", BENCH_P50, GODWIT, BARE, 0.7}},
    },
#ifdef BENCH_SPOOL
    {
        .name = "notify_spool",
        .what = "notifications of 64 threads, on the disk before notify returns, that one listener has "
                "acknowledged; against rows in SQLite, 64 a transaction",
        .unit = "message/s",
        .multiple = 64,
        HALVES (&bench_baseline_spool, &bench_godwit_spool, .transport = "tcp", NOTIFICATION,
                .concurrency = 1),
        .ratios = {{"notify_spool", BENCH_RATE, GODWIT, BARE, 0.7}},
    },
#endif
    {
        .name = "slow_neighbour",
        .what = "fast calls while 4 calls of 50 ms run at the same server, against without",
        .minimum = 1000,
        .pinned = true,
        .halves = {{&bench_godwit_neighbour, "without", {.transport = "tcp", SMALL, .concurrency = 4}},
                   {&bench_godwit_neighbour,
                    "with",
                    {.transport = "tcp", SMALL, .concurrency = 4, .slow_neighbours = true}}},
        .ratios = {{"slow_neighbour", BENCH_P99, 1, 0, 2}},
    },
    {
        .name = "peers_call_tcp",
        .what = "synchronous call over tcp, by several frameworks",
        .pinned = true,
        .peers = true,
        .halves = {PEERS (&bench_baseline_call, &bench_godwit_call, .transport = "tcp", SMALL),
                   {.half = &bench_peer_nats, .setup = {.transport = "tcp", SMALL}},
                   {.half = &bench_raw_call, .setup = {.transport = "tcp", SMALL}}},
    },
    {
        .name = "peers_call_ipc",
        .what = "the same over a Unix socket",
        .pinned = true,
        .peers = true,
        .halves = {PEERS (&bench_baseline_call, &bench_godwit_call, .transport = "ipc", SMALL),
                   {.half = &bench_raw_call, .setup = {.transport = "ipc", SMALL}}},
    },
    {
        .name = "peers_async_tcp",
        .what = "calls over tcp with 256 in flight, by several frameworks",
        .pinned = true,
        .peers = true,
        .halves = {PEERS (&bench_baseline_async, &bench_godwit_async, .transport = "tcp", SMALL,
                          .concurrency = 256),
                   {.half = &bench_peer_nats, .setup = {.transport = "tcp", SMALL, .concurrency = 256}}},
    },
    {
        .name = "peers_async_ipc",
        .what = "the same over a Unix socket",
        .pinned = true,
        .peers = true,
        .halves = {PEERS (&bench_baseline_async, &bench_godwit_async, .transport = "ipc", SMALL,
                          .concurrency = 256)},
    },
};

const size_t bench_pairs_count = sizeof bench_pairs / sizeof *bench_pairs;

const bench_pair_t *
bench_pair_find (const char *name)
{
    for (size_t i = 0; i < bench_pairs_count; i++) {
        const bench_pair_t *pair = &bench_pairs[i];
        if (strcmp (pair->name, name) == 0)
            return pair;
        for (size_t r = 0; r < BENCH_RATIOS_MAX && pair->ratios[r].name != NULL; r++)
            if (strcmp (pair->ratios[r].name, name) == 0)
                return pair;
    }
    return NULL;
}
