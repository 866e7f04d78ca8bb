/* SPDX-License-Identifier: Apache-2.0 */
/* How far it is: a bar that is redrawn on a terminal, a line every 10 % elsewhere. */
#ifndef DEMO_PROGRESS_H
#define DEMO_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct demo_progress {
    bool terminal;
    size_t total;
    size_t tenths; /* said already */
} demo_progress_t;

void demo_progress_open (demo_progress_t *progress, size_t total);
void demo_progress_show (demo_progress_t *progress, size_t done, double per_second);
/* A line of text beside the bar. */
void demo_progress_say (const demo_progress_t *progress, const char *format, ...)
    __attribute__ ((format (printf, 2, 3)));
void demo_progress_close (const demo_progress_t *progress);

#endif
