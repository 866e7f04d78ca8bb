/* SPDX-License-Identifier: Apache-2.0 */
/* What a caller is told whose arguments a method does not accept: the path of what is wrong, and why, as they
 * come over the wire. */
#include <criterion/criterion.h>

#include "tests/support/zmtp.h"

#include <godwit/godwit.h>

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

typedef struct item {
    char name[4];
    uint16_t port;
} item_t;

static const godwit_slot_t item_slots[] = {GODWIT_SLOT (item_t, name), GODWIT_SLOT (item_t, port)};
static const godwit_name_t modes[] = {{"slow", 1}, {"fast", 2}};

typedef struct params {
    int64_t a;
    int64_t b;
    int32_t small;
    uint32_t count;
    uint64_t size;
    double ratio;
    bool is_on;
    const char *name;
    godwit_bytes_t data;
    const godwit_value_t *any;
    item_t items[2];
    size_t item_count;
    int mode;
} params_t;

static const godwit_slot_t slots[] = {
    GODWIT_SLOT (params_t, a),
    GODWIT_SLOT (params_t, b),
    GODWIT_SLOT_OPTIONAL (params_t, small),
    GODWIT_SLOT_OPTIONAL (params_t, count),
    GODWIT_SLOT_OPTIONAL (params_t, size),
    GODWIT_SLOT_OPTIONAL (params_t, ratio),
    GODWIT_SLOT_OPTIONAL (params_t, is_on),
    GODWIT_SLOT_OPTIONAL (params_t, name),
    GODWIT_SLOT_OPTIONAL (params_t, data),
    GODWIT_SLOT_OPTIONAL (params_t, any),
    GODWIT_SLOT_STRUCTS (params_t, items, item_count, item_slots, GODWIT_OPTIONAL),
    GODWIT_SLOT_ENUM (params_t, mode, modes, GODWIT_OPTIONAL),
};

static _Atomic (int) runs;

static godwit_status_t
add (godwit_request_t *request, void *self)
{
    const params_t *const params = godwit_request_params (request);
    (void) self;
    runs++;
    return godwit_request_reply (request, GODWIT_INT ("", params->a + params->b));
}

static const godwit_method_t methods[] = {
    GODWIT_METHOD_WITH ("add", add, params_t, slots, 0),
    GODWIT_METHOD_WITH ("add_inline", add, params_t, slots, GODWIT_METHOD_INLINE)};

#define AB GODWIT_INT ("a", 1), GODWIT_INT ("b", 2)
#define ITEM(name_, port_) GODWIT_MAP (NULL, GODWIT_STR ("name", name_), GODWIT_INT ("port", port_))
#define LONG_NAME                                                                                            \
    "a_name_of_an_argument_that_is_so_long_that_nobody_wants_to_read_all_of_it_and_that_no_room_was_made_"   \
    "for_either_"                                                                                            \
    "because_whoever_writes_such_a_name_does_so_to_see_what_becomes_of_a_buffer_of_two_hundred_and_fifty_"   \
    "six_bytes_or_"                                                                                          \
    "of_one_of_five_hundred_and_twelve_and_goes_on_and_on_until_both_of_them_are_full"

typedef struct bad_call {
    godwit_fields_t args;
    const char *type; /* NULL: it is good */
    const char *message;
} bad_call_t;

#define MISMATCH "TypeMismatch_Remote"
#define INVALID "InvalidArgument_Remote"
#define LIMIT "LimitExceeded_Remote"

