/* SPDX-License-Identifier: Apache-2.0 */
/* What another process takes of the system, read from /proc. Memory of the kernel does not count. */
#ifndef BENCH_PROCESS_SIZE_H
#define BENCH_PROCESS_SIZE_H

#include <stddef.h>
#include <sys/types.h>

typedef struct {
    size_t descriptors;
    double private_kib;  /* memory that belongs to it alone: heap, stacks, its own pages of files */
    double resident_kib; /* all that is in memory, shared pages of libraries included */
} bench_process_size_t;

bench_process_size_t bench_process_size (pid_t pid);

#endif
