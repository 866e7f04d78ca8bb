/* SPDX-License-Identifier: Apache-2.0 */
/* The checker is checked: it passes a run in which all went well, and finds a fault of each kind that is
 * planted there, and nothing else. What is damaged, cut off or something else never makes it crash. */
#include "tests/faults/story.h"
#include "tests/support/random.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHOWN 50

typedef struct result {
    check_summary_t summary;
    char *text;
    size_t size;
    bool done;
} call_result_t;

static call_result_t
examine (const story_t *story)
{
    call_result_t result = {.text = NULL};
    FILE *out = open_memstream (&result.text, &result.size);
    cr_assert (out);
    const check_options_t options = {.out = out, .shown = SHOWN};
    result.done = check_run (story->folder, &options, &result.summary);
    fclose (out);
    return result;
}

/* Tells more of the story. */
typedef void tell_fn (story_t *story);

static call_result_t
examine_with (tell_fn *plant)
{
    story_t story;
    story_open (&story);
    story_tell_good (&story);
    if (plant)
        plant (&story);
    story_close (&story);
    const call_result_t result = examine (&story);
    story_remove (&story);
    cr_assert (result.done);
    return result;
}

/* ---- what is planted ---- */

static void
forget_end (story_t *story)
{
    story_begin (story, HISTORY_CALL, 30000);
}

static void
end_twice (story_t *story)
{
    const uint64_t id = story_begin (story, HISTORY_CALL, 30000);
    story_end (story, id, 30100, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_NOT_SENT, 0);
    story_end (story, id, 30200, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_NOT_SENT, 0);
}

static void
end_late (story_t *story)
{
    const uint64_t id = story_begin (story, HISTORY_CALL, 30000);
    story_end (story, id, 31101, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_NOT_SENT, 0);
}

static void
begin_twice (story_t *story)
{
    const uint64_t id = story_begin (story, HISTORY_CALL, 30000);
    story_put (story, STORY_CLIENT, 30001,
               (history_record_t){.call = id,
                                  .event = HISTORY_CALL_BEGIN,
                                  .of_call = {.allowed_ns = UINT64_C (1000000000)}});
    story_end (story, id, 30100, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_NOT_SENT, 0);
}

static void
run_unknown (story_t *story)
{
    story_run (story, history_id (STORY_CLIENT, 9999), STORY_ONE, 30000);
}

static void
run_twice (story_t *story)
{
    const uint64_t id = story_begin (story, HISTORY_CALL, 30000);
    story_run (story, id, STORY_ONE, 30001);
    story_run (story, id, STORY_TWO, 30002);
    story_end (story, id, 30010, GODWIT_OK, GODWIT_OUTCOME_NONE, STORY_ONE);
}

static void
run_cast_twice (story_t *story)
{
    const uint64_t id = story_begin (story, HISTORY_CAST, 30000);
    story_run (story, id, STORY_ONE, 30001);
    story_run (story, id, STORY_ONE, 30002);
    story_end (story, id, 30010, GODWIT_OK, GODWIT_OUTCOME_NONE, 0);
}

static void
run_fanout_twice (story_t *story)
{
    const uint64_t id = story_begin (story, HISTORY_FANOUT, 30000);
    story_run (story, id, STORY_ONE, 30001);
    story_run (story, id, STORY_TWO, 30001);
    story_run (story, id, STORY_TWO, 30002);
    story_end_fanout (story, id, 30010, 2, 0);
}

static void
run_not_sent (story_t *story)
{
    const uint64_t id = story_begin (story, HISTORY_CALL, 30000);
    story_run (story, id, STORY_ONE, 30001);
    story_end (story, id, 30010, GODWIT_ERR_DELIVERY_FAILURE, GODWIT_OUTCOME_NOT_SENT, 0);
}

static void
run_rejected_cast (story_t *story)
{
    const uint64_t id = story_begin (story, HISTORY_CAST, 30000);
    story_run (story, id, STORY_TWO, 30001);
    story_end (story, id, 30010, GODWIT_ERR_OVERLOADED, GODWIT_OUTCOME_REJECTED, 0);
}

