/* SPDX-License-Identifier: Apache-2.0 */
#include "src/error/error_inside.h"

#include <criterion/criterion.h>
#include <godwit/value.h>

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const char *
type_of (godwit_status_t status)
{
    return godwit_status_type (status);
}

Test (error, every_status_has_a_type_of_its_own_and_a_text)
{
    for (int i = 0; i < GODWIT_STATUS_COUNT; i++) {
        cr_assert (strlen (godwit_status_text ((godwit_status_t) i)) > 0);
        for (int j = 0; j < i; j++)
            cr_assert_str_neq (type_of ((godwit_status_t) i), type_of ((godwit_status_t) j));
    }
    cr_assert_str_eq (type_of (GODWIT_ERR_TIMEOUT), "MessagingTimeout");
    cr_assert_str_eq (type_of ((godwit_status_t) GODWIT_STATUS_COUNT), "Unknown");
    cr_assert_str_eq (type_of ((godwit_status_t) -1), "Unknown");
}

Test (error, the_statuses_make_the_tree_of_the_contract)
{
    static const struct {
        godwit_status_t status, parent;
        int is;
    } rows[] = {
        {GODWIT_ERR_TIMEOUT, GODWIT_ERR_TIMEOUT, 1},
        {GODWIT_ERR_TIMEOUT, GODWIT_ERR_MESSAGING, 1},
        {GODWIT_ERR_MESSAGING, GODWIT_ERR_TIMEOUT, 0},
        {GODWIT_ERR_NO_SUCH_METHOD, GODWIT_ERR_DISPATCHER, 1},
        {GODWIT_ERR_NO_SUCH_METHOD, GODWIT_ERR_MESSAGING, 1},
        {GODWIT_ERR_NO_SUCH_METHOD, GODWIT_ERR_SERVER_ERROR, 0},
        {GODWIT_ERR_TASK_TIMEOUT, GODWIT_ERR_SERVER_ERROR, 1},
        {GODWIT_ERR_MALFORMED, GODWIT_ERR_MESSAGING, 0},
        {GODWIT_ERR_OK, GODWIT_ERR_OK, 1},
        {(godwit_status_t) 1000, GODWIT_ERR_MESSAGING, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert_eq (godwit_status_is (rows[i].status, rows[i].parent), rows[i].is, "row %zu", i);
}

Test (error, every_outcome_has_a_name)
{
    cr_assert_str_eq (godwit_outcome_name (GODWIT_OUTCOME_NONE), "NONE");
    cr_assert_str_eq (godwit_outcome_name (GODWIT_OUTCOME_NOT_SENT), "NOT_SENT");
    cr_assert_str_eq (godwit_outcome_name (GODWIT_OUTCOME_REJECTED), "REJECTED");
    cr_assert_str_eq (godwit_outcome_name (GODWIT_OUTCOME_MAYBE_RUN), "MAYBE_RUN");
    cr_assert_str_eq (godwit_outcome_name (GODWIT_OUTCOME_RAN), "RAN");
    cr_assert_str_eq (godwit_outcome_name ((godwit_outcome_t) 99), "UNKNOWN");
}

Test (error, nothing_is_no_error)
{
    godwit_error_t *none = NULL;
    cr_assert_eq (godwit_error_status (NULL), GODWIT_OK);
    cr_assert_str_eq (godwit_error_type (NULL), "");
    cr_assert_str_eq (godwit_error_module (NULL), "");
    cr_assert_str_eq (godwit_error_message (NULL), "");
    cr_assert_str_eq (godwit_error_traceback (NULL), "");
    cr_assert_str_eq (godwit_error_print (NULL), "");
    cr_assert_null (godwit_error_cause (NULL));
    cr_assert_eq (godwit_error_outcome (NULL), GODWIT_OUTCOME_NONE);
    godwit_error_destroy (NULL);
    godwit_error_destroy (&none);
    godwit__error_set_outcome_of (NULL, GODWIT_OUTCOME_RAN);
}

Test (error, setting_returns_the_status_and_takes_null)
{
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit__error_set (NULL, GODWIT_ERR_NOT_FOUND, "x"), GODWIT_ERR_NOT_FOUND);
    cr_assert_eq (godwit__error_set_outcome (NULL, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_RAN, "x"),
                  GODWIT_ERR_TIMEOUT);
    cr_assert_eq (godwit__error_no_memory (NULL), GODWIT_ERR_OUT_OF_MEMORY);

    cr_assert_eq (godwit__error_set (&error, GODWIT_ERR_NOT_FOUND, "no %s in %d", "x", 3),
                  GODWIT_ERR_NOT_FOUND);
    cr_assert_eq (godwit_error_status (error), GODWIT_ERR_NOT_FOUND);
    cr_assert_str_eq (godwit_error_type (error), "NotFound");
    cr_assert_str_eq (godwit_error_module (error), "");
    cr_assert_str_eq (godwit_error_message (error), "no x in 3");
    cr_assert_str_eq (godwit_error_print (error), "NotFound: no x in 3");
    godwit_error_destroy (&error);
    cr_assert_null (error);
}

Test (error, a_text_of_any_length_is_kept_whole)
{
    static char text[5001];
    for (size_t length = 500; length < 5000; length += length < 520 ? 1 : 1490) {
        memset (text, 'x', length);
        text[length] = '\0';
        godwit_error_t *error = godwit_error_new (GODWIT_ERR_FAILED, "%s", text);
        cr_assert_str_eq (godwit_error_message (error), text, "length %zu", length);
        godwit_error_destroy (&error);
    }
}

Test (error, a_type_of_the_users_own)
{
    godwit_error_t *error = godwit_error_new_typed ("shop", "OutOfStock", "%d left", 0);
    cr_assert_eq (godwit_error_status (error), GODWIT_ERR_FAILED);
    cr_assert_str_eq (godwit_error_module (error), "shop");
    cr_assert_str_eq (godwit_error_type (error), "OutOfStock");
    cr_assert_str_eq (godwit_error_print (error), "OutOfStock: 0 left");
    godwit_error_destroy (&error);

    error = godwit_error_new_typed (NULL, NULL, "plain");
    cr_assert_str_eq (godwit_error_module (error), "");
    cr_assert_str_eq (godwit_error_type (error), "Failed");
    godwit_error_destroy (&error);
}

Test (error, a_class_makes_and_recognises_its_errors)
{
    static const godwit_error_class_t out_of_stock = {"shop", "OutOfStock"};
    static const godwit_error_class_t same = {"shop", "OutOfStock"}, shop_closed = {"shop", "Closed"},
                                      other_module = {"shops", "OutOfStock"}, closed = {NULL, "Closed"},
                                      own_closed = {"godwit", "Closed"}, nameless = {"shop", NULL},
                                      suffixed = {"shop", "OutOfStock_Remote"};
    godwit_error_t *error = godwit_error_new_of (&out_of_stock, "%d left", 0);
    cr_assert_eq (godwit_error_status (error), GODWIT_ERR_FAILED);
    cr_assert_str_eq (godwit_error_print (error), "OutOfStock: 0 left");
    cr_assert (godwit_error_is (error, &out_of_stock) && godwit_error_is (error, &same));
    cr_assert (!godwit_error_is (error, &shop_closed) && !godwit_error_is (error, &other_module));
    cr_assert (!godwit_error_is (error, &nameless) && !godwit_error_is (error, &suffixed));
    cr_assert (!godwit_error_is (error, NULL) && !godwit_error_is (NULL, &same));
    cr_assert (!godwit_error_is_remote (error) && !godwit_error_is_remote (NULL));
    godwit_error_destroy (&error);

    /* The library's own are of module "godwit". */
    error = godwit_error_new (GODWIT_ERR_CLOSED, "x");
    cr_assert (godwit_error_is (error, &closed) && godwit_error_is (error, &own_closed));
    cr_assert (!godwit_error_is (error, &shop_closed));
    godwit_error_destroy (&error);

    error = godwit_error_new_of (NULL, "of no class");
    cr_assert_str_eq (godwit_error_print (error), "Failed: of no class");
    godwit_error_destroy (&error);
}

/* ---- what came from the other side ---- */

Test (error, remote_text_is_copied_and_never_a_format)
{
    char hostile[] = "%s%n%d";
    godwit_error_t *error =
        godwit__error_new_remote (GODWIT_ERR_FAILED, GODWIT_OUTCOME_RAN, hostile, hostile, hostile, hostile);
    godwit_error_t *unknown =
        godwit__error_new_remote_error (GODWIT_OUTCOME_RAN, hostile, hostile, hostile, hostile);
    memset (hostile, 'x', sizeof hostile - 1);
    cr_assert_str_eq (godwit_error_module (error), "%s%n%d");
    cr_assert_str_eq (godwit_error_type (error), "%s%n%d_Remote");
    cr_assert_str_eq (godwit_error_message (error), "%s%n%d");
    cr_assert_str_eq (godwit_error_traceback (error), "%s%n%d");
    cr_assert_str_eq (godwit_error_print (error), "%s%n%d_Remote: %s%n%d (outcome RAN)");
    cr_assert_str_eq (godwit_error_print (unknown), "RemoteError: Remote error: %s%n%d %s%n%d (outcome RAN)");
    godwit_error_destroy (&error);
    godwit_error_destroy (&unknown);
}

Test (error, a_remote_one_shows_it_in_its_type)
{
    static const godwit_error_class_t out_of_stock = {"shop", "OutOfStock"};
    godwit_error_t *error = godwit__error_new_remote (GODWIT_ERR_FAILED, GODWIT_OUTCOME_RAN, "shop",
                                                      "OutOfStock", "no tea left", "");
    cr_assert (godwit_error_is_remote (error) && godwit_error_is (error, &out_of_stock));
    cr_assert_str_eq (godwit_error_type (error), "OutOfStock_Remote");
    cr_assert_str_eq (godwit_error_print (error), "OutOfStock_Remote: no tea left (outcome RAN)");
    godwit__error_origin_t routing_id = godwit__error_origin (error);
    cr_assert (routing_id.type_size == strlen ("OutOfStock") &&
               !memcmp (routing_id.type, "OutOfStock", routing_id.type_size));
    godwit_error_destroy (&error);

    /* Of a server that left the suffix: not twice. */
    error = godwit__error_new_remote (GODWIT_ERR_FAILED, GODWIT_OUTCOME_RAN, "shop", "OutOfStock_Remote", "m",
                                      "");
    cr_assert_str_eq (godwit_error_type (error), "OutOfStock_Remote");
    cr_assert (godwit_error_is (error, &out_of_stock));
    godwit_error_destroy (&error);

    error =
        godwit__error_new_remote (GODWIT_ERR_FAILED, GODWIT_OUTCOME_RAN, "builtins", "ValueError", "m", "tb");
    cr_assert_str_eq (godwit_error_print (error), "ValueError: m (outcome RAN)");
    cr_assert (godwit_error_is_remote (error));
    godwit_error_destroy (&error);

    /* Of a server that left it twice. */
    error = godwit__error_new_remote (GODWIT_ERR_FAILED, GODWIT_OUTCOME_RAN, "shop",
                                      "OutOfStock_Remote_Remote", "m", "");
    cr_assert_str_eq (godwit_error_type (error), "OutOfStock_Remote");
    godwit_error_destroy (&error);

    /* Without a name it has only the suffix; passed on, it does not get a second one. */
    error = godwit__error_new_remote (GODWIT_ERR_FAILED, GODWIT_OUTCOME_RAN, "shop", "", "m", "");
    cr_assert_str_eq (godwit_error_type (error), "_Remote");
    cr_assert_eq (godwit__error_origin (error).type_size, 0);
    godwit_error_destroy (&error);
}

Test (error, a_remote_error_knows_what_it_stands_for)
{
    static const godwit_error_class_t remote_error = {"godwit", "RemoteError"},
                                      out_of_stock = {"shop", "OutOfStock"};
    godwit_error_t *error = godwit__error_new_remote_error (GODWIT_OUTCOME_RAN, "shop", "OutOfStock",
                                                            "no tea left", "line 1\nline 2");
    cr_assert_eq (godwit_error_status (error), GODWIT_ERR_REMOTE_ERROR);
    cr_assert_str_eq (godwit_error_type (error), "RemoteError");
    cr_assert_str_eq (godwit_error_module (error), "");
    cr_assert_str_eq (godwit_error_message (error), "Remote error: OutOfStock no tea left");
    cr_assert_str_eq (godwit_error_traceback (error), "line 1\nline 2");
    cr_assert_str_eq (godwit_error_print (error),
                      "RemoteError: Remote error: OutOfStock no tea left (outcome RAN)");
    cr_assert_str_eq (godwit_error_detail (error, "exc_type"), "OutOfStock");
    cr_assert_str_eq (godwit_error_detail (error, "value"), "no tea left");
    cr_assert_str_eq (godwit_error_detail (error, "traceback"), "line 1\nline 2");
    cr_assert_null (godwit_error_detail (error, "other"));
    cr_assert (godwit_error_is_remote (error));
    cr_assert (godwit_error_is (error, &remote_error) && !godwit_error_is (error, &out_of_stock));
    const godwit__error_origin_t routing_id = godwit__error_origin (error);
    cr_assert_str_eq (routing_id.type, "OutOfStock");
    cr_assert_str_eq (routing_id.module, "shop");
    cr_assert_str_eq (routing_id.message, "no tea left");
    godwit_error_destroy (&error);

    error = godwit__error_new_remote_error (GODWIT_OUTCOME_RAN, "", "", "", "");
    cr_assert_str_eq (godwit_error_print (error), "RemoteError: Remote error:   (outcome RAN)");
    cr_assert_str_eq (godwit__error_origin (error).module, "");
    godwit_error_destroy (&error);
}

/* Of the other side's traceback, what is not in the message already. */
Test (error, places_of_the_other_side_are_printed_if_they_are_asked_for)
{
    static const struct {
        const char *message, *traceback, *printed, *unknown;
    } rows[] = {
        {"m", "Traceback:\n  File\nshop.E: m", "E_Remote: m\nTraceback:\n  File (outcome RAN)",
         "RemoteError: Remote error: E m\nTraceback:\n  File. (outcome RAN)"},
        {"m\nn", "File\nshop.E: m\nn", "E_Remote: m\nn\nFile (outcome RAN)",
         "RemoteError: Remote error: E m\nn\nFile. (outcome RAN)"},
        {"m", "File\nanother end", "E_Remote: m\nFile\nanother end (outcome RAN)",
         "RemoteError: Remote error: E m\nFile\nanother end. (outcome RAN)"},
        {"m", "shop.E: m", "E_Remote: m (outcome RAN)", "RemoteError: Remote error: E m (outcome RAN)"},
        {"m", "m", "E_Remote: m (outcome RAN)", "RemoteError: Remote error: E m (outcome RAN)"},
        {"", "File\nshop.E: ", "E_Remote: \nFile (outcome RAN)",
         "RemoteError: Remote error: E \nFile. (outcome RAN)"},
        {"m", "", "E_Remote: m (outcome RAN)", "RemoteError: Remote error: E m (outcome RAN)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        godwit_error_t *error = godwit__error_new_remote (GODWIT_ERR_FAILED, GODWIT_OUTCOME_RAN, "shop", "E",
                                                          rows[i].message, rows[i].traceback);
        godwit_error_t *unknown = godwit__error_new_remote_error (GODWIT_OUTCOME_RAN, "shop", "E",
                                                                  rows[i].message, rows[i].traceback);
        godwit__error_show_remote_trace (error);
        godwit__error_show_remote_trace (unknown);
        cr_assert_str_eq (godwit_error_print (error), rows[i].printed);
        cr_assert_str_eq (godwit_error_print (unknown), rows[i].unknown);
        godwit_error_destroy (&error);
        godwit_error_destroy (&unknown);
    }
    godwit__error_show_remote_trace (NULL);
}

/* In the message, if the library made it here; otherwise only where it is printed. */
Test (error, says_which_call_it_ended)
{
    static const godwit_error_class_t out_of_stock = {"shop", "OutOfStock"};
    godwit_error_t *error = godwit_error_new (GODWIT_ERR_TIMEOUT, "no reply");
    godwit_error_t *cause = godwit_error_new (GODWIT_ERR_SYSTEM, "deep");
    godwit_error_trace (error, "f.c", 1, "f");
    godwit_error_set_detail (error, "a", "1");
    godwit_error_set_cause (error, &cause);
    cr_assert_str_eq (godwit_error_print (error), "MessagingTimeout: no reply; caused by SystemError: deep");
    godwit__error_add_where (&error, "server \"%s\"");
    cr_assert_str_eq (godwit_error_message (error), "no reply; server \"%s\"");
    cr_assert_str_eq (godwit_error_print (error),
                      "MessagingTimeout: no reply; server \"%s\"; caused by SystemError: deep");
    cr_assert_eq (godwit_error_status (error), GODWIT_ERR_TIMEOUT);
    cr_assert_str_eq (godwit_error_detail (error, "a"), "1");
    cr_assert (strstr (godwit_error_traceback (error), "\"f.c\", line 1"));
    godwit_error_destroy (&error);

    error = godwit_error_new_of (&out_of_stock, "no tea");
    cr_assert_str_eq (godwit_error_print (error), "OutOfStock: no tea");
    godwit__error_add_where (&error, "first");
    godwit__error_add_where (&error, "server \"s\"");
    cr_assert_str_eq (godwit_error_message (error), "no tea");
    cr_assert_str_eq (godwit_error_print (error), "OutOfStock: no tea; server \"s\"");
    godwit_error_t *copy = godwit__error_copy (error);
    cr_assert_str_eq (godwit_error_print (copy), "OutOfStock: no tea; server \"s\"");
    godwit_error_destroy (&copy);
    godwit_error_destroy (&error);
}

/* ---- what it knows ---- */

Test (error, details_are_set_replaced_and_read)
{
    godwit_error_t *error = godwit_error_new (GODWIT_ERR_FAILED, "x");
    cr_assert_null (godwit_error_detail (error, "a"));
    cr_assert_null (godwit_error_kwargs (error));
    godwit_error_set_detail (error, "a", "1");
    godwit_error_set_detail (error, "b", "2");
    godwit_error_set_detail (error, "a", "3");
    cr_assert_str_eq (godwit_error_detail (error, "a"), "3");
    cr_assert_str_eq (godwit_error_detail (error, "b"), "2");
    cr_assert_eq (godwit_value_count (godwit_error_kwargs (error)), 2u);
    godwit_error_set_detail (error, NULL, "x");
    godwit_error_set_detail (error, "c", NULL);
    godwit_error_set_detail (NULL, "c", "x");
    cr_assert_eq (godwit_value_count (godwit_error_kwargs (error)), 2u);
    cr_assert_null (godwit_error_detail (error, NULL));
    cr_assert_null (godwit_error_detail (NULL, "a"));
    godwit_error_destroy (&error);
}

Test (error, data_are_shared_and_kept_beside_details)
{
    godwit_value_t *args = NULL, *kwargs = NULL;
    godwit_error_t *error = godwit_error_new (GODWIT_ERR_FAILED, "x");
    cr_assert (!godwit_value_new (&args, GODWIT_LIST (NULL, GODWIT_INT (NULL, 7)), NULL));
    cr_assert (
        !godwit_value_new_map (&kwargs, GODWIT_ARGS (GODWIT_INT ("n", 1), GODWIT_STR ("t", "text")), NULL));
    godwit_error_set_data (error, args, kwargs);
    cr_assert_eq (godwit_error_args (error), args);
    cr_assert_eq (godwit_error_kwargs (error), kwargs);
    cr_assert_str_eq (godwit_error_detail (error, "t"), "text");
    cr_assert_null (godwit_error_detail (error, "n"), "a number is no detail");
    godwit_error_set_detail (error, "n", "one");
    cr_assert_str_eq (godwit_error_detail (error, "n"), "one");
    cr_assert_str_eq (godwit_error_detail (error, "t"), "text");
    cr_assert_eq (godwit_value_as_int (godwit_value_get (kwargs, "n"), 0), 1,
                  "who gave it keeps it as it was");
    godwit_error_set_data (error, godwit_error_args (error), godwit_error_kwargs (error)); /* onto itself */
    cr_assert_str_eq (godwit_error_detail (error, "t"), "text");
    godwit_error_set_data (error, kwargs, args);
    cr_assert_null (godwit_error_args (error), "a map is no args");
    cr_assert_null (godwit_error_kwargs (error), "a list is no kwargs");
    godwit_error_set_data (NULL, args, kwargs);
    cr_assert_null (godwit_error_args (NULL));
    cr_assert_null (godwit_error_kwargs (NULL));
    godwit_error_destroy (&error);
    godwit_value_unref (&args);
    godwit_value_unref (&kwargs);
}

/* ---- where it came from ---- */

static godwit_error_t *
low (int *line)
{
    *line = __LINE__ + 1;
    return GODWIT_ERROR (GODWIT_ERR_NOT_FOUND, "no job %d", 7);
}

static godwit_error_t *
high (int *low_line, int *line)
{
    godwit_error_t *error = low (low_line);
    *line = __LINE__ + 1;
    return GODWIT_TRACE (error);
}

Test (error, the_macros_note_places_as_python_does)
{
    static const godwit_error_class_t job_lost = {"jobs", "JobLost"};
    char expected[1024];
    int low_line = 0, high_line = 0;
    godwit_error_t *error = high (&low_line, &high_line);
    snprintf (expected, sizeof expected,
              "Traceback (most recent call last):\n"
              "  File \"%s\", line %d, in high\n"
              "  File \"%s\", line %d, in low\n"
              "NotFound: no job 7",
              __FILE__, high_line, __FILE__, low_line);
    cr_assert_str_eq (godwit_error_traceback (error), expected);
    cr_assert_str_eq (godwit_error_print (error), "NotFound: no job 7", "its own places are not its text");

    godwit_error_t *top = GODWIT_ERROR_OF (&job_lost, "%s", "gone");
    const int line = __LINE__ - 1;
    cr_assert (strstr (godwit_error_traceback (top), "in "));
    godwit_error_set_cause (top, &error); /* what was made before is made anew */
    const size_t size = strlen (expected);
    snprintf (expected + size, sizeof expected - size,
              "\n\nThe above exception was the direct cause of the following exception:\n\n"
              "Traceback (most recent call last):\n"
              "  File \"%s\", line %d, in %s\n"
              "jobs.JobLost: gone",
              __FILE__, line, __func__);
    cr_assert_str_eq (godwit_error_traceback (top), expected);
    godwit_error_destroy (&top);
}

Test (error, nothing_noted_is_no_traceback)
{
    godwit_error_t *error = godwit_error_new (GODWIT_ERR_FAILED, "x");
    godwit_error_t *cause = godwit_error_new (GODWIT_ERR_SYSTEM, "y");
    cr_assert_str_eq (godwit_error_traceback (error), "");
    godwit_error_set_cause (error, &cause);
    cr_assert_str_eq (godwit_error_traceback (error),
                      "SystemError: y\n\n"
                      "The above exception was the direct cause of the following exception:\n\nFailed: x");
    godwit_error_destroy (&error);
    godwit_error_trace (NULL, "f", 1, "g");
}

Test (error, the_other_sides_lines_follow_those_of_this_side)
{
    godwit_error_t *error = godwit__error_new_remote (GODWIT_ERR_FAILED, GODWIT_OUTCOME_RAN, "shop",
                                                      "OutOfStock", "no tea left", "remote line");
    cr_assert_str_eq (godwit_error_traceback (error), "remote line");
    godwit_error_trace (error, "relay.c", 5, "relay");
    cr_assert_str_eq (godwit_error_traceback (error), "Traceback (most recent call last):\n"
                                                      "  File \"relay.c\", line 5, in relay\n"
                                                      "shop.OutOfStock_Remote: no tea left\n"
                                                      "remote line");
    cr_assert_str_eq (godwit_error_print (error), "OutOfStock_Remote: no tea left (outcome RAN)");
    godwit_error_t *top = godwit_error_new (GODWIT_ERR_FAILED, "no order");
    godwit_error_set_cause (top, &error);
    cr_assert (strstr (godwit_error_traceback (top), "remote line\n\nThe above exception"));
    godwit_error_destroy (&top);
}

/* In the log each trace stands once, and what is in an error ends no line. */
Test (error, a_line_of_the_log_has_each_trace_once)
{
    static const char begins[] =
        "Failed: no breakfast; caused by OutOfStock_Remote: no tea left (outcome RAN); ";
    godwit_error_t *error = godwit__error_new_remote (GODWIT_ERR_FAILED, GODWIT_OUTCOME_RAN, "shop",
                                                      "OutOfStock", "no tea\nleft", "remote\x7fline");
    char *line = godwit__error_line ("the method sell failed: ", error);
    cr_assert_str_eq (line,
                      "the method sell failed: OutOfStock_Remote: no tea left (outcome RAN); remote line");
    free (line);
    godwit_error_t *top = godwit_error_new (GODWIT_ERR_FAILED, "no breakfast");
    godwit_error_set_cause (top, &error);
    line = godwit__error_line ("", top);
    cr_assert_eq (strncmp (line, begins, sizeof begins - 1), 0, "%s", line);
    const char *const at = strstr (line, "remote line");
    cr_assert (at && !strstr (at + 1, "remote line"), "%s", line);
    free (line);
    godwit_error_destroy (&top);
    line = godwit__error_line ("", NULL);
    cr_assert_str_eq (line, "");
    free (line);
}

Test (error, a_line_of_the_log_is_bounded)
{
    enum { SIZE = 40000 };
    char *const text = malloc (SIZE + 1);
    memset (text, 'x', SIZE);
    text[SIZE] = '\0';
    godwit_error_t *error = godwit_error_new (GODWIT_ERR_FAILED, "%.9000s", text);
    char *line = godwit__error_line ("", error);
    cr_assert_eq (strlen (line), strlen ("Failed: ") + 9000);
    free (line);
    godwit_error_destroy (&error);
    error = godwit_error_new (GODWIT_ERR_FAILED, "%s", text);
    line = godwit__error_line ("", error);
    cr_assert_eq (strlen (line), (size_t) GODWIT__ERROR_LINE_MAX);
    cr_assert_str_eq (line + GODWIT__ERROR_LINE_MAX - 4, "x...");
    free (line);
    godwit_error_destroy (&error);
    free (text);
}

Test (error, places_beyond_32_are_counted)
{
    godwit_error_t *error = godwit_error_new (GODWIT_ERR_FAILED, "x");
    for (int i = 1; i <= 40; i++)
        godwit_error_trace (error, i % 2 ? "f.c" : NULL, i, i % 2 ? "f" : NULL);
    const char *text = godwit_error_traceback (error);
    cr_assert (
        strstr (text, "Traceback (most recent call last):\n  ... 8 more\n  File \"?\", line 32, in ?\n"),
        "%s", text);
    cr_assert (strstr (text, "  File \"f.c\", line 1, in f\nFailed: x"), "%s", text);
    cr_assert (!strstr (text, "line 33,"));
    godwit_error_destroy (&error);
}

Test (error, a_chain_of_causes_is_traced_as_far_as_is_bounded)
{
    godwit_error_t *error = godwit_error_new (GODWIT_ERR_FAILED, "number 0");
    for (int i = 1; i < 50; i++) {
        godwit_error_t *cause = godwit_error_new (GODWIT_ERR_FAILED, "number %d", i);
        godwit_error_set_cause (error, &cause);
    }
    cr_assert (strstr (godwit_error_traceback (error), "number 31\n"));
    cr_assert (!strstr (godwit_error_traceback (error), "number 32\n"));
    cr_assert (strstr (godwit_error_print (error), "number 49"));
    godwit_error_destroy (&error);
}

Test (error, a_copy_is_the_same_and_stands_alone)
{
    godwit_error_t *cause = NULL;
    godwit_error_t *error = godwit__error_new_remote_error (GODWIT_OUTCOME_RAN, "shop", "OutOfStock",
                                                            "no tea left", "remote line");
    godwit__error_set_outcome (&cause, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN, "too late");
    godwit_error_trace (error, "a.c", 1, "f");
    godwit_error_set_detail (error, "left", "none");
    godwit_error_set_cause (error, &cause);
    godwit_error_t *copy = godwit__error_copy (error);
    char printed[512], traced[512];
    snprintf (printed, sizeof printed, "%s", godwit_error_print (error));
    snprintf (traced, sizeof traced, "%s", godwit_error_traceback (error));
    godwit_error_destroy (&error);
    cr_assert_str_eq (godwit_error_print (copy), printed);
    cr_assert_str_eq (godwit_error_traceback (copy), traced);
    cr_assert_str_eq (godwit_error_detail (copy, "left"), "none");
    cr_assert_str_eq (godwit_error_detail (copy, "value"), "no tea left");
    cr_assert (godwit_error_is_remote (copy));
    cr_assert_eq (godwit_error_status (godwit_error_cause (copy)), GODWIT_ERR_TIMEOUT);
    godwit_error_destroy (&copy);
    cr_assert_null (godwit__error_copy (NULL));
}

Test (error, the_static_error_has_no_room_for_more)
{
    godwit_error_t *error = NULL;
    godwit_value_t *args = NULL;
    godwit__error_no_memory (&error);
    cr_assert (!godwit_value_new (&args, GODWIT_LIST (NULL, GODWIT_INT (NULL, 7)), NULL));
    godwit_error_set_detail (error, "a", "b");
    godwit_error_set_data (error, args, NULL);
    godwit_error_trace (error, "f", 1, "g");
    cr_assert_null (godwit_error_detail (error, "a"));
    cr_assert_null (godwit_error_args (error));
    cr_assert_str_eq (godwit_error_traceback (error), "");
    cr_assert_str_eq (godwit_error_type (error), "OutOfMemory");
    godwit_error_t *copy = godwit__error_copy (error);
    cr_assert_eq (copy, error);
    godwit_error_destroy (&copy);
    godwit_value_unref (&args);
}

/* ---- causes ---- */

Test (error, causes_are_kept_in_order_and_printed)
{
    godwit_error_t *top = NULL;
    godwit_error_t *middle = godwit_error_new (GODWIT_ERR_SYSTEM, "middle");
    godwit_error_t *bottom = godwit_error_new (GODWIT_ERR_CLOSED, "bottom");
    godwit__error_set_outcome (&top, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN, "no reply in %d ms", 200);
    cr_assert_str_eq (godwit_error_print (top), "MessagingTimeout: no reply in 200 ms (outcome MAYBE_RUN)");

    godwit_error_set_cause (top, &middle);
    cr_assert_null (middle);
    godwit_error_set_cause (top, &bottom); /* goes below middle: nothing is lost */
    cr_assert_str_eq (godwit_error_message (godwit_error_cause (top)), "middle");
    cr_assert_str_eq (godwit_error_message (godwit_error_cause (godwit_error_cause (top))), "bottom");
    cr_assert_str_eq (
        godwit_error_print (top),
        "MessagingTimeout: no reply in 200 ms (outcome MAYBE_RUN); caused by SystemError: middle; "
        "caused by Closed: bottom");
    godwit__error_set_outcome_of (top, GODWIT_OUTCOME_RAN);
    cr_assert_eq (godwit_error_outcome (top), GODWIT_OUTCOME_RAN);
    cr_assert (strstr (godwit_error_print (top), "(outcome RAN)") != NULL);
    godwit_error_destroy (&top);
}

Test (error, a_cause_is_consumed_whatever_it_is_put_under)
{
    godwit_error_t *cause = godwit_error_new (GODWIT_ERR_CLOSED, "cause");
    godwit_error_t *none = NULL;
    godwit_error_set_cause (NULL, &cause);
    cr_assert_null (cause);
    godwit_error_set_cause (NULL, &none);
    godwit_error_set_cause (NULL, NULL);

    godwit_error_t *error = godwit_error_new (GODWIT_ERR_CLOSED, "error");
    godwit_error_t *same = error;
    godwit_error_set_cause (error, &same); /* must not make a ring */
    cr_assert_null (same);
    cr_assert_null (godwit_error_cause (error));
    godwit_error_destroy (&error);
}

Test (error, the_static_error_takes_everything_and_is_never_changed)
{
    godwit_error_t *error = NULL, *again = NULL;
    godwit_error_t *cause = godwit_error_new (GODWIT_ERR_CLOSED, "cause");
    cr_assert_eq (godwit__error_no_memory (&error), GODWIT_ERR_OUT_OF_MEMORY);
    cr_assert_eq (godwit_error_status (error), GODWIT_ERR_OUT_OF_MEMORY);
    godwit__error_set_outcome_of (error, GODWIT_OUTCOME_RAN);
    godwit_error_set_cause (error, &cause);
    cr_assert_null (cause);
    cr_assert_null (godwit_error_cause (error));
    cr_assert_eq (godwit_error_outcome (error), GODWIT_OUTCOME_NONE);
    cr_assert_str_eq (godwit_error_print (error), "OutOfMemory: out of memory");
    cr_assert_str_eq (godwit_error_traceback (error), "");
    cr_assert_str_eq (godwit_error_module (error), "");
    godwit_error_destroy (&error);
    cr_assert_null (error);
    godwit__error_no_memory (&again);
    cr_assert_str_eq (godwit_error_print (again), "OutOfMemory: out of memory");
    godwit_error_destroy (&again);

    godwit_error_t *top = godwit_error_new (GODWIT_ERR_FAILED, "top");
    godwit__error_no_memory (&again);
    godwit_error_set_cause (top, &again);
    cr_assert_str_eq (godwit_error_print (top), "Failed: top; caused by OutOfMemory: out of memory");
    godwit_error_destroy (&top);
}

static void *
print_one (void *error)
{
    return (void *) (uintptr_t) godwit_error_print (error);
}

Test (error, is_printed_by_several_threads_at_once)
{
    enum { THREADS = 8 };
    for (int round = 0; round < 50; round++) {
        pthread_t threads[THREADS];
        void *texts[THREADS];
        const godwit_error_t *error = godwit_error_new (GODWIT_ERR_TIMEOUT, "round %d", round);
        for (int i = 0; i < THREADS; i++)
            cr_assert_eq (pthread_create (&threads[i], NULL, print_one, (godwit_error_t *) (uintptr_t) error),
                          0);
        for (int i = 0; i < THREADS; i++)
            pthread_join (threads[i], &texts[i]);
        for (int i = 1; i < THREADS; i++)
            cr_assert_eq (texts[i], texts[0]);
        cr_assert (strstr (texts[0], "MessagingTimeout: round "));
        godwit_error_t *owned = (godwit_error_t *) (uintptr_t) error;
        godwit_error_destroy (&owned);
    }
}
