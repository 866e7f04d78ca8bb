/* SPDX-License-Identifier: Apache-2.0 */
#include "components/otlp/seen.h"

int64_t
godwit__otlp_seen_since (const godwit__otlp_seen_t *seen)
{
    return seen->count ? seen->running[0] : seen->next;
}

/* Passes those that were running and are before number: the ring has overwritten them. */
static void
lose_before (godwit__otlp_seen_t *seen, int64_t number)
{
    while (seen->at < seen->count && seen->running[seen->at] < number) {
        seen->lost++;
        seen->at++;
    }
}

/* Keeps a running one. Within a pass there is always room for those that were running before. */
static void
keep_old (godwit__otlp_seen_t *seen)
{
    seen->running[seen->kept++] = seen->running[seen->at++];
}

static void
keep_new (godwit__otlp_seen_t *seen, int64_t number)
{
    if (seen->count == GODWIT__OTLP_SEEN_RUNNING)
        seen->lost++;
    else
        seen->running[seen->count++] = number;
}

/* Closes the gap that the pass over the old ones has left, before new ones are added. */
static void
close_gap (godwit__otlp_seen_t *seen)
{
    size_t to = seen->kept;
    while (seen->at < seen->count)
        seen->running[to++] = seen->running[seen->at++];
    seen->count = seen->at = seen->kept = to;
}

static bool
take_old (godwit__otlp_seen_t *seen, int64_t number, bool is_running)
{
    lose_before (seen, number);
    if (seen->at == seen->count || seen->running[seen->at] != number)
        return false; /* it is done with */
    if (is_running)
        keep_old (seen);
    else
        seen->at++;
    return !is_running;
}

bool
godwit__otlp_seen_take (godwit__otlp_seen_t *seen, int64_t number, bool is_running)
{
    if (number < seen->next)
        return take_old (seen, number, is_running);
    lose_before (seen, number);
    close_gap (seen);
    if (seen->next)
        seen->lost += (uint64_t) (number - seen->next);
    seen->next = number + 1;
    if (is_running)
        keep_new (seen, number);
    seen->at = seen->kept = seen->count;
    return !is_running;
}

void
godwit__otlp_seen_end (godwit__otlp_seen_t *seen)
{
    lose_before (seen, INT64_MAX);
    close_gap (seen);
    seen->at = seen->kept = 0;
}
