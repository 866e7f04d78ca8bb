/* SPDX-License-Identifier: Apache-2.0 */
/* A clock that runs 100 times slower, for programs that an instrumenting tool runs that much slower: what
 * goes by measured time (whether a method takes long, whether a handler is late) is decided as it is without
 * the tool. Put before the C library with LD_PRELOAD; covers what the library asks for and waits by. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { SLOWER = 100 };
#define SECOND INT64_C (1000000000)

static _Atomic (int64_t) skipped_ns;

/* For the program: so much time has passed. */
void bench_clock_skip (int64_t ns);

void
bench_clock_skip (int64_t ns)
{
    skipped_ns += ns;
}

static int64_t
real_of (const struct timespec *slow)
{
    return (slow->tv_sec * SECOND + slow->tv_nsec - skipped_ns) * SLOWER;
}

static struct timespec
timespec_of (int64_t ns)
{
    return (struct timespec){.tv_sec = ns / SECOND, .tv_nsec = ns % SECOND};
}

int
clock_gettime (clockid_t id, struct timespec *now)
{
    const int result = (int) syscall (SYS_clock_gettime, id, now);
    if (result == 0 && id == CLOCK_MONOTONIC)
        *now = timespec_of ((now->tv_sec * SECOND + now->tv_nsec) / SLOWER + skipped_ns);
    return result;
}

int
pthread_cond_timedwait (pthread_cond_t *cond, pthread_mutex_t *lock, const struct timespec *until)
{
    const struct timespec real = timespec_of (real_of (until));
    return pthread_cond_clockwait (cond, lock, CLOCK_MONOTONIC, &real);
}