static void
run_rejected_idempotent (story_t *story)
{
    const uint64_t id = story_begin (story, HISTORY_IDEMPOTENT, 30000);
    story_run (story, id, STORY_TWO, 30001);
    story_end (story, id, 30010, GODWIT_ERR_OVERLOADED, GODWIT_OUTCOME_REJECTED, 0);
}

static void
succeed_without_running (story_t *story)
{
    const uint64_t id = story_begin (story, HISTORY_CALL, 30000);
    story_end (story, id, 30010, GODWIT_OK, GODWIT_OUTCOME_NONE, STORY_ONE);
}

static void
fail_without_running (story_t *story)
{
    const uint64_t id = story_begin (story, HISTORY_CALL, 30000);
    story_end (story, id, 30010, GODWIT_ERR_FAILED, GODWIT_OUTCOME_RAN, 0);
}

static void
answer_for_another (story_t *story)
{
    const uint64_t id = story_begin (story, HISTORY_CALL, 30000);
    story_run (story, id, STORY_ONE, 30001);
    story_end (story, id, 30010, GODWIT_OK, GODWIT_OUTCOME_NONE, STORY_TWO);
}

static void
answer_instead_of_another (story_t *story)
{
    const uint64_t id = history_next_id (story->nodes[STORY_CLIENT]);
    story_put (
        story, STORY_CLIENT, 30000,
        (history_record_t){.call = id,
                           .event = HISTORY_CALL_BEGIN,
                           .of_call = {.allowed_ns = UINT64_C (1000000000), .target = history_name ("two")}});
    story_run (story, id, STORY_ONE, 30001);
    story_end (story, id, 30010, GODWIT_OK, GODWIT_OUTCOME_NONE, STORY_ONE);
}

static void
run_after_stop (story_t *story)
{
    const uint64_t id = story_begin (story, HISTORY_CALL, STORY_END_MS - 1100);
    story_run (story, id, STORY_ONE, STORY_END_MS + 1);
    story_end (story, id, STORY_END_MS - 100, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN, 0);
}

static void
forget_handler (story_t *story)
{
    const uint64_t id = story_begin (story, HISTORY_CALL, 30000);
    story_run_begin (story, id, STORY_ONE, 30001);
    story_end (story, id, 30010, GODWIT_OK, GODWIT_OUTCOME_NONE, STORY_ONE);
}

static void
lose_cast (story_t *story)
{
    const uint64_t id = story_begin (story, HISTORY_CAST, 30000);
    story_end (story, id, 30010, GODWIT_OK, GODWIT_OUTCOME_NONE, 0);
}

/* That a server stops in good order is no reason to lose anything. */
static void
lose_cast_of_stopped (story_t *story)
{
    story_fault (story, HISTORY_FAULT_STOP, STORY_TWO, 29900, 30100);
    lose_cast (story);
}

static void
give_up (story_t *story)
{
    story_fault (story, HISTORY_FAULT_STOP, STORY_TWO, 29900, 30100);
    const uint64_t id = story_begin (story, HISTORY_CALL, 30000);
    story_end (story, id, 30020, GODWIT_ERR_DELIVERY_FAILURE, GODWIT_OUTCOME_MAYBE_RUN, 0);
}

static void
lose_reply (story_t *story)
{
    const uint64_t id = story_begin (story, HISTORY_CALL, 30000);
    story_run (story, id, STORY_ONE, 30010);
    story_end (story, id, 31000, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN, 0);
}

static void
reach_one_run_two (story_t *story)
{
    const uint64_t id = story_begin (story, HISTORY_FANOUT, 30000);
    story_run (story, id, STORY_ONE, 30001);
    story_run (story, id, STORY_TWO, 30001);
    story_end_fanout (story, id, 30010, 1, 1);
}

static void
reach_two_run_one (story_t *story)
{
    const uint64_t id = story_begin (story, HISTORY_FANOUT, 30000);
    story_run (story, id, STORY_ONE, 30001);
    story_end_fanout (story, id, 30010, 2, 0);
}

