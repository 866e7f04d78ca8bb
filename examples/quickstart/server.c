/* SPDX-License-Identifier: Apache-2.0 */
/* The quickstart's server: adds two numbers for whoever asks. Start it before or after the client. */
#include <godwit/godwit.h>

#include <stdio.h>
#include <stdlib.h>

struct add_args {
    int64_t a;
    int64_t b;
};

static const godwit_slot_t add_slots[] = {GODWIT_SLOT (struct add_args, a), GODWIT_SLOT (struct add_args, b)};

static godwit_status_t
add (godwit_request_t *request, void *self)
{
    (void) self;
    const struct add_args *args = godwit_request_params (request);
    int64_t sum;
    if (__builtin_add_overflow (args->a, args->b, &sum)) {
        godwit_error_t *error = godwit_error_new (GODWIT_ERR_FAILED, "the sum does not fit 64 bits");
        return godwit_request_fail (request, &error);
    }
    return godwit_request_reply (request, GODWIT_INT (NULL, sum));
}

static const godwit_method_t methods[] = {GODWIT_METHOD_WITH ("add", add, struct add_args, add_slots, 0)};

static void
say_ready (void *user)
{
    (void) user;
    puts ("ready");
    fflush (stdout);
}

int
main (int argc, char **argv)
{
    const char *url = argc > 1 ? argv[1] : "zmq://";
    godwit_transport_t *transport = NULL;
    godwit_server_t *server = NULL;
    godwit_error_t *error = NULL;
    int result = EXIT_FAILURE;

    if (godwit_transport_new (
            &transport, url,
            GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING),
            &error) == GODWIT_OK &&
        godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "calculator", .server = "first"),
                           &GODWIT_ENDPOINT (methods, .version = "1.0"), 1, NULL, &error) == GODWIT_OK &&
        godwit_server_run (server, GODWIT_RUN_OPTIONS (.started = say_ready), &error) == GODWIT_OK)
        result = EXIT_SUCCESS;
    else
        fprintf (stderr, "server: %s\n", godwit_error_print (error));
    godwit_server_destroy (&server);
    godwit_transport_destroy (&transport);
    godwit_error_destroy (&error);
    return result;
}
