/* SPDX-License-Identifier: Apache-2.0 */
/* Spans for OpenTelemetry collectors, by OTLP over HTTP (docs/tracing.md): the component godwit-otlp. Link
 * with -lgodwit-otlp.
 *
 * An exporter reads the black box of a transport, in which each finished call, cast, fanout and request has a
 * record, and sends these as spans. It has one thread, godwit-otlp, and is never in the way of a call: what
 * the black box has overwritten before the exporter read it is counted as dropped. The spans that it keeps
 * are bounded, too: one export at a time, of at most 512 spans and 1 MiB.
 *
 * Threads: any thread may call these functions; destroy when no other thread uses the exporter any more, and
 * before the transport. In a child of a fork all of them do nothing (FORKED).
 */
#ifndef GODWIT_OTLP_H
#define GODWIT_OTLP_H

#include <godwit/transport.h>

GODWIT_BEGIN_DECLS

typedef struct godwit_otlp_exporter godwit_otlp_exporter_t;

/* How spans are exported. Zero and NULL are the defaults, with which the comments begin. A variable of the
 * environment that is named here is used if the option is not set; a program that was started with more
 * rights than its user (setuid) ignores them. */
typedef struct godwit_otlp_options {
    size_t struct_size;
    /* "http://localhost:4318": the collector, to which "/v1/traces" is appended. http or https, with no
     * query, and no user or password: those belong into headers.
     * OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: the whole URL, to which nothing is appended, or else
     * OTEL_EXPORTER_OTLP_ENDPOINT. */
    const char *endpoint;
    /* OTEL_SERVICE_NAME, or service.name of OTEL_RESOURCE_ATTRIBUTES, or else "unknown_service:PROGRAM". */
    const char *service_name;
    /* None: further headers of each request, "name=value,name=value"; other characters than letters, digits
     * and "-._~" may be written as %XX. OTEL_EXPORTER_OTLP_TRACES_HEADERS, OTEL_EXPORTER_OTLP_HEADERS. */
    const char *headers;
    int64_t interval_ms; /* 1000: how often the black box is read; at most an hour */
    int64_t timeout_ms;  /* 10000: of one request, of a flush and of destroy; at most 10 minutes */
    /* 1, all: one of so many traces is exported. Its id decides, so that all processes with the same number
     * choose the same traces. */
    int64_t sample_one_in;
    /* 1000: calls that failed or took at least so long are exported whatever sample_one_in says; -1: only
     * those that failed. */
    int64_t slow_ms;
} godwit_otlp_options_t;

/* Makes the options of an exporter: GODWIT_OTLP_OPTIONS (.sample_one_in = 100); see docs/tracing.md. The
 * result is a pointer. */
#define GODWIT_OTLP_OPTIONS(...)                                                                             \
    (&(const godwit_otlp_options_t){.struct_size = sizeof (godwit_otlp_options_t), __VA_ARGS__})

/* Makes an exporter of the spans of a transport, and starts its thread (docs/tracing.md). options NULL: the
 * defaults. The options are copied; the transport is borrowed, until the exporter is destroyed. *exporter
 * belongs to the caller. Does not connect: whether the collector can be reached, godwit_otlp_flush tells.
 * INVALID_ARGUMENT: an option, or a variable of the environment, by name. SYSTEM: no thread, or libcurl does
 * not start. OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_otlp_new (godwit_otlp_exporter_t **exporter,
                                               godwit_transport_t *transport,
                                               const godwit_otlp_options_t *options, godwit_error_t **error);

/* Ends an exporter, and sets *exporter to NULL (docs/tracing.md). What has finished by now is exported
 * before, but for no longer than timeout_ms, whether the collector answers or not. Accepts NULL and a pointer
 * to NULL. */
GODWIT_EXPORT void godwit_otlp_destroy (godwit_otlp_exporter_t **exporter);

/* Exports at once what has finished by now, and waits for it, at most timeout_ms (docs/tracing.md). TIMEOUT:
 * it is not done yet, and goes on. DELIVERY_FAILURE: spans were given up or rejected meanwhile; the text has
 * the last reason. Nobody has to call this: the exporter does it every interval_ms. */
GODWIT_EXPORT godwit_status_t godwit_otlp_flush (godwit_otlp_exporter_t *exporter, godwit_error_t **error);

/* What an exporter has done since it was made. */
typedef struct godwit_otlp_stats {
    uint64_t spans_exported;  /* that the collector has accepted */
    uint64_t spans_unsampled; /* left out by sample_one_in */
    /* Dropped: the black box had overwritten them before they were read. A few numbers of records that it has
     * left out itself are counted here, too, while calls run for long. */
    uint64_t spans_overwritten;
    /* Dropped: they were read and then given up: refused, tried too often, no memory; or they have no ids,
     * because their client is of an older release. */
    uint64_t spans_dropped;
    uint64_t spans_rejected; /* that the collector did not take of what it accepted (partial success) */
    uint64_t exports;        /* requests that were accepted */
    uint64_t failures;       /* requests that failed, also if they were tried again */
    uint64_t retries;        /* requests that were tried again */
    char last_problem[256];  /* why the last request failed, or what the collector said; "": nothing yet */
} godwit_otlp_stats_t;

/* Reads the figures of an exporter (docs/tracing.md); in a child of a fork all are 0. It writes at most
 * `size` bytes, which is sizeof the struct that the caller knows. Any thread. */
GODWIT_EXPORT void godwit_otlp_stats (godwit_otlp_exporter_t *exporter, godwit_otlp_stats_t *stats,
                                      size_t size);

GODWIT_END_DECLS

#endif
