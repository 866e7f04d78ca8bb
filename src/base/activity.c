/* SPDX-License-Identifier: Apache-2.0 */
#include "src/base/activity.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

clockid_t
godwit__thread_clock (void)
{
    clockid_t clock;
    return pthread_getcpuclockid (pthread_self (), &clock) ? CLOCK_THREAD_CPUTIME_ID : clock;
}

int64_t
godwit__thread_used_ns (clockid_t clock)
{
    struct timespec used;
    if (clock_gettime (clock, &used))
        return 0;
    return (int64_t) used.tv_sec * 1000000000 + used.tv_nsec;
}

/* "123 (name of the thread) R 1 ...": the name may hold anything, so the last parenthesis counts. */
bool
godwit__thread_is_runnable (pid_t id)
{
    char path[48], text[64];
    snprintf (path, sizeof path, "/proc/self/task/%ld/stat", (long) id);
    const int fd = open (path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    const ssize_t size = read (fd, text, sizeof text - 1);
    close (fd);
    text[size > 0 ? size : 0] = '\0';
    const char *const end = strrchr (text, ')');
    return end && strncmp (end, ") R", 3) == 0;
}
