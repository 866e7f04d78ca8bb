/* SPDX-License-Identifier: Apache-2.0 */
#include <godwit/value.h>

#include <criterion/criterion.h>
#include <string.h>

static void
check (godwit_builder_t *builder, const char *expected)
{
    godwit_value_t *value = NULL;
    godwit_error_t *error = NULL;
    char text[512];
    cr_assert_eq (godwit_builder_finish (&builder, &value, &error), GODWIT_OK, "%s: %s", expected,
                  godwit_error_message (error));
    cr_assert_null (builder);
    godwit_value_print (value, text, sizeof text);
    cr_assert_str_eq (text, expected);
    godwit_value_unref (&value);
}

static void
check_error (godwit_builder_t *builder, godwit_status_t status, const char *message)
{
    godwit_value_t *value = NULL;
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit_builder_finish (&builder, &value, &error), status, "%s", message);
    cr_assert_null (builder);
    cr_assert_null (value);
    cr_assert_str_eq (godwit_error_message (error), message);
    cr_assert_eq (godwit_error_status (error), status);
    godwit_error_destroy (&error);
}

Test (builder, builds_what_fields_build)
{
    godwit_value_t *inner = NULL, *built = NULL, *literal = NULL;
    cr_assert_eq (godwit_value_new (&inner, GODWIT_LIST (NULL, GODWIT_STR (NULL, "in")), NULL), GODWIT_OK);
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_map (builder, "ignored");
    godwit_builder_nil (builder, "n");
    godwit_builder_bool (builder, "b", true);
    godwit_builder_int (builder, "i", -5);
    godwit_builder_uint (builder, "u", UINT64_MAX);
    godwit_builder_double (builder, "d", 2.5);
    godwit_builder_str (builder, "s", "text");
    godwit_builder_strn (builder, "sn", "te\0xt", 5);
    godwit_builder_bin (builder, "x", "\x00\x01", 2);
    godwit_builder_value (builder, "v", inner);
    godwit_builder_value (builder, "v0", NULL);
    godwit_builder_open_list (builder, "l");
    godwit_builder_int (builder, NULL, 1);
    godwit_builder_int (builder, "ignored", 2);
    godwit_builder_open_map (builder, NULL);
    godwit_builder_close (builder);
    godwit_builder_close (builder);
    godwit_builder_close (builder);
    cr_assert_eq (godwit_builder_finish (&builder, &built, NULL), GODWIT_OK);
    const godwit_field_t empty = {NULL, GODWIT_TYPE_MAP, 0, {.items = NULL}};
    cr_assert_eq (
        godwit_value_new_map (
            &literal,
            GODWIT_ARGS (GODWIT_NIL ("n"), GODWIT_BOOL ("b", true), GODWIT_INT ("i", -5),
                         GODWIT_UINT ("u", UINT64_MAX), GODWIT_DOUBLE ("d", 2.5), GODWIT_STR ("s", "text"),
                         GODWIT_STRN ("sn", "te\0xt", 5), GODWIT_BIN ("x", "\x00\x01", 2),
                         GODWIT_VALUE ("v", inner), GODWIT_NIL ("v0"),
                         GODWIT_LIST ("l", GODWIT_INT (NULL, 1), GODWIT_INT (NULL, 2), empty)),
            NULL),
        GODWIT_OK);
    cr_assert (godwit_value_equal (built, literal));
    godwit_value_unref (&inner);
    godwit_value_unref (&built);
    godwit_value_unref (&literal);
}

Test (builder, lone_values)
{
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_str (builder, NULL, "alone");
    check (builder, "\"alone\"");
    builder = godwit_builder_new ();
    godwit_builder_open_list (builder, NULL);
    godwit_builder_close (builder);
    check (builder, "[]");
    builder = godwit_builder_new ();
    godwit_builder_strn (builder, NULL, NULL, 0);
    check (builder, "\"\"");
}

Test (builder, grows)
{
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_value_t *value = NULL;
    char big[3000];
    memset (big, 'x', sizeof big);
    godwit_builder_open_list (builder, NULL);
    for (int i = 0; i < 10000; i++)
        godwit_builder_int (builder, NULL, i * 1000);
    godwit_builder_strn (builder, NULL, big, sizeof big);
    godwit_builder_close (builder);
    cr_assert_eq (godwit_builder_finish (&builder, &value, NULL), GODWIT_OK);
    cr_assert_eq (godwit_value_count (value), 10001);
    for (int i = 0; i < 10000; i++)
        cr_assert_eq (godwit_value_as_int (godwit_value_at (value, (size_t) i), -1), i * 1000);
    godwit_value_unref (&value);
}

/* ---- errors ---- */

Test (builder, what_is_unfinished)
{
    check_error (godwit_builder_new (), GODWIT_ERR_INVALID_ARGUMENT, "value: nothing was built");
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_map (builder, NULL);
    godwit_builder_open_list (builder, "l");
    check_error (builder, GODWIT_ERR_INVALID_ARGUMENT,
                 "value.l[0]: a list or a map was left open before this element");
    builder = godwit_builder_new ();
    godwit_builder_close (builder);
    check_error (builder, GODWIT_ERR_INVALID_ARGUMENT, "value: a close without an open");
    builder = godwit_builder_new ();
    godwit_builder_int (builder, NULL, 1);
    godwit_builder_int (builder, NULL, 2);
    check_error (builder, GODWIT_ERR_INVALID_ARGUMENT,
                 "value: a second value; open a list or a map to hold several");
}

