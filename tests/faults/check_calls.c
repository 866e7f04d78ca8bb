/* SPDX-License-Identifier: Apache-2.0 */
/* The rules for processes, calls and casts. */
#include "tests/faults/check_inside.h"

/* A call of a process that was killed was lost before, if it had not ended so long after its deadline. */
#define SURELY_OVER_NS (1000 * CHECK_MS)
/* Calls that go wrong later than this after a kill have other reasons. */
#define KILL_LASTS_NS (3000 * CHECK_MS)
/* A process that could not run for so long explains much. */
#define STARVED_NS (500 * CHECK_MS)
/* The end of a call needs two threads in turn, and a stall is measured on one. */
#define STALL_FACTOR 2

static uint64_t
add (uint64_t a, uint64_t b)
{
    return a > CHECK_NEVER - b ? CHECK_NEVER : a + b;
}

static double
ms (uint64_t ns)
{
    return (double) ns / 1e6;
}

/* ---- processes ---- */

static void
find_killed (check_t *check)
{
    for (size_t i = 0; i < check->fault_count; i++) {
        const check_fault_t *fault = &check->faults[i];
        const bool may_kill = fault->fault == HISTORY_FAULT_KILL || fault->fault == HISTORY_FAULT_NAMES;
        check_node_t *node =
            fault->node && fault->node <= HISTORY_NODE_MAX ? check->by_number[fault->node] : NULL;
        if (node && may_kill && !node->ended_ns)
            node->killed_ns = fault->begin_ns;
    }
}

void
check_processes (check_t *check)
{
    find_killed (check);
    for (size_t i = 0; i < check->node_count; i++) {
        const check_node_t *node = &check->nodes[i];
        if (!node->header)
            continue;
        check->summary->torn += node->torn;
        const bool is_full = atomic_load (&node->header->claimed) > node->header->capacity;
        if (!node->ended_ns && !node->killed_ns && !is_full)
            check_broke (check, CHECK_DIED, 0, "%s: process %u has neither ended nor been killed", node->path,
                         node->header->pid);
        if (node->ended_ns && node->torn)
            check_broke (check, CHECK_UNREADABLE, 0, "%s: %llu records are damaged, and it was not killed",
                         node->path, (unsigned long long) node->torn);
    }
    check->summary->faults = check->fault_count;
}

/* ---- one call ---- */

typedef struct subject {
    check_t *check;
    const check_node_t *node;
    const check_call_t *call;
    uint64_t id;
} subject_t;

#define BROKE(subject_, rule_, ...) check_broke ((subject_)->check, (rule_), (subject_)->id, __VA_ARGS__)

static void
examine_missing_end (const subject_t *subject)
{
    const check_node_t *node = subject->node;
    const uint64_t last_ns = node->killed_ns ? node->killed_ns : node->last_ns;
    const uint64_t over_ns = add (add (subject->call->begin_ns, subject->call->allowed_ns), SURELY_OVER_NS);
    const uint64_t stalled_ns = check_stalled (node, (check_span_t){subject->call->begin_ns, last_ns});
    if (node->ended_ns)
        BROKE (subject, CHECK_NEVER_ENDED, "it has no end, and its process has ended in good order");
    else if (add (over_ns, STALL_FACTOR * stalled_ns) < last_ns)
        BROKE (subject, CHECK_NEVER_ENDED, "it has no end, and its process lived on for %.1f ms",
               ms (last_ns - subject->call->begin_ns));
    else
        subject->check->summary->unfinished++;
}

static void
examine_time (const subject_t *subject)
{
    const check_call_t *call = subject->call;
    check_summary_t *summary = subject->check->summary;
    const check_options_t *options = subject->check->options;
    const uint64_t allowed_ns = (options->late_ms ? options->late_ms : CHECK_LATE_MS) * CHECK_MS;
    const uint64_t due_ns = add (call->begin_ns, call->allowed_ns);
    if (call->end_ns <= due_ns)
        return;
    const uint64_t late_ns = call->end_ns - due_ns;
    summary->late_calls[history_lateness_step (late_ns)]++;
    if (late_ns > summary->late_ns) {
        summary->late_ns = late_ns;
        subject->check->latest = subject->id;
    }
    if (late_ns <= allowed_ns)
        return;
    const uint64_t stalled_ns = check_stalled (subject->node, (check_span_t){due_ns, call->end_ns});
    if (late_ns > allowed_ns + STALL_FACTOR * stalled_ns)
        BROKE (subject, CHECK_LATE,
               "it ended %.1f ms after its deadline; its process was stalled for %.1f ms", ms (late_ns),
               ms (stalled_ns));
}

