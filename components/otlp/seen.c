/* SPDX-License-Identifier: Apache-2.0 */
#include "components/otlp/seen.h"

void
godwit__otlp_seen_begin (godwit__otlp_seen_t *seen)
{
    seen->at = seen->kept = 0;
}

void
godwit__otlp_seen_still (godwit__otlp_seen_t *seen, int64_t number)
{
    if (seen->at < seen->count && seen->open[seen->at] == number)
        seen->kept = ++seen->at;
}

int64_t
godwit__otlp_seen_since (const godwit__otlp_seen_t *seen)
{
    return seen->at < seen->count ? seen->open[seen->at] : seen->next;
}

/* Passes the open ones before number: they are not there any more. */
static void
lose_before (godwit__otlp_seen_t *seen, int64_t number)
{
    while (seen->at < seen->count && seen->open[seen->at] < number) {
        seen->lost++;
        seen->at++;
    }
}

/* Closes the gap that the pass over the open ones has left, before new ones are added. */
static void
close_gap (godwit__otlp_seen_t *seen)
{
    size_t to = seen->kept;
    while (seen->at < seen->count)
        seen->open[to++] = seen->open[seen->at++];
    seen->count = seen->at = seen->kept = to;
}

static bool
take_old (godwit__otlp_seen_t *seen, int64_t number, bool is_running)
{
    lose_before (seen, number);
    if (seen->at == seen->count || seen->open[seen->at] != number)
        return false; /* it is done with */
    if (is_running)
        seen->open[seen->kept++] = number;
    seen->at++;
    return !is_running;
}

static void
keep_open (godwit__otlp_seen_t *seen, int64_t number)
{
    if (seen->count == GODWIT__OTLP_SEEN_OPEN)
        seen->lost++;
    else
        seen->open[seen->count++] = number;
}

/* The numbers from next on, before `number`. */
static void
note_missing (godwit__otlp_seen_t *seen, int64_t number)
{
    int64_t first = seen->next;
    if (number - first > GODWIT__OTLP_SEEN_GAP)
        first = number - GODWIT__OTLP_SEEN_GAP;
    seen->lost += (uint64_t) (first - seen->next);
    for (; first < number; first++)
        keep_open (seen, first);
}

bool
godwit__otlp_seen_take (godwit__otlp_seen_t *seen, int64_t number, bool is_running)
{
    if (number < seen->next)
        return take_old (seen, number, is_running);
    lose_before (seen, number);
    close_gap (seen);
    if (seen->next)
        note_missing (seen, number);
    seen->next = number + 1;
    if (is_running)
        keep_open (seen, number);
    seen->at = seen->kept = seen->count;
    return !is_running;
}

void
godwit__otlp_seen_end (godwit__otlp_seen_t *seen)
{
    lose_before (seen, INT64_MAX);
    close_gap (seen);
}
