/* SPDX-License-Identifier: Apache-2.0 */
/* Gives money back, until a refund fails or it is told to end (Ctrl-C). */
#include <godwit/godwit.h>

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static volatile sig_atomic_t is_stopped;

static void
stop (int number)
{
    (void) number;
    is_stopped = 1;
}

static godwit_status_t
work (godwit_client_t *billing, godwit_error_t **error)
{
    const struct timespec pause = {0, 10000000};
    godwit_status_t status = GODWIT_OK;
    uint64_t count = 0;
    while (!is_stopped && status == GODWIT_OK) {
        status =
            godwit_client_call (billing, NULL, "refund", GODWIT_ARGS (GODWIT_INT ("cents", 5)), NULL, error);
        if (status == GODWIT_OK && count++ == 0) {
            puts ("backoffice: works");
            fflush (stdout);
        }
        nanosleep (&pause, NULL);
    }
    printf ("backoffice: %" PRIu64 " refunds\n", count);
    fflush (stdout);
    return status;
}

int
main (int argc, char **argv)
{
    const char *url = argc > 1 ? argv[1] : "zmq://";
    godwit_transport_t *transport = NULL;
    godwit_client_t *billing = NULL;
    godwit_error_t *error = NULL;
    int result = EXIT_FAILURE;

    signal (SIGINT, stop);
    signal (SIGTERM, stop);
    if (godwit_transport_new (
            &transport, url,
            GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING),
            &error) == GODWIT_OK &&
        godwit_client_new (&billing, transport, GODWIT_TARGET (.topic = "billing"), NULL, &error) ==
            GODWIT_OK &&
        work (billing, &error) == GODWIT_OK)
        result = EXIT_SUCCESS;
    else
        fprintf (stderr, "backoffice: %s\n", godwit_error_print (error));
    godwit_client_destroy (&billing);
    godwit_transport_destroy (&transport);
    godwit_error_destroy (&error);
    return result;
}
