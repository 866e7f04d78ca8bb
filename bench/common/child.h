/* SPDX-License-Identifier: Apache-2.0 */
/* Another process of this same program: started by exec (never a bare fork: libzmq's threads do not survive
 * one), told what to be by its arguments, speaking one line when ready, and leaving when its standard input
 * ends, so that it never outlives its parent, however that ends. */
#ifndef BENCH_CHILD_H
#define BENCH_CHILD_H

#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

enum { BENCH_CHILD_FD = 100 }; /* the child's numbers of the extra file descriptors start here */

typedef struct {
    pid_t pid;
    int input;    /* its standard input: closing it asks it to leave */
    FILE *output; /* its standard output */
} bench_child_t;

/* Starts this program with `arguments` (NULL-terminated, without argv[0]) and gives it `fds` as
 * BENCH_CHILD_FD, +1, ... */
void bench_child_start (bench_child_t *child, const char *const *arguments, const int *fds, size_t fds_count);

/* Reads a line without its newline; returns 0, or -1 when the child has closed its output. */
int bench_child_line (bench_child_t *child, char *line, size_t size);

/* Asks it to leave, kills it if it has not within 5 s, and returns its exit status (-1 when it was killed).
 */
int bench_child_stop (bench_child_t *child);

/* In the child: returns when the parent wants it to leave. */
void bench_child_wait_for_parent (void);

#endif
