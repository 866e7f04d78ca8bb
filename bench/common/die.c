/* SPDX-License-Identifier: Apache-2.0 */
#include "die.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <zmq.h>

void
bench_die (const char *format, ...)
{
    va_list arguments;

    fflush (stdout);
    fputs ("godwit-bench: ", stderr);
    va_start (arguments, format);
    vfprintf (stderr, format, arguments);
    va_end (arguments);
    fputc ('\n', stderr);
    /* Not exit (): other threads still use what its handlers would tear down. */
    fflush (stderr);
    _Exit (1);
}

void
bench_check (int ok, const char *what)
{
    if (!ok)
        bench_die ("%s: %s", what, zmq_strerror (errno));
}

void *
bench_alloc (unsigned long size)
{
    void *memory = calloc (1, size);
    if (memory == NULL)
        bench_die ("out of memory");
    return memory;
}
