/* SPDX-License-Identifier: Apache-2.0 */
#include "src/value/msgpack/codec.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- helpers ---- */

static int released;

static void
count_release (godwit__frame_t *frame)
{
    free (frame->data);
    released++;
}

/* A frame of exactly these bytes on the heap. */
static godwit__frame_t
frame_of (const void *data, size_t size)
{
    godwit__frame_t frame = {.data = malloc (size ? size : 1), .size = size, .release = count_release};
    cr_assert_not_null (frame.data);
    memcpy (frame.data, data, size);
    return frame;
}

static godwit_value_t *
decoded (const void *data, size_t size)
{
    godwit__frame_t frame = frame_of (data, size);
    godwit__block_t *block = NULL;
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit__decode (&block, &frame, 0, &godwit__default_limits, &error), GODWIT_OK, "%s",
                  godwit_error_message (error));
    return godwit__block_nodes (block);
}

static godwit_value_t *
encoded_and_decoded (const godwit_value_t *value)
{
    const size_t bound = godwit__value_bound (value);
    uint8_t *const data = malloc (bound);
    godwit__writer_t writer = {.data = data, .capacity = bound};
    godwit__write_value (&writer, value);
    cr_assert_not (writer.overflow);
    godwit_value_t *const copy = decoded (data, writer.size);
    free (data);
    return copy;
}

static godwit_value_t *
make (godwit_field_t field)
{
    godwit_value_t *value = NULL;
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit_value_new (&value, field, &error), GODWIT_OK, "%s", godwit_error_message (error));
    return value;
}

static const char *
print (const godwit_value_t *value)
{
    static char text[4096];
    cr_assert_lt (godwit_value_print (value, text, sizeof text), sizeof text);
    return text;
}

#define BYTES(text) (text), sizeof (text) - 1

/* ---- getters ---- */

Test (value, each_type_is_read_by_its_getter_and_no_other)
{
    godwit_value_t *const values[] = {make (GODWIT_NIL (NULL)),
                                      make (GODWIT_BOOL (NULL, true)),
                                      make (GODWIT_INT (NULL, -7)),
                                      make (GODWIT_UINT (NULL, UINT64_MAX)),
                                      make (GODWIT_DOUBLE (NULL, 1.5)),
                                      make (GODWIT_STR (NULL, "text")),
                                      make (GODWIT_BIN (NULL, "\x00\x01", 2)),
                                      make (GODWIT_LIST (NULL, GODWIT_INT (NULL, 1))),
                                      make (GODWIT_MAP (NULL, GODWIT_INT ("x", 1)))};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        const godwit_type_t type = godwit_value_type (values[i]);
        bool boolean = false;
        int64_t integer = 0;
        uint64_t unsigned_integer = 0;
        double number = 0;
        const char *string = "";
        const void *data = NULL;
        size_t size = 99;
        godwit_error_t *errors[6] = {NULL};
        const godwit_status_t statuses[6] = {godwit_value_get_bool (values[i], &boolean, &errors[0]),
                                             godwit_value_get_int (values[i], &integer, &errors[1]),
                                             godwit_value_get_uint (values[i], &unsigned_integer, &errors[2]),
                                             godwit_value_get_double (values[i], &number, &errors[3]),
                                             godwit_value_get_str (values[i], &string, &errors[4]),
                                             godwit_value_get_bin (values[i], &data, &size, &errors[5])};
        const bool expected[6] = {
            type == GODWIT_TYPE_BOOL, type == GODWIT_TYPE_INT,
            type == GODWIT_TYPE_UINT, type == GODWIT_TYPE_DOUBLE || type == GODWIT_TYPE_INT,
            type == GODWIT_TYPE_STR,  type == GODWIT_TYPE_BIN};
        cr_assert_eq ((size_t) type, i);
        for (size_t k = 0; k < 6; k++) {
            cr_assert_eq (statuses[k], expected[k] ? GODWIT_OK : GODWIT_ERR_TYPE_MISMATCH,
                          "value %zu, getter %zu", i, k);
            cr_assert_eq (errors[k] == NULL, expected[k]);
            godwit_error_destroy (&errors[k]);
        }
        cr_assert_eq (boolean, type == GODWIT_TYPE_BOOL);
        cr_assert_eq (integer, type == GODWIT_TYPE_INT ? -7 : 0);
        cr_assert_eq (unsigned_integer, type == GODWIT_TYPE_UINT ? UINT64_MAX : 0);
        cr_assert_str_eq (string, type == GODWIT_TYPE_STR ? "text" : "");
        cr_assert (type == GODWIT_TYPE_BIN ? size == 2 && !memcmp (data, "\x00\x01", 2) : size == 99);

        cr_assert_eq (godwit_value_as_bool (values[i], false), type == GODWIT_TYPE_BOOL);
        cr_assert_eq (godwit_value_as_int (values[i], 5), type == GODWIT_TYPE_INT ? -7 : 5);
        cr_assert_str_eq (godwit_value_as_str (values[i], "none"), type == GODWIT_TYPE_STR ? "text" : "none");
        const double fallback = godwit_value_as_double (values[i], 2.25);
        cr_assert (type == GODWIT_TYPE_DOUBLE ? fallback > 1.4 && fallback < 1.6
                   : type == GODWIT_TYPE_INT  ? fallback < -6.9
                                              : fallback > 2.2);
    }
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        godwit_value_t *value = values[i];
        godwit_value_unref (&value);
        cr_assert_null (value);
    }
    godwit_error_t *error = NULL;
    int64_t number = 3;
    cr_assert_eq (godwit_value_get_int (NULL, &number, &error), GODWIT_ERR_TYPE_MISMATCH);
    cr_assert_str_eq (godwit_error_message (error), "expected int, got nil");
    cr_assert_eq (number, 3);
    godwit_error_destroy (&error);
    godwit_value_unref (NULL);
    cr_assert_null (godwit_value_ref (NULL));
}

