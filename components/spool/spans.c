/* SPDX-License-Identifier: Apache-2.0 */
#include "components/spool/spans.h"

#include "components/spool/bytes.h"

#include <stdlib.h>

#define PAIR_SIZE 16

void
godwit__spool_spans_free (godwit__spans_t *spans)
{
    free (spans->above);
    *spans = (godwit__spans_t){0};
}

/* The first span that ends at `number` or behind it. */
static size_t
find (const godwit__spans_t *spans, uint64_t number)
{
    size_t low = 0, high = spans->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (spans->above[middle].last < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool
make_room (godwit__spans_t *spans)
{
    if (spans->count < spans->capacity)
        return true;
    const size_t capacity = spans->capacity ? 2 * spans->capacity : 8;
    godwit__span_t *const above = realloc (spans->above, capacity * sizeof *above);
    if (!above)
        return false;
    spans->above = above;
    spans->capacity = capacity;
    return true;
}

static void
take_out (godwit__spans_t *spans, size_t at, size_t count)
{
    if (count)
        memmove (spans->above + at, spans->above + at + count,
                 (spans->count - at - count) * sizeof *spans->above);
    spans->count -= count;
}

/* The floor rises to `last`, or to the end of a span that it reaches. */
static void
raise_floor (godwit__spans_t *spans, uint64_t last)
{
    size_t reached = 0;
    for (; reached < spans->count && spans->above[reached].first <= last + 1; reached++)
        if (spans->above[reached].last > last)
            last = spans->above[reached].last;
    take_out (spans, 0, reached);
    spans->floor = last;
}

bool
godwit__spool_spans_add (godwit__spans_t *spans, uint64_t first, uint64_t last)
{
    if (last <= spans->floor || first > last)
        return true;
    if (first <= spans->floor + 1) {
        raise_floor (spans, last);
        return true;
    }
    const size_t at = find (spans, first - 1); /* also one that ends right before it */
    size_t end = at;
    for (; end < spans->count && spans->above[end].first <= last + 1; end++) {
        if (spans->above[end].first < first)
            first = spans->above[end].first;
        if (spans->above[end].last > last)
            last = spans->above[end].last;
    }
    if (end > at)
        take_out (spans, at + 1, end - at - 1);
    else {
        if (!make_room (spans))
            return false;
        memmove (spans->above + at + 1, spans->above + at, (spans->count - at) * sizeof *spans->above);
        spans->count++;
    }
    spans->above[at] = (godwit__span_t){first, last};
    return true;
}

bool
godwit__spool_spans_add_all (godwit__spans_t *spans, const godwit__spans_t *other)
{
    bool good = godwit__spool_spans_add (spans, 1, other->floor);
    for (size_t i = 0; i < other->count && good; i++)
        good = godwit__spool_spans_add (spans, other->above[i].first, other->above[i].last);
    return good;
}

bool
godwit__spool_spans_copy (godwit__spans_t *to, const godwit__spans_t *from)
{
    *to = (godwit__spans_t){.floor = from->floor};
    if (from->count == 0)
        return true;
    to->above = malloc (from->count * sizeof *to->above);
    if (!to->above) {
        *to = (godwit__spans_t){0};
        return false;
    }
    memcpy (to->above, from->above, from->count * sizeof *to->above);
    to->count = to->capacity = from->count;
    return true;
}

bool
godwit__spool_spans_next (const godwit__spans_t *spans, uint64_t from, godwit__span_t *span)
{
    if (from <= spans->floor) {
        *span = (godwit__span_t){from, spans->floor};
        return true;
    }
    const size_t at = find (spans, from);
    if (at == spans->count)
        return false;
    *span = spans->above[at];
    if (span->first < from)
        span->first = from;
    return true;
}

bool
godwit__spool_spans_intersect (godwit__spans_t *spans, const godwit__spans_t *other)
{
    godwit__spans_t both = {0};
    godwit__span_t a, b;
    uint64_t from = 1;
    while (godwit__spool_spans_next (spans, from, &a) && godwit__spool_spans_next (other, from, &b)) {
        const uint64_t first = a.first > b.first ? a.first : b.first;
        const uint64_t last = a.last < b.last ? a.last : b.last;
        if (first <= last && !godwit__spool_spans_add (&both, first, last)) {
            godwit__spool_spans_free (&both);
            return false;
        }
        from = last + 1;
    }
    free (spans->above);
    *spans = both;
    return true;
}

uint64_t
godwit__spool_spans_next_missing (const godwit__spans_t *spans, uint64_t from)
{
    if (from <= spans->floor)
        from = spans->floor + 1;
    const size_t at = find (spans, from);
    return at < spans->count && spans->above[at].first <= from ? spans->above[at].last + 1 : from;
}

uint64_t
godwit__spool_spans_count_above (const godwit__spans_t *spans)
{
    uint64_t count = 0;
    for (size_t i = 0; i < spans->count; i++)
        count += spans->above[i].last - spans->above[i].first + 1;
    return count;
}

void
godwit__spool_spans_write (const godwit__spans_t *spans, uint8_t *to)
{
    for (size_t i = 0; i < spans->count; i++, to += PAIR_SIZE) {
        godwit__spool_put64 (to, spans->above[i].first);
        godwit__spool_put64 (to + 8, spans->above[i].last);
    }
}

bool
godwit__spool_spans_read (godwit__spans_t *spans, uint64_t floor, const uint8_t *from, size_t size,
                          bool *is_malformed)
{
    *is_malformed = size % PAIR_SIZE != 0;
    spans->floor = floor;
    uint64_t before = floor;
    for (size_t at = 0; at < size && !*is_malformed; at += PAIR_SIZE) {
        const uint64_t first = godwit__spool_get64 (from + at), last = godwit__spool_get64 (from + at + 8);
        /* A number is missing before each span, and none is near the end of the 64 bits. */
        if (before >= UINT64_MAX - 2 || first < before + 2 || last < first || last > UINT64_MAX - 2) {
            *is_malformed = true;
            break;
        }
        if (!make_room (spans))
            return false;
        spans->above[spans->count++] = (godwit__span_t){first, last};
        before = last;
    }
    return !*is_malformed;
}
