/* SPDX-License-Identifier: Apache-2.0 */
/* Errors on the wire: what they are on the other side, and what hostile peers make of them. */
#include <criterion/criterion.h>
#include <godwit/godwit.h>

#include "src/error/error.h"
#include "src/wire/wire.h"

#include <stdio.h>
#include <stdlib.h>

static void
free_data (godwit__frame_t *frame)
{
    free (frame->data);
}

static godwit_error_t *
through (const godwit_error_t *error, size_t size_max, godwit__error_classes_t *classes)
{
    uint8_t *data = NULL;
    const size_t size = godwit__failure_write (&data, 5, size_max, error);
    cr_assert_gt (size, 0u);
    cr_assert (size < GODWIT__FAILURE_FRAME_MAX && size <= size_max, "%zu bytes of %zu", size, size_max);
    godwit__frame_t frame = {.data = data, .size = size, .release = free_data};
    bool is_malformed = true;
    godwit_error_t *read = godwit__failure_read (&frame, classes, &is_malformed);
    cr_assert (!is_malformed, "%s", godwit_error_print (read));
    return read;
}

static godwit_error_t *
round_trip (const godwit_error_t *error)
{
    return through (error, GODWIT__FAILURE_FRAME_MAX, NULL);
}

/* A FAILURE as another implementation may send it. Consumes nothing. */
static godwit_error_t *
sent (const char *module, const char *type, const char *message, const char *traceback,
      godwit__error_classes_t *classes)
{
    godwit_error_t *error =
        godwit__error_new_remote_error (GODWIT_OUTCOME_RAN, module, type, message, traceback);
    godwit_error_t *read = through (error, GODWIT__FAILURE_FRAME_MAX, classes);
    godwit_error_destroy (&error);
    return read;
}

static const godwit_error_class_t out_of_stock = {"shop", "OutOfStock"};
static const godwit_error_class_t value_error = {"builtins", "ValueError"};

static godwit__error_classes_t *
classes_of (const char *allowed, bool registers)
{
    godwit__error_classes_t *classes = NULL;
    cr_assert_eq (godwit__error_classes_new (&classes, allowed, NULL), GODWIT_OK);
    for (int i = 0; registers && i < 2; i++) /* twice is once */
        cr_assert_eq (godwit__error_classes_add (classes, &out_of_stock, NULL), GODWIT_OK);
    return classes;
}

Test (failure, every_status_of_the_library_comes_back_as_itself)
{
    for (int i = GODWIT_OK + 1; i < (int) GODWIT_STATUS_COUNT; i++) {
        const godwit_status_t status = (godwit_status_t) i;
        char expected[128];
        godwit_error_t *error = godwit_error_new (status, "%s", "100 %s of it %n");
        godwit_error_set_detail (error, "known", "thing");
        godwit_error_t *read = round_trip (error);
        cr_assert_eq (godwit_error_status (read), status, "%s", godwit_status_type (status));
        cr_assert_eq (godwit_error_outcome (read), GODWIT_OUTCOME_RAN);
        cr_assert_str_eq (godwit_error_detail (read, "known"), "thing");
        cr_assert (godwit_error_is_remote (read));
        if (status == GODWIT_ERR_REMOTE_ERROR) {
            cr_assert_str_eq (godwit_error_type (read), "RemoteError");
            cr_assert_str_eq (godwit_error_detail (read, "value"), "100 %s of it %n");
        } else {
            snprintf (expected, sizeof expected, "%s_Remote", godwit_status_type (status));
            cr_assert_str_eq (godwit_error_type (read), expected);
            cr_assert_str_eq (godwit_error_module (read), "godwit");
            cr_assert_str_eq (godwit_error_message (read), "100 %s of it %n");
        }
        godwit_error_destroy (&read);
        godwit_error_destroy (&error);
    }
}

/* A program's type that looks like one of ours is not taken for it, nor "Ok" for a success. */
Test (failure, no_program_passes_for_the_library)
{
    static const char *const types[][2] = {{"shop", "NoSuchMethod"},
                                           {"", "Ok"},
                                           {"godwit", "Ok"},
                                           {"godwit", "NoSuchType"},
                                           {"", "NoSuchMethod"}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        godwit_error_t *read = sent (types[i][0], types[i][1], "m", "line 1\nline 2", NULL);
        cr_assert_eq (godwit_error_status (read), GODWIT_ERR_REMOTE_ERROR, "%s.%s", types[i][0], types[i][1]);
        cr_assert_str_eq (godwit_error_type (read), "RemoteError");
        cr_assert_str_eq (godwit_error_detail (read, "exc_type"), types[i][1]);
        cr_assert_str_eq (godwit_error_traceback (read), "line 1\nline 2");
        godwit_error_destroy (&read);
    }
}

