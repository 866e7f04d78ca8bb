/* SPDX-License-Identifier: Apache-2.0 */
/* C of the chain A -> B -> C: does the long work, and gives up when nobody waits for it any more: when B has
 * gone, or the time of A, whom it does not know, is spent. */
#include <godwit/godwit.h>

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct take_args {
    uint32_t work_ms;
};

static const godwit_slot_t take_slots[] = {GODWIT_SLOT (struct take_args, work_ms)};

static godwit_status_t
take (godwit_request_t *request, void *self)
{
    (void) self;
    const struct take_args *args = godwit_request_params (request);
    const int64_t had_ms = godwit_request_remaining_ms (request);
    /* The work comes in steps of a millisecond, with a question between them. */
    for (uint32_t done_ms = 0; done_ms < args->work_ms; done_ms++) {
        if (godwit_request_is_cancelled (request)) {
            printf ("gave up, nobody waits any more\n");
            fflush (stdout);
            godwit_error_t *error = godwit_error_new (GODWIT_ERR_CANCELLED, "gave up after %u of %u steps",
                                                      done_ms, args->work_ms);
            return godwit_request_fail (request, &error);
        }
        nanosleep (&(const struct timespec){.tv_nsec = 1000000}, NULL);
    }
    printf ("took it, of %" PRId64 " ms\n", had_ms);
    fflush (stdout);
    return godwit_request_reply (request, GODWIT_MAP (NULL, GODWIT_INT ("had_ms", had_ms)));
}

static const godwit_method_t methods[] = {
    GODWIT_METHOD_WITH ("take", take, struct take_args, take_slots, GODWIT_METHOD_SLOW),
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
    static const struct argp parser = {
        .options = options, .parser = parse, .doc = "Takes things from stock."};
    const char *url = getenv ("GODWIT_URL");
    argp_parse (&parser, argc, argv, 0, NULL, &url);

    godwit_transport_t *transport = NULL;
    godwit_server_t *server = NULL;
    godwit_error_t *error = NULL;
    int result = EXIT_FAILURE;
    if (godwit_transport_new (
            &transport, url ? url : "zmq://",
            GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING),
            &error) == GODWIT_OK &&
        godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "stock", .server = "back"),
                           &GODWIT_ENDPOINT (methods, .version = "1.0"), 1, NULL, &error) == GODWIT_OK &&
        godwit_server_run (server, GODWIT_RUN_OPTIONS (.started = say_ready), &error) == GODWIT_OK)
        result = EXIT_SUCCESS;
    else
        fprintf (stderr, "back: %s\n", godwit_error_print (error));
    godwit_error_destroy (&error);
    godwit_server_destroy (&server);
    godwit_transport_destroy (&transport);
    return result;
}
