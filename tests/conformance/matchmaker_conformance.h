/* SPDX-License-Identifier: Apache-2.0 */
/* What every matchmaker must do. A program that tests one names it, and gets all tests:
 *
 *     static const world_kind_t local = {&godwit__matchmaker_local, &godwit__inproc_driver};
 *     MATCHMAKER_CONFORMANCE (local, &local)
 */
#ifndef GODWIT_TESTS_MATCHMAKER_CONFORMANCE_H
#define GODWIT_TESTS_MATCHMAKER_CONFORMANCE_H

#include "tests/conformance/matchmaker_world.h"

#define MATCHMAKER_CONFORMANCE_LIST(X)                                                                       \
    X (tells_everybody_what_is_announced)                                                                    \
    X (tells_what_is_withdrawn)                                                                              \
    X (tells_a_new_revision)                                                                                 \
    X (tells_a_late_joiner_everything)                                                                       \
    X (says_when_all_was_told)                                                                               \
    X (carries_many_records)                                                                                 \
    X (isolates_virtual_hosts)                                                                               \
    X (withdraws_on_close)                                                                                   \
    X (tells_nothing_after_close)                                                                            \
    X (survives_whoever_came_first)                                                                          \
    X (refuses_a_record_that_others_would_not_take)

#define MATCHMAKER_CONFORMANCE_DECLARE(name_) void matchmaker_##name_ (const world_kind_t *kind);
MATCHMAKER_CONFORMANCE_LIST (MATCHMAKER_CONFORMANCE_DECLARE)
#undef MATCHMAKER_CONFORMANCE_DECLARE

#define MATCHMAKER_TEST_(suite_, kind_, name_)                                                               \
    Test (suite_, name_, .timeout = 60)                                                                      \
    {                                                                                                        \
        matchmaker_##name_ (kind_);                                                                          \
    }

#define MATCHMAKER_CONFORMANCE(suite_, kind_)                                                                \
    MATCHMAKER_TEST_ (suite_, kind_, tells_everybody_what_is_announced)                                      \
    MATCHMAKER_TEST_ (suite_, kind_, tells_what_is_withdrawn)                                                \
    MATCHMAKER_TEST_ (suite_, kind_, tells_a_new_revision)                                                   \
    MATCHMAKER_TEST_ (suite_, kind_, tells_a_late_joiner_everything)                                         \
    MATCHMAKER_TEST_ (suite_, kind_, says_when_all_was_told)                                                 \
    MATCHMAKER_TEST_ (suite_, kind_, carries_many_records)                                                   \
    MATCHMAKER_TEST_ (suite_, kind_, isolates_virtual_hosts)                                                 \
    MATCHMAKER_TEST_ (suite_, kind_, withdraws_on_close)                                                     \
    MATCHMAKER_TEST_ (suite_, kind_, tells_nothing_after_close)                                              \
    MATCHMAKER_TEST_ (suite_, kind_, survives_whoever_came_first)                                            \
    MATCHMAKER_TEST_ (suite_, kind_, refuses_a_record_that_others_would_not_take)

#endif
