/* SPDX-License-Identifier: Apache-2.0 */
/* The contract as tables: one file a section, one row a sentence, in the order of the page. A row is run on
 * both drivers, each time in a world of its own. An instance:
 *
 *     #include "tests/contract/contract.h"
 *
 *     static void cap_without_version (core_t *core) { ... MUST (...); FAILS (...); }
 *
 *     static const contract_row_t rows[] = {
 *         {"3: A cap with no target version is that error too.", cap_without_version},
 *     };
 *     CONTRACT (section3, rows)
 *
 * Sentences about data alone (version vectors, URL cases) are tables of their own in the same files.
 */
#ifndef GODWIT_TESTS_CONTRACT_H
#define GODWIT_TESTS_CONTRACT_H

#include "tests/conformance/core_world.h"

#include <criterion/parameterized.h>

typedef struct contract_row {
    const char *sentence;         /* "3: ...", the section first */
    void (*check) (core_t *core); /* server "one" of topic "work", and a client that is connected to it */
} contract_row_t;

/* A row on a driver. */
typedef struct contract_case {
    size_t row;
    size_t kind;
} contract_case_t;

struct criterion_test_params contract_cases (size_t row_count);
void contract_run (const contract_case_t *at, const contract_row_t *rows);

#define CONTRACT(name_, rows_)                                                                               \
    ParameterizedTestParameters (contract, name_)                                                            \
    {                                                                                                        \
        return contract_cases (sizeof (rows_) / sizeof ((rows_)[0]));                                        \
    }                                                                                                        \
    ParameterizedTest (contract_case_t *at, contract, name_)                                                 \
    {                                                                                                        \
        contract_run (at, (rows_));                                                                          \
    }

#endif
