/* SPDX-License-Identifier: Apache-2.0 */
/* Reading W3C's traceparent: VERSION-TRACE-SPAN-FLAGS, in lower case. */
#include "src/base/trace.h"
#include "src/error/error.h"

/* A digit's value, or -1. The standard knows lower case alone. */
static int
digit_of (char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* False: these are not size bytes. Stops at the end of the text. */
static bool
read_hex (const char **at, uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        const int high = digit_of ((*at)[0]);
        const int low = high < 0 ? -1 : digit_of ((*at)[1]);
        if (low < 0)
            return false;
        bytes[i] = (uint8_t) (high << 4 | low);
        *at += 2;
    }
    return true;
}

static bool
read_dash (const char **at)
{
    return *(*at)++ == '-';
}

static bool
is_zero (const uint8_t *bytes, size_t size)
{
    uint8_t all = 0;
    for (size_t i = 0; i < size; i++)
        all |= bytes[i];
    return all == 0;
}

static bool
read_trace (godwit_trace_t *trace, const char *text)
{
    uint8_t version;
    const char *at = text;
    return read_hex (&at, &version, 1) && version != 0xff && read_dash (&at) &&
           read_hex (&at, trace->trace_id, sizeof trace->trace_id) && read_dash (&at) &&
           read_hex (&at, trace->span_id, sizeof trace->span_id) && read_dash (&at) &&
           read_hex (&at, &trace->flags, 1) && (*at == '\0' || (version > 0 && *at == '-')) &&
           !is_zero (trace->trace_id, sizeof trace->trace_id) &&
           !is_zero (trace->span_id, sizeof trace->span_id);
}

godwit_status_t
godwit_trace_parse (godwit_trace_t *trace, const char *text, godwit_error_t **error)
{
    godwit_trace_t read;
    if (!trace || !text)
        return godwit__error_null (error, trace ? "text" : "trace");
    if (!read_trace (&read, text))
        return godwit__error_set (
            error, GODWIT_ERR_INVALID_ARGUMENT,
            "traceparent: expected 00-TRACE-SPAN-FLAGS (32, 16 and 2 hexadecimal digits in "
            "lower case, ids not all 0), got \"%.64s\"",
            text);
    *trace = read;
    return GODWIT_OK;
}
