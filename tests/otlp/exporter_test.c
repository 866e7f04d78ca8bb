/* SPDX-License-Identifier: Apache-2.0 */
/* An exporter and its collector, which is well, busy, hanging, gone, or answers nonsense: what arrives, what
 * is tried again, what is counted, and that nothing takes longer than its timeout. */
#include "components/otlp/inside.h"
#include "tests/otlp/collector.h"
#include "tests/otlp/records.h"
#include "tests/support/await.h"
#include "tests/support/must.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite (exporter, .timeout = 60);

/* ---- a black box of the test's own ---- */

typedef struct box {
    pthread_mutex_t lock;
    godwit_value_t *records[8192]; /* the number of the first one is 1 */
    size_t count, first;           /* those before `first` are overwritten */
    bool is_broken;
} box_t;

static box_t box = {.lock = PTHREAD_MUTEX_INITIALIZER};
static collector_t collector;
static godwit_otlp_exporter_t *exporter;

static void
box_add (size_t count, const char *status)
{
    pthread_mutex_lock (&box.lock);
    for (size_t i = 0; i < count; i++) {
        char trace[33];
        const int64_t number = (int64_t) box.count + 1;
        snprintf (trace, sizeof trace, "1%031llx", (unsigned long long) number);
        box.records[box.count++] =
            record_new (number, GODWIT_ARGS (GODWIT_STR ("trace", trace), GODWIT_STR ("status", status),
                                             GODWIT_BOOL ("running", strcmp (status, "") == 0)));
    }
    pthread_mutex_unlock (&box.lock);
}

/* The record of a running call is that of an ended one from now on. */
static void
box_end (size_t number)
{
    pthread_mutex_lock (&box.lock);
    godwit_value_unref (&box.records[number - 1]);
    box.records[number - 1] = record_new ((int64_t) number, GODWIT_ARGS (GODWIT_STR ("status", "Ok")));
    pthread_mutex_unlock (&box.lock);
}

static godwit_status_t
box_read (void *user, int64_t after, bool only_running, godwit_value_t **records, godwit_error_t **error)
{
    (void) user;
    godwit_builder_t *builder = godwit_builder_new ();
    pthread_mutex_lock (&box.lock);
    const bool is_broken = box.is_broken;
    godwit_builder_open_list (builder, NULL);
    size_t given = 0;
    for (size_t i = box.first; i < box.count && given < GODWIT__OTLP_READ; i++) {
        const bool is_running = godwit_value_as_bool (godwit_value_get (box.records[i], "running"), false);
        if ((int64_t) i + 1 > after && (is_running || !only_running)) {
            godwit_builder_value (builder, NULL, box.records[i]);
            given++;
        }
    }
    godwit_builder_close (builder);
    pthread_mutex_unlock (&box.lock);
    if (!is_broken)
        return godwit_builder_finish (&builder, records, error);
    godwit_builder_destroy (&builder);
    *error = godwit_error_new (GODWIT_ERR_CLOSED, "gone");
    return GODWIT_ERR_CLOSED;
}

static const char *
no_environment (const char *name)
{
    (void) name;
    return NULL;
}

static const godwit__otlp_source_t source = {.read = box_read};

static void
open_with (const godwit_otlp_options_t *options)
{
    godwit__otlp_settings_t settings;
    MUST (godwit__otlp_settings_read (&settings, options, no_environment, &error));
    settings.backoff_ms = 2;
    MUST (godwit__otlp_open (&exporter, &source, &settings, &error));
}

/* It reads when it is told to. */
#define OPTIONS(...) GODWIT_OTLP_OPTIONS (.endpoint = collector.endpoint, .interval_ms = 3600000, __VA_ARGS__)

static godwit_otlp_stats_t
stats (void)
{
    godwit_otlp_stats_t now;
    godwit_otlp_stats (exporter, &now, sizeof now);
    return now;
}

static void
end (void)
{
    godwit_otlp_destroy (&exporter);
    if (collector.endpoint[0])
        collector_stop (&collector);
    for (size_t i = 0; i < box.count; i++)
        godwit_value_unref (&box.records[i]);
}

static void
expect_failed_flush (godwit_status_t status, const char *text)
{
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit_otlp_flush (exporter, &error), status, "%s", godwit_error_print (error));
    cr_assert_not_null (strstr (godwit_error_message (error), text), "%s", godwit_error_message (error));
    godwit_error_destroy (&error);
}

/* ---- a collector that is well ---- */