static const char *
server_name (const subject_t *subject, uint32_t number)
{
    const check_node_t *node = number <= HISTORY_NODE_MAX ? subject->check->by_number[number] : NULL;
    return node && node->header ? node->header->name : "who left no history";
}

static void
examine_success (const subject_t *subject)
{
    const check_call_t *call = subject->call;
    if (call->kind == HISTORY_CAST && call->runs == 0) {
        if (check_is_disturbed (subject->check, 0,
                                (check_span_t){call->begin_ns, add (call->end_ns, CHECK_ON_ITS_WAY_NS)}))
            subject->check->summary->casts_gone++;
        else
            BROKE (subject, CHECK_CAST_LOST, "it was accepted and did not run, and nothing was disturbed");
    }
    if (call->kind != HISTORY_CALL && call->kind != HISTORY_IDEMPOTENT)
        return;
    if (call->runs == 0)
        BROKE (subject, CHECK_NOT_RUN, "it succeeded, and did not run");
    else if (call->runs == 1 && call->peer && call->peer != call->run_node)
        BROKE (subject, CHECK_WRONG_SERVER, "%s answered, and %s ran it", server_name (subject, call->peer),
               server_name (subject, call->run_node));
}

/* A fault, or a machine that let somebody starve. */
static bool
has_excuse (const subject_t *subject)
{
    const check_t *check = subject->check;
    const check_call_t *call = subject->call;
    const uint64_t from_ns = call->begin_ns > STARVED_NS * 4 ? call->begin_ns - STARVED_NS * 4 : 0;
    for (size_t i = 0; i < check->node_count; i++)
        if (check_stalled (&check->nodes[i], (check_span_t){from_ns, call->end_ns}) > STARVED_NS)
            return true;
    return check_is_disturbed (check, 0, (check_span_t){call->begin_ns, call->end_ns});
}

static void
examine_maybe_run (const subject_t *subject)
{
    const check_call_t *call = subject->call;
    const uint64_t due_ns = add (call->begin_ns, call->allowed_ns);
    const bool was_given_up = call->end_ns < due_ns;
    const bool had_run =
        call->runs == 1 && call->run_ends == 1 && add (call->run_end_ns, STARVED_NS) < call->end_ns;
    if ((!was_given_up && !had_run) || has_excuse (subject))
        return;
    if (was_given_up)
        BROKE (subject, CHECK_GIVEN_UP, "it was given up after %.1f ms, and nothing was disturbed",
               ms (call->end_ns - call->begin_ns));
    else
        BROKE (subject, CHECK_REPLY_LOST, "it had run %.1f ms before its deadline, and nothing was disturbed",
               ms (due_ns - call->run_end_ns));
}

static void
examine_failure (const subject_t *subject)
{
    const check_call_t *call = subject->call;
    const char *outcome = godwit_outcome_name ((godwit_outcome_t) call->outcome);
    if (call->outcome == GODWIT_OUTCOME_RAN && call->runs == 0)
        BROKE (subject, CHECK_NOT_RUN, "its caller was told %s, and it did not run", outcome);
    if (call->outcome != GODWIT_OUTCOME_RAN && call->outcome != GODWIT_OUTCOME_MAYBE_RUN && call->runs > 0)
        BROKE (subject, CHECK_RAN_DENIED, "its caller was told %s, and %s ran it", outcome,
               server_name (subject, call->run_node));
    if (call->outcome == GODWIT_OUTCOME_MAYBE_RUN &&
        (call->kind == HISTORY_CALL || call->kind == HISTORY_IDEMPOTENT))
        examine_maybe_run (subject);
}

static void
examine_runs (const subject_t *subject)
{
    const check_call_t *call = subject->call;
    const check_node_t *ran =
        call->run_node <= HISTORY_NODE_MAX ? subject->check->by_number[call->run_node] : NULL;
    if (call->runs > 1 && call->kind == HISTORY_IDEMPOTENT)
        subject->check->summary->ran_again += call->runs - 1u;
    else if (call->runs > 1 && (call->kind == HISTORY_CALL || call->kind == HISTORY_CAST))
        BROKE (subject, CHECK_RAN_TWICE, "it ran %u times", call->runs);
    if (call->runs == 1 && call->run_ends == 0 && ran && ran->ended_ns)
        BROKE (subject, CHECK_HANDLER_LOST, "it began to run in %s, which has ended, and it has not",
               ran->header->name);
}

