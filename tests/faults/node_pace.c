/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/faults/node_pace.h"

#include "tests/faults/history.h"

#include <pthread.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t stopped;
static uint64_t interval_ns;
static bool is_over;

void
node_pace_start (double rate)
{
    pthread_condattr_t attributes;
    interval_ns = rate > 0 ? (uint64_t) (1e9 / rate) : 0;
    pthread_condattr_init (&attributes);
    pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
    pthread_cond_init (&stopped, &attributes);
    pthread_condattr_destroy (&attributes);
}

bool
node_pace_wait (uint64_t *due_ns)
{
    const uint64_t now = history_now_ns ();
    *due_ns += interval_ns;
    if (*due_ns < now) /* what was missed is not made up for: the load stays what it is */
        *due_ns = now;
    const struct timespec due = {(time_t) (*due_ns / 1000000000), (long) (*due_ns % 1000000000)};
    pthread_mutex_lock (&lock);
    while (!is_over && history_now_ns () < *due_ns)
        pthread_cond_timedwait (&stopped, &lock, &due);
    const bool goes_on = !is_over;
    pthread_mutex_unlock (&lock);
    return goes_on;
}

void
node_pace_stop (void)
{
    pthread_mutex_lock (&lock);
    is_over = true;
    pthread_cond_broadcast (&stopped);
    pthread_mutex_unlock (&lock);
}
