/* SPDX-License-Identifier: Apache-2.0 */
/* Sells: charges its customers, one after the other, until it is told to end (Ctrl-C).
 *
 *     web URL            goes on after a call that failed, and counts
 *     web URL refund     tries to give money back, once
 */
#include <godwit/godwit.h>

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static volatile sig_atomic_t is_stopped;

static void
stop (int number)
{
    (void) number;
    is_stopped = 1;
}

static godwit_status_t
refund (godwit_client_t *billing, godwit_error_t **error)
{
    const godwit_status_t status =
        godwit_client_call (billing, NULL, "refund", GODWIT_ARGS (GODWIT_INT ("cents", 1200)), NULL, error);
    if (status == GODWIT_OK)
        puts ("web: gave 1200 cents back");
    return status;
}

static void
sell (godwit_client_t *billing)
{
    const struct timespec pause = {0, 10000000};
    uint64_t charged = 0;
    uint64_t failed = 0;
    while (!is_stopped) {
        godwit_error_t *error = NULL;
        if (godwit_client_call (billing, NULL, "charge", GODWIT_ARGS (GODWIT_INT ("cents", 1200)), NULL,
                                &error) == GODWIT_OK) {
            if (charged++ == 0)
                puts ("web: sells");
        } else {
            failed++;
            printf ("web: %s\n", godwit_error_print (error));
        }
        fflush (stdout);
        godwit_error_destroy (&error);
        nanosleep (&pause, NULL);
    }
    printf ("web: %" PRIu64 " charged, %" PRIu64 " failed\n", charged, failed);
}

int
main (int argc, char **argv)
{
    const char *url = argc > 1 ? argv[1] : "zmq://";
    const bool is_refund = argc > 2 && strcmp (argv[2], "refund") == 0;
    godwit_transport_t *transport = NULL;
    godwit_client_t *billing = NULL;
    godwit_error_t *error = NULL;

    signal (SIGINT, stop);
    signal (SIGTERM, stop);
    if (godwit_transport_new (
            &transport, url,
            GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING),
            &error) == GODWIT_OK &&
        godwit_client_new (&billing, transport, GODWIT_TARGET (.topic = "billing"), NULL, &error) ==
            GODWIT_OK) {
        if (is_refund)
            refund (billing, &error);
        else
            sell (billing);
    }
    const bool has_failed = error != NULL;
    if (has_failed)
        fprintf (stderr, "web: %s\n", godwit_error_print (error));
    godwit_client_destroy (&billing);
    godwit_transport_destroy (&transport);
    godwit_error_destroy (&error);
    return has_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
