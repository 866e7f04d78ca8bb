/* SPDX-License-Identifier: Apache-2.0 */
#include "src/delivery/span.h"

#include <stdlib.h>

bool
godwit__spans_add (godwit__spans_t *spans, uint64_t first, uint64_t count)
{
    godwit__span_t *const last = spans->count ? &spans->spans[spans->count - 1] : NULL;
    if (last && last->first + last->count == first) {
        last->count += count;
        return true;
    }
    if (!spans->spans || spans->count == spans->capacity) {
        const size_t capacity = spans->capacity ? 2 * spans->capacity : 8;
        godwit__span_t *const grown = realloc (spans->spans, capacity * sizeof *grown);
        if (!grown)
            return false;
        spans->spans = grown;
        spans->capacity = capacity;
    }
    spans->spans[spans->count++] = (godwit__span_t){first, count};
    return true;
}

void
godwit__spans_move (godwit__spans_t *to, godwit__spans_t *from)
{
    *to = *from;
    *from = (godwit__spans_t){.spans = NULL};
}

void
godwit__spans_release (godwit__spans_t *spans)
{
    free (spans->spans);
    *spans = (godwit__spans_t){.spans = NULL};
}
