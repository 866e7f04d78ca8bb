/* SPDX-License-Identifier: Apache-2.0 */
/* From a record to a span: ids, times, names, attributes, events and status, and records that are not as they
 * should be. */
#include "components/otlp/span.h"
#include "tests/otlp/records.h"
#include "tests/support/must.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite (span, .timeout = 30);

static godwit__otlp_arena_t arena;

static Godwit__Otlp__Span *
span_of (godwit_value_t *record)
{
    Godwit__Otlp__Span *span = NULL;
    cr_assert_eq (godwit__otlp_span_make (&span, record, &arena), GODWIT_OK);
    godwit_value_unref (&record); /* the span borrows nothing from it */
    return span;
}

static void
end (void)
{
    godwit__otlp_arena_clear (&arena);
}

static void
expect_bytes (ProtobufCBinaryData data, const char *hex)
{
    char text[64] = "";
    for (size_t i = 0; i < data.len && i < 31; i++)
        sprintf (text + 2 * i, "%02x", data.data[i]);
    cr_assert_str_eq (text, hex);
}

/* text NULL: there is no such attribute. */
static void
expect (const Godwit__Otlp__Span *span, const char *key, const char *text)
{
    const char *const found = attribute_of (span->attributes, span->n_attributes, key);
    cr_assert (text ? found && strcmp (found, text) == 0 : !found, "%s: expected %s, got %s", key,
               text ? text : "none", found ? found : "none");
}

#define NO_MORE (GODWIT_ARGS (GODWIT_NIL ("nothing")))

Test (span, has_ids_and_times_of_a_clients_record, .fini = end)
{
    const Godwit__Otlp__Span *const span = span_of (record_new (1, NO_MORE));
    expect_bytes (span->trace_id, RECORD_TRACE);
    expect_bytes (span->span_id, "b7ad6b7169203331");
    expect_bytes (span->parent_span_id, "00f067aa0ba902b7");
    cr_assert_eq (span->kind, GODWIT__OTLP__SPAN_KIND__SPAN_KIND_CLIENT);
    cr_assert_eq (span->flags, 0x101);
    cr_assert_eq (span->start_time_unix_nano, RECORD_AT);
    cr_assert_eq (span->end_time_unix_nano, RECORD_AT + 2000000);
    cr_assert_null (span->status, "a call without an error leaves the status unset");
}

Test (span, of_a_server_is_a_child_of_the_call, .fini = end)
{
    const Godwit__Otlp__Span *const span = span_of (
        record_new (1, GODWIT_ARGS (GODWIT_STR ("side", "server"), GODWIT_STR ("span", "1111111111111111"),
                                    GODWIT_NIL ("parent"), GODWIT_NIL ("sent"), GODWIT_INT ("started", 50000),
                                    GODWIT_INT ("ended", 90000), GODWIT_INT ("replied", 95000),
                                    GODWIT_INT ("took", 95000), GODWIT_BOOL ("queued", true),
                                    GODWIT_INT ("waiting", 3), GODWIT_INT ("busy", 4))));
    cr_assert_eq (span->kind, GODWIT__OTLP__SPAN_KIND__SPAN_KIND_SERVER);
    expect_bytes (span->span_id, "1111111111111111");
    expect_bytes (span->parent_span_id, "b7ad6b7169203331");
    cr_assert_eq (span->flags, 0x301, "the parent is of another process");
    cr_assert_eq (span->end_time_unix_nano, RECORD_AT + 95000);
    expect (span, "godwit.queue.time_ns", "50000");
    expect (span, "godwit.queue.length", "3");
    expect (span, "godwit.handlers.busy", "4");
}

Test (span, without_a_parent_is_a_root, .fini = end)
{
    const Godwit__Otlp__Span *const span =
        span_of (record_new (1, GODWIT_ARGS (GODWIT_NIL ("parent"), GODWIT_STR ("side", "server"))));
    cr_assert_eq (span->parent_span_id.len, 0);
    cr_assert_eq (span->flags, 0x101);
}

