/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/faults/growth.h"

#include <dirent.h>
#include <string.h>

/* Workers of the moment; one for each fault would be far more. */
#define MORE_DESCRIPTORS 8
#define MORE_THREADS 6

static bool
read_status (growth_sample_t *sample, pid_t pid)
{
    char path[64];
    char line[256];
    long long number = 0;
    snprintf (path, sizeof path, "/proc/%d/status", (int) pid);
    FILE *file = fopen (path, "re");
    if (!file)
        return false;
    while (fgets (line, sizeof line, file)) {
        if (sscanf (line, "RssAnon: %lld", &number) == 1)
            sample->anonymous_kb = number;
        else if (sscanf (line, "VmRSS: %lld", &number) == 1)
            sample->resident_kb = number;
        else if (sscanf (line, "Threads: %lld", &number) == 1)
            sample->threads = number;
    }
    fclose (file);
    return sample->threads > 0;
}

static bool
count_descriptors (growth_sample_t *sample, pid_t pid)
{
    char path[64];
    snprintf (path, sizeof path, "/proc/%d/fd", (int) pid);
    DIR *folder = opendir (path);
    if (!folder)
        return false;
    while (readdir (folder))
        sample->descriptors++;
    closedir (folder);
    sample->descriptors -= 2; /* . and .. */
    return true;
}

static int64_t
least (int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t
most (int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void
take (growth_sample_t *to, const growth_sample_t *sample, int64_t (*choose) (int64_t, int64_t))
{
    to->anonymous_kb = choose (to->anonymous_kb, sample->anonymous_kb);
    to->resident_kb = choose (to->resident_kb, sample->resident_kb);
    to->descriptors = choose (to->descriptors, sample->descriptors);
    to->threads = choose (to->threads, sample->threads);
}

bool
growth_sample (growth_t *growth, pid_t pid, growth_phase_t phase)
{
    growth_sample_t sample = {0, 0, 0, 0};
    if (!read_status (&sample, pid) || !count_descriptors (&sample, pid))
        return false;
    take (&growth->most, &sample, most);
    if (phase == GROWTH_WARM && growth->warm_count++ == 0)
        growth->warm = sample;
    if (phase == GROWTH_WARM)
        take (&growth->warm, &sample, least);
    if (phase == GROWTH_LAST && growth->last_count++ == 0)
        growth->last = sample;
    if (phase == GROWTH_LAST)
        take (&growth->last, &sample, least);
    return true;
}

bool
growth_is_fine (const growth_t *growth, const char *name, int64_t allowed_kb, FILE *out)
{
    const growth_sample_t *warm = &growth->warm, *last = &growth->last;
    const bool is_fine = growth->warm_count > 0 && growth->last_count > 0 &&
                         last->anonymous_kb <= warm->anonymous_kb + allowed_kb &&
                         last->descriptors <= warm->descriptors + MORE_DESCRIPTORS &&
                         last->threads <= warm->threads + MORE_THREADS;
    fprintf (out,
             "%-14s memory %lld -> %lld KiB (most %lld; with files %lld -> %lld), descriptors %lld -> %lld "
             "(most %lld), threads %lld -> %lld (most %lld)%s\n",
             name, (long long) warm->anonymous_kb, (long long) last->anonymous_kb,
             (long long) growth->most.anonymous_kb, (long long) warm->resident_kb,
             (long long) last->resident_kb, (long long) warm->descriptors, (long long) last->descriptors,
             (long long) growth->most.descriptors, (long long) warm->threads, (long long) last->threads,
             (long long) growth->most.threads, is_fine ? "" : ": IT GROWS");
    return is_fine;
}
