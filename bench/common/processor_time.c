/* SPDX-License-Identifier: Apache-2.0 */
#include "processor_time.h"
#include "die.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void
bench_processor_time_add (bench_processor_time_t *self, pid_t pid)
{
    if (self->count == BENCH_GROUP_MAX)
        bench_die ("more than %d processes are in one half", BENCH_GROUP_MAX);
    bench_check (clock_getcpuclockid (pid, &self->clocks[self->count++]) == 0, "clock_getcpuclockid");
}

void
bench_processor_time_of_group (bench_processor_time_t *self)
{
    const pid_t group = getpgrp ();
    DIR *processes = opendir ("/proc");
    struct dirent *entry;

    bench_check (processes != NULL, "/proc");
    self->count = 0;
    while ((entry = readdir (processes)) != NULL) {
        const pid_t pid = (pid_t) strtol (entry->d_name, NULL, 10);
        /* 0 would be this process itself; what has ended meanwhile has no group. */
        if (pid > 0 && getpgid (pid) == group)
            bench_processor_time_add (self, pid);
    }
    closedir (processes);
}

uint64_t
bench_processor_time_ns (const bench_processor_time_t *self)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < self->count; i++) {
        struct timespec time;
        bench_check (clock_gettime (self->clocks[i], &time) == 0, "the processor time of a process");
        sum += (uint64_t) time.tv_sec * 1000000000u + (uint64_t) time.tv_nsec;
    }
    return sum;
}
