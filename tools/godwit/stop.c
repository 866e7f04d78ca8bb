/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/godwit/stop.h"

#include <signal.h>
#include <stddef.h>
#include <time.h>

static sigset_t signals;
static bool has_come;

bool
stop_open (void)
{
    sigemptyset (&signals);
    sigaddset (&signals, SIGINT);
    sigaddset (&signals, SIGTERM);
    return signal (SIGPIPE, SIG_IGN) != SIG_ERR && sigprocmask (SIG_BLOCK, &signals, NULL) == 0;
}

bool
stop_wait (int64_t timeout_ms)
{
    const int64_t end_ms = stop_now_ms () + timeout_ms;
    while (!has_come) {
        int64_t left_ms = end_ms - stop_now_ms ();
        if (left_ms < 0)
            left_ms = 0;
        const struct timespec wait = {left_ms / 1000, left_ms % 1000 * 1000000};
        has_come = sigtimedwait (&signals, NULL, &wait) > 0;
        if (!has_come && left_ms == 0)
            return false;
    }
    return true;
}

void
stop_release (void)
{
    sigprocmask (SIG_UNBLOCK, &signals, NULL);
}

int64_t
stop_now_ms (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
