/* SPDX-License-Identifier: Apache-2.0 */
/* From a record of a black box to a span, by OpenTelemetry's conventions for RPC (docs/tracing.md has the
 * table):
 *
 *     client's record  id I, parent P   ->  span I of kind CLIENT, parent P
 *     server's record  id I, span S     ->  span S of kind SERVER, parent I
 *     a call of the handler, parent S   ->  span of kind CLIENT, parent S
 *
 * Both ends of a call have its id; the run of the handler has a span of its own. */
#ifndef GODWIT_OTLP_SPAN_H
#define GODWIT_OTLP_SPAN_H

#include "components/otlp/arena.h"
#include "otlp.pb-c.h"

#include <godwit/value.h>

#define GODWIT__OTLP_SPAN_ATTRIBUTES 24 /* at most, of a span */
#define GODWIT__OTLP_SPAN_EVENTS 16     /* at most, of a span: of more notes the last ones are left out */
#define GODWIT__OTLP_SPAN_TEXT 1024     /* bytes of a text, at most */

/* A span of a finished record, with all that it points to in the arena. *span: NULL if the record has no ids.
 * OUT_OF_MEMORY. */
godwit_status_t godwit__otlp_span_make (Godwit__Otlp__Span **span, const godwit_value_t *record,
                                        godwit__otlp_arena_t *arena);

#endif
