/* SPDX-License-Identifier: Apache-2.0 */
/* Trace context: which calls belong together (docs/contract.md, section 14; W3C Trace Context).
 *
 * Each call, cast and fanout has a span id, which is new, and a trace id. A call that a handler makes has the
 * trace id of the request that the handler runs for; any other call begins a trace of its own, unless the
 * thread has a trace (godwit_trace_set). Both ids travel to the server with the request, so a trace can be
 * followed through all processes that it passes. The span id of a call is its *id*: errors show it
 * (godwit_error_call_id), and `godwit why ID` explains what became of it.
 *
 * Nothing of this has to be switched on. A program that has tracing of its own, such as that of
 * OpenTelemetry, gives the trace of its thread to the library with godwit_trace_set.
 *
 * Threads: the current trace is the thread's own. */
#ifndef GODWIT_TRACE_H
#define GODWIT_TRACE_H

#include <godwit/error.h>
#include <godwit/server.h>

#include <stdbool.h>
#include <stdint.h>

GODWIT_BEGIN_DECLS

/* A trace context. No id is all zero. Its size stays as it is. */
typedef struct godwit_trace {
    uint8_t trace_id[16];
    uint8_t span_id[8]; /* of the call, request or other work that is going on */
    uint8_t flags;      /* bit 0: somebody records the trace */
} godwit_trace_t;

/* The bytes of a traceparent as text, with the '\0'. */
#define GODWIT_TRACEPARENT_SIZE 56

/* Writes a trace as W3C's traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01". */
GODWIT_EXPORT void godwit_trace_print (const godwit_trace_t *trace, char text[GODWIT_TRACEPARENT_SIZE]);
/* Reads W3C's traceparent. Versions after 00 are read as far as they are the same. INVALID_ARGUMENT: it is
 * NULL or none; *trace is untouched then. */
GODWIT_EXPORT godwit_status_t godwit_trace_parse (godwit_trace_t *trace, const char *text,
                                                  godwit_error_t **error);

/* Reads the trace of this thread. In a handler it is that of its request: the trace id, and a span id that
 * stands for the run of the handler. In the callback of an asynchronous call it is the trace that was current
 * where the call was made. A log function (godwit_log_fn) runs on the thread whose line it gets: so what it
 * reads here is the trace that the line belongs to. False: the thread has none, and *trace is untouched. */
GODWIT_EXPORT bool godwit_trace_current (godwit_trace_t *trace);
/* Sets the trace of this thread: calls that it makes from now on belong to it. trace is copied; NULL: it has
 * none. A handler's or callback's ends when it returns. */
GODWIT_EXPORT void godwit_trace_set (const godwit_trace_t *trace);

/* Reads the trace of a request, as in its handler: for requests that were kept. If its client, of an older
 * release, has sent none, it is one of its own. Whoever holds the request. */
GODWIT_EXPORT void godwit_request_trace (const godwit_request_t *request, godwit_trace_t *trace);

/* Returns the id of the call, cast or fanout that an error ended: 16 hexadecimal digits. NULL: it ended none,
 * or none that was begun. Borrowed from the error. error may be NULL. */
GODWIT_EXPORT const char *godwit_error_call_id (const godwit_error_t *error);

GODWIT_END_DECLS

#endif
