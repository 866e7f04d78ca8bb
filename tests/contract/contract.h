/* SPDX-License-Identifier: Apache-2.0 */
/* The contract as tables: one file a section, one row a sentence, in the order of the page. A row is run in a
 * world of its own, on zmq. An instance:
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
 * CONTRACT_OF_EACH_DRIVER is for rows in which a driver has a part: they are run on inproc, too.
 * CONTRACT_OF_ALL_DRIVERS also runs them on zmq+libzmq, but not under sanitizers. What else each driver must
 * do together with the core is in the conformance suites.
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

enum { CONTRACT_DRIVERS = 2 };

/* Sanitizers do not know what libzmq does inside. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CONTRACT_ALL_DRIVERS 2
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CONTRACT_ALL_DRIVERS 2
#endif
#endif
#ifndef CONTRACT_ALL_DRIVERS
#define CONTRACT_ALL_DRIVERS 3
#endif

/* On the first so many drivers. */
struct criterion_test_params contract_cases (size_t row_count, size_t driver_count);
void contract_run (const contract_case_t *at, const contract_row_t *rows);

#define CONTRACT_ON_(name_, rows_, driver_count_)                                                            \
    ParameterizedTestParameters (contract, name_)                                                            \
    {                                                                                                        \
        return contract_cases (sizeof (rows_) / sizeof ((rows_)[0]), driver_count_);                         \
    }                                                                                                        \
    ParameterizedTest (contract_case_t *at, contract, name_)                                                 \
    {                                                                                                        \
        contract_run (at, (rows_));                                                                          \
    }

#define CONTRACT(name_, rows_) CONTRACT_ON_ (name_, rows_, 1)
#define CONTRACT_OF_EACH_DRIVER(name_, rows_) CONTRACT_ON_ (name_, rows_, CONTRACT_DRIVERS)
#define CONTRACT_OF_ALL_DRIVERS(name_, rows_) CONTRACT_ON_ (name_, rows_, CONTRACT_ALL_DRIVERS)

#endif
