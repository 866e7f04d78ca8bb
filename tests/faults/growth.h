/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a process grows: what it has when it has warmed up, against what it has at the end. The least of
 * several samples is compared, because queues and workers come and go, and only what never goes is a leak. */
#ifndef GODWIT_TESTS_FAULTS_GROWTH_H
#define GODWIT_TESTS_FAULTS_GROWTH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

typedef struct growth_sample {
    int64_t anonymous_kb; /* RssAnon: VmRSS without files, of which the history is one */
    int64_t resident_kb;  /* VmRSS */
    int64_t descriptors;
    int64_t threads;
} growth_sample_t;

typedef struct growth {
    growth_sample_t warm; /* the least, field by field */
    growth_sample_t last;
    growth_sample_t most; /* ever */
    uint64_t warm_count;
    uint64_t last_count;
} growth_t;

typedef enum growth_phase {
    GROWTH_OTHER, /* for `most` only */
    GROWTH_WARM,
    GROWTH_LAST
} growth_phase_t;

/* False: the process is not there. */
bool growth_sample (growth_t *growth, pid_t pid, growth_phase_t phase);
/* Says what it had and has; false if that is too much. */
bool growth_is_fine (const growth_t *growth, const char *name, int64_t allowed_kb, FILE *out);

#endif
