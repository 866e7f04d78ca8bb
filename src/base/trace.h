/* SPDX-License-Identifier: Apache-2.0 */
/* Trace contexts: how they are made, how they travel (docs/protocol.md 4.2), and the one of this thread. */
#ifndef GODWIT_SRC_BASE_TRACE_H
#define GODWIT_SRC_BASE_TRACE_H

#include <godwit/trace.h>

#include <stdatomic.h>
#include <string.h>

/* As it travels: trace id, span id, flags; the struct itself. */
#define GODWIT__TRACE_SIZE 25

_Static_assert(sizeof (godwit_trace_t) == GODWIT__TRACE_SIZE, "a trace travels as it lies in memory");

/* Of this thread; NULL: it has none. Borrowed from whoever set it, who sets the one before again. */
extern _Thread_local const godwit_trace_t *godwit__trace_now
    __attribute__ ((tls_model ("initial-exec"))); /* one instruction to read it, not a call */

/* What was current before code of the program runs with a trace of its own. */
typedef struct godwit__trace_scope {
    const godwit_trace_t *before;
    godwit_trace_t copy; /* of it: the code may set another one in its place */
} godwit__trace_scope_t;

/* Makes trace the current one; NULL: none. It is borrowed until godwit__trace_leave. */
static inline void
godwit__trace_enter (godwit__trace_scope_t *scope, const godwit_trace_t *trace)
{
    scope->before = godwit__trace_now;
    if (scope->before)
        scope->copy = *scope->before;
    godwit__trace_now = trace;
}

void godwit__trace_restore (const godwit__trace_scope_t *scope);

static inline void
godwit__trace_leave (const godwit__trace_scope_t *scope)
{
    godwit__trace_now = scope->before;
    if (scope->before)
        godwit__trace_restore (scope);
}

/* Where new ids come from: random bytes, and a count. They look random, and do not come again. */
typedef struct godwit__trace_source {
    uint64_t seed;
    uint64_t prefix; /* of the trace ids */
    atomic_uint_fast64_t count;
} godwit__trace_source_t;

/* Of 16 random bytes. */
void godwit__trace_source_init (godwit__trace_source_t *source, const uint8_t random[16]);
/* Another source, whose ids are others than those of the first. */
void godwit__trace_source_split (godwit__trace_source_t *source, const godwit__trace_source_t *first);

/* The trace of work that begins now: a part of the trace of this thread, or one of its own. *parent: the span
 * id that it is a part of; 0: it begins a trace. Any thread. */
void godwit__trace_begin (godwit__trace_source_t *source, godwit_trace_t *trace, uint64_t *parent);

/* The last step of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
 * Never 0. */
static inline uint64_t
godwit__trace_mix (uint64_t number)
{
    number = (number ^ number >> 30) * UINT64_C (0xbf58476d1ce4e5b9);
    number = (number ^ number >> 27) * UINT64_C (0x94d049bb133111eb);
    number ^= number >> 31;
    return number ? number : 1;
}

/* The span of a handler's run, of the span id of its request: both ends can tell it. */
static inline uint64_t
godwit__trace_span_of_run (uint64_t span_id)
{
    return godwit__trace_mix (span_id ^ UINT64_C (0x9e3779b97f4a7c15));
}

static inline uint64_t
godwit__trace_span (const godwit_trace_t *trace)
{
    uint64_t span;
    memcpy (&span, trace->span_id, sizeof span);
    return span;
}

/* Span ids are numbers in the order of the bytes in memory: they are told in hexadecimal digits, byte by
 * byte. */
#define GODWIT__SPAN_TEXT_SIZE 17
void godwit__trace_span_text (uint64_t span, char text[GODWIT__SPAN_TEXT_SIZE]);

#endif
