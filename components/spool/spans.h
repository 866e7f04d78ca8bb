/* SPDX-License-Identifier: Apache-2.0 */
/* A set of the numbers of items: all up to a floor, and spans above it.
 *
 *     1 ... floor    |  first..last  |   first..last
 *     all of them    gap            gap
 *
 * What is settled in order is the floor alone. Threads: whoever uses it has a lock around it. */
#ifndef GODWIT_SPOOL_SPANS_H
#define GODWIT_SPOOL_SPANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct godwit__span {
    uint64_t first;
    uint64_t last;
} godwit__span_t;

typedef struct godwit__spans {
    uint64_t floor;
    godwit__span_t *above; /* sorted; between two of them, and above the floor, a number is missing */
    size_t count;
    size_t capacity;
} godwit__spans_t;

void godwit__spool_spans_free (godwit__spans_t *spans);
/* False: out of memory, and nothing has changed. */
bool godwit__spool_spans_add (godwit__spans_t *spans, uint64_t first, uint64_t last);
/* to is empty before. False: out of memory, and it is empty still. */
bool godwit__spool_spans_copy (godwit__spans_t *to, const godwit__spans_t *from);
bool godwit__spool_spans_add_all (godwit__spans_t *spans, const godwit__spans_t *other);
/* The set becomes what both have. False: out of memory, and nothing has changed. */
bool godwit__spool_spans_intersect (godwit__spans_t *spans, const godwit__spans_t *other);
/* The smallest number from `from` on that is not in the set. */
uint64_t godwit__spool_spans_next_missing (const godwit__spans_t *spans, uint64_t from);
/* The span that begins at `from`, or behind it; false: there is none. */
bool godwit__spool_spans_next (const godwit__spans_t *spans, uint64_t from, godwit__span_t *span);
/* How many numbers above the floor are in the set. */
uint64_t godwit__spool_spans_count_above (const godwit__spans_t *spans);

/* What is above the floor, as it is stored: pairs of 64 bits, little endian. The size is count * 16. */
void godwit__spool_spans_write (const godwit__spans_t *spans, uint8_t *to);
/* False: out of memory (then *is_malformed is false), or not in the form above. spans is empty before. */
bool godwit__spool_spans_read (godwit__spans_t *spans, uint64_t floor, const uint8_t *from, size_t size,
                               bool *is_malformed);

#endif