static void
reach_one_of_two (story_t *story)
{
    const uint64_t id = story_begin (story, HISTORY_FANOUT, 30000);
    story_run (story, id, STORY_ONE, 30001);
    story_end_fanout (story, id, 30010, 1, 0);
}

static uint64_t
call_all (story_t *story, history_row_t one, history_row_t two)
{
    const uint64_t id = story_begin (story, HISTORY_FANOUT_CALL, 30000);
    story_run (story, id, STORY_ONE, 30001);
    if (one)
        story_row (story, id, 30009, "one", one);
    if (two)
        story_row (story, id, 30009, "two", two);
    story_end (story, id, 30010, GODWIT_OK, GODWIT_OUTCOME_NONE, 0);
    return id;
}

static void
row_of_who_did_not_run (story_t *story)
{
    call_all (story, HISTORY_ROW_REPLIED, HISTORY_ROW_REPLIED);
}

static void
row_denies_run (story_t *story)
{
    call_all (story, HISTORY_ROW_REFUSED, HISTORY_ROW_UNREACHABLE);
}

static void
row_twice (story_t *story)
{
    story_row (story, call_all (story, HISTORY_ROW_REPLIED, HISTORY_ROW_LEFT), 30009, "two",
               HISTORY_ROW_LEFT);
}

static void
row_forgotten (story_t *story)
{
    call_all (story, HISTORY_ROW_REPLIED, (history_row_t) 0);
}

static void
row_forgotten_of_who_ran (story_t *story)
{
    call_all (story, (history_row_t) 0, HISTORY_ROW_TIMED_OUT);
}

static void
die (story_t *story)
{
    story->has_no_end[STORY_TWO] = true;
}

static void
hang_and_die (story_t *story)
{
    story_fault (story, HISTORY_FAULT_KILL, STORY_CLIENT, 40000, 0);
    story_begin (story, HISTORY_CALL, 30000); /* 9 s too late when it was killed */
    story->has_no_end[STORY_CLIENT] = true;
}

static void
write_too_much (story_t *story)
{
    for (int i = 0; i < 1 << 14; i++)
        story_put (story, STORY_RUNNER, 30000, (history_record_t){.event = HISTORY_GAPS});
}

static void
write_nonsense (story_t *story)
{
    story_put (story, STORY_RUNNER, 30000, (history_record_t){.event = HISTORY_EVENT_COUNT});
}

static void
end_out_of_nothing (story_t *story)
{
    story_end (story, history_id (STORY_CLIENT, 40), 30000, GODWIT_OK, GODWIT_OUTCOME_NONE, 0);
}

static void
lose_notice (story_t *story)
{
    story_take (story, story_notify (story, 30000, 0), STORY_TWO, 30001, 0, false);
}

/* Once a pool has got one of a stream, it counts. */
static void
lose_notice_of_known_pool (story_t *story)
{
    story_take (story, story_notify (story, 30000, 0), STORY_ONE, 30001, 0, false);
}

static void
lose_what_was_requeued (story_t *story)
{
    const uint64_t id = story_notify (story, 30000, 0);
    story_take (story, id, STORY_ONE, 30001, 0, true);
    story_take (story, id, STORY_TWO, 30001, 0, false);
}

static uint64_t
notify_both (story_t *story, int64_t at_ms)
{
    const uint64_t id = story_notify (story, at_ms, 0);
    story_take (story, id, STORY_ONE, at_ms + 1, 0, false);
    story_take (story, id, STORY_TWO, at_ms + 1, 0, false);
    return id;
}

static void
take_unknown (story_t *story)
{
    story_take (story, history_id (STORY_CLIENT, 9999), STORY_ONE, 30000, 0, false);
}

static void
take_refused (story_t *story)
{
    const uint64_t id = story_try_notify (story, 30000, GODWIT_ERR_OVERLOADED, false);
    story_take (story, id, STORY_ONE, 30001, 0, false);
}

static void
take_dropped (story_t *story)
{
    const uint64_t id = story_try_notify (story, 30000, GODWIT_OK, true);
    story_take (story, id, STORY_ONE, 30001, 0, false);
}

