/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics in Prometheus's text format: what is written of values, of any values, and of a transport. promtool
 * checks it where it is installed. */
#include "src/introspection/exposition.h"
#include "tests/support/must.h"

#include <criterion/criterion.h>
#include <godwit/godwit.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *text;
static size_t size;

static void
end (void)
{
    free (text);
    text = NULL;
}

TestSuite (exposition, .fini = end);

/* Writes the text of a list of entries. */
static void
write_list (const godwit_value_t *list, const godwit_value_t *counters)
{
    free (text);
    text = NULL;
    MUST (godwit__exposition_write (
        &(godwit__exposition_t){.lists = &list, .list_count = 1, .counters = counters}, &text, &size,
        &error));
    cr_assert_eq (strlen (text), size);
}

static void
write_entry (godwit_field_t entry)
{
    godwit_value_t *list = NULL;
    entry.name = NULL;
    MUST (godwit_value_new (&list, GODWIT_LIST (NULL, entry), &error));
    write_list (list, NULL);
    godwit_value_unref (&list);
}

static void
has (const char *part)
{
    cr_assert (strstr (text, part), "expected\n%s\nin\n%s", part, text);
}

static void
has_not (const char *part)
{
    cr_assert_not (strstr (text, part), "expected no\n%s\nin\n%s", part, text);
}

/* What promtool says of the text. It skips the test where it is not installed. */
static void
check_with_promtool (void)
{
    if (system ("command -v promtool >/dev/null"))
        cr_skip_test ("promtool is not installed");
    FILE *const to = popen ("promtool check metrics >&2", "w");
    cr_assert_not_null (to);
    cr_assert_eq (fwrite (text, 1, size, to), size);
    cr_assert_eq (pclose (to), 0, "%s", text);
}

#define SERVER_LABELS                                                                                        \
    "{rpc_system_name=\"godwit\",rpc_method=\"work/admin/add\",server_address=\"godwit/work\","              \
    "godwit_topic=\"work\",godwit_namespace=\"admin\",godwit_version=\"1.0\",godwit_server=\"one\""
#define NAMES(side_)                                                                                         \
    GODWIT_STR ("side", side_), GODWIT_STR ("exchange", "godwit"), GODWIT_STR ("topic", "work"),             \
        GODWIT_STR ("namespace", "admin"), GODWIT_STR ("version", "1.0"), GODWIT_STR ("server", "one"),      \
        GODWIT_BOOL ("fanout", false), GODWIT_STR ("method", "add")

static void
write_example (void)
{
    write_entry (GODWIT_MAP (
        NULL, NAMES ("server"), GODWIT_INT ("started", 20), GODWIT_INT ("ended", 17),
        GODWIT_INT ("in_flight", 3), GODWIT_INT ("failures", 4), GODWIT_DOUBLE ("seconds", 12.000000001),
        GODWIT_MAP ("by_status", GODWIT_INT ("MessagingTimeout", 2), GODWIT_INT ("Failed", 1)),
        GODWIT_LIST ("buckets", GODWIT_LIST (NULL, GODWIT_DOUBLE (NULL, 1024e-9), GODWIT_INT (NULL, 8)),
                     GODWIT_LIST (NULL, GODWIT_DOUBLE (NULL, 1048576e-9), GODWIT_INT (NULL, 7)),
                     GODWIT_LIST (NULL, GODWIT_NIL (NULL), GODWIT_INT (NULL, 1)))));
}

/* ---- what is written ---- */

Test (exposition, a_histogram)
{
    write_example ();
    has ("# HELP rpc_server_call_duration_seconds How long handlers of requests took.\n"
         "# TYPE rpc_server_call_duration_seconds histogram\n"
         "rpc_server_call_duration_seconds_bucket" SERVER_LABELS ",le=\"1e-06\"} 7\n"
         "rpc_server_call_duration_seconds_bucket" SERVER_LABELS ",le=\"2e-06\"} 8\n");
    has ("_bucket" SERVER_LABELS ",le=\"0.0005\"} 8\n");
    has ("_bucket" SERVER_LABELS ",le=\"0.002\"} 15\n");
    has ("_bucket" SERVER_LABELS ",le=\"100.0\"} 15\n");
    /* One of those that have ended is in no bucket yet. */
    has ("_bucket" SERVER_LABELS ",le=\"+Inf\"} 17\n");
    has ("rpc_server_call_duration_seconds_sum" SERVER_LABELS "} 12.000000001\n");
    has ("rpc_server_call_duration_seconds_count" SERVER_LABELS "} 17\n");
    has_not ("rpc_client_call_duration_seconds");
}

Test (exposition, numbers_and_failures)
{
    write_example ();
    has ("# TYPE godwit_invocations_started_total counter\n"
         "godwit_invocations_started_total" SERVER_LABELS ",godwit_side=\"server\"} 20\n");
    has ("# TYPE godwit_invocations_in_flight gauge\n"
         "godwit_invocations_in_flight" SERVER_LABELS ",godwit_side=\"server\"} 3\n");
    has ("godwit_invocations_failed_total" SERVER_LABELS
         ",godwit_side=\"server\",error_type=\"MessagingTimeout\"} 2\n");
    has ("error_type=\"Failed\"} 1\n");
    has ("error_type=\"_OTHER\"} 1\n");
}