/* Calls each; what is no constant expression in a table is one in an array of a function. */
static void
check_all (godwit_client_t *client, const char *method)
{
    const bad_call_t calls[] = {
        {GODWIT_ARGS (AB), NULL, NULL},
        {GODWIT_NO_ARGS, "NotFound_Remote", "args.a: missing, expected int"},
        {GODWIT_ARGS (GODWIT_INT ("a", 1)), "NotFound_Remote", "args.b: missing, expected int"},
        {GODWIT_ARGS (GODWIT_INT ("a", 1), GODWIT_STR ("b", "2")), MISMATCH, "args.b: expected int, got str"},
        {GODWIT_ARGS (GODWIT_INT ("a", 1), GODWIT_NIL ("b")), MISMATCH, "args.b: expected int, got nil"},
        {GODWIT_ARGS (GODWIT_BOOL ("a", true), GODWIT_INT ("b", 2)), MISMATCH,
         "args.a: expected int, got bool"},
        {GODWIT_ARGS (GODWIT_DOUBLE ("a", 1.5), GODWIT_INT ("b", 2)), MISMATCH,
         "args.a: expected int, got double"},
        {GODWIT_ARGS (GODWIT_UINT ("a", UINT64_MAX), GODWIT_INT ("b", 2)), MISMATCH,
         "args.a: expected -9223372036854775808 to 9223372036854775807, got 18446744073709551615"},
        {GODWIT_ARGS (AB, GODWIT_INT ("small", INT64_C (2147483648))), MISMATCH,
         "args.small: expected -2147483648 to 2147483647, got 2147483648"},
        {GODWIT_ARGS (AB, GODWIT_INT ("small", -INT64_C (2147483648))), NULL, NULL},
        {GODWIT_ARGS (AB, GODWIT_INT ("count", -1)), MISMATCH,
         "args.count: expected 0 to 4294967295, got -1"},
        {GODWIT_ARGS (AB, GODWIT_UINT ("count", UINT64_C (4294967296))), MISMATCH,
         "args.count: expected 0 to 4294967295, got 4294967296"},
        {GODWIT_ARGS (AB, GODWIT_INT ("size", -1)), MISMATCH,
         "args.size: expected 0 to 18446744073709551615, got -1"},
        {GODWIT_ARGS (AB, GODWIT_UINT ("size", UINT64_MAX)), NULL, NULL},
        {GODWIT_ARGS (AB, GODWIT_STR ("ratio", "1.5")), MISMATCH, "args.ratio: expected double, got str"},
        {GODWIT_ARGS (AB, GODWIT_INT ("ratio", 2)), NULL, NULL},
        {GODWIT_ARGS (AB, GODWIT_INT ("is_on", 1)), MISMATCH, "args.is_on: expected bool, got int"},
        {GODWIT_ARGS (AB, GODWIT_BIN ("name", "x", 1)), MISMATCH, "args.name: expected str, got bin"},
        {GODWIT_ARGS (AB, GODWIT_STR ("data", "x")), MISMATCH, "args.data: expected bin, got str"},
        {GODWIT_ARGS (AB, GODWIT_LIST ("name", GODWIT_INT (NULL, 1))), MISMATCH,
         "args.name: expected str, got list"},
        {GODWIT_ARGS (AB, GODWIT_MAP ("data", GODWIT_INT ("x", 1))), MISMATCH,
         "args.data: expected bin, got map"},
        {GODWIT_ARGS (AB, GODWIT_NIL ("name")), NULL, NULL},
        {GODWIT_ARGS (AB, GODWIT_LIST ("any", GODWIT_NIL (NULL))), NULL, NULL},
        {GODWIT_ARGS (AB, GODWIT_INT ("c", 3)), INVALID, "args.c: nothing of this name is expected"},
        {GODWIT_ARGS (AB, GODWIT_INT ("%s%n", 3)), INVALID, "args.%s%n: nothing of this name is expected"},
        {GODWIT_ARGS (AB, GODWIT_INT (LONG_NAME, 3)), INVALID, NULL},
        {GODWIT_ARGS (AB, GODWIT_LIST ("items", ITEM ("abc", 1), ITEM ("", 65535))), NULL, NULL},
        {GODWIT_ARGS (AB, GODWIT_LIST ("items", ITEM ("abc", 1), ITEM ("", 70000))), MISMATCH,
         "args.items[1].port: expected 0 to 65535, got 70000"},
        {GODWIT_ARGS (AB, GODWIT_LIST ("items", ITEM ("abcd", 1))), LIMIT,
         "args.items[0].name: expected at most 3 bytes, got 4"},
        {GODWIT_ARGS (AB, GODWIT_LIST ("items", ITEM ("a", 1), ITEM ("b", 1), ITEM ("c", 1))), LIMIT,
         "args.items: expected at most 2 elements, got 3"},
        {GODWIT_ARGS (AB, GODWIT_STR ("mode", "fast")), NULL, NULL},
        {GODWIT_ARGS (AB, GODWIT_STR ("mode", "furious")), MISMATCH,
         "args.mode: expected one of slow, fast, got \"furious\""},
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        const int runs_before = runs;
        godwit_value_t *result = NULL;
        godwit_error_t *error = NULL;
        const godwit_status_t status =
            godwit_client_call (client, NULL, method, calls[i].args, &result, &error);
        if (!calls[i].type) {
            cr_expect (status == GODWIT_OK && runs == runs_before + 1, "call %zu: %s", i,
                       godwit_error_print (error));
        } else {
            const char *const message = godwit_error_message (error);
            cr_expect_str_eq (godwit_error_type (error), calls[i].type, "call %zu: %s", i,
                              godwit_error_print (error));
            cr_expect (calls[i].message ? !strcmp (message, calls[i].message) : strlen (message) < 1024,
                       "call %zu: expected \"%s\", got \"%s\"", i, calls[i].message, message);
            cr_expect_null (result);
            cr_expect_eq (runs, runs_before, "call %zu ran", i);
        }
        godwit_value_unref (&result);
        godwit_error_destroy (&error);
    }
}