static void
take_again_unmarked (story_t *story)
{
    story_take (story, notify_both (story, 20200), STORY_TWO, 23200, 0, false);
}

static void
take_again_with_the_same_count (story_t *story)
{
    const uint64_t id = notify_both (story, 20200);
    story_take (story, id, STORY_TWO, 22000, 1, false);
    story_take (story, id, STORY_TWO, 23200, 1, false);
}

static void
take_again_for_nothing (story_t *story)
{
    story_take (story, notify_both (story, 30000), STORY_TWO, 30100, 1, false);
}

static void
mark_for_nothing (story_t *story)
{
    const uint64_t id = story_notify (story, 30000, 0);
    story_take (story, id, STORY_ONE, 30001, 1, false);
    story_take (story, id, STORY_TWO, 30001, 0, false);
}

static void
take_out_of_order (story_t *story)
{
    const uint64_t id = story_notify (story, 30000, 0);
    notify_both (story, 30010);
    story_take (story, id, STORY_TWO, 30009, 0, false);
    story_take (story, id, STORY_ONE, 30020, 0, false);
}

static void
take_again_what_is_dropped (story_t *story)
{
    story_take (story, notify_both (story, 20200), STORY_ONE, 23200, 1, false);
}

static void
leave_some (story_t *story)
{
    story->has_left_some = true;
}

static void
forget_settling (story_t *story)
{
    const uint64_t id = notify_both (story, 20200);
    story_put (story, STORY_TWO, 23200,
               (history_record_t){.call = id, .event = HISTORY_TAKEN, .notice.redeliveries = 1});
}

static void
forget_notified (story_t *story)
{
    const uint64_t id = history_next_id (story->nodes[STORY_CLIENT]);
    story_put (story, STORY_CLIENT, 30000, (history_record_t){.call = id, .event = HISTORY_NOTICE_BEGIN});
}

static void
notify_twice (story_t *story)
{
    story_put (story, STORY_CLIENT, 30000,
               (history_record_t){.call = notify_both (story, 30000), .event = HISTORY_NOTICE_END});
}

static void
settle_out_of_nothing (story_t *story)
{
    story_put (story, STORY_TWO, 30010,
               (history_record_t){.call = notify_both (story, 30000), .event = HISTORY_SETTLED});
}

typedef struct planted {
    tell_fn *plant;
    check_rule_t rule;
    const char *text; /* that is printed */
} planted_t;

