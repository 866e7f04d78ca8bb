/* SPDX-License-Identifier: Apache-2.0 */
/* What a program can ask of its black box. */
#include "src/blackbox/read.h"
#include "src/error/error.h"
#include "src/error/struct_size.h"
#include "src/runtime/transport.h"

#define LIMIT 100

static godwit__box_filter_t
filter_of (const godwit_calls_options_t *options, const godwit__box_id_t *id, int64_t now_ns)
{
    godwit__box_filter_t filter = {
        .after = options->after,
        .limit = options->limit ? options->limit : LIMIT,
        .exchange = options->exchange,
        .topic = options->topic,
        .method = options->method,
        .server = options->server,
        .failed = options->failed,
        .running = options->running,
        .slowest = options->slowest,
        .oldest = options->oldest,
        .now_ns = now_ns,
        .since_ns = options->last_ms > 0 ? now_ns - godwit__ns_of_ms (options->last_ms) : 0,
    };
    godwit__box_filter_id (&filter, id);
    return filter;
}

static godwit_status_t
tell (const godwit_transport_t *transport, const godwit_calls_options_t *options, const godwit__box_id_t *id,
      godwit_value_t **calls, godwit_error_t **error)
{
    godwit__box_snapshot_t snapshot;
    const godwit_status_t status = godwit__box_read (&snapshot, transport->box, error);
    if (status)
        return status;
    const godwit__box_filter_t filter = filter_of (options, id, godwit__transport_now (transport));
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_list (builder, NULL);
    const bool is_told = godwit__box_tell (&snapshot, &filter, builder);
    godwit_builder_close (builder);
    godwit__box_forget (&snapshot);
    if (is_told)
        return godwit_builder_finish (&builder, calls, error);
    godwit_builder_destroy (&builder);
    return godwit__error_no_memory (error);
}

godwit_status_t
godwit_transport_calls (const godwit_transport_t *transport, const godwit_calls_options_t *options,
                        godwit_value_t **calls, godwit_error_t **error)
{
    godwit_calls_options_t given;
    godwit__box_id_t id;
    if (!transport || !calls)
        return godwit__error_null (error, transport ? "calls" : "transport");
    godwit_status_t status = godwit__struct_read (&godwit__struct_calls_options, &given, options, error);
    if (status == GODWIT_OK)
        status = godwit__transport_check (transport, error);
    if (status == GODWIT_OK)
        status = godwit__box_id_read (&id, given.id, error);
    return status ? status : tell (transport, &given, &id, calls, error);
}
