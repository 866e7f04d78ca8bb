/* SPDX-License-Identifier: Apache-2.0 */
/* A server that tells its metrics to whoever asks: the method "metrics" answers in the text format of
 * Prometheus. */
#include <godwit/godwit.h>

#include <stdio.h>
#include <stdlib.h>

struct divide_args {
    int64_t a, b;
};

static const godwit_slot_t divide_slots[] = {GODWIT_SLOT (struct divide_args, a),
                                             GODWIT_SLOT (struct divide_args, b)};

static godwit_status_t
divide (godwit_request_t *request, void *self)
{
    const struct divide_args *args = godwit_request_params (request);
    (void) self;
    if (args->b == 0 || (args->a == INT64_MIN && args->b == -1)) {
        godwit_error_t *error = GODWIT_ERROR (GODWIT_ERR_INVALID_ARGUMENT, "args.b: expected another number");
        return godwit_request_fail (request, &error);
    }
    return godwit_request_reply (request, GODWIT_INT (NULL, args->a / args->b));
}

/* ---- metrics as text ---- */

/* Prometheus itself would rather read this text over HTTP (godwit-http serves it there). The numbers are
 * those of all clients and servers of the transport. */
static godwit_status_t
answer_metrics (godwit_request_t *request, void *self)
{
    godwit_error_t *error = NULL;
    char *text = NULL;
    size_t size = 0;
    if (godwit_transport_metrics_text (self, &text, &size, &error))
        return godwit_request_fail (request, &error);
    const godwit_status_t status = godwit_request_reply (request, GODWIT_STRN (NULL, text, size));
    free (text);
    return status;
}

static const godwit_method_t methods[] = {
    GODWIT_METHOD_WITH ("divide", divide, struct divide_args, divide_slots, 0),
    GODWIT_METHOD ("metrics", answer_metrics, 0),
};

/* ---- life ---- */

static void
say_ready (void *user)
{
    (void) user;
    puts ("ready");
    fflush (stdout);
}

int
main (void)
{
    const char *url = getenv ("GODWIT_URL");
    godwit_transport_t *transport = NULL;
    godwit_server_t *server = NULL;
    godwit_error_t *error = NULL;
    int result = EXIT_FAILURE;
    if (godwit_transport_new (
            &transport, url ? url : "zmq://",
            GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING),
            &error) == GODWIT_OK &&
        godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "calc", .server = "one"),
                           &GODWIT_ENDPOINT (methods, .self = transport), 1, NULL, &error) == GODWIT_OK &&
        godwit_server_run (server, GODWIT_RUN_OPTIONS (.started = say_ready), &error) == GODWIT_OK)
        result = EXIT_SUCCESS;
    else
        fprintf (stderr, "server: %s\n", godwit_error_print (error));
    godwit_error_destroy (&error);
    godwit_server_destroy (&server);
    godwit_transport_destroy (&transport);
    return result;
}
