/* SPDX-License-Identifier: Apache-2.0 */
/* A shop whose methods fail with errors of its own, which carry data besides their text. */
#include <godwit/godwit.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shop.h"

struct take_args {
    char item[32];
    uint16_t count;
};

static const godwit_slot_t take_slots[] = {GODWIT_SLOT (struct take_args, item),
                                           GODWIT_SLOT (struct take_args, count)};

static godwit_status_t
take (godwit_request_t *request, void *self)
{
    const struct take_args *args = godwit_request_params (request);
    int *cups = self;
    if (strcmp (args->item, "tea") != 0) {
        /* An error without a class: a RemoteError for callers that have not registered this type. */
        godwit_error_t *error =
            godwit_error_new_typed ("shop", "NoSuchItem", "we do not sell %s", args->item);
        return godwit_request_fail (request, &error);
    }
    if (args->count > *cups) {
        godwit_error_t *error = godwit_error_new_of (&out_of_stock, "%d cups of tea are left", *cups);
        char left[16];
        snprintf (left, sizeof left, "%d", *cups);
        godwit_error_set_detail (error, "left", left); /* what programs read */
        return godwit_request_fail (request, &error);
    }
    *cups -= args->count;
    return godwit_request_reply (request, GODWIT_INT (NULL, *cups));
}

/* Failures that belong to the method: logged as debug, while all others are logged as errors. */
static const godwit_error_class_t *const take_expects[] = {&out_of_stock, NULL};

static const godwit_method_t methods[] = {
    GODWIT_METHOD_WITH ("take", take, struct take_args, take_slots, 0, .expected = take_expects),
};

static void
say_open (void *user)
{
    (void) user;
    puts ("open");
    fflush (stdout);
}

int
main (void)
{
    const char *url = getenv ("GODWIT_URL");
    int cups = 3; /* the executor "inline" runs one request at a time: so this needs no lock */
    godwit_transport_t *transport = NULL;
    godwit_server_t *server = NULL;
    godwit_error_t *error = NULL;
    int result = EXIT_FAILURE;
    if (godwit_transport_new (
            &transport, url ? url : "zmq://",
            GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING),
            &error) == GODWIT_OK &&
        godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "shop", .server = "corner"),
                           &GODWIT_ENDPOINT (methods, .self = &cups), 1,
                           GODWIT_SERVER_OPTIONS (.executor = "inline"), &error) == GODWIT_OK &&
        godwit_server_run (server, GODWIT_RUN_OPTIONS (.started = say_open), &error) == GODWIT_OK)
        result = EXIT_SUCCESS;
    else
        fprintf (stderr, "server: %s\n", godwit_error_print (error));
    godwit_error_destroy (&error);
    godwit_server_destroy (&server);
    godwit_transport_destroy (&transport);
    return result;
}
