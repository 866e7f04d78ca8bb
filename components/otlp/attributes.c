/* SPDX-License-Identifier: Apache-2.0 */
#include "components/otlp/attributes.h"

#include <assert.h>

godwit__otlp_attributes_t
godwit__otlp_attributes (godwit__otlp_arena_t *arena, size_t room)
{
    Godwit__Otlp__KeyValue **const items =
        godwit__otlp_arena_get (arena, room * sizeof (Godwit__Otlp__KeyValue *));
    return (godwit__otlp_attributes_t){.arena = arena, .items = items, .room = items ? room : 0};
}

/* A new one without its value. NULL: out of memory. */
static Godwit__Otlp__AnyValue *
add (godwit__otlp_attributes_t *list, const char *key)
{
    Godwit__Otlp__KeyValue *const item = godwit__otlp_arena_get (list->arena, sizeof *item);
    Godwit__Otlp__AnyValue *const value = godwit__otlp_arena_get (list->arena, sizeof *value);
    assert (list->count < list->room || list->arena->is_short);
    if (!item || !value || list->count == list->room)
        return NULL;
    godwit__otlp__key_value__init (item);
    godwit__otlp__any_value__init (value);
    item->key = (char *) (uintptr_t) key; /* it is only read */
    item->value = value;
    list->items[list->count++] = item;
    return value;
}

void
godwit__otlp_attributes_text (godwit__otlp_attributes_t *list, const char *key, const char *text,
                              size_t limit)
{
    char *const copy = text && *text ? godwit__otlp_arena_text (list->arena, text, limit) : NULL;
    Godwit__Otlp__AnyValue *const value = copy ? add (list, key) : NULL;
    if (!value)
        return;
    value->value_case = GODWIT__OTLP__ANY_VALUE__VALUE_STRING_VALUE;
    value->string_value = copy;
}

void
godwit__otlp_attributes_number (godwit__otlp_attributes_t *list, const char *key, int64_t number)
{
    Godwit__Otlp__AnyValue *const value = number >= 0 ? add (list, key) : NULL;
    if (!value)
        return;
    value->value_case = GODWIT__OTLP__ANY_VALUE__VALUE_INT_VALUE;
    value->int_value = number;
}
