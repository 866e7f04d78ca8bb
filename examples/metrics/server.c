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

/* A line of one counter for each method. */
static void
print_counter (FILE *to, const godwit_value_t *metrics, const char *name)
{
    fprintf (to, "# TYPE godwit_%s counter\n", name);
    for (size_t i = 0; i < godwit_value_count (metrics); i++) {
        const godwit_value_t *at = godwit_value_at (metrics, i);
        fprintf (to, "godwit_%s{side=\"%s\",topic=\"%s\",method=\"%s\"} %.15g\n", name,
                 godwit_value_as_str (godwit_value_get (at, "side"), ""),
                 godwit_value_as_str (godwit_value_get (at, "topic"), ""),
                 godwit_value_as_str (godwit_value_get (at, "method"), ""),
                 godwit_value_as_double (godwit_value_get (at, name), 0));
    }
}

/* A real service would rather serve this text over HTTP, where Prometheus looks for it. The numbers are those
 * of all clients and servers of the transport. */
static godwit_status_t
answer_metrics (godwit_request_t *request, void *self)
{
    godwit_value_t *metrics = NULL;
    godwit_error_t *error = NULL;
    char *text = NULL;
    size_t size = 0;
    if (godwit_transport_metrics (self, &metrics, &error))
        return godwit_request_fail (request, &error);
    FILE *const to = open_memstream (&text, &size);
    if (to) {
        print_counter (to, metrics, "started");
        print_counter (to, metrics, "ended");
        print_counter (to, metrics, "failures");
        print_counter (to, metrics, "seconds");
        fclose (to);
    }
    const godwit_status_t status =
        text ? godwit_request_reply (request, GODWIT_STRN (NULL, text, size)) : GODWIT_ERR_OUT_OF_MEMORY;
    free (text);
    godwit_value_unref (&metrics);
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
