/* SPDX-License-Identifier: Apache-2.0 */
#include "components/otlp/batch.h"

#include "components/otlp/span.h"

#include <godwit/version.h>

#include <stdlib.h>

godwit_status_t
godwit__otlp_batch_add (godwit__otlp_batch_t *batch, const godwit_value_t *record)
{
    Godwit__Otlp__Span *span = NULL;
    const godwit_status_t status = godwit__otlp_span_make (&span, record, &batch->arena);
    batch->arena.is_short = false; /* the spans before are whole */
    if (status || !span)
        return status ? status : GODWIT_ERR_MALFORMED;
    batch->spans[batch->count++] = span;
    return GODWIT_OK;
}

bool
godwit__otlp_batch_is_full (const godwit__otlp_batch_t *batch)
{
    return batch->count == GODWIT__OTLP_BATCH_SPANS || batch->arena.size >= GODWIT__OTLP_BATCH_SIZE;
}

uint8_t *
godwit__otlp_batch_pack (const godwit__otlp_batch_t *batch, const godwit__otlp_attributes_t *resource,
                         size_t *size)
{
    Godwit__Otlp__Resource process;
    Godwit__Otlp__InstrumentationScope scope;
    Godwit__Otlp__ScopeSpans scope_spans;
    Godwit__Otlp__ResourceSpans resource_spans;
    Godwit__Otlp__ExportTraceServiceRequest request;
    godwit__otlp__resource__init (&process);
    godwit__otlp__instrumentation_scope__init (&scope);
    godwit__otlp__scope_spans__init (&scope_spans);
    godwit__otlp__resource_spans__init (&resource_spans);
    godwit__otlp__export_trace_service_request__init (&request);
    process.n_attributes = resource->count;
    process.attributes = resource->items;
    scope.name = (char *) (uintptr_t) "godwit"; /* they are only read */
    scope.version = (char *) (uintptr_t) godwit_version_string ();
    scope_spans.scope = &scope;
    scope_spans.n_spans = batch->count;
    scope_spans.spans = (Godwit__Otlp__Span **) (uintptr_t) batch->spans;
    resource_spans.resource = &process;
    resource_spans.n_scope_spans = 1;
    resource_spans.scope_spans = &(Godwit__Otlp__ScopeSpans *){&scope_spans};
    request.n_resource_spans = 1;
    request.resource_spans = &(Godwit__Otlp__ResourceSpans *){&resource_spans};

    *size = godwit__otlp__export_trace_service_request__get_packed_size (&request);
    uint8_t *const bytes = malloc (*size);
    if (bytes)
        godwit__otlp__export_trace_service_request__pack (&request, bytes);
    return bytes;
}

void
godwit__otlp_batch_clear (godwit__otlp_batch_t *batch)
{
    godwit__otlp_arena_clear (&batch->arena);
    batch->count = 0;
}
