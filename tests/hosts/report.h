/* SPDX-License-Identifier: Apache-2.0 */
/* The table of what was done to clusters and what became of their calls. */
#ifndef GODWIT_TESTS_HOSTS_REPORT_H
#define GODWIT_TESTS_HOSTS_REPORT_H

#include "tests/hosts/scenario.h"

#include <stdio.h>

typedef struct report_row {
    char title[32];
    bool has_ended; /* false: its run stopped before, and the numbers are none */
    double times;
    double tried, ok, not_sent, rejected, maybe_run, ran, other;
    double detection_ms;
    int64_t pause_ms; /* -1: not known */
    double ran_twice, lost;
    double notices, came_again, gone; /* notifications */
} report_row_t;

enum { REPORT_ROWS = 64 };

typedef struct report {
    uint64_t seed;
    report_row_t rows[REPORT_ROWS];
    size_t count;
} report_t;

/* result NULL: it has none, its run stopped before. */
void report_add (report_t *report, const scenario_t *scenario, const scenario_result_t *result);
/* Rows of other runs, in a file that check_print_tsv wrote. False: it cannot be read, or is none. */
bool report_add_tsv (report_t *report, const char *path);
/* With the sum of the rows. */
void report_print (FILE *out, const report_t *report);

#endif
