/* SPDX-License-Identifier: Apache-2.0 */
/* A shop whose methods fail with errors of its own, which know more than their text. */
#include <godwit/godwit.h>

#include <signal.h>
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
        /* An error without a class: every caller sees it, as a RemoteError or as this type. */
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

/* Failures that belong to the method: they are logged as debug, not as errors. */
static const godwit_error_class_t *const take_expects[] = {&out_of_stock, NULL};

static const godwit_method_t methods[] = {
    GODWIT_METHOD_WITH ("take", take, struct take_args, take_slots, 0, .expected = take_expects),
};

static godwit_status_t
serve (godwit_transport_t *transport, const sigset_t *signals, godwit_error_t **error)
{
    godwit_server_t *server = NULL;
    int cups = 3; /* the executor "inline" runs one request at a time: so this needs no lock */
    godwit_status_t status = godwit_server_new (
        &server, transport, GODWIT_TARGET (.topic = "shop", .server = "corner"),
        &GODWIT_ENDPOINT (methods, .self = &cups), 1, GODWIT_SERVER_OPTIONS (.executor = "inline"), error);
    if (status == GODWIT_OK)
        status = godwit_server_start (server, NULL, error);
    if (status == GODWIT_OK) {
        puts ("open");
        fflush (stdout);
        sigwait (signals, &(int){0});
    }
    godwit_server_destroy (&server);
    return status;
}

int
main (void)
{
    const char *url = getenv ("GODWIT_URL");
    godwit_transport_t *transport = NULL;
    godwit_error_t *error = NULL;
    sigset_t signals;
    sigemptyset (&signals);
    sigaddset (&signals, SIGINT);
    sigaddset (&signals, SIGTERM);
    pthread_sigmask (SIG_BLOCK, &signals, NULL);
    godwit_status_t status = godwit_transport_new (&transport, url ? url : "zmq://", NULL, &error);
    if (status == GODWIT_OK)
        status = serve (transport, &signals, &error);
    if (status)
        fprintf (stderr, "server: %s\n", godwit_error_print (error));
    godwit_error_destroy (&error);
    godwit_transport_destroy (&transport);
    return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
