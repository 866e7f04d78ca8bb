/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/hosts/fail.h"

#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t caught;
static unsigned limit;
static bool is_stopping;

void
hosts_fail (const char *format, ...)
{
    va_list args;
    fflush (stdout);
    fputs ("hosts: ", stderr);
    va_start (args, format);
    vfprintf (stderr, format, args);
    va_end (args);
    fputc ('\n', stderr);
    if (is_stopping)
        _exit (1);
    exit (1);
}

static void
on_signal (int number)
{
    caught = number;
}

static void
handle (void (*handler) (int))
{
    const struct sigaction action = {.sa_handler = handler};
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGALRM};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction (numbers[i], &action, NULL);
}

void
hosts_watch (unsigned limit_seconds)
{
    handle (on_signal);
    signal (SIGPIPE, SIG_IGN); /* a child that was killed does not read any more */
    limit = limit_seconds;
    alarm (limit_seconds);
}

void
hosts_stop_watching (void)
{
    handle (SIG_IGN);
    alarm (0);
    caught = 0;
    is_stopping = true;
}

void
hosts_check_signals (void)
{
    const int number = caught;
    if (number == 0)
        return;
    caught = 0;
    if (number == SIGALRM)
        hosts_fail ("not done after %u s", limit);
    hosts_fail ("stopped by signal %d", number);
}

bool
hosts_wait (int fd, int64_t wait_limit_ms)
{
    enum { SLICE_MS = 200 }; /* a signal may come just before poll */
    const int64_t end_ms = hosts_now_ms () + wait_limit_ms;
    for (;;) {
        struct pollfd polled = {fd, POLLIN, 0};
        int64_t left_ms = end_ms - hosts_now_ms ();
        left_ms = left_ms < 0 ? 0 : left_ms;
        const int ready = poll (&polled, 1, (int) (left_ms < SLICE_MS ? left_ms : SLICE_MS));
        hosts_check_signals ();
        if (ready == 1 || left_ms == 0)
            return ready == 1;
    }
}

int64_t
hosts_now_ns (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t
hosts_now_ms (void)
{
    return hosts_now_ns () / 1000000;
}
