/* SPDX-License-Identifier: Apache-2.0 */
/* Values as JSON, also those that JSON has no form for. */
#include "tests/support/must.h"
#include "tools/godwit/output.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

static void
expect (godwit_field_t field, unsigned width, const char *wanted)
{
    godwit_value_t *value = NULL;
    char *text = NULL;
    size_t size = 0;
    MUST (godwit_value_new (&value, field, &error));
    FILE *const to = open_memstream (&text, &size);
    cr_assert_not_null (to);
    if (width)
        output_pretty (to, value, width);
    else
        output_json (to, value);
    fclose (to);
    cr_assert_str_eq (text, wanted, "%s", text);
    free (text);
    godwit_value_unref (&value);
}

Test (output, has_a_form_for_each_value)
{
    expect (GODWIT_NIL (NULL), 0, "null");
    expect (GODWIT_BOOL (NULL, true), 0, "true");
    expect (GODWIT_INT (NULL, INT64_MIN), 0, "-9223372036854775808");
    expect (GODWIT_UINT (NULL, UINT64_MAX), 0, "18446744073709551615");
    expect (GODWIT_DOUBLE (NULL, 0.1), 0, "0.1");
    expect (GODWIT_DOUBLE (NULL, 3.0), 0, "3.0");
    expect (GODWIT_DOUBLE (NULL, 1.0 / 3), 0, "0.3333333333333333");
    expect (GODWIT_DOUBLE (NULL, 1e300), 0, "1e+300");
    expect (GODWIT_DOUBLE (NULL, (double) NAN), 0, "null");
    expect (GODWIT_DOUBLE (NULL, (double) -INFINITY), 0, "null");
    expect (GODWIT_BIN (NULL, "\x00\xff", 2), 0, "\"0x00ff\"");
    expect (GODWIT_LIST (NULL, GODWIT_INT (NULL, 1), GODWIT_STR (NULL, "a")), 0, "[1, \"a\"]");
    expect (GODWIT_MAP (NULL, GODWIT_INT ("a\033", 1), GODWIT_NIL ("b")), 0,
            "{\"a\\u001b\": 1, \"b\": null}");
}

Test (output, escapes_what_would_change_a_terminal)
{
    expect (GODWIT_STR (NULL, "a\"\\\n\t\r\033\x7f"), 0, "\"a\\\"\\\\\\n\\t\\r\\u001b\\u007f\"");
    expect (GODWIT_STR (NULL, "\xc2\x9b\xc3\xb6"), 0, "\"\\u009b\xc3\xb6\"");
    expect (GODWIT_STR (NULL, "\xff\xc3"), 0, "\"\\ufffd\\ufffd\"");
    expect (GODWIT_STRN (NULL, "a\0b", 3), 0, "\"a\\u0000b\"");
}

Test (output, breaks_what_is_too_long)
{
    const godwit_field_t field =
        GODWIT_MAP (NULL, GODWIT_LIST ("list", GODWIT_INT (NULL, 1), GODWIT_INT (NULL, 2)),
                    GODWIT_STR ("text", "0123456789"));
    expect (field, 80, "{\"list\": [1, 2], \"text\": \"0123456789\"}\n");
    expect (field, 20, "{\n  \"list\": [1, 2],\n  \"text\": \"0123456789\"\n}\n");
    expect (field, 1, "{\n  \"list\": [\n    1,\n    2\n  ],\n  \"text\": \"0123456789\"\n}\n");
}
