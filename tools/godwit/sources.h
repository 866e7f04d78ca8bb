/* SPDX-License-Identifier: Apache-2.0 */
/* Who knows what became of calls: the black boxes of this user's processes on this machine, living or dead,
 * and what the processes of the cluster answer. */
#ifndef GODWIT_TOOLS_SOURCES_H
#define GODWIT_TOOLS_SOURCES_H

#include "src/blackbox/read.h"

#include <stdbool.h>
#include <stddef.h>

/* What one process tells. */
typedef struct source {
    char program[64], host[64];
    char instance[33];
    char path[256]; /* of its file; "": it has none here */
    int64_t pid;
    bool is_dead;          /* it died without a word */
    bool has_ended;        /* its transport has ended in order */
    int64_t seen_ns;       /* when it was last known to live; the wall clock */
    int64_t oldest_ns;     /* it remembers what came after this; the wall clock */
    godwit_value_t *calls; /* as godwit_transport_calls tells them */
} source_t;

typedef struct sources {
    source_t *items;
    size_t count, capacity;
} sources_t;

/* Adds what the boxes in the private folder tell of the calls that pass the filter. Those of other releases,
 * and those that vanish meanwhile, are left out. dir: as runtime_dir; NULL: the usual folders. OUT_OF_MEMORY,
 * INVALID_ARGUMENT. A folder that is not there has none. */
godwit_status_t sources_add_boxes (sources_t *sources, const char *dir, const godwit__box_filter_t *filter,
                                   godwit_error_t **error);
/* Adds what one file tells. SYSTEM, MALFORMED, OUT_OF_MEMORY. */
godwit_status_t sources_add_file (sources_t *sources, const char *path, const godwit__box_filter_t *filter,
                                  godwit_error_t **error);
/* Adds what a process of the cluster answered to introspection's `calls`. MALFORMED: it makes no sense;
 * OUT_OF_MEMORY. */
godwit_status_t sources_add_answer (sources_t *sources, const godwit_value_t *answer, godwit_error_t **error);
/* One more, of zeros, to be filled; NULL when memory is short. */
source_t *sources_add (sources_t *sources);
void sources_free (sources_t *sources);

#endif