static const planted_t planted[] = {
    {forget_end, CHECK_NEVER_ENDED, "never ended: call 1:24: it has no end"},
    {hang_and_die, CHECK_NEVER_ENDED, "and its process lived on for 10000.0 ms"},
    {end_twice, CHECK_ENDED_TWICE, "it ended 2 times"},
    {end_late, CHECK_LATE, "it ended 101.0 ms after its deadline"},
    {begin_twice, CHECK_BEGUN_TWICE, "it began 2 times"},
    {run_unknown, CHECK_NEVER_BEGUN, "one ran it, and nobody had made it"},
    {end_out_of_nothing, CHECK_NEVER_BEGUN, "it ended, and had not begun"},
    {run_twice, CHECK_RAN_TWICE, "it ran 2 times"},
    {run_cast_twice, CHECK_RAN_TWICE, "ran twice: cast 1:24: it ran 2 times"},
    {run_fanout_twice, CHECK_RAN_TWICE, "two ran it 2 times"},
    {run_not_sent, CHECK_RAN_DENIED, "told NOT_SENT, and one ran it"},
    {run_rejected_cast, CHECK_RAN_DENIED, "told REJECTED, and two ran it"},
    {run_rejected_idempotent, CHECK_RAN_DENIED, "told REJECTED, and two ran it"},
    {succeed_without_running, CHECK_NOT_RUN, "it succeeded, and did not run"},
    {fail_without_running, CHECK_NOT_RUN, "told RAN, and it did not run"},
    {answer_for_another, CHECK_WRONG_SERVER, "two answered, and one ran it"},
    {answer_instead_of_another, CHECK_WRONG_SERVER, "one ran it, and it was for another"},
    {run_after_stop, CHECK_NOT_SERVING, "one ran it in life 1, which was over"},
    {forget_handler, CHECK_HANDLER_LOST, "it began to run in one"},
    {lose_cast, CHECK_CAST_LOST, "it was accepted and did not run"},
    {lose_cast_of_stopped, CHECK_CAST_LOST, "it was accepted and did not run"},
    {give_up, CHECK_GIVEN_UP, "it was given up after 20.0 ms"},
    {lose_reply, CHECK_REPLY_LOST, "it had run 989.0 ms before its deadline"},
    {reach_one_run_two, CHECK_FANOUT_MORE, "it reached 1, and 2 ran it"},
    {row_forgotten_of_who_ran, CHECK_FANOUT_SILENT, "it has no row of one"},
    {reach_two_run_one, CHECK_FANOUT_LESS, "it reached 2, 1 ran it"},
    {reach_one_of_two, CHECK_FANOUT_SILENT, "it reached 1 and missed 0, and 2 were there"},
    {row_forgotten, CHECK_FANOUT_SILENT, "it has no row of two"},
    {row_of_who_did_not_run, CHECK_ROW_WRONG, "two replied, it says, and did not run it"},
    {row_denies_run, CHECK_ROW_WRONG, "one was refused, it says, and ran it"},
    {row_twice, CHECK_ROW_WRONG, "it has two rows of two"},
    {die, CHECK_DIED, "has neither ended nor been killed"},
    {write_too_much, CHECK_UNREADABLE, "it was full"},
    {write_nonsense, CHECK_UNREADABLE, "is no event"},
    {lose_notice, CHECK_NOTICE_LOST, "it was accepted, and the pool 0 has not handled it"},
    {lose_notice_of_known_pool, CHECK_NOTICE_LOST, "it was accepted, and the pool 1 has not handled it"},
    {lose_what_was_requeued, CHECK_NOTICE_LOST, "the pool 0 has not handled it"},
    {take_unknown, CHECK_NOTICE_UNKNOWN, "nobody has sent it"},
    {take_refused, CHECK_NOTICE_DENIED, "it was refused, and delivered all the same"},
    {take_dropped, CHECK_NOTICE_DENIED, "it was dropped, and delivered all the same"},
    {take_again_unmarked, CHECK_NOTICE_UNMARKED, "it came again to the pool 1 with the count 0, as before"},
    {take_again_with_the_same_count, CHECK_NOTICE_UNMARKED, "with the count 1, as before"},
    {take_again_for_nothing, CHECK_NOTICE_NEEDLESS, "and was handled before, and nothing was disturbed"},
    {mark_for_nothing, CHECK_NOTICE_NEEDLESS, "with the count 1, and had not come before"},
    {take_out_of_order, CHECK_NOTICE_ORDER, "which was sent later"},
    {take_again_what_is_dropped, CHECK_NOTICE_DUPLICATE, "it came again to a listener that had handled it"},
    {leave_some, CHECK_NOTICE_LEFT, "client has ended before all was acknowledged: MessagingTimeout"},
    {forget_settling, CHECK_HANDLER_LOST, "two took it, and has ended, and is not done with it"},
    {forget_notified, CHECK_NEVER_ENDED, "never ended: notification"},
    {notify_twice, CHECK_ENDED_TWICE, "it was notified twice"},
    {settle_out_of_nothing, CHECK_NEVER_BEGUN, "two is done with it, and had not taken it"},
};

#define PLANTED (sizeof planted / sizeof planted[0])

