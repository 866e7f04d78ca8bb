/* SPDX-License-Identifier: Apache-2.0 */
/* Condition variables that wait by the monotonic clock. */
#ifndef GODWIT_SRC_LOOP_CLOCK_H
#define GODWIT_SRC_LOOP_CLOCK_H

#include "src/loop/reactor.h"

#include <pthread.h>
#include <time.h>

static inline void
godwit__cond_init (pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    pthread_condattr_init (&attributes);
    pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
    pthread_cond_init (cond, &attributes);
    pthread_condattr_destroy (&attributes);
}

/* Waits for at most left_ns (GODWIT__NEVER: no limit). May return early, as conditions do. */
static inline void
godwit__cond_wait (pthread_cond_t *cond, pthread_mutex_t *lock, int64_t left_ns)
{
    const int64_t second = INT64_C (1000000000);
    if (left_ns == GODWIT__NEVER) {
        pthread_cond_wait (cond, lock);
        return;
    }
    struct timespec until;
    clock_gettime (CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t) (left_ns / second);
    until.tv_nsec += (long) (left_ns % second);
    if (until.tv_nsec >= second) {
        until.tv_nsec -= (long) second;
        until.tv_sec++;
    }
    pthread_cond_timedwait (cond, lock, &until);
}

#endif