Test (exposition, requests_without_a_method)
{
    write_entry (GODWIT_MAP (NULL, GODWIT_STR ("side", "server"), GODWIT_NIL ("topic"),
                             GODWIT_STR ("method", "..."), GODWIT_INT ("started", 1)));
    has ("godwit_invocations_started_total{rpc_system_name=\"godwit\",rpc_method=\"_OTHER\",godwit_side="
         "\"server\"} 1\n");
}

Test (exposition, fanouts_are_marked)
{
    write_entry (GODWIT_MAP (NULL, GODWIT_STR ("side", "client"), GODWIT_STR ("method", "x"),
                             GODWIT_BOOL ("fanout", true)));
    has ("rpc_client_call_duration_seconds_count{rpc_system_name=\"godwit\",rpc_method=\"x\","
         "godwit_fanout=\"true\"} 0\n");
}

Test (exposition, each_family_has_one_header)
{
    godwit_value_t *first = NULL, *second = NULL;
    MUST (godwit_value_new (
        &first, GODWIT_LIST (NULL, GODWIT_MAP (NULL, NAMES ("client")), GODWIT_MAP (NULL, NAMES ("server"))),
        &error));
    MUST (godwit_value_new (&second, GODWIT_LIST (NULL, GODWIT_MAP (NULL, GODWIT_STR ("side", "client"))),
                            &error));
    const godwit_value_t *const lists[] = {first, second};
    MUST (godwit__exposition_write (&(godwit__exposition_t){.lists = lists, .list_count = 2}, &text, &size,
                                    &error));
    const char *const header = "# TYPE rpc_client_call_duration_seconds histogram";
    const char *const at = strstr (text, header);
    cr_assert_not_null (at);
    cr_assert_null (strstr (at + 1, header));
    godwit_value_unref (&first);
    godwit_value_unref (&second);
}

Test (exposition, nothing)
{
    write_list (NULL, NULL);
    cr_assert_str_eq (text, "");
}

/* ---- any values ---- */

static void
method_is (const char *name, size_t name_size, const char *label)
{
    char expected[128];
    write_entry (GODWIT_MAP (NULL, GODWIT_STR ("side", "server"), GODWIT_STRN ("method", name, name_size)));
    snprintf (expected, sizeof expected, "rpc_method=\"%s\",", label);
    has (expected);
}

Test (exposition, labels_are_escaped)
{
    method_is ("a\\b", 3, "a\\\\b");
    method_is ("a\"b", 3, "a\\\"b");
    method_is ("a\nb", 3, "a\\nb");
    method_is ("a\tb\x7f", 4, "a\\\\x09b\\\\x7f");
    method_is ("a\0b", 3, "a\\\\x00b");
    method_is ("gr\xc3\xbc\xc3\x9f", 6, "gr\xc3\xbc\xc3\x9f");
    method_is ("\xe2\x82\xac\xf0\x9f\xa6\x86", 7, "\xe2\x82\xac\xf0\x9f\xa6\x86");
    /* No UTF-8: a byte that begins none, a character that is cut off, a surrogate, one that is too long. */
    method_is ("\xff", 1, "\\\\xff");
    method_is ("a\xe2\x82", 3, "a\\\\xe2\\\\x82");
    method_is ("\xed\xa0\x80", 3, "\\\\xed\\\\xa0\\\\x80");
    method_is ("\xc0\x80", 2, "\\\\xc0\\\\x80");
}

Test (exposition, every_byte_makes_a_valid_text)
{
    char name[256];
    for (size_t i = 0; i < sizeof name; i++)
        name[i] = (char) i;
    write_entry (GODWIT_MAP (NULL, GODWIT_STR ("side", "server"), GODWIT_STRN ("method", name, sizeof name),
                             GODWIT_INT ("started", 1)));
    check_with_promtool ();
}

Test (exposition, what_is_no_entry_is_left_out)
{
    godwit_value_t *list = NULL;
    MUST (godwit_value_new (&list,
                            GODWIT_LIST (NULL, GODWIT_INT (NULL, 1), GODWIT_NIL (NULL),
                                         GODWIT_STR (NULL, "x"), GODWIT_LIST (NULL, GODWIT_INT (NULL, 1))),
                            &error));
    write_list (list, list);
    cr_assert_str_eq (text, "");
    godwit_value_unref (&list);
    write_list (NULL, NULL);
}

