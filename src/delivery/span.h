/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, as spans: 1 to 5, 7, 9 to 12. */
#ifndef GODWIT_SRC_DELIVERY_SPAN_H
#define GODWIT_SRC_DELIVERY_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct godwit__span {
    uint64_t first;
    uint64_t count;
} godwit__span_t;

/* All zero at first. */
typedef struct godwit__spans {
    godwit__span_t *spans; /* in the order in which they came */
    size_t count;
    size_t capacity;
} godwit__spans_t;

/* Adds numbers, most often those behind the last ones. False: memory is short. */
bool godwit__spans_add (godwit__spans_t *spans, uint64_t first, uint64_t count);
/* Moves all to an empty one. */
void godwit__spans_move (godwit__spans_t *to, godwit__spans_t *from);
void godwit__spans_release (godwit__spans_t *spans);

#endif