/* Contract 7's table: which module and class are what on this side. */
Test (failure, what_is_known_is_itself_and_the_rest_a_remote_error)
{
    static const struct {
        const char *allowed;
        bool is_registered; /* shop.OutOfStock */
        const char *module, *type;
        const char *printed;
        const godwit_error_class_t *is; /* NULL: a RemoteError, or a class that nobody has here */
    } rows[] = {
        {NULL, true, "shop", "OutOfStock", "OutOfStock_Remote", &out_of_stock},
        {"", true, "shop", "OutOfStock", "OutOfStock_Remote", &out_of_stock},
        {NULL, true, "shop", "OutOfStock_Remote", "OutOfStock_Remote", &out_of_stock},
        {"shop", false, "shop", "OutOfStock", "OutOfStock_Remote", &out_of_stock},
        {"bank,shop", false, "shop", "OutOfStock", "OutOfStock_Remote", &out_of_stock},
        {" bank , shop ,", false, "shop", "OutOfStock", "OutOfStock_Remote", &out_of_stock},
        {"shop", true, "shop", "SoldOut", "SoldOut_Remote", NULL},
        {NULL, false, "shop", "OutOfStock", "RemoteError", NULL},
        {"", false, "shop", "OutOfStock", "RemoteError", NULL},
        {"sho,shopp,hop", false, "shop", "OutOfStock", "RemoteError", NULL},
        {NULL, true, "shop", "OutOfStocks", "RemoteError", NULL},
        {NULL, true, "shop", "OutOf", "RemoteError", NULL},
        {"shop", true, "shop.tea", "OutOfStock", "RemoteError", NULL},
        {"shop", true, "", "OutOfStock", "RemoteError", NULL},
        {"godwit", true, "godwit", "OutOfStock", "RemoteError", NULL},
        {NULL, false, "builtins", "ValueError", "ValueError", &value_error},
        {NULL, false, "exceptions", "ValueError", "ValueError", &value_error},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        godwit__error_classes_t *classes = classes_of (rows[i].allowed, rows[i].is_registered);
        godwit_error_t *read = sent (rows[i].module, rows[i].type, "m", "", classes);
        const bool is_strange = !strcmp (rows[i].printed, "RemoteError");
        cr_assert_str_eq (godwit_error_type (read), rows[i].printed, "row %zu", i);
        cr_assert_eq (godwit_error_status (read), is_strange ? GODWIT_ERR_REMOTE_ERROR : GODWIT_ERR_FAILED,
                      "row %zu", i);
        cr_assert (!rows[i].is || godwit_error_is (read, rows[i].is), "row %zu", i);
        cr_assert (rows[i].is || !godwit_error_is (read, &out_of_stock), "row %zu", i);
        cr_assert (godwit_error_is_remote (read), "row %zu", i);
        godwit_error_destroy (&read);
        godwit__error_classes_destroy (&classes);
        cr_assert_null (classes);
    }
}

Test (failure, a_class_without_a_module_is_of_ours)
{
    static const godwit_error_class_t plain = {NULL, "Plain"};
    godwit__error_classes_t *classes = classes_of (NULL, true);
    godwit_error_t *error = godwit_error_new_of (&plain, "m");
    godwit_error_t *read = through (error, GODWIT__FAILURE_FRAME_MAX, classes);
    cr_assert_eq (godwit_error_status (read), GODWIT_ERR_REMOTE_ERROR);
    godwit_error_destroy (&read);
    cr_assert_eq (godwit__error_classes_add (classes, &plain, NULL), GODWIT_OK);
    read = through (error, GODWIT__FAILURE_FRAME_MAX, classes);
    cr_assert (godwit_error_is (read, &plain) && godwit_error_is_remote (read));
    godwit_error_destroy (&read);
    godwit_error_destroy (&error);
    godwit__error_classes_destroy (&classes);
    godwit__error_classes_destroy (&classes);
}