Test (span, has_the_names_of_the_conventions, .fini = end)
{
    const Godwit__Otlp__Span *const span = span_of (
        record_new (1, GODWIT_ARGS (GODWIT_STR ("namespace", "admin"), GODWIT_STR ("server", "stock-1"),
                                    GODWIT_STR ("version", "1.2"), GODWIT_INT ("request_size", 40),
                                    GODWIT_INT ("reply_size", 12), GODWIT_STR ("instance", "00ff"))));
    cr_assert_str_eq (span->name, "stock/admin/take");
    expect (span, "rpc.system.name", "godwit");
    expect (span, "rpc.method", "stock/admin/take");
    expect (span, "rpc.method_original", NULL);
    expect (span, "rpc.status_code", "Ok");
    expect (span, "error.type", NULL);
    expect (span, "server.address", "shop/stock");
    expect (span, "network.transport", "tcp");
    expect (span, "network.peer.address", "10.1.2.3");
    expect (span, "network.peer.port", "4711");
    expect (span, "godwit.kind", "call");
    expect (span, "godwit.server", "stock-1");
    expect (span, "godwit.version", "1.2");
    expect (span, "godwit.attempts", "1");
    expect (span, "godwit.request.size", "40");
    expect (span, "godwit.reply.size", "12");
    expect (span, "godwit.peer.instance", "00ff");
    expect (span, "godwit.queue.length", NULL);
}

