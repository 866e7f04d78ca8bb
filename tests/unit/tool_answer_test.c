/* SPDX-License-Identifier: Apache-2.0 */
/* A server that lies about its calls does no harm to who asks it. */
#include "tests/support/must.h"
#include "tools/godwit/sources.h"

#include <criterion/criterion.h>

#include <string.h>

#define ID "5c2f0e9a81d3b764"
#define TRACE "0af7651916cd43dd8448eb211c80319c"

/* An answer of one call; FIELD stands in its place. */
static godwit_value_t *
answer_with (godwit_field_t field)
{
    godwit_field_t fields[] = {GODWIT_STR ("side", "server"), GODWIT_STR ("id", ID),
                               GODWIT_STR ("trace", TRACE),   GODWIT_NIL ("parent"),
                               GODWIT_STR ("kind", "call"),   GODWIT_STR ("status", "Ok"),
                               GODWIT_STR ("outcome", "RAN"), GODWIT_INT ("at", 1700000000000000000),
                               GODWIT_UINT ("seq", 1)};
    const size_t count = sizeof fields / sizeof *fields;
    godwit_value_t *call = NULL, *value = NULL;
    for (size_t i = 0; i < count; i++)
        if (field.name && !strcmp (field.name, fields[i].name))
            fields[i] = field;
    MUST (godwit_value_new_map (&call, (godwit_fields_t){fields, count, NULL}, &error));
    MUST (godwit_value_new (&value, GODWIT_MAP (NULL, GODWIT_LIST ("calls", GODWIT_VALUE (NULL, call))),
                            &error));
    godwit_value_unref (&call);
    return value;
}

static void
expect (godwit_field_t field, const char *wanted)
{
    sources_t sources = {0};
    godwit_error_t *error = NULL;
    godwit_value_t *answer = answer_with (field);
    const godwit_status_t status = sources_add_answer (&sources, answer, &error);
    if (wanted) {
        cr_assert_eq (status, GODWIT_ERR_MALFORMED, "%s", field.name);
        cr_assert_str_eq (godwit_error_message (error), wanted);
        cr_assert_eq (sources.count, 0);
    } else {
        cr_assert_eq (status, GODWIT_OK, "%s", godwit_error_message (error));
        cr_assert_eq (sources.count, 1);
    }
    godwit_error_destroy (&error);
    godwit_value_unref (&answer);
    sources_free (&sources);
}

Test (tool_answer, a_sound_one_is_taken)
{
    expect (GODWIT_NIL (NULL), NULL);
    expect (GODWIT_NIL ("id"), NULL); /* a cast that is not traced */
    expect (GODWIT_NIL ("status"), NULL);
    expect (GODWIT_STR ("parent", ID), NULL);
    expect (GODWIT_INT ("at", (INT64_C (3) << 60) - 1), NULL);
}

#define WRONG(what_) "calls[0]: " what_ " is out of range, or not what stands there"

Test (tool_answer, what_could_change_a_terminal_is_refused)
{
    expect (GODWIT_STR ("side", "\x1b[2J"), WRONG ("side"));
    expect (GODWIT_STR ("id", "\x1b[2J\x1b[2J\x1b[2J\x1b[2J"), WRONG ("id"));
    expect (GODWIT_STR ("id", "5C2F0E9A81D3B764"), WRONG ("id"));
    expect (GODWIT_STR ("parent", "one"), WRONG ("parent"));
    expect (GODWIT_STR ("kind", "\n"), WRONG ("kind"));
    expect (GODWIT_STR ("status", "Ok\x1b[2J"), WRONG ("status"));
    expect (GODWIT_STR ("outcome", "\r"), WRONG ("outcome"));
}

/* `godwit tree` ended with an error about its own arguments. */
Test (tool_answer, a_trace_that_is_none_is_refused)
{
    expect (GODWIT_STR ("trace", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"), WRONG ("trace"));
    expect (GODWIT_NIL ("trace"), WRONG ("trace"));
}

Test (tool_answer, numbers_that_would_overflow_are_refused)
{
    expect (GODWIT_INT ("at", INT64_MAX), WRONG ("a number"));
    expect (GODWIT_INT ("at", INT64_MIN), WRONG ("a number"));
    expect (GODWIT_INT ("at", INT64_C (3) << 60), WRONG ("a number"));
    expect (GODWIT_UINT ("seq", UINT64_MAX), WRONG ("a number"));
}

Test (tool_answer, calls_are_a_list)
{
    sources_t sources = {0};
    godwit_value_t *map = NULL;
    MUST (godwit_value_new (&map, GODWIT_STR (NULL, "calls"), &error));
    godwit_error_t *error = NULL;
    cr_assert_eq (sources_add_answer (&sources, map, &error), GODWIT_ERR_MALFORMED);
    cr_assert_str_eq (godwit_error_message (error), "calls: expected a list");
    godwit_error_destroy (&error);
    godwit_value_unref (&map);
}
