/* SPDX-License-Identifier: Apache-2.0 */
/* What the black box knows of recent calls. */
#include "src/introspection/look.h"

#include "src/base/wall.h"
#include "src/blackbox/read.h"
#include "src/error/error.h"

#include <string.h>

#define LIMIT 100
#define LIMIT_MAX 1000

static godwit_status_t
check (const godwit__calls_params_t *params, godwit_error_t **error)
{
    if (params->limit < 0 || params->limit > LIMIT_MAX)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "args.limit: expected a number from 0 to %d, got %lld", LIMIT_MAX,
                                  (long long) params->limit);
    if (params->last_ms < 0)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "args.last_ms: expected a number of at least 0, got %lld",
                                  (long long) params->last_ms);
    return GODWIT_OK;
}

/* What is not for who asks is left out. */
static bool
may_see (const void *user, const char *exchange, const char *topic)
{
    return godwit__look_may (user, exchange, topic);
}

godwit_status_t
godwit__look_calls (const godwit__look_t *look, godwit_builder_t *builder, godwit_error_t **error)
{
    const godwit__calls_params_t *const params = look->params;
    godwit__box_snapshot_t snapshot;
    godwit__box_id_t id;
    const int64_t now_ns = godwit__transport_now (look->transport);
    godwit_status_t status = check (params, error);
    if (status == GODWIT_OK)
        status = godwit__box_id_read (&id, params->id, error);
    if (status == GODWIT_OK)
        status = godwit__box_read (&snapshot, look->transport->box, error);
    if (status)
        return status;
    godwit__box_filter_t filter = {
        .after = params->after,
        .limit = params->limit ? (size_t) params->limit : LIMIT,
        .exchange = params->exchange,
        .topic = params->topic,
        .method = params->method,
        .server = params->server,
        .failed = params->failed,
        .running = params->running,
        .slowest = params->slowest,
        .now_ns = now_ns,
        .since_ns = params->last_ms ? now_ns - godwit__ns_of_ms (params->last_ms) : 0,
        .may_see = may_see,
        .may_see_user = look,
    };
    godwit__box_filter_id (&filter, &id);
    godwit__look_process (look, builder);
    godwit_builder_int (builder, "now", godwit__wall_ns ());
    const int64_t oldest_ns = snapshot.count ? snapshot.calls[0].at_ns : now_ns;
    godwit_builder_int (builder, "oldest", snapshot.head.wall_ns + (oldest_ns - snapshot.head.monotonic_ns));
    godwit_builder_open_list (builder, "calls");
    const bool is_told = godwit__box_tell (&snapshot, &filter, builder);
    godwit_builder_close (builder);
    godwit__box_forget (&snapshot);
    return is_told ? GODWIT_OK : godwit__error_no_memory (error);
}