/* Twice: through a socket, and on the caller's own thread. */
static void
check_over (const char *url)
{
    godwit_transport_t *transport = NULL;
    godwit_server_t *server = NULL;
    godwit_client_t *client = NULL;
    godwit_error_t *error = NULL;
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .version = "1.0");
    godwit_transport_new (&transport, url, NULL, &error);
    cr_assert_null (error, "%s", godwit_error_print (error));
    godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "calc", .server = "one"), &endpoint, 1,
                       NULL, &error);
    cr_assert_null (error, "%s", godwit_error_print (error));
    godwit_server_start (server, NULL, &error);
    cr_assert_null (error, "%s", godwit_error_print (error));
    godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "calc"), NULL, &error);
    cr_assert_null (error, "%s", godwit_error_print (error));
    check_all (client, "add");
    check_all (client, "add_inline");
    godwit_client_destroy (&client);
    godwit_server_destroy (&server);
    godwit_transport_destroy (&transport);
}

TestSuite (bad_arguments, .timeout = 30);

Test (bad_arguments, are_named_in_process)
{
    check_over ("inproc://bad-arguments/");
}

Test (bad_arguments, are_named_over_sockets)
{
    char url[64];
    snprintf (url, sizeof url, "zmq://:%d/?paths=ipc,tcp", zmtp_free_port ());
    check_over (url);
}

/* What the caller's own side finds out, before anything is sent. */
Test (bad_arguments, that_cannot_be_sent_are_named_too)
{
    godwit_transport_t *transport = NULL;
    godwit_client_t *client = NULL;
    cr_assert_eq (godwit_transport_new (&transport, "inproc://bad-arguments/", NULL, NULL), GODWIT_OK);
    cr_assert_eq (godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "calc"), NULL, NULL),
                  GODWIT_OK);
    const struct {
        godwit_fields_t args;
        const char *path;
    } calls[] = {
        {GODWIT_ARGS (GODWIT_INT ("a", 1), GODWIT_INT ("a", 2)), "args.a"},
        {GODWIT_ARGS (GODWIT_INT (NULL, 1)), "args"},
        {GODWIT_ARGS (GODWIT_MAP (
             "m", GODWIT_LIST ("l", GODWIT_INT (NULL, 1), GODWIT_STR (NULL, (const char *) NULL)))),
         "args.m.l[1]"},
        {GODWIT_ARGS (GODWIT_BIN ("b", NULL, 1)), "args.b"},
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        godwit_error_t *error = NULL;
        cr_expect_eq (godwit_client_call (client, NULL, "add", calls[i].args, NULL, &error),
                      GODWIT_ERR_INVALID_ARGUMENT);
        cr_expect (!strncmp (godwit_error_message (error), calls[i].path, strlen (calls[i].path)),
                   "call %zu: %s", i, godwit_error_print (error));
        cr_expect_eq (godwit_error_outcome (error), GODWIT_OUTCOME_NONE);
        godwit_error_destroy (&error);
    }
    cr_expect_eq (godwit_client_call (client, NULL, "", GODWIT_NO_ARGS, NULL, NULL),
                  GODWIT_ERR_INVALID_ARGUMENT);
    cr_expect_eq (godwit_client_call (client, NULL, NULL, GODWIT_NO_ARGS, NULL, NULL),
                  GODWIT_ERR_INVALID_ARGUMENT);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
}
