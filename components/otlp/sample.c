/* SPDX-License-Identifier: Apache-2.0 */
#include "components/otlp/sample.h"

#include "components/otlp/record.h"

/* The last eight bytes are the ones that are random in any case (W3C Trace Context, level 2). */
static uint64_t
number_of (const uint8_t trace[16])
{
    uint64_t number = 0;
    for (int i = 8; i < 16; i++)
        number = number << 8 | trace[i];
    return number;
}

bool
godwit__otlp_sample (const godwit_value_t *record, int64_t one_in, int64_t slow_ms)
{
    uint8_t trace[16];
    if (one_in <= 1 || godwit__otlp_record_has_failed (record))
        return true;
    if (slow_ms >= 0 && godwit__otlp_record_duration_ns (record) / 1000000 >= slow_ms)
        return true;
    return !godwit__otlp_record_id (record, "trace", trace, sizeof trace) ||
           number_of (trace) % (uint64_t) one_in == 0;
}