Test (builder, keys)
{
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_map (builder, NULL);
    godwit_builder_open_list (builder, "m");
    godwit_builder_nil (builder, NULL);
    godwit_builder_nil (builder, NULL);
    godwit_builder_open_map (builder, NULL);
    godwit_builder_int (builder, "a", 1);
    godwit_builder_int (builder, NULL, 2);
    check_error (builder, GODWIT_ERR_INVALID_ARGUMENT, "value.m[2][1]: an entry of a map without a name");

    builder = godwit_builder_new ();
    godwit_builder_open_map (builder, NULL);
    godwit_builder_int (builder, "twin", 1);
    godwit_builder_int (builder, "twin", 2);
    godwit_builder_close (builder);
    check_error (builder, GODWIT_ERR_INVALID_ARGUMENT, "value: a map has the key \"twin\" twice");
}

Test (builder, the_first_error_sticks_and_names_the_path)
{
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_map (builder, NULL);
    godwit_builder_open_list (builder, "m");
    godwit_builder_nil (builder, NULL);
    godwit_builder_open_map (builder, NULL);
    godwit_builder_str (builder, "x", NULL);
    godwit_builder_bin (builder, "y", NULL, 3);
    godwit_builder_close (builder);
    godwit_builder_close (builder);
    godwit_builder_close (builder);
    godwit_builder_close (builder);
    check_error (builder, GODWIT_ERR_INVALID_ARGUMENT, "value.m[1].x: the string is NULL");

    builder = godwit_builder_new ();
    godwit_builder_bin (builder, NULL, NULL, 1);
    godwit_builder_int (builder, NULL, 1);
    godwit_value_t *value = NULL;
    cr_assert_eq (godwit_builder_finish (&builder, &value, NULL), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_null (value);
}

Test (builder, depth)
{
    for (size_t depth = GODWIT_VALUE_MAX_DEPTH; depth <= GODWIT_VALUE_MAX_DEPTH + 1; depth++) {
        godwit_builder_t *builder = godwit_builder_new ();
        godwit_value_t *value = NULL;
        for (size_t i = 0; i < depth; i++)
            godwit_builder_open_list (builder, NULL);
        for (size_t i = 0; i < depth; i++)
            godwit_builder_close (builder);
        cr_assert_eq (godwit_builder_finish (&builder, &value, NULL),
                      depth > GODWIT_VALUE_MAX_DEPTH ? GODWIT_ERR_LIMIT_EXCEEDED : GODWIT_OK);
        if (value) { /* and the value as a part of another */
            godwit_value_t *whole = NULL;
            builder = godwit_builder_new ();
            godwit_builder_open_list (builder, NULL);
            godwit_builder_value (builder, NULL, value);
            godwit_builder_close (builder);
            cr_assert_eq (godwit_builder_finish (&builder, &whole, NULL), GODWIT_ERR_LIMIT_EXCEEDED);
        }
        godwit_value_unref (&value);
    }
}

Test (builder, count)
{
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_value_t *value = NULL;
    godwit_builder_open_list (builder, NULL);
    for (int i = 0; i < GODWIT_VALUE_MAX_COUNT - 1; i++)
        godwit_builder_nil (builder, NULL);
    godwit_builder_close (builder);
    cr_assert_eq (godwit_builder_finish (&builder, &value, NULL), GODWIT_OK);

    builder = godwit_builder_new ();
    godwit_builder_open_list (builder, NULL);
    for (int i = 0; i < GODWIT_VALUE_MAX_COUNT; i++)
        godwit_builder_nil (builder, NULL);
    check_error (builder, GODWIT_ERR_LIMIT_EXCEEDED, "value[999999]: more elements than the limit");

    builder = godwit_builder_new ();
    godwit_builder_open_list (builder, NULL);
    godwit_builder_value (builder, NULL, value);
    godwit_builder_close (builder);
    godwit_value_t *whole = NULL;
    cr_assert_eq (godwit_builder_finish (&builder, &whole, NULL), GODWIT_ERR_LIMIT_EXCEEDED);
    godwit_value_unref (&value);
}

Test (builder, no_builder_is_out_of_memory)
{
    godwit_builder_t *builder = NULL;
    godwit_value_t *value = NULL;
    godwit_error_t *error = NULL;
    godwit_builder_nil (builder, NULL);
    godwit_builder_bool (builder, NULL, true);
    godwit_builder_int (builder, NULL, 1);
    godwit_builder_uint (builder, NULL, 1);
    godwit_builder_double (builder, NULL, 1);
    godwit_builder_str (builder, NULL, "x");
    godwit_builder_str (builder, NULL, NULL);
    godwit_builder_strn (builder, NULL, "x", 1);
    godwit_builder_bin (builder, NULL, "x", 1);
    godwit_builder_value (builder, NULL, NULL);
    godwit_builder_open_map (builder, NULL);
    godwit_builder_open_list (builder, NULL);
    godwit_builder_close (builder);
    godwit_builder_destroy (&builder);
    godwit_builder_destroy (NULL);
    cr_assert_eq (godwit_builder_finish (&builder, &value, &error), GODWIT_ERR_OUT_OF_MEMORY);
    cr_assert_eq (godwit_error_status (error), GODWIT_ERR_OUT_OF_MEMORY);
    godwit_error_destroy (&error);
    cr_assert_eq (godwit_builder_finish (NULL, &value, NULL), GODWIT_ERR_INVALID_ARGUMENT);
}

Test (builder, destroying_half_of_a_value)
{
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_map (builder, NULL);
    godwit_builder_str (builder, "s", "text");
    godwit_builder_destroy (&builder);
    cr_assert_null (builder);
    builder = godwit_builder_new ();
    godwit_builder_close (builder); /* an error that nobody asks for */
    godwit_builder_destroy (&builder);
}
