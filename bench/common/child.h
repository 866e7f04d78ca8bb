/* SPDX-License-Identifier: Apache-2.0 */
/* Another process of this same program, or of one that lies beside it: started by exec (never a bare fork:
 * libzmq's threads do not survive one), told what to be by its arguments, speaking one line when ready, and
 * leaving when its standard input ends. It never outlives its parent, however that ends, not even when it is
 * stopped. */
#ifndef BENCH_CHILD_H
#define BENCH_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

enum { BENCH_CHILD_FD = 100 }; /* the child's numbers of the extra file descriptors start here */

typedef struct {
    const char *program;          /* its file, in the folder of this program; NULL: this program */
    const char *const *arguments; /* NULL-terminated, without argv[0] */
    const int *fds;               /* given to it as BENCH_CHILD_FD, +1, ... */
    size_t fds_count;
    bool grouped; /* it is in the process group `group`, or leads a new one if that is 0 */
    pid_t group;
} bench_child_options_t;

typedef struct {
    pid_t pid;
    int input;    /* its standard input: closing it asks it to leave */
    FILE *output; /* its standard output */
} bench_child_t;

void bench_child_start (bench_child_t *child, const bench_child_options_t *options);

/* Is there such a program? NULL, this one, always is. */
bool bench_child_exists (const char *program);

/* Writes a line to it; the newline is added. Dies if the child has ended. */
void bench_child_tell (bench_child_t *child, const char *line);

/* Reads a line without its newline; returns 0, or -1 when the child has closed its output. */
int bench_child_line (bench_child_t *child, char *line, size_t size);

/* Asks it to leave, kills it if it has not within 5 s, and returns its exit status (-1 when it was killed).
 */
int bench_child_stop (bench_child_t *child);

/* In the child, at its very beginning: from now on it is killed when its parent ends. */
void bench_child_begin (void);

/* In the child: returns when the parent wants it to leave. */
void bench_child_wait_for_parent (void);

#endif
