/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers that stop when nobody waits for them any more: one asks from time to time, the other is told. */
#include <godwit/godwit.h>

#include <stdio.h>
#include <stdlib.h>

static void
say (const char *text)
{
    puts (text);
    fflush (stdout);
}

/* ---- a handler that works, and asks ---- */

/* A little work. */
static uint64_t
step (uint64_t number)
{
    for (int i = 0; i < 100000; i++)
        number = number * UINT64_C (6364136223846793005) + 1;
    return number;
}

static godwit_status_t
compute (godwit_request_t *request, void *self)
{
    uint64_t number = 1;
    (void) self;
    say ("compute: begins");
    for (uint64_t steps = 0; steps < UINT64_C (1) << 40; steps++) {
        if (godwit_request_is_cancelled (request)) { /* cheap enough to ask often */
            say ("compute: nobody waits any more");
            return GODWIT_OK; /* whatever it returns, nobody will see it */
        }
        number = step (number);
    }
    return godwit_request_reply (request, GODWIT_UINT (NULL, number));
}

/* ---- a request that is kept until something happens, and is told ---- */

/* Here nothing ever happens but the end of the caller. */
static void
on_cancel (godwit_request_t *request, void *user)
{
    (void) user;
    say ("watch: nobody waits any more");
    godwit_request_destroy (&request);
}

static godwit_status_t
watch (godwit_request_t *request, void *self)
{
    (void) self;
    say ("watch: begins");
    godwit_request_t *kept = godwit_request_keep (request);
    const godwit_status_t status = godwit_request_on_cancel (kept, on_cancel, NULL);
    /* If it is OK, the request is the callback's, which may have run already. */
    if (status)
        godwit_request_destroy (&kept);
    return status;
}

static const godwit_method_t methods[] = {
    GODWIT_METHOD ("compute", compute, GODWIT_METHOD_SLOW),
    GODWIT_METHOD ("watch", watch, 0),
};

/* ---- life ---- */

static void
say_ready (void *user)
{
    (void) user;
    say ("ready");
}

/* These handlers go on for as long as somebody waits: after a second the run ends without them. */
#define DRAIN_MS 1000

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
        godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "slow-work", .server = "one"),
                           &GODWIT_ENDPOINT (methods, .version = "1.0"), 1, NULL, &error) == GODWIT_OK &&
        godwit_server_run (server, GODWIT_RUN_OPTIONS (.started = say_ready, .drain_timeout_ms = DRAIN_MS),
                           &error) == GODWIT_OK)
        result = EXIT_SUCCESS;
    else
        fprintf (stderr, "server: %s\n", godwit_error_print (error));
    godwit_error_destroy (&error);
    godwit_server_destroy (&server);
    godwit_transport_destroy (&transport);
    return result;
}
