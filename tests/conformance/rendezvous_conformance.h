/* SPDX-License-Identifier: Apache-2.0 */
/* What the rendezvous matchmaker must do over every driver, besides what every matchmaker must. */
#ifndef GODWIT_TESTS_RENDEZVOUS_CONFORMANCE_H
#define GODWIT_TESTS_RENDEZVOUS_CONFORMANCE_H

#include "tests/conformance/matchmaker_conformance.h"

#define RENDEZVOUS_CONFORMANCE_DECLARE(name_) void rendezvous_##name_ (const world_kind_t *kind);
RENDEZVOUS_CONFORMANCE_DECLARE (ignores_garbage_of_strangers)
RENDEZVOUS_CONFORMANCE_DECLARE (expels_who_sends_garbage)
RENDEZVOUS_CONFORMANCE_DECLARE (expels_who_asks_for_too_much)
RENDEZVOUS_CONFORMANCE_DECLARE (drops_who_is_silent)
RENDEZVOUS_CONFORMANCE_DECLARE (keeps_everybody_when_the_clock_jumps)
RENDEZVOUS_CONFORMANCE_DECLARE (has_members_register_again)
RENDEZVOUS_CONFORMANCE_DECLARE (is_refilled_when_it_returns)
RENDEZVOUS_CONFORMANCE_DECLARE (hears_who_leaves_while_it_tells)
RENDEZVOUS_CONFORMANCE_DECLARE (tells_who_does_not_come_back)
RENDEZVOUS_CONFORMANCE_DECLARE (waits_for_most_who_are_gone)
RENDEZVOUS_CONFORMANCE_DECLARE (forgets_who_left_without_a_word)
RENDEZVOUS_CONFORMANCE_DECLARE (may_miss_any_of_three)
RENDEZVOUS_CONFORMANCE_DECLARE (removes_what_no_source_has)
RENDEZVOUS_CONFORMANCE_DECLARE (asks_again_after_a_gap)
RENDEZVOUS_CONFORMANCE_DECLARE (leaves_a_host_that_makes_no_sense)
RENDEZVOUS_CONFORMANCE_DECLARE (catches_up_through_short_queues)
RENDEZVOUS_CONFORMANCE_DECLARE (keeps_most_when_they_are_silent)
RENDEZVOUS_CONFORMANCE_DECLARE (tells_who_withdrew)
RENDEZVOUS_CONFORMANCE_DECLARE (follows_a_list_that_changes)
RENDEZVOUS_CONFORMANCE_DECLARE (stops_hosting_what_is_removed)
RENDEZVOUS_CONFORMANCE_DECLARE (refuses_lists_that_make_no_sense)
RENDEZVOUS_CONFORMANCE_DECLARE (says_that_all_are_out_of_reach)
RENDEZVOUS_CONFORMANCE_DECLARE (lets_a_new_host_settle)
RENDEZVOUS_CONFORMANCE_DECLARE (believes_the_one_that_is_not_new)
#undef RENDEZVOUS_CONFORMANCE_DECLARE

#define RENDEZVOUS_TEST_(suite_, kind_, name_)                                                               \
    Test (suite_, name_, .timeout = 60)                                                                      \
    {                                                                                                        \
        rendezvous_##name_ (kind_);                                                                          \
    }

#define RENDEZVOUS_CONFORMANCE(suite_, kind_)                                                                \
    MATCHMAKER_CONFORMANCE (suite_, kind_)                                                                   \
    RENDEZVOUS_TEST_ (suite_, kind_, ignores_garbage_of_strangers)                                           \
    RENDEZVOUS_TEST_ (suite_, kind_, expels_who_sends_garbage)                                               \
    RENDEZVOUS_TEST_ (suite_, kind_, expels_who_asks_for_too_much)                                           \
    RENDEZVOUS_TEST_ (suite_, kind_, drops_who_is_silent)                                                    \
    RENDEZVOUS_TEST_ (suite_, kind_, keeps_everybody_when_the_clock_jumps)                                   \
    RENDEZVOUS_TEST_ (suite_, kind_, has_members_register_again)                                             \
    RENDEZVOUS_TEST_ (suite_, kind_, is_refilled_when_it_returns)                                            \
    RENDEZVOUS_TEST_ (suite_, kind_, hears_who_leaves_while_it_tells)                                        \
    RENDEZVOUS_TEST_ (suite_, kind_, tells_who_does_not_come_back)                                           \
    RENDEZVOUS_TEST_ (suite_, kind_, waits_for_most_who_are_gone)                                            \
    RENDEZVOUS_TEST_ (suite_, kind_, forgets_who_left_without_a_word)                                        \
    RENDEZVOUS_TEST_ (suite_, kind_, may_miss_any_of_three)                                                  \
    RENDEZVOUS_TEST_ (suite_, kind_, removes_what_no_source_has)                                             \
    RENDEZVOUS_TEST_ (suite_, kind_, asks_again_after_a_gap)                                                 \
    RENDEZVOUS_TEST_ (suite_, kind_, leaves_a_host_that_makes_no_sense)                                      \
    RENDEZVOUS_TEST_ (suite_, kind_, catches_up_through_short_queues)                                        \
    RENDEZVOUS_TEST_ (suite_, kind_, keeps_most_when_they_are_silent)                                        \
    RENDEZVOUS_TEST_ (suite_, kind_, tells_who_withdrew)                                                     \
    RENDEZVOUS_TEST_ (suite_, kind_, follows_a_list_that_changes)                                            \
    RENDEZVOUS_TEST_ (suite_, kind_, stops_hosting_what_is_removed)                                          \
    RENDEZVOUS_TEST_ (suite_, kind_, refuses_lists_that_make_no_sense)                                       \
    RENDEZVOUS_TEST_ (suite_, kind_, says_that_all_are_out_of_reach)                                         \
    RENDEZVOUS_TEST_ (suite_, kind_, lets_a_new_host_settle)                                                 \
    RENDEZVOUS_TEST_ (suite_, kind_, believes_the_one_that_is_not_new)

#endif