Test (failure, more_classes_than_there_was_room_for_at_first)
{
    enum { COUNT = 40 };
    static char names[COUNT][16];
    static godwit_error_class_t many[COUNT];
    godwit__error_classes_t *classes = classes_of (NULL, true);
    for (int i = 0; i < COUNT; i++) {
        snprintf (names[i], sizeof names[i], "Error%d", i);
        many[i] = (godwit_error_class_t){"m", names[i]};
        cr_assert_eq (godwit__error_classes_add (classes, &many[i], NULL), GODWIT_OK);
    }
    for (int i = 0; i < COUNT; i++)
        cr_assert (godwit__error_classes_know (classes, "m", names[i], strlen (names[i])));
    cr_assert (!godwit__error_classes_know (classes, "m", "Error40", 7));
    godwit__error_classes_destroy (&classes);
}

/* A hop that knows the class, and one that does not: the name stays, and all that is known. */
Test (failure, an_error_keeps_its_first_name_on_its_way)
{
    godwit__error_classes_t *classes = classes_of (NULL, true);
    godwit_value_t *args = NULL;
    cr_assert (!godwit_value_new (&args, GODWIT_LIST (NULL, GODWIT_INT (NULL, 7)), NULL));
    godwit_error_t *error = godwit_error_new_of (&out_of_stock, "no tea left");
    godwit_error_trace (error, "shop.c", 12, "take");
    godwit_error_set_data (error, args, NULL);
    godwit_error_set_detail (error, "item", "tea");
    for (int hop = 0; hop < 6; hop++) {
        godwit_error_t *next = through (error, GODWIT__FAILURE_FRAME_MAX, hop % 2 ? classes : NULL);
        godwit_error_destroy (&error);
        error = next;
        cr_assert_eq (godwit_error_is (error, &out_of_stock), hop % 2);
        cr_assert_str_eq (godwit_error_traceback (error), "Traceback (most recent call last):\n"
                                                          "  File \"shop.c\", line 12, in take\n"
                                                          "shop.OutOfStock: no tea left");
        cr_assert (godwit_value_equal (godwit_error_args (error), args));
        cr_assert_str_eq (godwit_error_detail (error, "item"), "tea");
    }
    cr_assert_str_eq (godwit_error_message (error), "no tea left");
    godwit_error_destroy (&error);
    godwit_value_unref (&args);
    godwit__error_classes_destroy (&classes);
}

Test (failure, a_local_error_with_the_suffix_is_sent_without)
{
    godwit_error_t *error = godwit_error_new_typed ("shop", "OutOfStock_Remote", "made from a printed type");
    godwit_error_t *read = round_trip (error);
    cr_assert_str_eq (godwit_error_detail (read, "exc_type"), "OutOfStock");
    godwit_error_destroy (&read);
    godwit_error_destroy (&error);
}

/* ---- bounds ---- */

static const size_t sizes[] = {4096, 10000, 65535, 65536, 1 << 20};

Test (failure, long_texts_are_cut)
{
    static char text[100000];
    memset (text, 'x', sizeof text - 1);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        godwit_error_t *error = godwit__error_new_remote_error (GODWIT_OUTCOME_RAN, text, text, text, text);
        godwit_error_t *read = through (error, sizes[i], NULL);
        const size_t kept = strlen (godwit_error_detail (read, "value"));
        cr_assert (sizes[i] > 65000 ? kept == 16000 : kept > sizes[i] / 4 - 32, "%zu", kept);
        cr_assert_eq (strlen (godwit_error_traceback (read)), kept);
        godwit_error_destroy (&read);
        godwit_error_destroy (&error);
    }
}

/* At every offset to the limit: no character is cut in two. */
Test (failure, texts_are_cut_between_characters)
{
    static char text[20001];
    for (size_t shift = 0; shift < 4; shift++) {
        memset (text, 'x', shift);
        for (size_t at = shift; at + 4 <= 20000; at += 4)
            memcpy (text + at, "\xf0\x9f\x90\xa6", 4);
        godwit_error_t *error = godwit_error_new (GODWIT_ERR_FAILED, "%s", text);
        godwit_error_t *read = round_trip (error);
        const char *const message = godwit_error_message (read);
        cr_assert_eq ((strlen (message) - shift) % 4, 0u);
        cr_assert_gt (strlen (message), 15990u);
        godwit_error_destroy (&read);
        godwit_error_destroy (&error);

        error = godwit__error_new_remote (GODWIT_ERR_FAILED, GODWIT_OUTCOME_RAN, "godwit", "Failed", "m",
                                          text + shift);
        godwit_error_trace (error, shift & 1 ? "f" : "ff", 1, shift & 2 ? "ff" : "f");
        read = round_trip (error);
        cr_assert_eq ((unsigned char) godwit_error_traceback (read)[0], 0xf0u);
        godwit_error_destroy (&read);
        godwit_error_destroy (&error);
    }
}

