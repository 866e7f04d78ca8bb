/* SPDX-License-Identifier: Apache-2.0 */
/* Takes money and gives it back. Who may ask for what is in the certificates, not in this program; it only
 * tells who asks. */
#include <godwit/godwit.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALLER_MAX 16

/* One who asks: a certificate's name, and a method. */
struct caller {
    char name[64];
    const char *method;
};

/* Handlers run one at a time (concurrency 1). */
struct billing {
    int64_t balance; /* in cents */
    struct caller callers[CALLER_MAX];
    size_t caller_count;
};

struct amount_args {
    int64_t cents;
};

static const godwit_slot_t amount_slots[] = {GODWIT_SLOT (struct amount_args, cents)};

/* Prints a line the first time that somebody asks for a method. */
static void
tell_caller (struct billing *billing, godwit_request_t *request, const char *method)
{
    const char *const peer = godwit_request_peer (request); /* NULL: there is no realm */
    const char *const name = peer ? peer : "somebody";
    for (size_t i = 0; i < billing->caller_count; i++)
        if (strcmp (billing->callers[i].name, name) == 0 && billing->callers[i].method == method)
            return;
    if (billing->caller_count == CALLER_MAX)
        return;
    struct caller *const caller = &billing->callers[billing->caller_count++];
    snprintf (caller->name, sizeof caller->name, "%s", name);
    caller->method = method;
    printf ("billing: %s is called by %s\n", method, name);
    fflush (stdout);
}

static godwit_status_t
charge (godwit_request_t *request, void *self)
{
    struct billing *const billing = self;
    const struct amount_args *const args = godwit_request_params (request);
    tell_caller (billing, request, "charge");
    billing->balance += args->cents;
    return godwit_request_reply (request, GODWIT_INT (NULL, billing->balance));
}

static godwit_status_t
refund (godwit_request_t *request, void *self)
{
    struct billing *const billing = self;
    const struct amount_args *const args = godwit_request_params (request);
    tell_caller (billing, request, "refund");
    billing->balance -= args->cents;
    return godwit_request_reply (request, GODWIT_INT (NULL, billing->balance));
}

static const godwit_method_t methods[] = {
    GODWIT_METHOD_WITH ("charge", charge, struct amount_args, amount_slots, 0),
    GODWIT_METHOD_WITH ("refund", refund, struct amount_args, amount_slots, 0),
};

static void
say_ready (void *user)
{
    (void) user;
    puts ("billing: ready");
    fflush (stdout);
}

int
main (int argc, char **argv)
{
    const char *url = argc > 1 ? argv[1] : "zmq://";
    struct billing billing = {0};
    godwit_transport_t *transport = NULL;
    godwit_server_t *server = NULL;
    godwit_error_t *error = NULL;
    int result = EXIT_FAILURE;

    if (godwit_transport_new (
            &transport, url,
            GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING),
            &error) == GODWIT_OK &&
        godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "billing", .server = "billing-1"),
                           &GODWIT_ENDPOINT (methods, .self = &billing), 1,
                           GODWIT_SERVER_OPTIONS (.concurrency = 1), &error) == GODWIT_OK &&
        godwit_server_run (server, GODWIT_RUN_OPTIONS (.started = say_ready), &error) == GODWIT_OK)
        result = EXIT_SUCCESS;
    else
        fprintf (stderr, "billing: %s\n", godwit_error_print (error));
    godwit_server_destroy (&server);
    godwit_transport_destroy (&transport);
    godwit_error_destroy (&error);
    return result;
}
