/* SPDX-License-Identifier: Apache-2.0 */
/* What one request carries: spans, in an arena of their own, until they are packed. */
#ifndef GODWIT_OTLP_BATCH_H
#define GODWIT_OTLP_BATCH_H

#include "components/otlp/arena.h"
#include "components/otlp/attributes.h"
#include "otlp.pb-c.h"

#include <godwit/value.h>

#define GODWIT__OTLP_BATCH_SPANS 512
#define GODWIT__OTLP_BATCH_SIZE ((size_t) 1 << 20) /* bytes of the arena */

typedef struct godwit__otlp_batch {
    godwit__otlp_arena_t arena;
    Godwit__Otlp__Span *spans[GODWIT__OTLP_BATCH_SPANS];
    size_t count;
} godwit__otlp_batch_t;

/* Adds the span of a record to a batch that is not full. MALFORMED: it has no ids. OUT_OF_MEMORY. */
godwit_status_t godwit__otlp_batch_add (godwit__otlp_batch_t *batch, const godwit_value_t *record);
bool godwit__otlp_batch_is_full (const godwit__otlp_batch_t *batch);
/* The bytes of the request: of *size, from malloc, the caller's. NULL: out of memory. */
uint8_t *godwit__otlp_batch_pack (const godwit__otlp_batch_t *batch,
                                  const godwit__otlp_attributes_t *resource, size_t *size);
/* Forgets all spans. */
void godwit__otlp_batch_clear (godwit__otlp_batch_t *batch);

#endif