Test (check, what_went_well_is_passed)
{
    const call_result_t result = examine_with (NULL);
    const check_summary_t *summary = &result.summary;
    cr_assert_eq (check_broken (summary), 0u, "%s", result.text);
    cr_assert_eq (summary->files, 4u);
    cr_assert_eq (summary->tried, 14u + 2u);
    cr_assert_eq (summary->outcomes[GODWIT_OUTCOME_NOT_SENT], 1u);
    cr_assert_eq (summary->outcomes[GODWIT_OUTCOME_REJECTED], 1u);
    cr_assert_eq (summary->outcomes[GODWIT_OUTCOME_MAYBE_RUN], 3u);
    cr_assert_eq (summary->outcomes[GODWIT_OUTCOME_RAN], 1u);
    cr_assert_eq (summary->outcomes[GODWIT_OUTCOME_NONE], 1u);
    cr_assert_eq (summary->ran_again, 1u);
    cr_assert_eq (summary->casts_gone, 1u);
    cr_assert_eq (summary->notices.sent, 7u);
    cr_assert_eq (summary->notices.accepted, 5u);
    cr_assert_eq (summary->notices.deliveries, 10u);
    cr_assert_eq (summary->notices.marked, 2u);
    cr_assert_eq (summary->notices.requeued, 1u);
    cr_assert_eq (summary->notices.gone, 0u);
    cr_assert_eq (summary->late_ns, 80000000u);
    cr_assert_eq (summary->late_calls[7], 1u); /* 64 ms or more, and less than 128 ms */
    cr_assert_eq (summary->late_timers[0], 5u);
    cr_assert_eq (summary->late_timers[HISTORY_LATENESS_STEPS - 1], 2u);
    cr_assert_eq (summary->hit, 1u);
    cr_assert_eq (summary->detection_ns, 2050000000u);
    free (result.text);
}

Test (check, a_fault_of_each_kind_is_found)
{
    bool is_planted[CHECK_RULE_COUNT] = {false};
    for (size_t i = 0; i < PLANTED; i++) {
        const call_result_t result = examine_with (planted[i].plant);
        const char *rule = check_rule_text (planted[i].rule);
        cr_assert_eq (result.summary.violations[planted[i].rule], 1u, "%zu: %s, 1 time: %s", i, rule,
                      result.text);
        cr_assert_eq (check_broken (&result.summary), 1u, "%zu: only %s: %s", i, rule, result.text);
        cr_assert (strstr (result.text, rule) && strstr (result.text, planted[i].text), "%zu: \"%s\" in %s",
                   i, planted[i].text, result.text);
        is_planted[planted[i].rule] = true;
        free (result.text);
    }
    is_planted[CHECK_SAME_NODE] = true; /* below */
    for (int rule = 0; rule < CHECK_RULE_COUNT; rule++)
        cr_assert (is_planted[rule], "%s has no planted fault", check_rule_text ((check_rule_t) rule));
}

Test (check, all_events_of_what_was_broken_are_printed)
{
    const call_result_t result = examine_with (run_twice);
    cr_assert (strstr (result.text, "client.1.history#"));
    cr_assert (strstr (result.text, "one.2.history#"));
    cr_assert (strstr (result.text, "two.3.history#"));
    cr_assert (strstr (result.text, "begins, may take 1000.0 ms"));
    cr_assert (strstr (result.text, "ends: Ok, answered by node 2, life 1"));
    cr_assert (strstr (result.text, "seeds of this run: client=7"));
    free (result.text);
}

/* ---- what is allowed ---- */

static void
stall (story_t *story)
{
    end_late (story);
    story_put (story, STORY_CLIENT, 31100,
               (history_record_t){.event = HISTORY_STALL, .value = UINT64_C (60000000)});
}

static void
stall_elsewhere (story_t *story)
{
    end_late (story);
    story_put (story, STORY_ONE, 31100,
               (history_record_t){.event = HISTORY_STALL, .value = UINT64_C (60000000)});
    story_put (story, STORY_CLIENT, 30999,
               (history_record_t){.event = HISTORY_STALL, .value = UINT64_C (60000000)});
}

static void
be_killed (story_t *story)
{
    story_fault (story, HISTORY_FAULT_KILL, STORY_CLIENT, 30500, 0);
    story_begin (story, HISTORY_CALL, 30000);
    story->has_no_end[STORY_CLIENT] = true;
}

