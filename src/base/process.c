/* SPDX-License-Identifier: Apache-2.0 */
#include "src/base/process.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void
before_fork (void)
{
    pthread_mutex_lock (&lock);
}

static void
after_fork (void)
{
    pthread_mutex_unlock (&lock);
}

static void
watch_forks (void)
{
    pthread_atfork (before_fork, after_fork, after_fork);
}

void
godwit__process_lock (void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once (&once, watch_forks);
    pthread_mutex_lock (&lock);
}

void
godwit__process_unlock (void)
{
    pthread_mutex_unlock (&lock);
}