static void
examine (const subject_t *subject)
{
    const check_call_t *call = subject->call;
    check_summary_t *summary = subject->check->summary;
    if (call->begins == 0) {
        BROKE (subject, CHECK_NEVER_BEGUN, "it ended, and had not begun");
        return;
    }
    summary->tried++;
    summary->kinds[call->kind]++;
    if (call->begins > 1)
        BROKE (subject, CHECK_BEGUN_TWICE, "it began %u times", call->begins);
    examine_runs (subject);
    if (call->ends == 0) {
        examine_missing_end (subject);
        return;
    }
    if (call->ends > 1)
        BROKE (subject, CHECK_ENDED_TWICE, "it ended %u times", call->ends);
    examine_time (subject);
    if (call->status == GODWIT_OK) {
        summary->outcomes[CHECK_SUCCEEDED]++;
        examine_success (subject);
    } else if (call->outcome > GODWIT_OUTCOME_RAN) {
        BROKE (subject, CHECK_UNREADABLE, "its outcome is none: %u", call->outcome);
    } else {
        summary->outcomes[call->outcome]++;
        examine_failure (subject);
    }
}

void
check_calls (check_t *check)
{
    for (size_t i = 0; i < check->node_count; i++) {
        const check_node_t *node = &check->nodes[i];
        for (uint64_t counter = 1; counter < node->call_count; counter++) {
            const check_call_t *call = &node->calls[counter];
            if (call->begins || call->ends)
                examine (&(const subject_t){check, node, call, history_id (node->number, counter)});
        }
    }
}

/* ---- detection ---- */

static uint64_t
fault_end (const check_fault_t *fault)
{
    return fault->fault == HISTORY_FAULT_KILL ? add (fault->begin_ns, KILL_LASTS_NS) : fault->end_ns;
}

/* Its handler was running where the fault struck. */
static bool
was_running (const check_fault_t *fault, const check_call_t *call)
{
    return fault->node && call->run_node == fault->node && call->run_ns < fault->begin_ns &&
           (call->run_ends == 0 || call->run_end_ns > fault->begin_ns);
}

/* Nobody knows where it was, and it did not wait for its deadline. */
static bool
was_given_up (const check_fault_t *fault, const check_call_t *call)
{
    return call->status != GODWIT_OK && call->outcome == GODWIT_OUTCOME_MAYBE_RUN &&
           call->begin_ns <= fault_end (fault) && call->end_ns < add (call->begin_ns, call->allowed_ns);
}

static void
find_detection (check_t *check, const check_call_t *call, uint64_t id)
{
    const check_fault_t *hit_by = NULL; /* the last that fits */
    for (size_t i = 0; i < check->fault_count; i++) {
        const check_fault_t *fault = &check->faults[i];
        if (!check_hits_servers (check, fault) || fault->begin_ns > call->end_ns ||
            fault_end (fault) < call->begin_ns)
            continue;
        if ((was_running (fault, call) || was_given_up (fault, call)) &&
            (!hit_by || fault->begin_ns > hit_by->begin_ns))
            hit_by = fault;
    }
    if (!hit_by)
        return;
    const uint64_t took_ns = call->end_ns - hit_by->begin_ns;
    check->summary->hit++;
    if (took_ns > check->summary->detection_ns) {
        check->summary->detection_ns = took_ns;
        check->worst_hit = id;
        check->worst_fault = hit_by->id;
    }
}

/* Frozen itself, nobody can say when its calls would have ended. */
static bool
was_hit_itself (const check_t *check, const check_node_t *node, const check_call_t *call)
{
    const check_span_t span = {call->begin_ns, call->end_ns};
    return node->life_count == 0 && check_has_fault (check, node->number, span);
}

void
check_detection (check_t *check)
{
    for (size_t i = 0; i < check->node_count; i++) {
        const check_node_t *node = &check->nodes[i];
        for (uint64_t counter = 1; counter < node->call_count; counter++) {
            const check_call_t *call = &node->calls[counter];
            if (call->begins && call->ends &&
                (call->kind == HISTORY_CALL || call->kind == HISTORY_IDEMPOTENT) &&
                !was_hit_itself (check, node, call))
                find_detection (check, call, history_id (node->number, counter));
        }
    }
}
