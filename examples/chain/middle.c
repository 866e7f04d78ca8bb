/* SPDX-License-Identifier: Apache-2.0 */
/* B of the chain A -> B -> C: a server of A's, a client of C's. What is left of A's time is all that C gets.
 */
#include <godwit/godwit.h>

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct order_args {
    uint32_t middle_ms;
    uint32_t back_ms;
};

static const godwit_slot_t order_slots[] = {
    GODWIT_SLOT (struct order_args, middle_ms),
    GODWIT_SLOT (struct order_args, back_ms),
};

/* Stands for work. */
static void
work (uint32_t ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = (long) (ms % 1000) * 1000000};
    while (nanosleep (&left, &left) != 0)
        ;
}

static godwit_status_t
order (godwit_request_t *request, void *self)
{
    godwit_client_t *stock = self;
    const struct order_args *args = godwit_request_params (request);
    const int64_t had_ms = godwit_request_remaining_ms (request);
    work (args->middle_ms);

    /* The value fits as it is: also when nothing is left, and when A's call does not expire. */
    godwit_client_t *limited = NULL;
    godwit_value_t *reply = NULL;
    godwit_error_t *error = NULL;
    if (godwit_client_prepare (&limited, stock,
                               GODWIT_OVERRIDES (.timeout_ms = godwit_request_remaining_ms (request)),
                               &error) == GODWIT_OK)
        godwit_client_call (limited, godwit_request_context (request), "take",
                            GODWIT_ARGS (GODWIT_INT ("work_ms", args->back_ms)), &reply, &error);
    godwit_client_destroy (&limited);
    if (error) {
        printf ("C did not help: %s, outcome %s\n", godwit_error_type (error),
                godwit_outcome_name (godwit_error_outcome (error)));
        fflush (stdout);
        return godwit_request_fail (request, &error);
    }
    const godwit_status_t status = godwit_request_reply (
        request, GODWIT_MAP (NULL, GODWIT_INT ("middle_had_ms", had_ms),
                             GODWIT_VALUE ("back_had_ms", godwit_value_get (reply, "had_ms"))));
    godwit_value_unref (&reply);
    return status;
}

static const godwit_method_t methods[] = {
    GODWIT_METHOD_WITH ("order", order, struct order_args, order_slots, GODWIT_METHOD_SLOW),
};

static error_t
parse (int key, char *text, struct argp_state *state)
{
    if (key != 'u')
        return ARGP_ERR_UNKNOWN;
    *(const char **) state->input = text;
    return 0;
}

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
    static const struct argp_option options[] = {
        {.name = "url", .key = 'u', .arg = "URL", .doc = "Transport URL (GODWIT_URL, or zmq://)"},
        {0},
    };
    static const struct argp parser = {.options = options, .parser = parse, .doc = "Takes orders."};
    const char *url = getenv ("GODWIT_URL");
    argp_parse (&parser, argc, argv, 0, NULL, &url);

    godwit_transport_t *transport = NULL;
    godwit_client_t *stock = NULL;
    godwit_server_t *server = NULL;
    godwit_error_t *error = NULL;
    int result = EXIT_FAILURE;
    if (godwit_transport_new (
            &transport, url ? url : "zmq://",
            GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING),
            &error) == GODWIT_OK &&
        godwit_client_new (&stock, transport, GODWIT_TARGET (.topic = "stock"), NULL, &error) == GODWIT_OK &&
        godwit_client_wait_servers (stock, 1, 10000, &error) == GODWIT_OK &&
        godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "orders", .server = "middle"),
                           &GODWIT_ENDPOINT (methods, .self = stock), 1, NULL, &error) == GODWIT_OK &&
        godwit_server_run (server, GODWIT_RUN_OPTIONS (.started = say_ready), &error) == GODWIT_OK)
        result = EXIT_SUCCESS;
    else
        fprintf (stderr, "middle: %s\n", godwit_error_print (error));
    godwit_error_destroy (&error);
    godwit_server_destroy (&server);
    godwit_client_destroy (&stock);
    godwit_transport_destroy (&transport);
    return result;
}
