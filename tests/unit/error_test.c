#include "src/error.h"

#include <criterion/criterion.h>

#include <pthread.h>
#include <stdint.h>
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

Test (error, remote_text_is_copied_and_never_a_format)
{
    char hostile[] = "%s%n%d";
    godwit_error_t *error = godwit__error_new_remote (GODWIT_ERR_REMOTE_ERROR, GODWIT_OUTCOME_RAN, hostile,
                                                      hostile, hostile, hostile);
    memset (hostile, 'x', sizeof hostile - 1);
    cr_assert_str_eq (godwit_error_module (error), "%s%n%d");
    cr_assert_str_eq (godwit_error_type (error), "%s%n%d");
    cr_assert_str_eq (godwit_error_message (error), "%s%n%d");
    cr_assert_str_eq (godwit_error_traceback (error), "%s%n%d");
    cr_assert_str_eq (godwit_error_print (error), "%s%n%d: %s%n%d (outcome RAN)");
    godwit_error_destroy (&error);

    error = godwit__error_new_remote (GODWIT_ERR_REMOTE_ERROR, GODWIT_OUTCOME_RAN, NULL, NULL, NULL, NULL);
    cr_assert_str_eq (godwit_error_type (error), "RemoteError");
    cr_assert_str_eq (godwit_error_message (error), "");
    cr_assert_str_eq (godwit_error_traceback (error), "");
    godwit_error_destroy (&error);
}

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