static void
run_where_it_was_killed (story_t *story)
{
    story_fault (story, HISTORY_FAULT_KILL, STORY_ONE, 30010, 0);
    story->has_no_end[STORY_ONE] = true;
    story->has_not_stopped[STORY_ONE] = true;
    const uint64_t id = story_begin (story, HISTORY_CALL, 30000);
    story_run_begin (story, id, STORY_ONE, 30001);
    story_end (story, id, 30017, GODWIT_ERR_DELIVERY_FAILURE, GODWIT_OUTCOME_MAYBE_RUN, 0);
    lose_cast (story);
    const uint64_t fanout = story_begin (story, HISTORY_FANOUT, 30005);
    story_end_fanout (story, fanout, 30006, 2, 0);
    story_run (story, fanout, STORY_TWO, 30011);
    const uint64_t cast = story_begin (story, HISTORY_CAST, 29500); /* it waited in a queue */
    story_end (story, cast, 29501, GODWIT_OK, GODWIT_OUTCOME_NONE, 0);
}

Test (check, a_stall_of_the_process_at_the_deadline_is_allowed_for)
{
    const call_result_t with = examine_with (stall);
    cr_assert_eq (check_broken (&with.summary), 0u, "%s", with.text);
    cr_assert_eq (with.summary.stall_ns, 60000000u);
    free (with.text);
    const call_result_t elsewhere = examine_with (stall_elsewhere);
    cr_assert_eq (elsewhere.summary.violations[CHECK_LATE], 1u);
    free (elsewhere.text);
}

Test (check, who_was_killed_ends_nothing_and_is_no_violation)
{
    const call_result_t client = examine_with (be_killed);
    cr_assert_eq (check_broken (&client.summary), 0u, "%s", client.text);
    cr_assert_eq (client.summary.unfinished, 1u);
    free (client.text);
    const call_result_t server = examine_with (run_where_it_was_killed);
    cr_assert_eq (check_broken (&server.summary), 0u, "%s", server.text);
    cr_assert_eq (server.summary.hit, 2u);
    cr_assert_eq (server.summary.casts_gone, 3u);
    free (server.text);
}

static void
kill_notifier (story_t *story)
{
    story->has_no_end[STORY_CLIENT] = true;
    story_fault (story, HISTORY_FAULT_KILL, STORY_CLIENT, 30010, 0);
    lose_notice (story);
}

Test (check, what_a_notifier_had_goes_with_it_unless_it_has_a_spool)
{
    const call_result_t result = examine_with (kill_notifier);
    cr_assert_eq (check_broken (&result.summary), 0u, "%s", result.text);
    cr_assert_eq (result.summary.notices.gone, 1u);
    free (result.text);
    story_t story;
    story_open_with_spool (&story);
    kill_notifier (&story);
    story_close (&story);
    const call_result_t with_spool = examine (&story);
    cr_assert_eq (with_spool.summary.violations[CHECK_NOTICE_LOST], 1u, "%s", with_spool.text);
    free (with_spool.text);
    story_remove (&story);
}

/* Only then nobody can say whom the notifier thought to serve the pool. */
static void
take_over_while_the_other_is_there (story_t *story)
{
    history_record_t record = {.event = HISTORY_LISTENER_UP};
    snprintf (record.note.text, sizeof record.note.text, "second");
    story_put (story, STORY_RUNNER, 29000, record);
    take_out_of_order (story);
    const uint64_t id = story_notify (story, 31000, 0), later = story_notify (story, 31001, 0);
    story_take (story, id, STORY_ONE, 31001, 0, false);
    story_take (story, later, STORY_ONE, 31002, 0, false);
    story_take (story, later, STORY_RUNNER, 31002, 0, false);
    story_take (story, id, STORY_TWO, 31004, 0, false);
}

Test (check, order_is_asked_for_while_one_listener_serves_the_pool)
{
    const call_result_t result = examine_with (take_over_while_the_other_is_there);
    cr_assert_eq (result.summary.violations[CHECK_NOTICE_ORDER], 1u, "%s", result.text); /* of "first" */
    cr_assert_eq (check_broken (&result.summary), 1u, "%s", result.text);
    free (result.text);
}

/* ---- files ---- */