Test (exporter, sends_each_span_once, .fini = end)
{
    collector_start (&collector, NULL, 0);
    open_with (OPTIONS (.headers = "api-key=k%201,empty="));
    box_add (3, "Ok");
    MUST (godwit_otlp_flush (exporter, &error));
    cr_assert_eq (collector_spans (&collector), 3);
    MUST (godwit_otlp_flush (exporter, &error));
    cr_assert_eq (collector_requests (&collector), 1, "nothing new: no request");
    box_add (2, "Ok");
    MUST (godwit_otlp_flush (exporter, &error));
    cr_assert_eq (collector_spans (&collector), 5);
    cr_assert_eq (stats ().spans_exported, 5);
    cr_assert_eq (stats ().exports, 2);
    cr_assert_eq (collector.connections, 1, "the connection is kept");
    cr_assert_eq (strncmp (collector.head, "POST /v1/traces HTTP/1.1\r\n", 26), 0, "%s", collector.head);
    cr_assert_not_null (strstr (collector.head, "\r\nContent-Type: application/x-protobuf\r\n"));
    cr_assert_not_null (strstr (collector.head, "\r\napi-key: k 1\r\n"), "%s", collector.head);
    cr_assert_not_null (strstr (collector.head, "\r\nempty:\r\n"), "%s", collector.head);
    cr_assert_null (strstr (collector.head, "Expect:"));
}

Test (exporter, reads_by_itself, .fini = end)
{
    collector_start (&collector, NULL, 0);
    open_with (GODWIT_OTLP_OPTIONS (.endpoint = collector.endpoint, .interval_ms = 1));
    box_add (1, "Ok");
    AWAIT (collector_spans (&collector) == 1);
    box_add (1, "Ok");
    AWAIT (collector_spans (&collector) == 2);
}

Test (exporter, sends_a_running_call_when_it_has_ended, .fini = end)
{
    collector_start (&collector, NULL, 0);
    open_with (OPTIONS ());
    box_add (1, "");
    box_add (2, "Ok");
    MUST (godwit_otlp_flush (exporter, &error));
    cr_assert_eq (collector_spans (&collector), 2);
    box_end (1);
    MUST (godwit_otlp_flush (exporter, &error));
    cr_assert_eq (collector_spans (&collector), 3);
}

Test (exporter, splits_what_is_too_much_for_one_request, .fini = end)
{
    collector_start (&collector, NULL, 0);
    open_with (OPTIONS ());
    box_add (GODWIT__OTLP_READ + 1, "Ok"); /* and for one look at the box */
    MUST (godwit_otlp_flush (exporter, &error));
    cr_assert_eq (collector_spans (&collector), GODWIT__OTLP_READ + 1);
    cr_assert_eq (collector_requests (&collector), GODWIT__OTLP_READ / GODWIT__OTLP_BATCH_SPANS + 1);
}

Test (exporter, sends_the_rest_when_it_is_destroyed, .fini = end)
{
    collector_start (&collector, NULL, 0);
    open_with (OPTIONS ());
    box_add (3, "Ok");
    godwit_otlp_destroy (&exporter);
    cr_assert_eq (collector_spans (&collector), 3);
}

Test (exporter, counts_what_was_overwritten, .fini = end)
{
    collector_start (&collector, NULL, 0);
    open_with (OPTIONS ());
    box_add (1, "Ok");
    MUST (godwit_otlp_flush (exporter, &error));
    box_add (10, "Ok");
    box.first = 8; /* the exporter waits */
    MUST (godwit_otlp_flush (exporter, &error));
    MUST (godwit_otlp_flush (exporter, &error)); /* it looks once more */
    cr_assert_eq (stats ().spans_overwritten, 7);
    cr_assert_eq (stats ().spans_exported, 4);
}

Test (exporter, samples_by_the_trace, .fini = end)
{
    collector_start (&collector, NULL, 0);
    open_with (OPTIONS (.sample_one_in = 10));
    box_add (100, "Ok");
    box_add (5, "MessagingTimeout");
    MUST (godwit_otlp_flush (exporter, &error));
    cr_assert_eq (collector_spans (&collector), 15, "a tenth, and all that failed");
    cr_assert_eq (stats ().spans_unsampled, 90);
    godwit_otlp_destroy (&exporter);

    open_with (OPTIONS (.sample_one_in = 1000000, .slow_ms = 2)); /* they took 2 ms */
    MUST (godwit_otlp_flush (exporter, &error));
    cr_assert_eq (stats ().spans_exported, 105);
    godwit_otlp_destroy (&exporter);

    open_with (OPTIONS (.sample_one_in = 1000000, .slow_ms = -1));
    MUST (godwit_otlp_flush (exporter, &error));
    cr_assert_eq (stats ().spans_exported, 5);
}

Test (exporter, drops_a_record_without_ids, .fini = end)
{
    collector_start (&collector, NULL, 0);
    open_with (OPTIONS ());
    box.records[box.count++] = record_new (1, GODWIT_ARGS (GODWIT_NIL ("id")));
    box_add (1, "Ok");
    MUST (godwit_otlp_flush (exporter, &error));
    cr_assert_eq (stats ().spans_dropped, 1);
    cr_assert_eq (stats ().spans_exported, 1);
}