Test (span, knows_each_kind_of_address, .fini = end)
{
    static const struct {
        const char *peer, *transport, *address, *port;
    } rows[] = {
        {"tcp://[fd00::1]:9000", "tcp", "fd00::1", "9000"},
        {"ipc:///run/user/0/godwit/1.sock", "unix", "/run/user/0/godwit/1.sock", NULL},
        {"inproc://x", NULL, "x", NULL},
        {"tcp://10.0.0.1:70000", "tcp", "10.0.0.1:70000", NULL},
        {"tcp://[fd00::1]", "tcp", "fd00::1", NULL},
        {"10.0.0.1:7000", NULL, NULL, NULL},
        {"", NULL, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const Godwit__Otlp__Span *const span =
            span_of (record_new (1, GODWIT_ARGS (GODWIT_STR ("peer", rows[i].peer))));
        expect (span, "network.transport", rows[i].transport);
        expect (span, "network.peer.address", rows[i].address);
        expect (span, "network.peer.port", rows[i].port);
    }
}

Test (span, of_a_failed_call_says_why, .fini = end)
{
    const Godwit__Otlp__Span *const span = span_of (
        record_new (1, GODWIT_ARGS (GODWIT_STR ("status", "MessagingTimeout"),
                                    GODWIT_STR ("outcome", "MAYBE_RUN"), GODWIT_INT ("attempts", 2),
                                    GODWIT_LIST ("notes",
                                                 GODWIT_MAP (NULL, GODWIT_INT ("at", 5000),
                                                             GODWIT_STR ("text", "refused: overloaded"),
                                                             GODWIT_STR ("server", "stock-2")),
                                                 GODWIT_MAP (NULL, GODWIT_INT ("at", 9000),
                                                             GODWIT_STR ("text", "no reply in time"))))));
    expect (span, "error.type", "MessagingTimeout");
    expect (span, "rpc.status_code", "MessagingTimeout");
    expect (span, "godwit.outcome", "MAYBE_RUN");
    expect (span, "godwit.attempts", "2");
    cr_assert_eq (span->status->code, GODWIT__OTLP__STATUS_CODE__STATUS_CODE_ERROR);
    cr_assert_str_eq (span->status->message, "no reply in time");
    cr_assert_eq (span->n_events, 2);
    const Godwit__Otlp__Event *const event = span->events[0];
    cr_assert_str_eq (event->name, "godwit.note");
    cr_assert_eq (event->time_unix_nano, RECORD_AT + 5000);
    cr_assert_str_eq (attribute_of (event->attributes, event->n_attributes, "godwit.note.text"),
                      "refused: overloaded");
    cr_assert_str_eq (attribute_of (event->attributes, event->n_attributes, "godwit.server"), "stock-2");
}

Test (span, of_an_unknown_method_does_not_have_its_name, .fini = end)
{
    const Godwit__Otlp__Span *const span =
        span_of (record_new (1, GODWIT_ARGS (GODWIT_STR ("status", "NoSuchMethod"))));
    cr_assert_str_eq (span->name, "godwit");
    expect (span, "rpc.method", "_OTHER");
    expect (span, "rpc.method_original", "stock/take");
}

static godwit_value_t *
with_notes (size_t count)
{
    godwit_value_t *notes = NULL;
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_list (builder, NULL);
    for (size_t i = 0; i < count; i++)
        godwit_builder_value (builder, NULL, NULL);
    godwit_builder_close (builder);
    MUST (godwit_builder_finish (&builder, &notes, &error));
    godwit_value_t *const record = record_new (1, GODWIT_ARGS (GODWIT_VALUE ("notes", notes)));
    godwit_value_unref (&notes);
    return record;
}

Test (span, is_bounded, .fini = end)
{
    const Godwit__Otlp__Span *span = span_of (with_notes (GODWIT__OTLP_SPAN_EVENTS + 7));
    cr_assert_eq (span->n_events, GODWIT__OTLP_SPAN_EVENTS);
    cr_assert_eq (span->dropped_events_count, 7);
    char text[5000];
    memset (text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    span = span_of (record_new (1, GODWIT_ARGS (GODWIT_STR ("server", text), GODWIT_STR ("method", text),
                                                GODWIT_STR ("exchange", text), GODWIT_STR ("peer", text))));
    for (size_t i = 0; i < span->n_attributes; i++)
        if (span->attributes[i]->value->value_case == GODWIT__OTLP__ANY_VALUE__VALUE_STRING_VALUE)
            cr_assert_leq (strlen (span->attributes[i]->value->string_value), GODWIT__OTLP_SPAN_TEXT);
    cr_assert_leq (strlen (span->name), GODWIT__OTLP_SPAN_TEXT);
    cr_assert_leq (span->n_attributes, GODWIT__OTLP_SPAN_ATTRIBUTES);
}

/* A collector refuses all of a request for one string that is not UTF-8. */
Test (span, has_valid_utf_8_only, .fini = end)
{
    static const struct {
        const char *given, *clean;
    } rows[] = {
        {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
        {"\xf0\x9f\x90\xa6", "\xf0\x9f\x90\xa6"},
        {"a\xff"
         "b",
         "a\xef\xbf\xbd"
         "b"},
        {"\xc3", "\xef\xbf\xbd"},                                                 /* cut off */
        {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},                                 /* too long */
        {"\xe0\x80\xaf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},                 /* too long */
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},                 /* a surrogate */
        {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* too large */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const Godwit__Otlp__Span *const span =
            span_of (record_new (1, GODWIT_ARGS (GODWIT_STR ("server", rows[i].given))));
        expect (span, "godwit.server", rows[i].clean);
    }
    cr_assert_str_eq (godwit__otlp_arena_text (&arena, "abc\xc3\xbc", 4), "abc", "no half character");
}

Test (span, needs_ids, .fini = end)
{
    static const char *const bad[] = {"",
                                      "0",
                                      "b7ad6b716920333",
                                      "b7ad6b71692033311",
                                      "b7ad6b716920333g",
                                      "0000000000000000",
                                      "-7ad6b7169203331"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_null (span_of (record_new (1, GODWIT_ARGS (GODWIT_STR ("id", bad[i])))), "\"%s\"", bad[i]);
    cr_assert_null (span_of (record_new (1, GODWIT_ARGS (GODWIT_NIL ("trace")))));
    expect_bytes (span_of (record_new (1, GODWIT_ARGS (GODWIT_STR ("id", "B7AD6B7169203331"))))->span_id,
                  "b7ad6b7169203331");
}

Test (span, bears_entries_of_any_type, .fini = end)
{
    const char *const names[] = {"parent", "side",     "kind",    "exchange", "topic",   "method", "peer",
                                 "took",   "at",       "queued",  "status",   "outcome", "notes",  "attempts",
                                 "span",   "instance", "version", "server",   "waiting"};
    const godwit_field_t fields[] = {GODWIT_INT (NULL, INT64_MIN),
                                     GODWIT_INT (NULL, INT64_MAX),
                                     GODWIT_UINT (NULL, UINT64_MAX),
                                     GODWIT_STR (NULL, "x"),
                                     GODWIT_BIN (NULL, "x", 1),
                                     GODWIT_DOUBLE (NULL, 1.5),
                                     GODWIT_LIST (NULL, GODWIT_INT (NULL, 1)),
                                     GODWIT_MAP (NULL, GODWIT_INT ("at", -1))};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (size_t k = 0; k < sizeof fields / sizeof *fields; k++) {
            godwit_field_t field = fields[k];
            field.name = names[i];
            cr_assert_not_null (span_of (record_new (1, (godwit_fields_t){&field, 1, NULL})));
        }
}
