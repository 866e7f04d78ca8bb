/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/contract/contract.h"

#include <stdio.h>

static const core_kind_t kinds[] = {
    {"zmq", "?paths=tcp&insecure=true", false, NULL},
    {"inproc", "", false, NULL},
    {"zmq+libzmq", "?paths=tcp&insecure=true", false, NULL},
};

static void
free_cases (struct criterion_test_params *parameters)
{
    cr_free (parameters->params);
}

struct criterion_test_params
contract_cases (size_t row_count, size_t driver_count)
{
    const size_t count = row_count * driver_count;
    contract_case_t *cases = cr_malloc (count * sizeof *cases);
    for (size_t i = 0; i < count; i++)
        cases[i] = (contract_case_t){i / driver_count, i % driver_count};
    return cr_make_param_array (contract_case_t, cases, count, free_cases);
}

void
contract_run (const contract_case_t *at, const contract_row_t *rows)
{
    core_t core;
    /* Printed with a test that crashes or hangs; the runner shows it for those that fail. */
    fprintf (stderr, "%s: \"%s\"\n", kinds[at->kind].driver, rows[at->row].sentence);
    core_open (&core, &kinds[at->kind]);
    rows[at->row].check (&core);
    core_close (&core);
}