Test (exporter, tells_of_a_source_that_fails, .fini = end)
{
    collector_start (&collector, NULL, 0);
    box.is_broken = true;
    open_with (OPTIONS ());
    MUST (godwit_otlp_flush (exporter, &error));
    cr_assert_str_eq (stats ().last_problem, "the black box: gone");
}

/* ---- a collector that is not ---- */

Test (exporter, tries_again_what_may_pass_later, .fini = end)
{
    static const answer_t script[] = {
        ANSWER ("503 Busy", ""), ANSWER ("429 Too Many", ""), ANSWER ("502 Bad Gateway", ""), {"", 0}};
    collector_start (&collector, script, 4);
    open_with (OPTIONS ());
    box_add (3, "Ok");
    MUST (godwit_otlp_flush (exporter, &error));
    cr_assert_eq (collector_requests (&collector), 5);
    /* When a kept connection is closed without an answer, libcurl sends the request again by itself. */
    cr_assert_eq (stats ().retries, 3);
    cr_assert_eq (stats ().failures, 3);
    cr_assert_eq (stats ().exports, 1);
    cr_assert_eq (stats ().spans_exported, 3);
    cr_assert_eq (stats ().spans_dropped, 0);
}

Test (exporter, gives_up_after_five_tries, .fini = end)
{
    static const answer_t script[] = {ANSWER ("503 Busy", ""), ANSWER ("503 Busy", ""),
                                      ANSWER ("503 Busy", ""), ANSWER ("503 Busy", ""),
                                      ANSWER ("504 Late", "")};
    collector_start (&collector, script, 5);
    open_with (OPTIONS ());
    box_add (3, "Ok");
    expect_failed_flush (GODWIT_ERR_DELIVERY_FAILURE,
                         "3 spans were not exported: the collector answered with the HTTP status 504");
    cr_assert_eq (stats ().spans_dropped, 3);
    box_add (1, "Ok");
    MUST (godwit_otlp_flush (exporter, &error));
    cr_assert_eq (stats ().spans_exported, 1, "the next batch is tried as the first was");
}

Test (exporter, waits_as_long_as_the_collector_wants, .fini = end)
{
    static const answer_t script[] = {ANSWER ("503 Busy", "Retry-After: 1\r\n")};
    collector_start (&collector, script, 1);
    open_with (OPTIONS ());
    box_add (1, "Ok");
    MUST (godwit_otlp_flush (exporter, &error));
    cr_assert_geq (collector.arrived_ms[1] - collector.arrived_ms[0], 1000);
}

Test (exporter, does_not_send_to_a_collector_that_wants_a_pause_when_it_ends, .fini = end)
{
    static const answer_t script[] = {ANSWER ("429 Too Many", "Retry-After: 3600\r\n")};
    collector_start (&collector, script, 1);
    open_with (GODWIT_OTLP_OPTIONS (.endpoint = collector.endpoint, .interval_ms = 1));
    box_add (1, "Ok");
    AWAIT (stats ().failures == 1);
    const int64_t before_ms = godwit__otlp_now_ms ();
    godwit_otlp_destroy (&exporter);
    cr_assert_lt (godwit__otlp_now_ms () - before_ms, 5000);
    cr_assert_eq (collector_requests (&collector), 1);
}

Test (exporter, never_tries_again_what_is_refused, .fini = end)
{
    static const answer_t script[] = {ANSWER ("400 Bad", ""), ANSWER ("500 Broken", ""),
                                      ANSWER ("301 Moved", "Location: http://127.0.0.1:1/\r\n"),
                                      ANSWER ("404 What", "Retry-After: 1\r\n")};
    collector_start (&collector, script, 4);
    open_with (OPTIONS ());
    for (size_t i = 1; i <= 4; i++) {
        box_add (1, "Ok");
        expect_failed_flush (GODWIT_ERR_DELIVERY_FAILURE, "HTTP status");
        cr_assert_eq (collector_requests (&collector), i);
        cr_assert_eq (stats ().spans_dropped, i);
    }
    cr_assert_eq (stats ().retries, 0);
}

Test (exporter, counts_what_is_rejected_of_what_was_accepted, .fini = end)
{
    static const answer_t script[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n\x0a\x08\x08\x02\x12\x04no\x01!", 0},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\x0a\x03\x08\x80\x01",
         0}}; /* 128, more than there were */
    collector_start (&collector, script, 2);
    open_with (OPTIONS ());
    box_add (3, "Ok");
    expect_failed_flush (GODWIT_ERR_DELIVERY_FAILURE, "2 spans were not exported: no?!");
    cr_assert_eq (stats ().spans_rejected, 2);
    cr_assert_eq (stats ().spans_exported, 1);
    cr_assert_eq (collector_requests (&collector), 1, "what was accepted is not sent again");
    box_add (3, "Ok");
    expect_failed_flush (GODWIT_ERR_DELIVERY_FAILURE, "3 spans");
    cr_assert_eq (stats ().spans_rejected, 5);
}

