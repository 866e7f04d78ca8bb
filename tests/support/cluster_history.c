/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/cluster_history.h"

#include <stdarg.h>
#include <stdio.h>

bool
history_wrong (history_t *history, const char *format, ...)
{
    va_list args;
    world_result_t *result = history->result;
    if (result->wrong[0])
        return false;
    const int used = snprintf (result->wrong, sizeof result->wrong,
                               "seed %llu of %u nodes, faults 0x%x: ", (unsigned long long) history->seed,
                               history->options->node_count, history->options->faults);
    va_start (args, format);
    vsnprintf (result->wrong + used, sizeof result->wrong - (size_t) used, format, args);
    va_end (args);
    return false;
}

void
history_ran (history_t *history, int64_t id, unsigned server, unsigned life)
{
    if (id < 0 || id >= history->count) {
        history_wrong (history, "server %u runs %lld, which nobody asked for", server, (long long) id);
        return;
    }
    history_entry_t *entry = &history->entries[id];
    entry->runs++;
    entry->server = (int) server;
    entry->server_life = life;
    if (entry->kind < HISTORY_FANOUT)
        return;
    const unsigned long long bit = 1ull << server % 64;
    if (entry->ran_at[server / 64] & bit) {
        history->result->ran_twice++;
        history_wrong (history, "fanout %lld ran twice on n%u", (long long) id, server);
    }
    entry->ran_at[server / 64] |= bit;
}

void
history_row (history_entry_t *entry, unsigned server, const godwit_fanout_row_t *row)
{
    const unsigned lives =
        (unsigned) GODWIT_FAULT_KILL | (unsigned) GODWIT_FAULT_POWER | (unsigned) GODWIT_FAULT_RESTART;
    const bool ran = entry->ran_at[server / 64] & 1ull << server % 64;
    const godwit_outcome_t outcome = godwit_error_outcome (row->error);
    const bool must = row->state == GODWIT_FANOUT_REPLIED || outcome == GODWIT_OUTCOME_RAN;
    /* A name that had two lives has two rows, and the other one may have run. */
    const bool must_not = (outcome == GODWIT_OUTCOME_NOT_SENT || outcome == GODWIT_OUTCOME_REJECTED) &&
                          !(entry->history->options->faults & lives);
    entry->reached += row->state == GODWIT_FANOUT_REPLIED;
    entry->missing += row->state != GODWIT_FANOUT_REPLIED;
    if ((must && !ran) || (must_not && ran))
        history_wrong (entry->history,
                       "the fanout call of client n%u at %lld ms says of n%u: state %d, %s; it ran there: %d",
                       entry->client, (long long) entry->started_ms, server, (int) row->state,
                       godwit_outcome_name (outcome), ran);
}

void
history_lost (history_t *history, unsigned server, int64_t now_ms)
{
    for (unsigned i = 0; i < history->count; i++) {
        history_entry_t *entry = &history->entries[i];
        if (entry->kind == HISTORY_CALL && entry->server == (int) server && !entry->ends &&
            entry->lost_ms < 0)
            entry->lost_ms = now_ms;
    }
}

void
history_ended (history_entry_t *entry, int64_t now_ms, godwit_status_t status, const godwit_error_t *error)
{
    entry->ends++;
    entry->status = status;
    entry->outcome = godwit_error_outcome (error);
    entry->ended_ms = now_ms;
}

void
history_void_begins (history_t *history, unsigned node, int64_t now_ms)
{
    if (history->void_count == HISTORY_VOIDS_MAX)
        history_wrong (history, "more than %d void certificates", HISTORY_VOIDS_MAX);
    else
        history->voids[history->void_count++] = (history_void_t){node, now_ms, -1};
}

void
history_void_ends (history_t *history, unsigned node, int64_t now_ms)
{
    for (unsigned i = 0; i < history->void_count; i++)
        if (history->voids[i].node == node && history->voids[i].end_ms < 0)
            history->voids[i].end_ms = now_ms;
}

bool
history_was_void (const history_t *history, unsigned node, int64_t from_ms, int64_t until_ms)
{
    for (unsigned i = 0; i < history->void_count; i++) {
        const history_void_t *at = &history->voids[i];
        if (at->node == node && at->begin_ms <= until_ms &&
            (at->end_ms < 0 || at->end_ms + HISTORY_READMISSION_MS >= from_ms))
            return true;
    }
    return false;
}

int64_t
history_paused_ms (const history_t *history, unsigned node, int64_t from_ms, int64_t until_ms)
{
    int64_t sum = 0;
    for (unsigned i = 0; i < history->pause_count; i++) {
        const history_pause_t *at = &history->pauses[i];
        const int64_t begin_ms = at->begin_ms > from_ms ? at->begin_ms : from_ms;
        const int64_t end_ms = at->end_ms < 0 || at->end_ms > until_ms ? until_ms : at->end_ms;
        if (at->node == node && end_ms > begin_ms)
            sum += end_ms - begin_ms;
    }
    return sum;
}

/* ---- the checker ---- */

/* Nobody can end in time whose node stands still then. */
static bool
was_paused (const history_entry_t *entry, int64_t from_ms)
{
    const history_t *history = entry->history;
    for (unsigned i = 0; i < history->pause_count; i++) {
        const history_pause_t *pause = &history->pauses[i];
        if (pause->node == entry->client && pause->begin_ms <= from_ms &&
            (pause->end_ms < 0 || pause->end_ms >= entry->ended_ms))
            return true;
    }
    return false;
}

static bool
touches_pause (const history_entry_t *entry)
{
    const history_t *history = entry->history;
    for (unsigned i = 0; i < history->pause_count; i++)
        if (history->pauses[i].node == entry->client && history->pauses[i].begin_ms <= entry->ended_ms &&
            (history->pauses[i].end_ms < 0 || history->pauses[i].end_ms >= entry->started_ms))
            return true;
    return false;
}