Test (check, two_files_of_one_node_are_found)
{
    story_t story;
    char path[128];
    story_open (&story);
    story_close (&story);
    snprintf (path, sizeof path, "%s/again%s", story.folder, HISTORY_SUFFIX);
    history_t *again = history_open (path, &(const history_options_t){.node = STORY_ONE, .name = "again"});
    cr_assert (again);
    history_close (again);
    const call_result_t result = examine (&story);
    cr_assert_eq (result.summary.violations[CHECK_SAME_NODE], 1u);
    unlink (path);
    story_remove (&story);
    free (result.text);
}

/* The mark of the last record is not there: a SIGKILL came before it. */
static void
tear_last (const story_t *story, int node, uint64_t record)
{
    char path[128];
    const uint32_t nothing = 0;
    story_path (story, node, path);
    const int fd = open (path, O_RDWR);
    cr_assert (fd >= 0);
    const off_t place = (off_t) (HISTORY_HEADER_SIZE + record * sizeof (history_record_t) +
                                 offsetof (history_record_t, mark));
    cr_assert_eq (pwrite (fd, &nothing, sizeof nothing, place), (ssize_t) sizeof nothing);
    close (fd);
}

Test (check, a_torn_record_is_that_of_who_was_killed)
{
    for (int is_killed = 0; is_killed < 2; is_killed++) {
        story_t story;
        story_open (&story);
        story.has_no_end[STORY_CLIENT] = is_killed;
        if (is_killed)
            story_fault (&story, HISTORY_FAULT_KILL, STORY_CLIENT, 30000, 0);
        const uint64_t id = story_begin (&story, HISTORY_CALL, 10000);
        story_end (&story, id, 10010, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_NOT_SENT, 0);
        story_begin (&story, HISTORY_CALL, 10010); /* this one is torn */
        story_close (&story);
        tear_last (&story, STORY_CLIENT, 5);
        const call_result_t result = examine (&story);
        cr_assert_eq (result.summary.tried, 1u);
        cr_assert_eq (result.summary.torn, 1u);
        cr_assert_eq (check_broken (&result.summary), is_killed ? 0u : 1u, "%s", result.text);
        cr_assert_eq (result.summary.violations[CHECK_UNREADABLE], is_killed ? 0u : 1u);
        free (result.text);
        story_remove (&story);
    }
}

Test (check, a_folder_without_histories_is_refused)
{
    story_t story = {.folder = "/nonexistent"};
    const call_result_t result = examine (&story);
    cr_assert (!result.done);
    cr_assert (strstr (result.text, "/nonexistent"));
    free (result.text);
}

static void
damage (const story_t *story, random_t *random)
{
    char path[128];
    uint8_t bytes[8];
    story_path (story, 1 + (int) random_below (random, STORY_NODES - 1), path);
    const int fd = open (path, O_RDWR);
    cr_assert (fd >= 0);
    for (uint32_t i = 1 + random_below (random, 20); i > 0; i--) {
        const bool in_header = random_below (random, 4) == 0;
        const off_t place = (off_t) (in_header ? random_below (random, sizeof (history_header_t))
                                               : HISTORY_HEADER_SIZE + random_below (random, 60 * 64));
        for (size_t j = 0; j < sizeof bytes; j++)
            bytes[j] = (uint8_t) random_below (random, 256);
        const size_t size = 1 + random_below (random, sizeof bytes);
        cr_assert_eq (pwrite (fd, bytes, size, place), (ssize_t) size);
    }
    if (random_below (random, 4) == 0)
        cr_assert_eq (ftruncate (fd, random_below (random, 60 * 64 + HISTORY_HEADER_SIZE)), 0);
    close (fd);
}

Test (check, damaged_histories_are_survived, .timeout = 110)
{
    random_t random = random_start ();
    for (int i = 0; i < 100; i++) {
        story_t story;
        story_open (&story);
        story_tell_good (&story);
        story_close (&story);
        for (uint32_t j = 0; j < 5; j++) {
            damage (&story, &random);
            const call_result_t result = examine (&story);
            cr_assert (result.done);
            free (result.text);
        }
        story_remove (&story);
    }
}