Test (exposition, numbers_of_other_types_are_0)
{
    write_entry (GODWIT_MAP (
        NULL, GODWIT_STR ("side", "server"), GODWIT_INT ("method", 7), GODWIT_STR ("started", "many"),
        GODWIT_INT ("ended", -3), GODWIT_DOUBLE ("seconds", NAN), GODWIT_INT ("by_status", 3),
        GODWIT_LIST ("buckets", GODWIT_INT (NULL, 1), GODWIT_LIST (NULL, GODWIT_INT (NULL, 1)),
                     GODWIT_LIST (NULL, GODWIT_DOUBLE (NULL, -INFINITY), GODWIT_INT (NULL, -1)),
                     GODWIT_LIST (NULL, GODWIT_DOUBLE (NULL, NAN), GODWIT_STR (NULL, "")))));
    has ("godwit_invocations_started_total{rpc_system_name=\"godwit\",godwit_side=\"server\"} 0\n");
    has ("rpc_server_call_duration_seconds_sum{rpc_system_name=\"godwit\"} 0.000000000\n");
    has ("rpc_server_call_duration_seconds_count{rpc_system_name=\"godwit\"} 0\n");
    check_with_promtool ();
}

Test (exposition, large_numbers)
{
    write_entry (GODWIT_MAP (NULL, GODWIT_STR ("side", "client"), GODWIT_STR ("method", "x"),
                             GODWIT_UINT ("started", UINT64_MAX), GODWIT_DOUBLE ("seconds", 1e300)));
    has ("} 18446744073709551615\n");
    has ("_sum{rpc_system_name=\"godwit\",rpc_method=\"x\"} 9000000000.000000000\n");
}

/* A text that would be too long is refused, and not cut: 27 lines of each of these. */
Test (exposition, the_text_is_bounded)
{
    static char name[1 << 20];
    godwit_value_t *list = NULL;
    memset (name, 'x', sizeof name);
    const godwit_field_t entry =
        GODWIT_MAP (NULL, GODWIT_STR ("side", "server"), GODWIT_STRN ("topic", name, sizeof name),
                    GODWIT_STRN ("method", name, sizeof name), GODWIT_STRN ("server", name, sizeof name));
    MUST (godwit_value_new (&list, GODWIT_LIST (NULL, entry, entry), &error));
    const godwit__exposition_t what = {.lists = (const godwit_value_t *[]){list}, .list_count = 1};
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit__exposition_write (&what, &text, &size, &error), GODWIT_ERR_LIMIT_EXCEEDED);
    cr_assert_str_eq (godwit_error_message (error), "metrics: the text would be longer than 256 MiB");
    cr_assert_null (text);
    godwit_error_destroy (&error);
    godwit_value_unref (&list);
}

/* ---- of a transport ---- */

static godwit_status_t
work (godwit_request_t *request, void *self)
{
    (void) self;
    return godwit_request_reply (request, GODWIT_NIL (NULL));
}

Test (exposition, of_a_transport, .timeout = 30)
{
    static const godwit_method_t methods[] = {GODWIT_METHOD ("work", work, 0)};
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods);
    godwit_transport_t *transport = NULL;
    godwit_server_t *server = NULL;
    godwit_client_t *client = NULL;
    MUST (godwit_transport_new (&transport, "inproc://exposition/", NULL, &error));
    MUST (godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "shop", .server = "s1"), &endpoint,
                             1, NULL, &error));
    MUST (godwit_server_start (server, NULL, &error));
    MUST (godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "shop"), NULL, &error));
    for (int i = 0; i < 10; i++)
        MUST (godwit_client_call (client, NULL, "work", GODWIT_NO_ARGS, NULL, &error));
    cr_assert (godwit_client_call (client, NULL, "play", GODWIT_NO_ARGS, NULL, NULL));
    MUST (godwit_server_stop (server, NULL, &error));
    MUST (godwit_server_wait (server, NULL, &error));
    MUST (godwit_transport_metrics_text (transport, &text, &size, &error));
    cr_assert_eq (strlen (text), size);
    has ("rpc_client_call_duration_seconds_count{rpc_system_name=\"godwit\",rpc_method=\"shop/work\","
         "server_address=\"godwit/shop\",godwit_topic=\"shop\"} 10\n");
    has ("rpc_server_call_duration_seconds_count{rpc_system_name=\"godwit\",rpc_method=\"shop/work\","
         "server_address=\"godwit/shop\",godwit_topic=\"shop\",godwit_version=\"1.0\",godwit_server=\"s1\"} "
         "10\n");
    has ("rpc_method=\"_OTHER\",godwit_side=\"server\",error_type=\"NoSuchMethod\"} 1\n");
    has ("# TYPE godwit_calls_started_total counter\ngodwit_calls_started_total 11\n");
    has ("# TYPE godwit_peers gauge\n");
    godwit_client_destroy (&client);
    godwit_server_destroy (&server);
    godwit_transport_destroy (&transport);
    check_with_promtool ();
}

/* Each field of the statistics is there. */
Test (exposition, all_statistics)
{
    godwit_transport_t *transport = NULL;
    size_t fields = 0;
    MUST (godwit_transport_new (&transport, "inproc://exposition/", NULL, &error));
    MUST (godwit_transport_metrics_text (transport, &text, &size, &error));
    for (const char *at = text; (at = strstr (at, "# TYPE godwit_")); at++)
        fields++;
    cr_assert_eq (fields, sizeof (godwit_transport_stats_t) / sizeof (uint64_t));
    godwit_transport_destroy (&transport);
}
