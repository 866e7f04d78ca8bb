/* The table of what was done to clusters and what became of their calls. */
#ifndef GODWIT_TESTS_HOSTS_REPORT_H
#define GODWIT_TESTS_HOSTS_REPORT_H

#include "tests/hosts/scenario.h"

#include <stdio.h>

void report_head (FILE *out);
void report_row (FILE *out, const scenario_t *scenario, const scenario_result_t *result);
/* Of a scenario that has no result: its run ended before. */
void report_no_row (FILE *out, const scenario_t *scenario);
/* The sum of the rows. */
void report_sum (FILE *out, const scenario_result_t *results, size_t count);

#endif