Test (value, integers_keep_their_kind_whatever_made_them)
{
    static const struct {
        uint64_t number;
        godwit_type_t type;
    } rows[] = {{0, GODWIT_TYPE_INT},          {127, GODWIT_TYPE_INT},
                {128, GODWIT_TYPE_INT},        {65536, GODWIT_TYPE_INT},
                {INT64_MAX, GODWIT_TYPE_INT},  {(uint64_t) INT64_MAX + 1, GODWIT_TYPE_UINT},
                {UINT64_MAX, GODWIT_TYPE_UINT}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t number = 1;
        godwit_value_t *value = make (GODWIT_UINT (NULL, rows[i].number));
        cr_assert_eq (godwit_value_type (value), rows[i].type, "row %zu", i);
        cr_assert_eq (godwit_value_get_uint (value, &number, NULL), GODWIT_OK);
        cr_assert_eq (number, rows[i].number);
        godwit_value_unref (&value);
    }
}

Test (value, an_integer_is_a_double_only_if_nothing_is_lost)
{
    static const struct {
        int64_t number;
        bool exact;
    } rows[] = {{0, true},
                {-1, true},
                {INT64_C (1) << 53, true},
                {(INT64_C (1) << 53) + 1, false},
                {(INT64_C (1) << 53) - 1, true},
                {(INT64_C (1) << 53) + 2, true},
                {-(INT64_C (1) << 53) - 1, false},
                {INT64_MAX, false},
                {INT64_MIN, true},
                {INT64_MIN + 1, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        godwit_value_t *value = make (GODWIT_INT (NULL, rows[i].number));
        double number = 0.5;
        cr_assert_eq (godwit_value_get_double (value, &number, NULL),
                      rows[i].exact ? GODWIT_OK : GODWIT_ERR_TYPE_MISMATCH, "row %zu", i);
        if (rows[i].exact)
            cr_assert_eq ((int64_t) number, rows[i].number);
        godwit_value_unref (&value);
    }
}

Test (value, float32_is_read_as_double)
{
    godwit_value_t *value = decoded (BYTES ("\xca\x3f\x80\x00\x00"));
    cr_assert_eq (godwit_value_type (value), GODWIT_TYPE_DOUBLE);
    cr_assert_str_eq (print (value), "1.0");
    godwit_value_unref (&value);
}

Test (value, containers_are_walked_by_index_and_key)
{
    godwit_value_t *value =
        make (GODWIT_MAP (NULL, GODWIT_INT ("a", 1), GODWIT_LIST ("l", GODWIT_STR (NULL, "x")),
                          GODWIT_NIL ("n"), GODWIT_STR ("", "empty key")));
    cr_assert_eq (godwit_value_count (value), 4);
    cr_assert_str_eq (godwit_value_key_at (value, 1), "l");
    cr_assert_null (godwit_value_key_at (value, 4));
    cr_assert_null (godwit_value_at (value, 4));
    cr_assert_eq (godwit_value_at (value, 1), godwit_value_get (value, "l"));
    cr_assert_str_eq (godwit_value_as_str (godwit_value_at (godwit_value_get (value, "l"), 0), ""), "x");
    cr_assert_str_eq (godwit_value_as_str (godwit_value_get (value, ""), ""), "empty key");
    cr_assert_not_null (godwit_value_get (value, "n"));
    cr_assert_null (godwit_value_get (value, "missing"));
    cr_assert_null (godwit_value_get (value, NULL));
    cr_assert_null (godwit_value_get (NULL, "a"));
    cr_assert_null (godwit_value_get (godwit_value_get (value, "l"), "a"));
    cr_assert_null (godwit_value_key_at (godwit_value_get (value, "l"), 0));
    cr_assert_null (godwit_value_at (godwit_value_get (value, "a"), 0));
    cr_assert_eq (godwit_value_count (NULL), 0);
    godwit_value_unref (&value);
}

/* ---- life ---- */

Test (value, a_part_keeps_the_whole_alive)
{
    godwit_value_t *value = decoded (BYTES ("\x82\xa1"
                                            "a\x91\xa3xyz\xa1"
                                            "b\xa1z"));
    godwit_value_t *part = godwit_value_ref (godwit_value_at (godwit_value_get (value, "a"), 0));
    godwit_value_unref (&value);
    cr_assert_null (value);
    cr_assert_eq (released, 0);
    cr_assert_str_eq (godwit_value_as_str (part, ""), "xyz");
    godwit_value_unref (&part);
    cr_assert_eq (released, 1);
}

union own_block {
    godwit__block_t block;
    uint8_t room[sizeof (godwit__block_t) + 8 * sizeof (struct godwit_value)];
};

static int own_releases;

static void
own_released (godwit__block_t *block)
{
    cr_assert_eq (atomic_load (&block->refs), 0);
    own_releases++;
}

Test (value, a_block_of_the_callers_is_used_again_and_again)
{
    union own_block own = {.block = {.capacity = 8, .release = own_released}};
    for (int i = 1; i <= 3; i++) {
        godwit__block_t *block = &own.block;
        godwit__frame_t frame = frame_of (BYTES ("..\x93\xa1x\xa1y\xa1z"));
        cr_assert_eq (godwit__decode (&block, &frame, 2, &godwit__default_limits, NULL), GODWIT_OK);
        cr_assert_eq (block, &own.block);
        cr_assert_null (frame.data, "the frame was not consumed");
        cr_assert_eq (atomic_load (&block->refs), 1);
        cr_assert_str_eq (print (godwit__block_nodes (block)), "[\"x\", \"y\", \"z\"]");
        godwit__block_unref (block);
        cr_assert_eq (own_releases, i);
        cr_assert_eq (released, i);
    }
}

Test (value, a_block_that_is_too_small_is_left_alone)
{
    /* 8 nodes: room for 7 and the spare one. */
    union own_block own = {.block = {.capacity = 8, .release = own_released}};
    static const char bytes[] = "\x97\x01\x02\x03\x04\x05\x06\x07";
    for (size_t count = 6; count <= 7; count++) {
        char data[8];
        memcpy (data, bytes, 8);
        data[0] = (char) (0x90 + count);
        godwit__block_t *block = &own.block;
        godwit__frame_t frame = frame_of (data, count + 1);
        cr_assert_eq (godwit__decode (&block, &frame, 0, &godwit__default_limits, NULL), GODWIT_OK);
        cr_assert_eq (block == &own.block, count == 6);
        cr_assert_eq (godwit_value_count (godwit__block_nodes (block)), count);
        godwit__block_unref (block);
    }
    cr_assert_eq (own_releases, 1);
}

Test (value, a_failure_consumes_the_frame_and_leaves_the_block)
{
    static const char *const bad[] = {"\x81", "\xc1", "\x01\x01", "\x82\xa1x\x01\xa1x\x02"};
    union own_block own = {.block = {.capacity = 8, .release = own_released}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        for (int heap = 0; heap < 2; heap++) {
            godwit__block_t *block = heap ? NULL : &own.block;
            godwit_error_t *error = NULL;
            godwit__frame_t frame = frame_of (bad[i], strlen (bad[i]));
            released = 0;
            cr_assert_eq (godwit__decode (&block, &frame, 0, &godwit__default_limits, &error),
                          GODWIT_ERR_MALFORMED, "row %zu", i);
            cr_assert_eq (released, 1);
            cr_assert_eq (block, heap ? NULL : &own.block);
            cr_assert_eq (atomic_load (&own.block.refs), 0);
            cr_assert_not_null (error);
            godwit_error_destroy (&error);
        }
    }
    for (size_t offset = 0; offset < 3; offset++) { /* nothing there at all */
        godwit__block_t *block = NULL;
        godwit__frame_t frame = {.data = NULL};
        cr_assert_eq (godwit__decode (&block, &frame, offset, &godwit__default_limits, NULL),
                      GODWIT_ERR_MALFORMED);
        cr_assert_null (block);
    }
    cr_assert_eq (own_releases, 0);
}

/* A small message lives inside the frame, so its bytes move when the frame does. */
Test (value, bytes_inside_the_frame_move_into_the_block)
{
    godwit__frame_t frame = {.size = 9};
    frame.data = (uint8_t *) &frame.storage + 3;
    memcpy (frame.data, "\x82\xa1x\xa1y\xa1z\xa1w", 9);
    godwit__block_t *block = NULL;
    cr_assert_eq (godwit__decode (&block, &frame, 0, &godwit__default_limits, NULL), GODWIT_OK);
    memset (&frame, '#', sizeof frame);
    cr_assert_str_eq (print (godwit__block_nodes (block)), "{\"x\": \"y\", \"z\": \"w\"}");
    godwit__block_unref (block);
}

/* ---- strings ---- */

/* Strings one after the other up to the end of the frame, with every size of header: each must end with a
 * NUL, and ending one must not spoil another. */
Test (value, every_string_ends_with_a_nul)
{
    static const size_t sizes[] = {0, 1, 2, 30, 31, 32, 33, 255, 256, 65535, 65536};
    enum { SIZES = sizeof sizes / sizeof sizes[0] };
    static const char headers[] = "fixstr, str8, str16, str32";
    uint8_t *const data = malloc (3 * 65536 + 64);
    for (size_t a = 0; a < SIZES; a++) {
        for (size_t b = 0; b < SIZES; b++) {
            for (uint8_t longest = 0; longest < 2; longest++) {
                size_t size = 0;
                data[size++] = 0x93;
                const size_t three[] = {sizes[b], sizes[a], sizes[b]};
                for (size_t i = 0; i < 3; i++) {
                    godwit__writer_t writer = {.data = data + size, .capacity = 65536 + 8};
                    if (longest) { /* a header longer than needed */
                        const uint8_t header[] = {0xdb, (uint8_t) (three[i] >> 24),
                                                  (uint8_t) (three[i] >> 16), (uint8_t) (three[i] >> 8),
                                                  (uint8_t) three[i]};
                        memcpy (data + size, header, 5);
                        size += 5;
                        memset (data + size, 'a' + (int) i, three[i]);
                        size += three[i];
                    } else {
                        char *const text = malloc (three[i] + 1);
                        memset (text, 'a' + (int) i, three[i]);
                        godwit__write_str (&writer, text, three[i]);
                        size += writer.size;
                        free (text);
                    }
                }
                godwit_value_t *value = decoded (data, size);
                for (size_t i = 0; i < 3; i++) {
                    const char *const text = godwit_value_as_str (godwit_value_at (value, i), NULL);
                    cr_assert_eq (strlen (text), three[i], "%s: sizes %zu, %zu", headers, sizes[a], sizes[b]);
                    cr_assert_eq (strspn (text, (char[]){(char) ('a' + (int) i), 0}), three[i]);
                }
                godwit_value_unref (&value);
            }
        }
    }
    free (data);
}

Test (value, a_lone_string_is_the_whole_frame)
{
    godwit_value_t *value = decoded (BYTES ("\xa3xyz"));
    cr_assert_str_eq (godwit_value_as_str (value, ""), "xyz");
    godwit_value_unref (&value);
    value = decoded (BYTES ("\xa0"));
    cr_assert_str_eq (godwit_value_as_str (value, "none"), "");
    godwit_value_unref (&value);
    value = decoded (BYTES ("\xd9\x03xyz"));
    cr_assert_str_eq (godwit_value_as_str (value, ""), "xyz");
    godwit_value_unref (&value);
}

/* Ending the string before it must not touch a bin, whose bytes are data to the last. */
Test (value, a_bin_behind_a_string_keeps_its_bytes)
{
    godwit_value_t *value = decoded (BYTES ("\x94\xa1x\xc4\x02\xff\xfe\xa1y\xc4\x00"));
    const void *data;
    size_t size;
    cr_assert_str_eq (godwit_value_as_str (godwit_value_at (value, 0), ""), "x");
    cr_assert_eq (godwit_value_get_bin (godwit_value_at (value, 1), &data, &size, NULL), GODWIT_OK);
    cr_assert (size == 2 && !memcmp (data, "\xff\xfe", 2));
    cr_assert_str_eq (godwit_value_as_str (godwit_value_at (value, 2), ""), "y");
    cr_assert_eq (godwit_value_get_bin (godwit_value_at (value, 3), &data, &size, NULL), GODWIT_OK);
    cr_assert_eq (size, 0);
    godwit_value_unref (&value);
}

Test (value, a_nul_inside_a_string_or_a_key_counts)
{
    godwit_value_t *value = make (GODWIT_STRN (NULL, "a\0b", 3));
    cr_assert_eq (godwit_value_count (value), 3);
    cr_assert_eq (memcmp (godwit_value_as_str (value, ""), "a\0b", 4), 0);
    godwit_value_unref (&value);
    value = decoded (BYTES ("\x82\xa3"
                            "a\0b\x01\xa1"
                            "a\x02"));
    cr_assert_eq (godwit_value_as_int (godwit_value_get (value, "a"), 0), 2);
    godwit_value_unref (&value);
}

/* ---- keys ---- */

Test (value, a_key_that_is_there_twice_is_refused)
{
    for (uint32_t count = 1; count < 200; count += count < 40 ? 1 : 31) {
        for (uint32_t twin = 0; twin < count; twin += 1 + count / 7) {
            uint8_t data[2000];
            godwit__writer_t writer = {.data = data, .capacity = sizeof data};
            godwit__write_map (&writer, count);
            for (uint32_t i = 0; i < count; i++) {
                char key[16];
                const uint32_t number = i == count - 1 ? twin : i; /* no twin if they are the same */
                const int size = snprintf (key, sizeof key, "%u", number * 7919 % 1000);
                godwit__write_str (&writer, key, (size_t) size);
                godwit__write_nil (&writer);
            }
            godwit__frame_t frame = frame_of (data, writer.size);
            godwit__block_t *block = NULL;
            const godwit_status_t status = godwit__decode (&block, &frame, 0, &godwit__default_limits, NULL);
            cr_assert_eq (status, twin == count - 1 ? GODWIT_OK : GODWIT_ERR_MALFORMED, "%u keys, %u again",
                          count, twin);
            if (!status)
                godwit__block_unref (block);
        }
    }
}

Test (value, the_same_key_in_different_maps_is_fine)
{
    godwit_value_t *value = decoded (BYTES ("\x92\x81\xa1x\x81\xa1x\x01\x81\xa1x\x02"));
    cr_assert_str_eq (print (value), "[{\"x\": {\"x\": 1}}, {\"x\": 2}]");
    godwit_value_unref (&value);
}

/* ---- equality ---- */

Test (value, equality)
{
    static const struct {
        const char *a, *b;
        bool equal;
    } rows[] = {
        {"\x01", "\xcc\x01", true},
        {"\x01", "\x02", false},
        {"\x01",
         "\xa1"
         "1",
         false},
        {"\xc0", "\xc2", false},
        {"\xc2", "\xc3", false},
        {"\xa1x", "\xd9\x01x", true},
        {"\xa1x", "\xa1y", false},
        {"\xa1x", "\xc4\x01x", false},
        {"\xa1x", "\xa2xy", false},
        {"\x92\x01\x02", "\x92\x01\x02", true},
        {"\x92\x01\x02", "\x92\x02\x01", false},
        {"\x92\x01\x02", "\x91\x01", false},
        {"\x82\xa1"
         "a\x01\xa1"
         "b\x02",
         "\x82\xa1"
         "b\x02\xa1"
         "a\x01",
         true},
        {"\x82\xa1"
         "a\x01\xa1"
         "b\x02",
         "\x82\xa1"
         "a\x01\xa1"
         "c\x02",
         false},
        {"\x82\xa1"
         "a\x01\xa1"
         "b\x02",
         "\x82\xa1"
         "a\x01\xa1"
         "b\x03",
         false},
        {"\x82\xa1"
         "a\x01\xa1"
         "b\x02",
         "\x81\xa1"
         "a\x01",
         false},
        {"\x83\xa1"
         "a\x01\xa1"
         "b\x02\xa1"
         "c\x03",
         "\x83\xa1"
         "c\x03\xa1"
         "b\x02\xa1"
         "a\x01",
         true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        godwit_value_t *a = decoded (rows[i].a, strlen (rows[i].a));
        godwit_value_t *b = decoded (rows[i].b, strlen (rows[i].b));
        cr_assert_eq (godwit_value_equal (a, b), rows[i].equal, "row %zu", i);
        cr_assert_eq (godwit_value_equal (b, a), rows[i].equal, "row %zu", i);
        cr_assert (godwit_value_equal (a, a));
        godwit_value_unref (&a);
        godwit_value_unref (&b);
    }
    godwit_value_t *nil = make (GODWIT_NIL (NULL));
    cr_assert (godwit_value_equal (nil, NULL));
    cr_assert (godwit_value_equal (NULL, NULL));
    godwit_value_unref (&nil);

    const double numbers[] = {0.0, -0.0, 1.0, (double) NAN, (double) INFINITY};
    for (size_t i = 0; i < 5; i++)
        for (size_t j = 0; j < 5; j++) {
            godwit_value_t *a = make (GODWIT_DOUBLE (NULL, numbers[i]));
            godwit_value_t *b = make (GODWIT_DOUBLE (NULL, numbers[j]));
            cr_assert_eq (godwit_value_equal (a, b), i == j || (i < 2 && j < 2), "%zu, %zu", i, j);
            godwit_value_unref (&a);
            godwit_value_unref (&b);
        }
}

/* ---- printing ---- */

Test (value, printed_form)
{
    godwit_value_t *value = make (
        GODWIT_MAP (NULL, GODWIT_NIL ("n"), GODWIT_BOOL ("t", true), GODWIT_BOOL ("f", false),
                    GODWIT_INT ("i", INT64_MIN), GODWIT_UINT ("u", UINT64_MAX), GODWIT_DOUBLE ("d", 0.1),
                    GODWIT_DOUBLE ("e", 1e300), GODWIT_DOUBLE ("w", -2.0),
                    GODWIT_STR ("s", "\"\\\n\t\r\x01\x1b[31m\x7f\u00e9\xc2\x85"),
                    GODWIT_STR ("bad", "\xff\xc3(\xed\xa0\x80\xc0\x80"), GODWIT_BIN ("b", "\x00\xff", 2),
                    GODWIT_LIST ("l", GODWIT_INT (NULL, 1), GODWIT_LIST (NULL, GODWIT_NIL (NULL)))));
    cr_assert_str_eq (
        print (value),
        "{\"n\": null, \"t\": true, \"f\": false, \"i\": -9223372036854775808, \"u\": 18446744073709551615, "
        "\"d\": 0.1, \"e\": 1e+300, \"w\": -2.0, \"s\": "
        "\"\\\"\\\\\\n\\t\\r\\u0001\\u001b[31m\\u007f\u00e9\\u0085\", "
        "\"bad\": \"\\ufffd\\ufffd(\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\", \"b\": \"00ff\", \"l\": [1, "
        "[null]]}");
    godwit_value_unref (&value);
    cr_assert_str_eq (print (NULL), "null");
}

Test (value, a_printed_form_that_is_too_long_is_cut_with_dots)
{
    godwit_value_t *value = make (GODWIT_STR (NULL, "0123456789"));
    static const char *const cut[] = {
        "",         ".",         "..",         "...",         "\"...",        "\"0...",        "\"01...",
        "\"012...", "\"0123...", "\"01234...", "\"012345...", "\"0123456...", "\"0123456789\""};
    for (size_t size = 0; size <= 13; size++) {
        char text[32];
        memset (text, '#', sizeof text);
        cr_assert_eq (godwit_value_print (value, text, size), 12);
        if (size)
            cr_assert_str_eq (text, cut[size - 1], "%zu", size);
        cr_assert_eq (text[size], '#', "wrote behind %zu bytes", size);
    }
    godwit_value_unref (&value);

    value = make (GODWIT_STR (NULL, "\u00e9\u00e9\u00e9\u00e9\u00e9"));
    for (size_t size = 4; size <= 12; size++) {
        char text[32];
        godwit_value_print (value, text, size);
        const size_t length = strlen (text);
        cr_assert_str_eq (text + length - 3, "...");
        cr_assert_eq ((length - 3) % 2, size == 4 ? 0 : 1, "cut inside a character: %zu bytes: %s", size,
                      text);
    }
    godwit_value_unref (&value);
}

/* ---- fields ---- */

static void
check_field_error (godwit_field_t field, godwit_status_t status, const char *message)
{
    godwit_value_t *value = NULL;
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit_value_new (&value, field, &error), status, "%s", message);
    cr_assert_str_eq (godwit_error_message (error), message);
    cr_assert_null (value);
    godwit_error_destroy (&error);
    cr_assert_eq (godwit_value_new (&value, field, NULL), status);
}

Test (value, errors_of_fields_name_the_path)
{
    const char *const nothing = NULL;
    const godwit_field_t strange = {"x", (godwit_type_t) 77, 0, {false}};
    const godwit_field_t no_items = {"x", GODWIT_TYPE_LIST, 3, {.items = NULL}};
    check_field_error (GODWIT_STR (NULL, nothing), GODWIT_ERR_INVALID_ARGUMENT, "value: the string is NULL");
    check_field_error (GODWIT_STRN (NULL, NULL, 1), GODWIT_ERR_INVALID_ARGUMENT, "value: the string is NULL");
    check_field_error (GODWIT_BIN (NULL, NULL, 1), GODWIT_ERR_INVALID_ARGUMENT, "value: the bytes are NULL");
    check_field_error (GODWIT_LIST (NULL, GODWIT_INT (NULL, 1), strange), GODWIT_ERR_INVALID_ARGUMENT,
                       "value[1]: a type that does not exist");
    check_field_error (GODWIT_MAP (NULL, no_items), GODWIT_ERR_INVALID_ARGUMENT,
                       "value.x: the items are NULL");
    check_field_error (GODWIT_MAP (NULL, GODWIT_LIST ("m", GODWIT_NIL (NULL), GODWIT_NIL (NULL),
                                                      GODWIT_MAP (NULL, GODWIT_STR ("x", nothing)))),
                       GODWIT_ERR_INVALID_ARGUMENT, "value.m[2].x: the string is NULL");
    check_field_error (GODWIT_MAP (NULL, GODWIT_INT ("a", 1), GODWIT_INT (NULL, 1)),
                       GODWIT_ERR_INVALID_ARGUMENT, "value[1]: an entry of a map without a name");
    check_field_error (
        GODWIT_MAP (NULL, GODWIT_MAP ("m", GODWIT_INT ("a", 1), GODWIT_INT ("b", 1), GODWIT_INT ("a", 2))),
        GODWIT_ERR_INVALID_ARGUMENT, "value.m.a: the name is there twice");

    godwit_error_t *error = NULL;
    size_t bound = 7;
    const godwit_fields_t arguments = GODWIT_ARGS (GODWIT_MAP ("m", GODWIT_STR ("x", nothing)));
    cr_assert_eq (godwit__fields_bound (&arguments, "args", &bound, &error), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_str_eq (godwit_error_message (error), "args.m.x: the string is NULL");
    cr_assert_eq (bound, 7);
    godwit_error_destroy (&error);

    godwit_value_t *list = make (GODWIT_LIST (NULL, GODWIT_NIL (NULL)));
    const godwit_fields_t no_map = godwit_fields_from (list);
    cr_assert_eq (godwit__fields_bound (&no_map, "args", &bound, &error), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_str_eq (godwit_error_message (error), "args: expected map, got list");
    godwit_error_destroy (&error);
    godwit_value_t *map = NULL;
    cr_assert_eq (godwit_value_new_map (&map, no_map, NULL), GODWIT_ERR_INVALID_ARGUMENT);
    godwit_value_unref (&list);
}

Test (value, a_long_path_is_cut_and_cannot_command_a_terminal)
{
    static char name[1000];
    const char *const nothing = NULL;
    memset (name, 'x', sizeof name - 1);
    name[1] = '\x1b';
    godwit_value_t *value = NULL;
    godwit_error_t *error = NULL;
    cr_assert_neq (
        godwit_value_new_map (&value, GODWIT_ARGS (GODWIT_MAP (name, GODWIT_STR (name, nothing))), &error),
        GODWIT_OK);
    cr_assert_lt (strlen (godwit_error_message (error)), 300);
    cr_assert_null (strchr (godwit_error_message (error), '\x1b'));
    godwit_error_destroy (&error);
}

Test (value, empty_things)
{
    const godwit_field_t list = {NULL, GODWIT_TYPE_LIST, 0, {.items = NULL}};
    godwit_value_t *value = make (list);
    cr_assert_str_eq (print (value), "[]");
    godwit_value_unref (&value);
    cr_assert_eq (godwit_value_new_map (&value, GODWIT_NO_ARGS, NULL), GODWIT_OK);
    cr_assert_str_eq (print (value), "{}");
    godwit_value_unref (&value);
    value = make (GODWIT_STRN (NULL, NULL, 0));
    cr_assert_str_eq (godwit_value_as_str (value, "none"), "");
    godwit_value_unref (&value);
    value = make (GODWIT_BIN (NULL, NULL, 0));
    cr_assert_str_eq (print (value), "\"\"");
    godwit_value_unref (&value);
    value = make (GODWIT_VALUE (NULL, NULL));
    cr_assert_eq (godwit_value_type (value), GODWIT_TYPE_NIL);
    godwit_value_unref (&value);
}

Test (value, values_inside_fields_are_copied_in)
{
    godwit_value_t *inner = make (GODWIT_MAP (NULL, GODWIT_STR ("a", "b")));
    godwit_value_t *outer = make (GODWIT_LIST (NULL, GODWIT_VALUE (NULL, inner), GODWIT_VALUE (NULL, NULL),
                                               GODWIT_VALUE (NULL, godwit_value_get (inner, "a"))));
    godwit_value_unref (&inner);
    cr_assert_str_eq (print (outer), "[{\"a\": \"b\"}, null, \"b\"]");
    godwit_value_unref (&outer);
}

Test (value, arguments_from_a_map)
{
    godwit_value_t *map = make (GODWIT_MAP (NULL, GODWIT_STR ("a", "b")));
    const godwit_fields_t sources[] = {godwit_fields_from (map), GODWIT_ARGS (GODWIT_STR ("a", "b"))};
    for (size_t i = 0; i < 2; i++) {
        uint8_t data[64];
        size_t bound = 0;
        cr_assert_eq (godwit__fields_bound (&sources[i], "args", &bound, NULL), GODWIT_OK);
        godwit__writer_t writer = {.data = data, .capacity = bound};
        godwit__write_fields (&writer, &sources[i]);
        cr_assert (!writer.overflow && writer.size == 5 &&
                   !memcmp (data,
                            "\x81\xa1"
                            "a\xa1"
                            "b",
                            5));
    }
    godwit_value_t *same = NULL;
    cr_assert_eq (godwit_value_new_map (&same, sources[0], NULL), GODWIT_OK);
    cr_assert (godwit_value_equal (same, map));
    godwit_value_unref (&same);
    godwit_value_unref (&map);
    const godwit_fields_t none = godwit_fields_from (NULL);
    cr_assert_eq (godwit_value_new_map (&same, none, NULL), GODWIT_OK);
    cr_assert_eq (godwit_value_count (same), 0);
    godwit_value_unref (&same);
}

/* ---- limits ---- */

static godwit_value_t *
nest (size_t depth, godwit_status_t expected)
{
    godwit_field_t fields[64];
    fields[0] = GODWIT_INT ("k", 1);
    for (size_t i = 1; i <= depth; i++)
        fields[i] =
            (godwit_field_t){"k", i % 2 ? GODWIT_TYPE_LIST : GODWIT_TYPE_MAP, 1, {.items = &fields[i - 1]}};
    godwit_value_t *value = NULL;
    cr_assert_eq (godwit_value_new (&value, fields[depth], NULL), expected, "depth %zu", depth);
    return value;
}

Test (value, depth_is_limited_the_same_when_encoding_and_decoding)
{
    godwit_value_t *deep = nest (GODWIT_VALUE_MAX_DEPTH, GODWIT_OK);
    nest (GODWIT_VALUE_MAX_DEPTH + 1, GODWIT_ERR_LIMIT_EXCEEDED);
    godwit_value_t *copy = encoded_and_decoded (deep);
    cr_assert (godwit_value_equal (deep, copy));
    godwit_value_unref (&copy);

    godwit_value_t *wrapped = NULL;
    cr_assert_eq (godwit_value_new (&wrapped, GODWIT_LIST (NULL, GODWIT_VALUE (NULL, deep)), NULL),
                  GODWIT_ERR_LIMIT_EXCEEDED);
    cr_assert_eq (
        godwit_value_new (&wrapped, GODWIT_LIST (NULL, GODWIT_VALUE (NULL, godwit_value_at (deep, 0))), NULL),
        GODWIT_OK);
    godwit_value_unref (&wrapped);

    /* What a call wraps around a value that uses the limit to the full must still be accepted. */
    const size_t bound = 8 + godwit__value_bound (deep);
    uint8_t *const data = malloc (bound);
    godwit__writer_t writer = {.data = data, .capacity = bound};
    godwit__write_array (&writer, 1);
    godwit__write_map (&writer, 1);
    godwit__write_str (&writer, "x", 1);
    godwit__write_value (&writer, deep);
    copy = decoded (data, writer.size);
    godwit_value_unref (&copy);
    free (data);
    godwit_value_unref (&deep);
}

Test (value, count_is_limited)
{
    godwit_field_t *const items = calloc (GODWIT_VALUE_MAX_COUNT, sizeof *items);
    for (size_t i = 0; i < GODWIT_VALUE_MAX_COUNT; i++)
        items[i] = GODWIT_INT (NULL, 1);
    godwit_field_t list = {NULL, GODWIT_TYPE_LIST, GODWIT_VALUE_MAX_COUNT - 1, {.items = items}};
    godwit_value_t *value = make (list);
    cr_assert_eq (godwit_value_count (value), GODWIT_VALUE_MAX_COUNT - 1);
    godwit_value_t *other = NULL;
    cr_assert_eq (godwit_value_new (&other, GODWIT_LIST (NULL, GODWIT_VALUE (NULL, value)), NULL),
                  GODWIT_ERR_LIMIT_EXCEEDED);
    godwit_value_unref (&value);
    list.size++;
    cr_assert_eq (godwit_value_new (&value, list, NULL), GODWIT_ERR_LIMIT_EXCEEDED);
    free (items);
}

/* A call encodes its arguments without decoding them: the bound alone must refuse what the receiver would. */
Test (value, bounds_know_the_limits)
{
    godwit_field_t fields[64];
    size_t bound = 5;
    for (size_t depth = GODWIT_VALUE_MAX_DEPTH; depth <= GODWIT_VALUE_MAX_DEPTH + 1; depth++) {
        for (int lists = 0; lists < 3; lists++) { /* all maps, all lists, or a value at the bottom */
            godwit_value_t *bottom = make (GODWIT_LIST (NULL, GODWIT_NIL (NULL)));
            fields[0] = GODWIT_INT ("k", 1);
            for (size_t i = 1; i <= depth; i++)
                fields[i] = (godwit_field_t){
                    "k", lists == 1 ? GODWIT_TYPE_LIST : GODWIT_TYPE_MAP, 1, {.items = &fields[i - 1]}};
            if (lists == 2)
                fields[1] = GODWIT_VALUE ("k", bottom);
            const godwit_status_t expected =
                depth > GODWIT_VALUE_MAX_DEPTH ? GODWIT_ERR_LIMIT_EXCEEDED : GODWIT_OK;
            cr_assert_eq (godwit__field_bound (&fields[depth], "args", &bound, NULL), expected, "%zu %d",
                          depth, lists);
            if (lists != 1) {
                const godwit_fields_t arguments = {fields[depth].as.items, 1, NULL};
                cr_assert_eq (godwit__fields_bound (&arguments, "args", &bound, NULL), expected, "%zu %d",
                              depth, lists);
            }
            godwit_value_unref (&bottom);
        }
    }

    godwit_field_t *const items = calloc (GODWIT_VALUE_MAX_COUNT, sizeof *items);
    for (size_t i = 0; i < GODWIT_VALUE_MAX_COUNT; i++)
        items[i] = GODWIT_NIL (NULL);
    godwit_field_t list = {NULL, GODWIT_TYPE_LIST, GODWIT_VALUE_MAX_COUNT - 1, {.items = items}};
    cr_assert_eq (godwit__field_bound (&list, "args", &bound, NULL), GODWIT_OK);
    list.size++;
    cr_assert_eq (godwit__field_bound (&list, "args", &bound, NULL), GODWIT_ERR_LIMIT_EXCEEDED);
    free (items);
}

/* What is written never takes more than the bound: it is the size of the buffer. */
Test (value, bounds_suffice)
{
    static char text[70000];
    memset (text, 'x', sizeof text);
    static const size_t sizes[] = {0, 31, 32, 255, 256, 65535, 65536};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const godwit_field_t field =
            GODWIT_MAP (NULL, GODWIT_STRN ("s", text, sizes[i]), GODWIT_BIN ("b", text, sizes[i]),
                        GODWIT_INT ("i", INT64_MIN), GODWIT_UINT ("u", UINT64_MAX), GODWIT_DOUBLE ("d", 1.5));
        size_t bound = 0;
        cr_assert_eq (godwit__field_bound (&field, "value", &bound, NULL), GODWIT_OK);
        uint8_t *const data = malloc (bound);
        godwit__writer_t writer = {.data = data, .capacity = bound};
        godwit__write_field (&writer, &field);
        cr_assert_not (writer.overflow);
        cr_assert_lt (bound, 2 * sizes[i] + 100);
        free (data);
    }
}

/* Writes what was not checked, in one pass; and checks, then writes. */
static void
check_in_one_pass (const godwit_field_t *field, bool taken)
{
    uint8_t once[128], twice[128];
    godwit__writer_t writer = {.data = once, .capacity = sizeof once};
    godwit__writer_t other = {.data = twice, .capacity = sizeof twice};
    size_t bound = 0;
    const bool good = godwit__field_bound (field, "f", &bound, NULL) == GODWIT_OK;
    cr_assert_eq (godwit__write_field_checked (&writer, field), taken);
    if (!taken)
        return;
    cr_assert (good);
    godwit__write_field (&other, field);
    cr_assert_eq (writer.size, other.size);
    cr_assert_arr_eq (once, twice, writer.size);
}

Test (value, what_is_checked_while_it_is_written_is_what_a_bound_accepts)
{
    const godwit_field_t nothing = {.type = GODWIT_TYPE_LIST, .size = 1};
    const godwit_field_t no_text = {.type = GODWIT_TYPE_STR, .size = 3};
    const godwit_field_t no_type = {.type = (godwit_type_t) 77};
    char text[200];
    memset (text, 'x', sizeof text);
    check_in_one_pass (&GODWIT_INT (NULL, -5), true);
    check_in_one_pass (&GODWIT_STR (NULL, "text"), true);
    check_in_one_pass (&GODWIT_BIN (NULL, text, 100), true);
    check_in_one_pass (&GODWIT_MAP (NULL, GODWIT_INT ("a", 1), GODWIT_STR ("b", "c"), GODWIT_INT ("ab", 1)),
                       true);
    check_in_one_pass (&GODWIT_LIST (NULL, GODWIT_INT (NULL, 1), GODWIT_MAP (NULL, GODWIT_BOOL ("x", true))),
                       true);
    check_in_one_pass (&GODWIT_MAP (NULL, GODWIT_INT ("a", 1), GODWIT_INT ("a", 1)), false);
    check_in_one_pass (&GODWIT_MAP (NULL, GODWIT_INT ("", 1), GODWIT_INT ("", 1)), false);
    check_in_one_pass (&GODWIT_MAP (NULL, GODWIT_INT (NULL, 1)), false);
    check_in_one_pass (&GODWIT_BIN (NULL, text, sizeof text), false); /* no room */
    check_in_one_pass (&nothing, false);
    check_in_one_pass (&no_text, false);
    check_in_one_pass (&no_type, false);
    check_in_one_pass (
        &GODWIT_LIST (
            NULL, GODWIT_LIST (NULL, GODWIT_LIST (NULL, GODWIT_LIST (NULL, GODWIT_LIST (NULL, nothing))))),
        false);
}

Test (value, a_writer_that_is_full_writes_nothing_more)
{
    uint8_t data[8];
    memset (data, '#', sizeof data);
    godwit__writer_t writer = {.data = data, .capacity = 4};
    godwit__write_int (&writer, 1);
    godwit__write_str (&writer, "xyz", 3);
    cr_assert (writer.overflow);
    const size_t size = writer.size;
    godwit__write_nil (&writer);
    godwit__write_map (&writer, 1);
    cr_assert_eq (writer.size, size);
    cr_assert_eq (data[4], '#');
}

Test (value, names_of_types)
{
    cr_assert_str_eq (godwit_type_name (GODWIT_TYPE_NIL), "nil");
    cr_assert_str_eq (godwit_type_name (GODWIT_TYPE_MAP), "map");
    cr_assert_str_eq (godwit_type_name ((godwit_type_t) 99), "unknown type");
}

/* ---- property: what is built is what arrives ---- */

static uint64_t state;

static uint32_t
random_below (uint32_t limit)
{
    state = state * UINT64_C (6364136223846793005) + UINT64_C (1442695040888963407);
    return (uint32_t) (state >> 33) % limit;
}

static void
build_random (godwit_builder_t *builder, const char *name, uint32_t depth)
{
    static const uint64_t edges[] = {0,         1,          31,        32,        127,   128,
                                     255,       256,        32767,     32768,     65535, 65536,
                                     INT32_MAX, UINT32_MAX, INT64_MAX, UINT64_MAX};
    char bytes[300];
    const size_t size = random_below (8) ? random_below (40) : random_below (300);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char) random_below (256);
    const uint64_t edge = edges[random_below (16)] + random_below (3) - 1;
    switch (random_below (depth < 6 ? 10 : 8)) {
    case 0:
        godwit_builder_nil (builder, name);
        return;
    case 1:
        godwit_builder_bool (builder, name, random_below (2));
        return;
    case 2:
        godwit_builder_int (builder, name, (int64_t) (0 - (edge >> 1)));
        return;
    case 3:
        godwit_builder_uint (builder, name, edge);
        return;
    case 4: {
        double number;
        const uint64_t bits = (uint64_t) random_below (UINT32_MAX) << 33 | edge;
        memcpy (&number, &bits, sizeof number);
        godwit_builder_double (builder, name, number);
        return;
    }
    case 5:
    case 6:
        godwit_builder_strn (builder, name, bytes, size);
        return;
    case 7:
        godwit_builder_bin (builder, name, bytes, size);
        return;
    default: {
        const bool map = random_below (2);
        const uint32_t count = random_below (4) ? random_below (5) : random_below (40);
        if (map)
            godwit_builder_open_map (builder, name);
        else
            godwit_builder_open_list (builder, name);
        for (uint32_t i = 0; i < count; i++) {
            char key[64];
            snprintf (key, sizeof key, "%u%.*s", i, (int) random_below (50),
                      "----------------------------------------------------");
            build_random (builder, key, depth + 1);
        }
        godwit_builder_close (builder);
    }
    }
}

Test (value, random_values_survive_the_wire)
{
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        state = seed;
        godwit_builder_t *builder = godwit_builder_new ();
        build_random (builder, NULL, 0);
        godwit_value_t *value = NULL, *copy;
        godwit_error_t *error = NULL;
        cr_assert_eq (godwit_builder_finish (&builder, &value, &error), GODWIT_OK, "seed %llu: %s",
                      (unsigned long long) seed, godwit_error_message (error));
        copy = encoded_and_decoded (value);
        cr_assert (godwit_value_equal (value, copy), "seed %llu", (unsigned long long) seed);
        cr_assert_eq (godwit_value_print (value, NULL, 0), godwit_value_print (copy, NULL, 0), "seed %llu",
                      (unsigned long long) seed);
        godwit_value_unref (&value);
        godwit_value_unref (&copy);
    }
}