Test (exporter, bears_nonsense, .fini = end)
{
    static char flood[200000];
    memset (flood, 'x', sizeof flood);
    memcpy (flood, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", 44);
    static const answer_t script[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\xff\xff\xff\xff", 0}, /* accepted, whatever it says */
        {"\x01\x02 this is not HTTP\r\n\r\n", 0},
        {flood, sizeof flood}};
    collector_start (&collector, script, 3);
    open_with (OPTIONS ());
    box_add (1, "Ok");
    MUST (godwit_otlp_flush (exporter, &error));
    cr_assert_not_null (strstr (stats ().last_problem, "cannot be read"));
    box_add (1, "Ok");
    expect_failed_flush (GODWIT_ERR_DELIVERY_FAILURE, "1 spans were not exported");
    cr_assert_eq (collector_requests (&collector), 2);
    box_add (1, "Ok");
    expect_failed_flush (GODWIT_ERR_DELIVERY_FAILURE, "1 spans were not exported");
    box_add (1, "Ok");
    MUST (godwit_otlp_flush (exporter, &error));
    cr_assert_eq (stats ().spans_exported, 2);
    cr_assert_eq (stats ().spans_dropped, 2);
}

Test (exporter, tries_again_when_nobody_is_there, .fini = end)
{
    char endpoint[64];
    nobody (endpoint);
    open_with (GODWIT_OTLP_OPTIONS (.endpoint = endpoint, .interval_ms = 3600000));
    box_add (2, "Ok");
    expect_failed_flush (GODWIT_ERR_DELIVERY_FAILURE,
                         "2 spans were not exported: Failed to connect to 127.0.0.1");
    cr_assert_eq (stats ().retries, 4);
    cr_assert_eq (stats ().spans_dropped, 2);
}

Test (exporter, ends_in_time_when_nobody_is_there, .fini = end)
{
    char endpoint[64];
    nobody (endpoint);
    open_with (GODWIT_OTLP_OPTIONS (.endpoint = endpoint, .interval_ms = 3600000));
    exporter->settings.backoff_ms = 30000;
    box_add (2, "Ok");
    const int64_t before_ms = godwit__otlp_now_ms ();
    godwit_otlp_destroy (&exporter); /* one try, and no pause */
    cr_assert_lt (godwit__otlp_now_ms () - before_ms, 5000);
}

Test (exporter, ends_in_time_when_the_collector_hangs, .fini = end)
{
    static const answer_t script[64]; /* none at all */
    collector_start (&collector, script, 64);
    open_with (OPTIONS (.timeout_ms = 300));
    box_add (GODWIT__OTLP_BATCH_SPANS * 8, "Ok");
    expect_failed_flush (GODWIT_ERR_TIMEOUT, "has not taken all spans within 300 ms");
    const int64_t before_ms = godwit__otlp_now_ms ();
    godwit_otlp_destroy (&exporter); /* all eight batches have 300 ms, not each of them */
    cr_assert_lt (godwit__otlp_now_ms () - before_ms, 300 + 1500, "%d ms",
                  (int) (godwit__otlp_now_ms () - before_ms));
}

/* ---- the program ---- */

Test (exporter, is_left_alone_in_a_child_of_a_fork, .fini = end)
{
    collector_start (&collector, NULL, 0);
    open_with (OPTIONS ());
    box_add (1, "Ok");
    MUST (godwit_otlp_flush (exporter, &error));
    const pid_t child = fork ();
    if (child == 0) {
        godwit_otlp_stats_t figures = stats ();
        const bool is_good = godwit_otlp_flush (exporter, NULL) == GODWIT_ERR_FORKED && figures.exports == 0;
        godwit_otlp_destroy (&exporter);
        _exit (is_good && !exporter ? 0 : 1);
    }
    int status = -1;
    cr_assert_eq (waitpid (child, &status, 0), child);
    cr_assert_eq (status, 0);
    box_add (1, "Ok");
    MUST (godwit_otlp_flush (exporter, &error));
}

Test (exporter, takes_null)
{
    godwit_otlp_destroy (NULL);
    godwit_otlp_destroy (&exporter);
    godwit_otlp_stats (NULL, NULL, 0);
    cr_assert_eq (godwit_otlp_flush (NULL, NULL), GODWIT_ERR_INVALID_ARGUMENT);
}
