/* SPDX-License-Identifier: Apache-2.0 */
/* Which processor a process runs on. Without it the scheduler moves the four threads of a round trip about,
 * and a half measured against itself gives anything from 0.5 to 1.5 in pipelined pairs; with it, 0.98
 * to 1.02. */
#ifndef BENCH_PIN_H
#define BENCH_PIN_H

#include <stddef.h>

/* Keeps this process, and the threads that it starts from now on, on the `index`th processor that it may use.
 * Does nothing if there are not two. */
void bench_pin (size_t index);

#endif
