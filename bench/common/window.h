/* SPDX-License-Identifier: Apache-2.0 */
/* What bounds a fanout's burst, on both sides alike: at most BENCH_WINDOW_CHUNKS chunks of publications are
 * under way, and a chunk is done when *every* subscriber has received all of it. The counters are in memory
 * that the publisher shares with the subscribers' process, so that telling costs one atomic addition a
 * publication and one eventfd write a chunk. */
#ifndef BENCH_WINDOW_H
#define BENCH_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { BENCH_WINDOW_CHUNK = 64, BENCH_WINDOW_CHUNKS = 8, BENCH_WINDOW_SUBSCRIBERS = 32 };

typedef struct bench_window bench_window_t;

/* In the publisher. The file descriptors are to be given to the child. */
bench_window_t *bench_window_new (void);
int bench_window_memory_fd (const bench_window_t *window);
int bench_window_event_fd (const bench_window_t *window);

/* In the child. */
bench_window_t *bench_window_attach (int memory_fd, int event_fd);

void bench_window_destroy (bench_window_t **window_p);

/* Subscriber `index` received one more publication. One thread at a time for an index. */
void bench_window_received (bench_window_t *window, size_t index);

/* Publisher: waits until one more publication may be sent / until all that were sent are received by all;
 * dies when that takes 10 s, because then something was lost. */
void bench_window_publish (bench_window_t *window);
void bench_window_drain (bench_window_t *window);

/* One message at a time: the receiver tells that it has come, and the sender waits for that, and hears when
 * it was. */
void bench_window_arrived (bench_window_t *window);
uint64_t bench_window_arrival (bench_window_t *window);

#ifdef __cplusplus
}
#endif

#endif
