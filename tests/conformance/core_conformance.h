/* SPDX-License-Identifier: Apache-2.0 */
/* What client and server must do together, whatever is between them. An instance is three lines:
 *
 *     #include "tests/conformance/core_conformance.h"
 *     static const core_kind_t over_tcp = {"zmq", "?paths=tcp&insecure=true", false, NULL};
 *     CORE_CONFORMANCE (core_tcp, &over_tcp)
 */
#ifndef GODWIT_TESTS_CORE_CONFORMANCE_H
#define GODWIT_TESTS_CORE_CONFORMANCE_H

#include "tests/conformance/core_world.h"

#define CORE_CONFORMANCE_LIST(X, suite_, kind_)                                                              \
    /* core_calls.c */                                                                                       \
    X (suite_, kind_, values_come_back_as_they_went)                                                         \
    X (suite_, kind_, context_and_arguments_arrive)                                                          \
    X (suite_, kind_, large_values_pass)                                                                     \
    X (suite_, kind_, bytes_are_given_back_once)                                                             \
    X (suite_, kind_, too_large_is_refused)                                                                  \
    X (suite_, kind_, casts_run_once)                                                                        \
    X (suite_, kind_, callbacks_get_results_and_errors)                                                      \
    X (suite_, kind_, callbacks_may_call_again)                                                              \
    X (suite_, kind_, callbacks_must_not_block)                                                              \
    X (suite_, kind_, futures_are_waited_for)                                                                \
    X (suite_, kind_, futures_are_given_up)                                                                  \
    X (suite_, kind_, handlers_may_call)                                                                     \
    X (suite_, kind_, kept_requests_are_replied_to_by_other_threads)                                         \
    X (suite_, kind_, inline_methods_run_on_the_callers_thread)                                              \
    X (suite_, kind_, prepare_inherits_overrides_and_clears)                                                 \
    X (suite_, kind_, the_time_left_travels)                                                                 \
    /* core_failures.c */                                                                                    \
    X (suite_, kind_, errors_of_dispatch_come_back)                                                          \
    X (suite_, kind_, errors_of_methods_come_back)                                                           \
    X (suite_, kind_, targets_that_cannot_be_called)                                                         \
    X (suite_, kind_, version_caps_hold)                                                                     \
    X (suite_, kind_, slow_methods_time_out)                                                                 \
    X (suite_, kind_, nobody_there_times_out)                                                                \
    X (suite_, kind_, mandatory_calls_fail_at_once)                                                          \
    X (suite_, kind_, retries_are_counted)                                                                   \
    X (suite_, kind_, dropped_requests_fail)                                                                 \
    X (suite_, kind_, asynchronous_calls_are_bounded)                                                        \
    X (suite_, kind_, waiting_calls_use_no_processor)                                                        \
    /* core_cancel.c */                                                                                      \
    X (suite_, kind_, a_caller_whose_time_is_spent_is_missed)                                                \
    X (suite_, kind_, a_future_that_is_destroyed_is_missed)                                                  \
    X (suite_, kind_, a_client_that_is_destroyed_is_missed)                                                  \
    X (suite_, kind_, kept_requests_are_cancelled)                                                           \
    X (suite_, kind_, cancelled_in_an_external_loop)                                                         \
    X (suite_, kind_, given_up_from_all_sides)                                                               \
    /* core_servers.c */                                                                                     \
    X (suite_, kind_, clients_may_come_first)                                                                \
    X (suite_, kind_, round_robin_is_even)                                                                   \
    X (suite_, kind_, a_named_server_and_never_another)                                                      \
    X (suite_, kind_, fanouts_reach_all)                                                                     \
    X (suite_, kind_, fanouts_report_who_is_missing)                                                         \
    X (suite_, kind_, fanouts_in_a_row_come_once_each)                                                       \
    X (suite_, kind_, draining_loses_no_call)                                                                \
    X (suite_, kind_, accepted_calls_outlive_a_stop)                                                         \
    X (suite_, kind_, restarted_servers_are_called_again)                                                    \
    X (suite_, kind_, overloaded_servers_are_passed_over)                                                    \
    X (suite_, kind_, an_overloaded_server_says_so)                                                          \
    X (suite_, kind_, virtual_hosts_are_isolated)                                                            \
    X (suite_, kind_, servers_are_listed)                                                                    \
    /* core_fanout.c */                                                                                      \
    X (suite_, kind_, fanout_calls_have_a_row_for_each_server)                                               \
    X (suite_, kind_, fanout_calls_take_arguments_of_any_size)                                               \
    X (suite_, kind_, fanout_calls_tell_what_became_of_each)                                                 \
    X (suite_, kind_, fanout_calls_end_with_their_time)                                                      \
    X (suite_, kind_, fanout_calls_see_who_leaves)                                                           \
    X (suite_, kind_, fanout_calls_leave_out_who_joins_later)                                                \
    X (suite_, kind_, fanout_calls_to_nobody)                                                                \
    X (suite_, kind_, fanouts_to_many_servers)                                                               \
    X (suite_, kind_, first_fanouts_of_many_threads)                                                         \
    X (suite_, kind_, fanout_epochs_grow_with_each_change)                                                   \
    X (suite_, kind_, fanouts_reach_restarted_servers)                                                       \
    X (suite_, kind_, fanouts_that_overflow_are_counted)                                                     \
    X (suite_, kind_, fanouts_wait_for_who_is_full)                                                          \
    /* core_life.c */                                                                                        \
    X (suite_, kind_, destroyed_in_any_order)                                                                \
    X (suite_, kind_, destroying_a_client_ends_its_calls)                                                    \
    X (suite_, kind_, destroying_a_transport_ends_its_calls)                                                 \
    X (suite_, kind_, destroying_while_calls_begin)                                                          \
    X (suite_, kind_, a_call_may_end_while_it_begins)                                                        \
    X (suite_, kind_, destroying_a_server_under_load)                                                        \
    X (suite_, kind_, stats_are_true)                                                                        \
    X (suite_, kind_, lost_replies_are_counted_once)                                                         \
    X (suite_, kind_, the_log_is_a_hook)                                                                     \
    /* core_fork.c */                                                                                        \
    X (suite_, kind_, a_forked_child_is_told)                                                                \
    X (suite_, kind_, a_forked_child_waits_for_nobody)                                                       \
    /* core_loop.c */                                                                                        \
    X (suite_, kind_, a_client_in_an_external_loop)                                                          \
    X (suite_, kind_, a_server_in_an_external_loop)                                                          \
    X (suite_, kind_, both_in_one_external_loop)

#define CORE_CONFORMANCE_DECLARE(suite_, kind_, name_) void core_##name_ (const core_kind_t *kind);
CORE_CONFORMANCE_LIST (CORE_CONFORMANCE_DECLARE, , )
#undef CORE_CONFORMANCE_DECLARE

#define CORE_TEST_(suite_, kind_, name_)                                                                     \
    Test (suite_, name_, .timeout = 60)                                                                      \
    {                                                                                                        \
        core_##name_ (kind_);                                                                                \
    }

#define CORE_CONFORMANCE(suite_, kind_) CORE_CONFORMANCE_LIST (CORE_TEST_, suite_, kind_)

/* core_stress.c: many threads, one client, no reply mixed up. */
void core_stress (const core_kind_t *kind);
#define CORE_STRESS(suite_, kind_)                                                                           \
    Test (suite_, threads_share_a_client, .timeout = 120)                                                    \
    {                                                                                                        \
        core_stress (kind_);                                                                                 \
    }

#endif