Test (failure, of_a_traceback_the_last_lines_are_kept)
{
    static char text[60000];
    size_t size = 0;
    for (int i = 0; i < 3000; i++)
        size += (size_t) snprintf (text + size, sizeof text - size, "line %d\n", i);
    godwit_error_t *error =
        godwit__error_new_remote (GODWIT_ERR_FAILED, GODWIT_OUTCOME_RAN, "godwit", "Failed", "m", text);
    godwit_error_t *read = round_trip (error);
    const char *const kept = godwit_error_traceback (read);
    cr_assert (strstr (kept, "line 2999\n"));
    cr_assert (!strncmp (kept, "line ", 5), "whole lines");
    cr_assert (strlen (kept) <= 16000 && strlen (kept) > 15980);
    godwit_error_destroy (&read);
    godwit_error_destroy (&error);
}

Test (failure, data_that_do_not_fit_are_left_out)
{
    static char large[70000];
    memset (large, 'x', sizeof large - 1);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        godwit_value_t *args = NULL, *kwargs = NULL;
        cr_assert (!godwit_value_new (&args, GODWIT_LIST (NULL, GODWIT_STR (NULL, large)), NULL));
        cr_assert (!godwit_value_new_map (
            &kwargs,
            GODWIT_ARGS (GODWIT_STR ("first", "1"), GODWIT_STR ("large", large), GODWIT_STR ("last", "3")),
            NULL));
        godwit_error_t *error = godwit_error_new (GODWIT_ERR_FAILED, "x");
        godwit_error_set_data (error, args, kwargs);
        godwit_error_t *read = through (error, sizes[i], NULL);
        cr_assert_null (godwit_error_args (read));
        cr_assert_eq (godwit_value_count (godwit_error_kwargs (read)), 2u);
        cr_assert_str_eq (godwit_error_detail (read, "first"), "1");
        cr_assert_str_eq (godwit_error_detail (read, "last"), "3");
        cr_assert_str_eq (godwit_error_message (read), "x");
        godwit_error_destroy (&read);
        godwit_error_destroy (&error);
        godwit_value_unref (&args);
        godwit_value_unref (&kwargs);
    }
}

/* As long as it fits, all of it comes; and the frame is never larger than it may be. */
Test (failure, data_of_every_size_around_the_limit)
{
    static char text[70000];
    bool came = false, was_left_out = false;
    for (size_t size = 65300; size < 65600; size++) {
        godwit_value_t *args = NULL;
        memset (text, 'x', size);
        text[size] = '\0';
        cr_assert (!godwit_value_new (&args, GODWIT_LIST (NULL, GODWIT_STR (NULL, text)), NULL));
        godwit_error_t *error = godwit_error_new (GODWIT_ERR_FAILED, "x");
        godwit_error_set_data (error, args, NULL);
        godwit_error_t *read = round_trip (error);
        cr_assert (!godwit_error_args (read) || godwit_value_equal (godwit_error_args (read), args));
        cr_assert (!was_left_out || !godwit_error_args (read));
        came = came || godwit_error_args (read);
        was_left_out = was_left_out || !godwit_error_args (read);
        godwit_error_destroy (&read);
        godwit_error_destroy (&error);
        godwit_value_unref (&args);
    }
    cr_assert (came && was_left_out);
}

/* ---- hostile ---- */

