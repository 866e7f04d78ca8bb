/* SPDX-License-Identifier: Apache-2.0 */
/* Orders what its arguments name: web shoes unicorn. If whoever starts it has a trace, in TRACEPARENT as
 * build systems do, all of its calls belong to that one. */
#include <godwit/godwit.h>
#include <godwit/otlp.h>

#include <stdio.h>
#include <stdlib.h>

static void
join_trace (void)
{
    const char *const text = getenv ("TRACEPARENT");
    godwit_trace_t trace;
    if (text && godwit_trace_parse (&trace, text, NULL) == GODWIT_OK)
        godwit_trace_set (&trace);
}

static void
order (godwit_client_t *orders, const char *item)
{
    godwit_error_t *error = NULL;
    if (godwit_client_call (orders, NULL, "order", GODWIT_ARGS (GODWIT_STR ("item", item)), NULL, &error) ==
        GODWIT_OK)
        printf ("ordered: %s\n", item);
    else
        printf ("not ordered: %s, call %s\n", godwit_error_message (error), godwit_error_call_id (error));
    godwit_error_destroy (&error);
}

/* Nobody has to wait for an export; this program does, to say what became of it. */
static void
report (godwit_otlp_exporter_t *exporter)
{
    godwit_otlp_stats_t stats;
    godwit_error_t *error = NULL;
    if (godwit_otlp_flush (exporter, &error))
        printf ("export: %s\n", godwit_error_message (error));
    godwit_error_destroy (&error);
    godwit_otlp_stats (exporter, &stats, sizeof stats);
    printf ("exported %llu spans, dropped %llu\n", (unsigned long long) stats.spans_exported,
            (unsigned long long) stats.spans_dropped);
}

int
main (int argc, char **argv)
{
    const char *const url = getenv ("GODWIT_URL");
    godwit_transport_t *transport = NULL;
    godwit_otlp_exporter_t *exporter = NULL;
    godwit_client_t *orders = NULL;
    godwit_error_t *error = NULL;
    const bool is_good = godwit_transport_new (&transport, url ? url : "zmq://", NULL, &error) == GODWIT_OK &&
                         godwit_otlp_new (&exporter, transport, GODWIT_OTLP_OPTIONS (.service_name = "web"),
                                          &error) == GODWIT_OK &&
                         godwit_client_new (&orders, transport, GODWIT_TARGET (.topic = "orders"), NULL,
                                            &error) == GODWIT_OK &&
                         godwit_client_wait_servers (orders, 1, 10000, &error) == GODWIT_OK;
    if (is_good) {
        join_trace ();
        for (int i = 1; i < argc; i++)
            order (orders, argv[i]);
        report (exporter);
    } else
        fprintf (stderr, "web: %s\n", godwit_error_print (error));
    godwit_error_destroy (&error);
    godwit_client_destroy (&orders);
    godwit_otlp_destroy (&exporter);
    godwit_transport_destroy (&transport);
    return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}
