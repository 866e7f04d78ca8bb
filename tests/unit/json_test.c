/* SPDX-License-Identifier: Apache-2.0 */
#include "src/value/json.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static godwit_value_t *
make (godwit_field_t field)
{
    godwit_value_t *value = NULL;
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit_value_new (&value, field, &error), GODWIT_OK, "%s", godwit_error_message (error));
    return value;
}

static godwit_value_t *
read_text (const char *text, size_t size)
{
    godwit_value_t *value = NULL;
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit__json_read (&value, text, size, &error), GODWIT_OK, "%.*s: %s", (int) size, text,
                  godwit_error_message (error));
    return value;
}

/* ---- exact ---- */

Test (json, has_one_form_for_each_value)
{
    const struct {
        godwit_field_t field;
        const char *text;
    } rows[] = {
        {GODWIT_NIL (NULL), "null"},
        {GODWIT_BOOL (NULL, true), "true"},
        {GODWIT_BOOL (NULL, false), "false"},
        {GODWIT_INT (NULL, 0), "0"},
        {GODWIT_INT (NULL, INT64_MAX), "9223372036854775807"},
        {GODWIT_INT (NULL, INT64_MIN), "-9223372036854775808"},
        {GODWIT_UINT (NULL, 7), "7"},
        {GODWIT_DOUBLE (NULL, 1.0), "1.0"},
        {GODWIT_DOUBLE (NULL, -0.0), "-0.0"},
        {GODWIT_DOUBLE (NULL, 0.1), "0.10000000000000001"},
        {GODWIT_DOUBLE (NULL, 5e-324), "4.9406564584124654e-324"},
        {GODWIT_DOUBLE (NULL, 1.7976931348623157e308), "1.7976931348623157e308"},
        {GODWIT_STR (NULL, ""), "\"\""},
        {GODWIT_STRN (NULL, "a\0b", 3), "\"a\\u0000b\""},
        {GODWIT_STR (NULL, "\"\\\n\x7f\xf0\x9f\x90\xa6"), "\"\\\"\\\\\\n\x7f\xf0\x9f\x90\xa6\""},
        {GODWIT_LIST (NULL, GODWIT_INT (NULL, 1), GODWIT_LIST (NULL, GODWIT_NIL (NULL))), "[1,[null]]"},
        {GODWIT_MAP (NULL, GODWIT_INT ("z", 1), GODWIT_INT ("a", 2), GODWIT_INT ("", 3)),
         "{\"z\":1,\"a\":2,\"\":3}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        godwit_value_t *value = make (rows[i].field), *text = NULL, *copy;
        cr_assert_eq (godwit__json_write (&text, value, NULL), GODWIT_OK);
        cr_assert_str_eq (godwit_value_as_str (text, "none"), rows[i].text);
        copy = read_text (rows[i].text, strlen (rows[i].text));
        cr_assert_eq (godwit_value_type (copy), godwit_value_type (value), "%s", rows[i].text);
        cr_assert (godwit_value_equal (value, copy), "%s", rows[i].text);
        godwit_value_unref (&copy);
        godwit_value_unref (&text);
        godwit_value_unref (&value);
    }
}

Test (json, names_what_has_no_form)
{
    godwit_value_t *object = NULL, *map = NULL;
    cr_assert_eq (godwit_value_new_object (&object, &map, NULL, NULL), GODWIT_OK);
    const struct {
        godwit_field_t field;
        const char *path;
        const char *got;
    } rows[] = {
        {GODWIT_BIN (NULL, "x", 1), "entity: ", "got bin"},
        {GODWIT_DOUBLE (NULL, (double) NAN), "entity: ", "not finite"},
        {GODWIT_LIST (NULL, GODWIT_DOUBLE (NULL, (double) INFINITY)), "entity[0]: ", "not finite"},
        {GODWIT_MAP (NULL, GODWIT_MAP ("m", GODWIT_DOUBLE ("d", -(double) INFINITY))),
         "entity.m.d: ", "not finite"},
        {GODWIT_UINT (NULL, UINT64_MAX), "entity: ", "uint (above 2^63 - 1)"},
        {GODWIT_UINT (NULL, (uint64_t) INT64_MAX + 1), "entity: ", "uint (above 2^63 - 1)"},
        {GODWIT_LIST (NULL, GODWIT_INT (NULL, 1), GODWIT_STR (NULL, "\xff")), "entity[1]: ", "no UTF-8"},
        {GODWIT_STR (NULL, "\xc0\x80"), "entity: ", "no UTF-8"},
        {GODWIT_MAP (NULL, GODWIT_INT ("\xed\xa0\x80", 1)), "entity.", "a key that is no UTF-8"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        godwit_value_t *value = make (rows[i].field), *text = NULL;
        godwit_error_t *error = NULL;
        cr_assert_eq (godwit__json_write (&text, value, &error), GODWIT_ERR_TYPE_MISMATCH);
        cr_assert_null (text);
        const char *const message = godwit_error_message (error);
        cr_assert (strncmp (message, rows[i].path, strlen (rows[i].path)) == 0 &&
                       strstr (message, rows[i].got),
                   "%s", message);
        godwit_error_destroy (&error);
        godwit_value_unref (&value);
    }
    cr_assert_eq (godwit__json_write (&map, object, NULL), GODWIT_ERR_TYPE_MISMATCH);
    godwit_value_unref (&object);
}

/* ---- hostile ---- */

static godwit_status_t
refused (const char *text, size_t size, const char *says)
{
    godwit_value_t *value = NULL;
    godwit_error_t *error = NULL;
    const godwit_status_t status = godwit__json_read (&value, text, size, &error);
    cr_assert (status && !value, "%.40s was taken", text);
    cr_assert (strstr (godwit_error_message (error), says), "%.40s: %s", text, godwit_error_message (error));
    for (const char *at = godwit_error_message (error); *at; at++)
        cr_assert (*at >= ' ' && *at < 0x7f, "the text commands a terminal");
    godwit_error_destroy (&error);
    return status;
}

Test (json, refuses_what_is_none)
{
    static const struct {
        const char *text;
        size_t size;
        godwit_status_t status;
        const char *says;
    } rows[] = {
#define TEXT(text_) (text_), sizeof (text_) - 1
        {TEXT (""), GODWIT_ERR_MALFORMED, "JSON: "},
        {TEXT (" "), GODWIT_ERR_MALFORMED, "JSON: "},
        {TEXT ("nul"), GODWIT_ERR_MALFORMED, "syntax"},
        {TEXT ("[1,]"), GODWIT_ERR_MALFORMED, "syntax"},
        {TEXT ("[1"), GODWIT_ERR_MALFORMED, "at byte 2 of 2"},
        {TEXT ("[1, nil, \"a long text, longer than any buffer to begin with\"]"), GODWIT_ERR_MALFORMED,
         "at byte 7 of 61"},
        {TEXT ("1 2"), GODWIT_ERR_MALFORMED, "syntax"},
        {TEXT ("1,2"), GODWIT_ERR_MALFORMED, "a comma outside"},
        {TEXT (","), GODWIT_ERR_MALFORMED, "syntax"},
        {TEXT ("1]"), GODWIT_ERR_MALFORMED, "left over"},
        {TEXT ("1],[2"), GODWIT_ERR_MALFORMED, "left over"},
        {TEXT ("\"x"), GODWIT_ERR_MALFORMED, "ends too early"},
        {TEXT ("\"x\\"), GODWIT_ERR_MALFORMED, "JSON: "},
        {TEXT ("{\"a\":1,\"a\":2}"), GODWIT_ERR_MALFORMED, "a map has a key twice"},
        {TEXT ("{\"a\\u0000\":1}"), GODWIT_ERR_MALFORMED, "a key with a NUL"},
        {TEXT ("{1:2}"), GODWIT_ERR_MALFORMED, "syntax"},
        {TEXT ("\"\xff\""), GODWIT_ERR_MALFORMED, "no UTF-8"},
        {TEXT ("\"\x1b[2J\""), GODWIT_ERR_MALFORMED, "syntax"},
        {TEXT ("\"\\ud800\""), GODWIT_ERR_MALFORMED, "syntax"},
        {TEXT ("\0"), GODWIT_ERR_MALFORMED, "JSON: "},
        {TEXT ("NaN"), GODWIT_ERR_MALFORMED, "syntax"},
        {TEXT ("Infinity"), GODWIT_ERR_MALFORMED, "syntax"},
        {TEXT ("01"), GODWIT_ERR_MALFORMED, "JSON: "},
        {TEXT ("9223372036854775808"), GODWIT_ERR_LIMIT_EXCEEDED, "a number that neither int nor double"},
        {TEXT ("-9223372036854775809"), GODWIT_ERR_LIMIT_EXCEEDED, "a number that neither"},
        {TEXT ("1e999"), GODWIT_ERR_LIMIT_EXCEEDED, "a number that neither"},
        {TEXT ("[-1e309]"), GODWIT_ERR_LIMIT_EXCEEDED, "a number that neither"},
#undef TEXT
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert_eq (refused (rows[i].text, rows[i].size, rows[i].says), rows[i].status, "%s", rows[i].text);
}

Test (json, depth_is_limited)
{
    static char text[200001];
    for (size_t depth = GODWIT_VALUE_MAX_DEPTH; depth <= GODWIT_VALUE_MAX_DEPTH + 1; depth++) {
        memset (text, '[', depth);
        memset (text + depth, ']', depth);
        if (depth == GODWIT_VALUE_MAX_DEPTH) {
            godwit_value_t *value = read_text (text, 2 * depth);
            godwit_value_unref (&value);
        } else {
            cr_assert_eq (refused (text, 2 * depth, "nested deeper than 32"), GODWIT_ERR_LIMIT_EXCEEDED);
        }
    }
    memset (text, '[', 200000);
    cr_assert_eq (refused (text, 200000, "nested deeper"), GODWIT_ERR_LIMIT_EXCEEDED);
    for (size_t i = 0; i < 200000; i += 5)
        memcpy (text + i, "{\"\":[", 5);
    cr_assert_eq (refused (text, 200000, "nested deeper"), GODWIT_ERR_LIMIT_EXCEEDED);
    /* Brackets in a string are none. */
    memset (text, '[', 200000);
    memcpy (text, "\"\\\"", 3);
    text[199999] = '"';
    godwit_value_t *value = read_text (text, 200000);
    cr_assert_eq (godwit_value_count (value), 199997u);
    godwit_value_unref (&value);
}

/* So many elements, the list around them not included: as numbers, as maps, as entries. */
static size_t
write_elements (char *text, int form, size_t count)
{
    static const char *const elements[] = {"1", " { } ", "\"%06zu\":0"};
    size_t size = 0;
    text[size++] = form == 2 ? '{' : '[';
    for (size_t i = 0; i < (form == 2 ? count / 2 : count); i++) {
        if (i)
            text[size++] = ',';
        if (form == 2)
            size += (size_t) sprintf (text + size, "\"%06zu\":0", i);
        else
            size += (size_t) sprintf (text + size, "%s", elements[form]);
    }
    text[size++] = form == 2 ? '}' : ']';
    return size;
}

Test (json, elements_are_limited, .timeout = 120)
{
    char *const text = malloc (16 * GODWIT_VALUE_MAX_COUNT);
    for (int form = 0; form < 3; form++) {
        const size_t most = form == 2 ? GODWIT_VALUE_MAX_COUNT - 2 : GODWIT_VALUE_MAX_COUNT - 1;
        size_t size = write_elements (text, form, most);
        if (form == 0) { /* one is enough: it takes its time */
            godwit_value_t *value = read_text (text, size);
            cr_assert_eq (godwit_value_count (value), most);
            godwit_value_unref (&value);
        }
        size = write_elements (text, form, most + 2);
        cr_assert_eq (refused (text, size, "more than 1000000 elements"), GODWIT_ERR_LIMIT_EXCEEDED);
    }
    free (text);
}

/* ---- property: what has a form comes back equal ---- */

static uint64_t state;

static uint32_t
random_below (uint32_t limit)
{
    state = state * UINT64_C (6364136223846793005) + UINT64_C (1442695040888963407);
    return (uint32_t) (state >> 33) % limit;
}

static double
random_double (void)
{
    double number;
    do {
        const uint64_t bits = (uint64_t) random_below (UINT32_MAX) << 32 | random_below (UINT32_MAX);
        memcpy (&number, &bits, sizeof number);
    } while (!isfinite (number));
    return random_below (4) ? number : (double) random_below (1000);
}

/* Characters of 1 to 4 bytes, NUL and what JSON escapes among them. */
static size_t
random_text (char *text, size_t room, bool nul)
{
    static const char *const parts[] = {"a",
                                        "\"",
                                        "\\",
                                        "\n",
                                        "\x01",
                                        "\x7f",
                                        "/",
                                        "\xc3\xa9",
                                        "\xe2\x82\xac",
                                        "\xf0\x9f\x90\xa6",
                                        "\xef\xbf\xbf",
                                        "{",
                                        "]",
                                        ","};
    size_t size = 0;
    for (uint32_t left = random_below (20); left && size + 4 < room; left--) {
        const uint32_t pick = random_below (sizeof parts / sizeof parts[0] + 1);
        if (pick == sizeof parts / sizeof parts[0]) {
            if (nul)
                text[size++] = '\0';
            continue;
        }
        memcpy (text + size, parts[pick], strlen (parts[pick]));
        size += strlen (parts[pick]);
    }
    text[size] = '\0';
    return size;
}

static void
build_random (godwit_builder_t *builder, const char *name, uint32_t depth)
{
    char text[128];
    switch (random_below (depth < 6 ? 8 : 6)) {
    case 0:
        godwit_builder_nil (builder, name);
        return;
    case 1:
        godwit_builder_bool (builder, name, random_below (2));
        return;
    case 2:
        godwit_builder_int (builder, name,
                            (int64_t) ((uint64_t) random_below (UINT32_MAX) << random_below (33)) -
                                random_below (3));
        return;
    case 3:
        godwit_builder_int (builder, name, random_below (2) ? INT64_MIN : INT64_MAX);
        return;
    case 4:
        godwit_builder_double (builder, name, random_double ());
        return;
    case 5:
        godwit_builder_strn (builder, name, text, random_text (text, sizeof text, true));
        return;
    default: {
        const bool map = random_below (2);
        const uint32_t count = random_below (4) ? random_below (5) : random_below (40);
        if (map)
            godwit_builder_open_map (builder, name);
        else
            godwit_builder_open_list (builder, name);
        for (uint32_t i = 0; i < count; i++) {
            char key[160];
            random_text (text, sizeof text, false);
            snprintf (key, sizeof key, "%u%s", i, text);
            build_random (builder, key, depth + 1);
        }
        godwit_builder_close (builder);
    }
    }
}

Test (json, random_values_come_back_equal)
{
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        state = seed;
        godwit_builder_t *builder = godwit_builder_new ();
        build_random (builder, NULL, 0);
        godwit_value_t *value = NULL, *text = NULL, *copy = NULL;
        godwit_error_t *error = NULL;
        cr_assert_eq (godwit_builder_finish (&builder, &value, &error), GODWIT_OK, "seed %llu: %s",
                      (unsigned long long) seed, godwit_error_message (error));
        cr_assert_eq (godwit__json_write (&text, value, &error), GODWIT_OK, "seed %llu: %s",
                      (unsigned long long) seed, godwit_error_message (error));
        copy = read_text (godwit_value_as_str (text, ""), godwit_value_count (text));
        cr_assert (godwit_value_equal (value, copy), "seed %llu: %s", (unsigned long long) seed,
                   godwit_value_as_str (text, ""));
        godwit_value_unref (&copy);
        godwit_value_unref (&text);
        godwit_value_unref (&value);
    }
}
