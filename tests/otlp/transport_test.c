/* SPDX-License-Identifier: Apache-2.0 */
/* An exporter of a transport whose threads call as fast as they can: each call is exported once on each side,
 * or counted as overwritten. */
#include "tests/otlp/collector.h"
#include "tests/support/must.h"

#include <criterion/criterion.h>
#include <godwit/godwit.h>
#include <godwit/otlp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

TestSuite (transport, .timeout = 60);

enum { THREADS = 4, CALLS = 3000 };

static collector_t collector;
static godwit_transport_t *transport;
static godwit_server_t *server;
static godwit_client_t *client;
static godwit_otlp_exporter_t *exporter;

static godwit_status_t
add (godwit_request_t *request, void *self)
{
    (void) self;
    return godwit_request_reply (request, GODWIT_INT (NULL, 1));
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("add", add, 0)};

static void
begin_with (int64_t black_box_size, int64_t interval_ms)
{
    collector_start (&collector, NULL, 0);
    unsetenv ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    MUST (godwit_transport_new (&transport, "inproc://otlp",
                                GODWIT_TRANSPORT_OPTIONS (.black_box_size = black_box_size), &error));
    MUST (godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "calc", .server = "one"),
                             &GODWIT_ENDPOINT (methods), 1, NULL, &error));
    MUST (godwit_server_start (server, NULL, &error));
    MUST (godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "calc"), NULL, &error));
    setenv ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint, 1);
    MUST (godwit_otlp_new (&exporter, transport, GODWIT_OTLP_OPTIONS (.interval_ms = interval_ms), &error));
}

static void
end (void)
{
    godwit_otlp_destroy (&exporter);
    godwit_client_destroy (&client);
    godwit_server_destroy (&server);
    godwit_transport_destroy (&transport);
    collector_stop (&collector);
}

static void *
call_often (void *user)
{
    (void) user;
    for (int i = 0; i < CALLS; i++)
        MUST (godwit_client_call (client, NULL, "add", GODWIT_NO_ARGS, NULL, &error));
    return NULL;
}

static void
call_from_all_threads (void)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq (pthread_create (&threads[i], NULL, call_often, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join (threads[i], NULL);
    MUST (godwit_server_stop (server, NULL, &error)); /* the last handlers have ended, too */
    MUST (godwit_server_wait (server, NULL, &error));
}

static godwit_otlp_stats_t
flush (void)
{
    godwit_otlp_stats_t stats;
    MUST (godwit_otlp_flush (exporter, &error));
    MUST (godwit_otlp_flush (exporter, &error)); /* it looks once more for numbers that are missing */
    godwit_otlp_stats (exporter, &stats, sizeof stats);
    cr_assert_eq (collector_spans (&collector), stats.spans_exported);
    cr_assert_eq (stats.spans_dropped, 0, "%s", stats.last_problem);
    return stats;
}

Test (transport, exports_each_call_once_if_its_box_has_room, .fini = end)
{
    begin_with (8 << 20, 100); /* 65,536 records; one that is being made has 100 ms for it */
    call_from_all_threads ();
    const godwit_otlp_stats_t stats = flush ();
    cr_assert_eq (stats.spans_exported, 2 * THREADS * CALLS, "%d", (int) stats.spans_exported);
}

Test (transport, exports_each_call_once_or_counts_it, .fini = end)
{
    begin_with (0, 1); /* 1,024 records */
    call_from_all_threads ();
    const godwit_otlp_stats_t stats = flush ();
    cr_assert_leq (stats.spans_exported, 2 * THREADS * CALLS);
    cr_assert_geq (stats.spans_exported + stats.spans_overwritten, 2 * THREADS * CALLS);
}

Test (transport, without_a_black_box_has_no_spans, .fini = end)
{
    begin_with (-1, 1);
    MUST (godwit_client_call (client, NULL, "add", GODWIT_NO_ARGS, NULL, &error));
    cr_assert_eq (flush ().spans_exported, 0);
}

Test (transport, needs_its_arguments)
{
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit_otlp_new (NULL, NULL, NULL, NULL), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (godwit_otlp_new (&exporter, NULL, NULL, &error), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_str_eq (godwit_error_message (error), "transport: expected a transport, got NULL");
    cr_assert_null (exporter);
    godwit_error_destroy (&error);
}

Test (transport, names_the_variable_that_is_wrong)
{
    MUST (godwit_transport_new (&transport, "inproc://otlp", NULL, &error));
    godwit_error_t *error = NULL;
    setenv ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", 1);
    cr_assert_eq (godwit_otlp_new (&exporter, transport, NULL, &error), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (strncmp (godwit_error_message (error), "OTEL_EXPORTER_OTLP_ENDPOINT: expected a URL", 43),
                  0, "%s", godwit_error_message (error));
    godwit_error_destroy (&error);
    godwit_transport_destroy (&transport);
}
