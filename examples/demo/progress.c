/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define BAR_WIDTH 40

static const char clear_line[] = "\r\033[K";

void
demo_progress_open (demo_progress_t *progress, size_t total)
{
    *progress = (demo_progress_t){.terminal = isatty (STDOUT_FILENO) == 1, .total = total};
}

void
demo_progress_show (demo_progress_t *progress, size_t done, double per_second)
{
    if (progress->total == 0)
        return;
    const double fraction = (double) done / (double) progress->total;
    if (progress->terminal) {
        char bar[BAR_WIDTH + 1];
        for (size_t at = 0; at < BAR_WIDTH; at++)
            bar[at] = (double) at < fraction * BAR_WIDTH ? '#' : '.';
        bar[BAR_WIDTH] = '\0';
        printf ("\r[%s] %3.0f %%  %zu of %zu files  %.0f calls/s ", bar, fraction * 100, done,
                progress->total, per_second);
    } else if (done * 10 / progress->total > progress->tenths) {
        progress->tenths = done * 10 / progress->total;
        printf ("%3zu %%  %zu of %zu files  %.0f calls/s\n", progress->tenths * 10, done, progress->total,
                per_second);
    }
    fflush (stdout);
}

void
demo_progress_say (const demo_progress_t *progress, const char *format, ...)
{
    va_list arguments;
    if (progress->terminal)
        fputs (clear_line, stdout);
    va_start (arguments, format);
    vprintf (format, arguments);
    va_end (arguments);
    putchar ('\n');
    fflush (stdout);
}

void
demo_progress_close (const demo_progress_t *progress)
{
    if (progress->terminal)
        putchar ('\n');
    fflush (stdout);
}
