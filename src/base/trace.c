/* SPDX-License-Identifier: Apache-2.0 */
#include "src/base/trace.h"

#include <sodium.h>

_Thread_local const godwit_trace_t *godwit__trace_now;

/* What the program has set. */
static _Thread_local godwit_trace_t thread_trace;

void
godwit__trace_restore (const godwit__trace_scope_t *scope)
{
    if (scope->before == &thread_trace)
        thread_trace = scope->copy;
}

void
godwit_trace_set (const godwit_trace_t *trace)
{
    godwit__trace_now = NULL;
    if (!trace)
        return;
    thread_trace = *trace;
    godwit__trace_now = &thread_trace;
}

bool
godwit_trace_current (godwit_trace_t *trace)
{
    if (!trace || !godwit__trace_now)
        return false;
    *trace = *godwit__trace_now;
    return true;
}

/* Odd, so that its multiples come to all numbers: 2^64 divided by the golden ratio. */
#define STEP UINT64_C (0x9e3779b97f4a7c15)

void
godwit__trace_source_init (godwit__trace_source_t *source, const uint8_t random[16])
{
    memcpy (&source->prefix, random, sizeof source->prefix);
    memcpy (&source->seed, random + sizeof source->prefix, sizeof source->seed);
    /* The bytes are told to others as they are; an id is never all zero. */
    source->prefix = godwit__trace_mix (source->prefix);
    atomic_init (&source->count, 0);
}

void
godwit__trace_source_split (godwit__trace_source_t *source, const godwit__trace_source_t *first)
{
    source->prefix = godwit__trace_mix (first->prefix);
    source->seed = godwit__trace_mix (first->seed ^ STEP);
    atomic_init (&source->count, 0);
}

void
godwit__trace_begin (godwit__trace_source_t *source, godwit_trace_t *trace, uint64_t *parent)
{
    const godwit_trace_t *const now = godwit__trace_now;
    const uint64_t count = atomic_fetch_add_explicit (&source->count, 1, memory_order_relaxed);
    const uint64_t span = godwit__trace_mix (source->seed + count * STEP);
    if (now) {
        *trace = *now;
        *parent = godwit__trace_span (now);
    } else {
        const uint64_t low = godwit__trace_mix (span + STEP);
        memcpy (trace->trace_id, &source->prefix, sizeof source->prefix);
        memcpy (trace->trace_id + sizeof source->prefix, &low, sizeof low);
        trace->flags = 1;
        *parent = 0;
    }
    memcpy (trace->span_id, &span, sizeof span);
}

/* Returns where the text goes on. */
static char *
put_hex (char *to, const uint8_t *bytes, size_t size)
{
    sodium_bin2hex (to, 2 * size + 1, bytes, size);
    return to + 2 * size;
}

void
godwit__trace_span_text (uint64_t span, char text[GODWIT__SPAN_TEXT_SIZE])
{
    uint8_t bytes[sizeof span];
    memcpy (bytes, &span, sizeof span);
    put_hex (text, bytes, sizeof bytes);
}

void
godwit_trace_print (const godwit_trace_t *trace, char text[GODWIT_TRACEPARENT_SIZE])
{
    char *at = stpcpy (text, "00-");
    at = put_hex (at, trace->trace_id, sizeof trace->trace_id);
    *at++ = '-';
    at = put_hex (at, trace->span_id, sizeof trace->span_id);
    *at++ = '-';
    put_hex (at, &trace->flags, 1);
}
