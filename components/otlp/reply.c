/* SPDX-License-Identifier: Apache-2.0 */
#include "components/otlp/reply.h"

#include "otlp.pb-c.h"

#include <stdio.h>
#include <string.h>

void
godwit__otlp_reply_text (char *to, size_t to_size, const char *bytes, size_t size)
{
    const size_t count = size < to_size ? size : to_size - 1;
    for (size_t i = 0; i < count; i++)
        to[i] = (char) (bytes[i] >= ' ' && bytes[i] <= '~' ? bytes[i] : '?');
    to[count] = '\0';
}

uint64_t
godwit__otlp_reply_read (const uint8_t *bytes, size_t size, char *text, size_t text_size)
{
    text[0] = '\0';
    Godwit__Otlp__ExportTraceServiceResponse *const response =
        godwit__otlp__export_trace_service_response__unpack (NULL, size, bytes);
    if (!response) {
        snprintf (text, text_size, "the collector accepted a request with an answer that cannot be read");
        return 0;
    }
    uint64_t rejected = 0;
    const Godwit__Otlp__ExportTracePartialSuccess *const partial = response->partial_success;
    if (partial && partial->rejected_spans > 0)
        rejected = (uint64_t) partial->rejected_spans;
    if (partial)
        godwit__otlp_reply_text (text, text_size, partial->error_message, strlen (partial->error_message));
    godwit__otlp__export_trace_service_response__free_unpacked (response, NULL);
    return rejected;
}
