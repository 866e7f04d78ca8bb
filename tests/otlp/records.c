/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/otlp/records.h"

#include "tests/support/must.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

godwit_value_t *
record_of (godwit_fields_t fields)
{
    godwit_value_t *value = NULL;
    MUST (godwit_value_new_map (&value, fields, &error));
    return value;
}

static void
add_fields (godwit_builder_t *builder, const godwit_value_t *map, const godwit_value_t *except)
{
    for (size_t i = 0; i < godwit_value_count (map); i++) {
        const char *const key = godwit_value_key_at (map, i);
        if (!godwit_value_get (except, key))
            godwit_builder_value (builder, key, godwit_value_at (map, i));
    }
}

godwit_value_t *
record_new (int64_t number, godwit_fields_t more)
{
    godwit_value_t *added = record_of (more), *record = NULL;
    godwit_value_t *usual = record_of (GODWIT_ARGS (
        GODWIT_INT ("seq", number), GODWIT_STR ("id", "b7ad6b7169203331"), GODWIT_STR ("trace", RECORD_TRACE),
        GODWIT_STR ("parent", "00f067aa0ba902b7"), GODWIT_STR ("side", "client"), GODWIT_STR ("kind", "call"),
        GODWIT_STR ("exchange", "shop"), GODWIT_STR ("topic", "stock"), GODWIT_STR ("method", "take"),
        GODWIT_STR ("peer", "tcp://10.1.2.3:4711"), GODWIT_INT ("at", RECORD_AT), GODWIT_INT ("sent", 1000),
        GODWIT_INT ("ended", 2000000), GODWIT_INT ("took", 2000000), GODWIT_BOOL ("running", false),
        GODWIT_STR ("status", "Ok"), GODWIT_INT ("attempts", 1)));
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_map (builder, NULL);
    add_fields (builder, usual, added);
    add_fields (builder, added, NULL);
    godwit_builder_close (builder);
    MUST (godwit_builder_finish (&builder, &record, &error));
    godwit_value_unref (&usual);
    godwit_value_unref (&added);
    return record;
}

const char *
attribute_of (Godwit__Otlp__KeyValue **attributes, size_t count, const char *key)
{
    static char number[32];
    for (size_t i = 0; i < count; i++) {
        const Godwit__Otlp__AnyValue *const value = attributes[i]->value;
        if (strcmp (attributes[i]->key, key) != 0)
            continue;
        if (value->value_case == GODWIT__OTLP__ANY_VALUE__VALUE_STRING_VALUE)
            return value->string_value;
        snprintf (number, sizeof number, "%" PRId64, value->int_value);
        return number;
    }
    return NULL;
}