static bool
ended_in_time (const history_entry_t *entry)
{
    const int64_t deadline_ms = entry->started_ms + entry->timeout_ms;
    return entry->ended_ms <= deadline_ms + entry->blocked_ms || was_paused (entry, deadline_ms);
}

static bool
outcome_is_true (const history_entry_t *entry)
{
    const bool failed = entry->status != GODWIT_OK;
    if (!entry->accepted)
        return entry->runs == 0;
    if (entry->kind == HISTORY_FANOUT_CALL)
        return true; /* each row has its own */
    if (failed && (entry->outcome == GODWIT_OUTCOME_NOT_SENT || entry->outcome == GODWIT_OUTCOME_REJECTED))
        return entry->runs == 0;
    if (entry->kind == HISTORY_CALL && (!failed || entry->outcome == GODWIT_OUTCOME_RAN))
        return entry->runs > 0;
    return true;
}

static void
count (const history_entry_t *entry, world_result_t *result)
{
    result->tried++;
    result->calls += entry->kind == HISTORY_CALL;
    result->casts += entry->kind == HISTORY_CAST;
    result->fanouts += entry->kind >= HISTORY_FANOUT;
    result->forbidden += entry->status == GODWIT_ERR_PERMISSION_DENIED;
    if (entry->status == GODWIT_OK)
        result->ok++;
    else if (entry->outcome == GODWIT_OUTCOME_NOT_SENT)
        result->not_sent++;
    else if (entry->outcome == GODWIT_OUTCOME_REJECTED)
        result->rejected++;
    else if (entry->outcome == GODWIT_OUTCOME_RAN)
        result->ran++;
    else
        result->maybe_run++;
}

/* A call whose server was lost hears of it from the heartbeats at the latest. */
static bool
found_out_in_time (const history_entry_t *entry, world_result_t *result)
{
    if (entry->lost_ms < 0 || entry->status == GODWIT_OK || entry->outcome == GODWIT_OUTCOME_RAN ||
        entry->client_died || entry->may_repeat || touches_pause (entry))
        return true;
    const int64_t took_ms = entry->ended_ms - entry->lost_ms - entry->blocked_ms;
    result->detected++;
    if (took_ms > result->worst_detection_ms)
        result->worst_detection_ms = took_ms;
    return took_ms <= HISTORY_HEARTBEAT_TIMEOUT_MS + HISTORY_NEWS_MS;
}

static const char *
find_wrong (const history_entry_t *entry, world_result_t *result)
{
    if (entry->ends != (entry->accepted ? 1u : 0u)) {
        result->lost += entry->accepted && !entry->ends;
        return "it did not end once";
    }
    if (entry->kind < HISTORY_FANOUT && entry->runs > 1 && !entry->may_repeat) {
        result->ran_twice++;
        return "it ran twice";
    }
    if (!outcome_is_true (entry))
        return "its outcome is not true";
    if (!entry->accepted)
        return NULL;
    if (!entry->client_died && !ended_in_time (entry))
        return "it ended after its deadline";
    if (!found_out_in_time (entry, result))
        return "the loss of its server was found out late";
    /* Nothing is to blame. */
    /* Who waits for one server to come back may be late for a handler that takes its time. */
    const bool may_be_away = entry->named && entry->history->options->faults &&
                             (entry->outcome == GODWIT_OUTCOME_NOT_SENT ||
                              entry->ended_ms == entry->started_ms + entry->timeout_ms);
    /* Its client's thread waited for something else when the time was over. */
    const bool was_blocked = entry->blocked_ms && entry->ended_ms >= entry->started_ms + entry->timeout_ms;
    if (!history_may_fail (entry->history) && !may_be_away && !was_blocked && entry->status != GODWIT_OK &&
        entry->outcome != GODWIT_OUTCOME_RAN &&
        !history_was_void (entry->history, entry->client, entry->started_ms, entry->ended_ms))
        return "it failed without a fault";
    if (entry->history->options->faults == 0 && entry->kind == HISTORY_CAST && !entry->runs)
        return "it was lost without a fault";
    if (entry->history->options->faults == 0 && entry->kind >= HISTORY_FANOUT &&
        (entry->missing || entry->runs != entry->reached))
        return "its report is not true";
    return NULL;
}

bool
history_may_fail (const history_t *history)
{
    return history->options->faults &
           ~((unsigned) GODWIT_FAULT_RESTART | GODWIT_FAULT_EXPIRY | GODWIT_FAULT_REVOCATION);
}

void
history_check (history_t *history)
{
    static const char *const kinds[] = {"call", "cast", "fanout", "fanout call"};
    for (unsigned i = 0; i < history->count; i++) {
        const history_entry_t *entry = &history->entries[i];
        const char *wrong = find_wrong (entry, history->result);
        if (entry->accepted)
            count (entry, history->result);
        if (wrong)
            history_wrong (
                history,
                "%s %u of client n%u: %s. Begun at %lld ms for %lld ms, ended %u times, after %lld "
                "ms (%s, %s), ran %u times, on n%d, which was lost at %lld ms; reached %u, missing "
                "%u, blocked %lld ms",
                kinds[entry->kind], i, entry->client, wrong, (long long) entry->started_ms,
                (long long) entry->timeout_ms, entry->ends, (long long) (entry->ended_ms - entry->started_ms),
                godwit_status_type (entry->status), godwit_outcome_name (entry->outcome), entry->runs,
                entry->server, (long long) entry->lost_ms, entry->reached, entry->missing,
                (long long) entry->blocked_ms);
    }
}
