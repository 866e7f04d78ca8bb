/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes of a span, an event or a resource: a list of names with texts and numbers, in an arena. */
#ifndef GODWIT_OTLP_ATTRIBUTES_H
#define GODWIT_OTLP_ATTRIBUTES_H

#include "components/otlp/arena.h"
#include "otlp.pb-c.h"

#include <stdint.h>

typedef struct godwit__otlp_attributes {
    godwit__otlp_arena_t *arena;
    Godwit__Otlp__KeyValue **items;
    size_t count, room;
} godwit__otlp_attributes_t;

/* An empty list with room for so many. Memory that is short shows in the arena. */
godwit__otlp_attributes_t godwit__otlp_attributes (godwit__otlp_arena_t *arena, size_t room);
/* Adds a text, cut to limit bytes; NULL and "": nothing. key is borrowed as long as the arena is in use. */
void godwit__otlp_attributes_text (godwit__otlp_attributes_t *list, const char *key, const char *text,
                                   size_t limit);
/* Adds a number; a negative one: nothing. key as above. */
void godwit__otlp_attributes_number (godwit__otlp_attributes_t *list, const char *key, int64_t number);

#endif
