/* SPDX-License-Identifier: Apache-2.0 */
/* The checker of tests/support/run_log.h is checked. */
#include "tests/support/run_log.h"

#include <criterion/criterion.h>

static run_faults_t
check_of (const run_t *runs, size_t run_count, const call_result_t *results, size_t result_count)
{
    run_log_t log;
    run_log_open (&log);
    for (size_t i = 0; i < run_count; i++)
        run_log_run (&log, runs[i]);
    for (size_t i = 0; i < result_count; i++)
        run_log_result (&log, results[i]);
    const run_faults_t faults = run_log_check (&log);
    run_log_close (&log);
    return faults;
}

Test (run_log, the_checker_finds_what_is_wrong)
{
    const call_result_t results[] = {
        {RUN_CALL, 0, 1, GODWIT_OK, GODWIT_OUTCOME_NOT_SENT},
        {RUN_CALL, 0, 2, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN},
        {RUN_CALL, 1, 1, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_REJECTED},
        {RUN_CAST, 0, 1, GODWIT_OK, GODWIT_OUTCOME_NOT_SENT},
        {RUN_FANOUT, 0, 1, GODWIT_OK, GODWIT_OUTCOME_NOT_SENT},
    };
    const run_t runs[] = {
        {RUN_CALL, 0, 1, 0}, {RUN_CAST, 0, 1, 1},   {RUN_FANOUT, 0, 1, 0}, {RUN_FANOUT, 0, 1, 1},
        {RUN_CALL, 0, 2, 1}, /* from here on, one more */
        {RUN_CALL, 0, 1, 1}, {RUN_FANOUT, 0, 1, 0}, {RUN_CALL, 1, 1, 0},   {RUN_CALL, 7, 1, 0},
    };
    run_faults_t faults = check_of (runs, 4, results, 5);
    cr_assert (!faults.twice && !faults.missing && !faults.denied && !faults.unknown);
    faults = check_of (runs, 5, results, 5);
    cr_assert (!faults.twice && !faults.missing && !faults.denied && !faults.unknown);
    faults = check_of (runs, 6, results, 5);
    cr_assert (faults.twice == 1 && !faults.missing && !faults.denied && !faults.unknown);
    faults = check_of (runs, 7, results, 5);
    cr_assert_eq (faults.twice, 2u);
    faults = check_of (runs, 8, results, 5);
    cr_assert_eq (faults.denied, 1u);
    faults = check_of (runs, 9, results, 5);
    cr_assert_eq (faults.unknown, 1u);
    faults = check_of (runs + 1, 3, results, 5);
    cr_assert_eq (faults.missing, 1u);
}
