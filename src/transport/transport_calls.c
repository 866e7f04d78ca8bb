/* SPDX-License-Identifier: Apache-2.0 */
/* What a program can ask of its black box. */
#include "src/blackbox/read.h"
#include "src/error/error.h"
#include "src/error/struct_size.h"
#include "src/runtime/transport.h"

#include <string.h>

#define LIMIT 100

/* An id as it was given. */
typedef struct wanted {
    uint8_t bytes[16];
    size_t size; /* 8: of a call; 16: of a trace; 0: any */
} wanted_t;

static int
digit_of (char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
read_id (wanted_t *wanted, const char *id)
{
    const size_t length = id ? strlen (id) : 0;
    wanted->size = length / 2;
    if (length != 0 && length != 16 && length != 32)
        return false;
    for (size_t i = 0; i < wanted->size; i++) {
        const int high = digit_of (id[2 * i]);
        const int low = digit_of (id[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        wanted->bytes[i] = (uint8_t) (high << 4 | low);
    }
    return true;
}

static godwit__box_filter_t
filter_of (const godwit_calls_options_t *options, const wanted_t *wanted, int64_t now_ns)
{
    godwit__box_filter_t filter = {
        .after = options->after,
        .limit = options->limit ? options->limit : LIMIT,
        .trace_id = wanted->size == 16 ? wanted->bytes : NULL,
        .exchange = options->exchange,
        .topic = options->topic,
        .method = options->method,
        .server = options->server,
        .failed = options->failed,
        .running = options->running,
        .slowest = options->slowest,
        .now_ns = now_ns,
        .since_ns = options->last_ms > 0 ? now_ns - options->last_ms * GODWIT__NS_PER_MS : 0,
    };
    if (wanted->size == 8)
        memcpy (&filter.span, wanted->bytes, sizeof filter.span);
    return filter;
}

static godwit_status_t
tell (const godwit_transport_t *transport, const godwit_calls_options_t *options, const wanted_t *wanted,
      godwit_value_t **calls, godwit_error_t **error)
{
    godwit__box_snapshot_t snapshot;
    const godwit_status_t status = godwit__box_read (&snapshot, transport->box, error);
    if (status)
        return status;
    const godwit__box_filter_t filter = filter_of (options, wanted, godwit__transport_now (transport));
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_list (builder, NULL);
    godwit__box_tell (&snapshot, &filter, builder);
    godwit_builder_close (builder);
    godwit__box_forget (&snapshot);
    return godwit_builder_finish (&builder, calls, error);
}

godwit_status_t
godwit_transport_calls (const godwit_transport_t *transport, const godwit_calls_options_t *options,
                        godwit_value_t **calls, godwit_error_t **error)
{
    godwit_calls_options_t given;
    wanted_t wanted;
    if (!transport || !calls)
        return godwit__error_null (error, transport ? "calls" : "transport");
    godwit_status_t status = godwit__struct_read (&godwit__struct_calls_options, &given, options, error);
    if (status == GODWIT_OK)
        status = godwit__transport_check (transport, error);
    if (status)
        return status;
    if (!read_id (&wanted, given.id))
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "id: expected the 16 digits of a call or the 32 of a trace, got \"%.64s\"",
                                  given.id);
    return tell (transport, &given, &wanted, calls, error);
}
