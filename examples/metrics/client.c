/* SPDX-License-Identifier: Apache-2.0 */
/* Makes calls, some of which fail, and shows what both sides counted. */
#include <godwit/godwit.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Divides 10 by 0, 1, ... 4. The first call fails; what it fails with does not matter here. */
static void
make_calls (godwit_client_t *client)
{
    for (int64_t b = 0; b < 5; b++)
        godwit_client_call (client, NULL, "divide", GODWIT_ARGS (GODWIT_INT ("a", 10), GODWIT_INT ("b", b)),
                            NULL, NULL);
}

/* The counters of the whole transport, without labels. */
static void
show_stats (const godwit_transport_t *transport)
{
    godwit_transport_stats_t stats;
    godwit_transport_stats (transport, &stats, sizeof stats);
    printf ("client: %" PRIu64 " calls started, %" PRIu64 " succeeded, %" PRIu64 " failed\n",
            stats.calls_started, stats.calls_succeeded, stats.calls_failed);
}

/* What the server counted, of each method. */
static godwit_status_t
show_metrics (godwit_client_t *client, godwit_error_t **error)
{
    godwit_value_t *text = NULL;
    const godwit_status_t status = godwit_client_call (client, NULL, "metrics", GODWIT_NO_ARGS, &text, error);
    if (status == GODWIT_OK)
        fputs (godwit_value_as_str (text, ""), stdout);
    godwit_value_unref (&text);
    return status;
}

int
main (void)
{
    const char *url = getenv ("GODWIT_URL");
    godwit_transport_t *transport = NULL;
    godwit_client_t *client = NULL;
    godwit_error_t *error = NULL;
    godwit_status_t status = godwit_transport_new (
        &transport, url ? url : "zmq://",
        GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING), &error);
    if (status == GODWIT_OK)
        status = godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "calc"),
                                    GODWIT_CLIENT_OPTIONS (.timeout_ms = 10000), &error);
    if (status == GODWIT_OK) {
        make_calls (client);
        show_stats (transport);
        status = show_metrics (client, &error);
    }
    if (status)
        fprintf (stderr, "client: %s\n", godwit_error_print (error));
    godwit_error_destroy (&error);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
    return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
