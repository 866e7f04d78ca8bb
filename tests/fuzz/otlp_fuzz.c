/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as what a collector answers, and as the texts of a record: no crash, nothing beyond its bounds,
 * and what is packed of the record can be unpacked, with strings that are UTF-8. */
#include "components/otlp/batch.h"
#include "components/otlp/reply.h"
#include "components/otlp/span.h"

#include <iconv.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check (bool good)
{
    if (!good)
        abort ();
}

/* As libc sees it. */
static void
check_utf_8 (const char *text)
{
    static iconv_t converter;
    static char out[8 * GODWIT__OTLP_SPAN_TEXT];
    if (!converter)
        converter = iconv_open ("UTF-16LE", "UTF-8");
    char *from = (char *) (uintptr_t) text, *to = out;
    size_t from_size = strlen (text), to_size = sizeof out;
    check (from_size <= GODWIT__OTLP_SPAN_TEXT);
    check (iconv (converter, &from, &from_size, &to, &to_size) == 0 && from_size == 0);
}

static void
check_attributes (Godwit__Otlp__KeyValue **attributes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (attributes[i]->value->value_case == GODWIT__OTLP__ANY_VALUE__VALUE_STRING_VALUE)
            check_utf_8 (attributes[i]->value->string_value);
}

static void
check_span (const Godwit__Otlp__Span *span)
{
    check (span->trace_id.len == 16 && span->span_id.len == 8);
    check (span->n_attributes <= GODWIT__OTLP_SPAN_ATTRIBUTES && span->n_events <= GODWIT__OTLP_SPAN_EVENTS);
    check_utf_8 (span->name);
    if (span->status)
        check_utf_8 (span->status->message);
    check_attributes (span->attributes, span->n_attributes);
    for (size_t i = 0; i < span->n_events; i++)
        check_attributes (span->events[i]->attributes, span->events[i]->n_attributes);
}

static void
check_batch (const godwit__otlp_batch_t *batch)
{
    const godwit__otlp_attributes_t none = {0};
    size_t size = 0;
    uint8_t *const bytes = godwit__otlp_batch_pack (batch, &none, &size);
    check (bytes);
    Godwit__Otlp__ExportTraceServiceRequest *const request =
        godwit__otlp__export_trace_service_request__unpack (NULL, size, bytes);
    check (request && request->n_resource_spans == 1 && request->resource_spans[0]->n_scope_spans == 1);
    const Godwit__Otlp__ScopeSpans *const spans = request->resource_spans[0]->scope_spans[0];
    check (spans->n_spans == 1);
    check_span (spans->spans[0]);
    godwit__otlp__export_trace_service_request__free_unpacked (request, NULL);
    free (bytes);
}

/* The record that has these texts, each up to a NUL, and the same ones as notes. */
static godwit_value_t *
record_of (const char *text, size_t size)
{
    static const char *const keys[] = {"status",  "side",     "exchange", "topic", "namespace",
                                       "version", "server",   "method",   "peer",  "kind",
                                       "outcome", "instance", "span",     "parent"};
    const char *texts[sizeof keys / sizeof *keys], *const end = text + size;
    godwit_value_t *record = NULL;
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_map (builder, NULL);
    godwit_builder_str (builder, "trace", "0af7651916cd43dd8448eb211c80319c");
    godwit_builder_str (builder, "id", "b7ad6b7169203331");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        texts[i] = text < end ? text : "";
        godwit_builder_str (builder, keys[i], texts[i]);
        text += strlen (texts[i]) + (text < end);
    }
    godwit_builder_open_list (builder, "notes");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        godwit_builder_open_map (builder, NULL);
        godwit_builder_str (builder, "text", texts[i]);
        godwit_builder_close (builder);
    }
    godwit_builder_close (builder);
    godwit_builder_close (builder);
    check (godwit_builder_finish (&builder, &record, NULL) == GODWIT_OK);
    return record;
}

static void
try_record (const uint8_t *data, size_t size)
{
    static godwit__otlp_batch_t batch;
    char *const text = calloc (1, size + 1);
    check (text);
    memcpy (text, data, size);
    godwit_value_t *record = record_of (text, size);
    free (text);
    check (godwit__otlp_batch_add (&batch, record) == GODWIT_OK);
    godwit_value_unref (&record);
    check_batch (&batch);
    godwit__otlp_batch_clear (&batch);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    char text[64];
    godwit__otlp_reply_read (data, size, text, sizeof text);
    check (strlen (text) < sizeof text || text[sizeof text - 1] == '\0');
    for (const char *at = text; *at; at++)
        check (*at >= ' ' && *at <= '~');
    try_record (data, size);
    return 0;
}