Test (failure, hostile_failures_are_failures_all_the_same)
{
    static const uint8_t bodies[][16] = {
        {0xc0},
        {0x90},
        {0x93, 0xa1, 'a', 0xa1, 'b', 0xa1, 'c'},
        {0x94, 0xa1, 'a', 0xa1, 'b', 0xa1, 'c', 0x01},
        {0x94, 0xc0, 0xa1, 'b', 0xa1, 'c', 0xa1, 'd'},
        {0x84, 0xa1, 'a', 0xa1, 'b', 0xa1, 'c', 0xa1, 'd'},
        {0x95, 0xa1, 'a', 0xa1, 'b', 0xa1, 'c', 0xa1, 'd', 0x01},
        {0x95, 0xa1, 'a', 0xa1, 'b', 0xa1, 'c', 0xa1, 'd', 0x80},
        {0x96, 0xa1, 'a', 0xa1, 'b', 0xa1, 'c', 0xa1, 'd', 0xc0, 0x90},
        {0x96, 0xa1, 'a', 0xa1, 'b', 0xa1, 'c', 0xa1, 'd', 0xc0, 0xa1, 'e'},
        {0x95, 0xa1, 'a', 0xa1, 'b', 0xa1, 'c', 0xa1, 'd', 0xdd, 0xff, 0xff, 0xff, 0xff},
        {0xdd, 0xff, 0xff, 0xff, 0xff},
        {0xdb, 0xff, 0xff, 0xff, 0xff},
        {0xc1},
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        for (size_t size = 0; size <= sizeof bodies[0]; size++) {
            uint8_t data[64] = {0};
            memcpy (data + GODWIT__HEADER_SIZE, bodies[i], size);
            godwit__frame_t frame = {.data = data, .size = GODWIT__HEADER_SIZE + size};
            bool is_malformed = false;
            godwit_error_t *error = godwit__failure_read (&frame, NULL, &is_malformed);
            cr_assert (is_malformed, "%zu, %zu", i, size);
            cr_assert_eq (godwit_error_status (error), GODWIT_ERR_MALFORMED, "%zu, %zu", i, size);
            cr_assert_eq (godwit_error_outcome (error), GODWIT_OUTCOME_RAN);
            godwit_error_destroy (&error);
        }
    }
}

Test (failure, bodies_of_other_lengths_are_read)
{
    static const struct {
        uint8_t body[24];
        size_t size;
        bool has_args, has_kwargs;
    } rows[] = {
        {{0x94, 0xa1, 'a', 0xa1, 'b', 0xa1, 'c', 0xa1, 'd'}, 9, false, false},
        {{0x95, 0xa1, 'a', 0xa1, 'b', 0xa1, 'c', 0xa1, 'd', 0xc0}, 10, false, false},
        {{0x95, 0xa1, 'a', 0xa1, 'b', 0xa1, 'c', 0xa1, 'd', 0x90}, 10, true, false},
        {{0x96, 0xa1, 'a', 0xa1, 'b', 0xa1, 'c', 0xa1, 'd', 0xc0, 0x80}, 11, false, true},
        {{0x97, 0xa1, 'a', 0xa1, 'b', 0xa1, 'c', 0xa1, 'd', 0x90, 0x80, 0x01}, 12, true, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t data[64] = {0};
        memcpy (data + GODWIT__HEADER_SIZE, rows[i].body, rows[i].size);
        godwit__frame_t frame = {.data = data, .size = GODWIT__HEADER_SIZE + rows[i].size};
        bool is_malformed = true;
        godwit_error_t *error = godwit__failure_read (&frame, NULL, &is_malformed);
        cr_assert (!is_malformed, "row %zu", i);
        cr_assert_str_eq (godwit_error_detail (error, "exc_type"), "a");
        cr_assert_eq (godwit_error_args (error) != NULL, rows[i].has_args, "row %zu", i);
        cr_assert_eq (godwit_error_kwargs (error) != NULL, rows[i].has_kwargs, "row %zu", i);
        godwit_error_destroy (&error);
    }
}

/* Two keys that differ behind a NUL must not be sent as one. */
Test (failure, keys_with_nul_stay_apart)
{
    uint8_t data[64] = {0};
    static const uint8_t body[] = {0x96, 0xa1, 'a', 0xa1, 'b',  0xa1, 'c', 0xa1, 'd', 0xc0, 0x82,
                                   0xa3, 'k',  0,   '1',  0x01, 0xa3, 'k', 0,    '2', 0x02};
    memcpy (data + GODWIT__HEADER_SIZE, body, sizeof body);
    godwit__frame_t frame = {.data = data, .size = GODWIT__HEADER_SIZE + sizeof body};
    bool is_malformed = true;
    godwit_error_t *error = godwit__failure_read (&frame, NULL, &is_malformed);
    cr_assert (!is_malformed);
    godwit_error_t *read = round_trip (error);
    cr_assert (godwit_value_equal (godwit_error_kwargs (read), godwit_error_kwargs (error)));
    cr_assert_eq (godwit_value_count (godwit_error_kwargs (read)), 2u);
    godwit_error_destroy (&read);
    godwit_error_destroy (&error);
}
