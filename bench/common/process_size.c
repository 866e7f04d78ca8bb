/* SPDX-License-Identifier: Apache-2.0 */
#include "process_size.h"
#include "die.h"

#include <dirent.h>
#include <stdio.h>

static size_t
count_descriptors (pid_t pid)
{
    char path[64];
    size_t count = 0;
    struct dirent *entry;

    snprintf (path, sizeof path, "/proc/%ld/fd", (long) pid);
    DIR *folder = opendir (path);
    bench_check (folder != NULL, path);
    while ((entry = readdir (folder)) != NULL)
        count += entry->d_name[0] != '.';
    closedir (folder);
    return count;
}

bench_process_size_t
bench_process_size (pid_t pid)
{
    bench_process_size_t size = {.descriptors = count_descriptors (pid)};
    char path[64], line[256];
    double kib;

    snprintf (path, sizeof path, "/proc/%ld/smaps_rollup", (long) pid);
    FILE *file = fopen (path, "r");
    bench_check (file != NULL, path);
    while (fgets (line, sizeof line, file) != NULL)
        if (sscanf (line, "Rss: %lf", &kib) == 1)
            size.resident_kib = kib;
        else if (sscanf (line, "Private_Clean: %lf", &kib) == 1 ||
                 sscanf (line, "Private_Dirty: %lf", &kib) == 1)
            size.private_kib += kib;
    fclose (file);
    return size;
}
