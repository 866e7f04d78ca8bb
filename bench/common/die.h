/* SPDX-License-Identifier: Apache-2.0 */
/* How a benchmark gives up: one line on stderr and a non-zero exit status. The processes that it started see
 * the end of their standard input and leave too, so nothing needs to be undone here. */
#ifndef BENCH_DIE_H
#define BENCH_DIE_H

#ifdef __cplusplus
extern "C" {
#endif

void bench_die (const char *format, ...) __attribute__ ((noreturn, format (printf, 1, 2)));

/* Dies with the text of errno (libzmq's own numbers included) when `ok` is false. */
void bench_check (int ok, const char *what);

/* malloc that cannot fail, zeroed. */
void *bench_alloc (unsigned long size);

#ifdef __cplusplus
}
#endif

#endif
