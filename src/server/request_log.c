/* SPDX-License-Identifier: Apache-2.0 */
/* Writes to the log that a request has failed (contract 5). */
#include "src/server/request_log.h"

#include "src/base/hash.h"
#include "src/error/error.h"
#include "src/runtime/warnings.h"
#include "src/server/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_SECOND_REPLY = 0x73 };

static bool
ends_with (const char *text, const char *end)
{
    const size_t size = strlen (text);
    const size_t end_size = strlen (end);
    return size >= end_size && strcmp (text + size - end_size, end) == 0;
}

/* Contract 5: true for errors that the method says it may fail with, for a missing method if the caller said
 * that it may be missing, and for the end of what nobody waits for any more. */
static bool
is_expected (const godwit_request_t *request, const godwit_error_t *error)
{
    if (!request->route)
        return godwit_error_status (error) == GODWIT_ERR_NO_SUCH_METHOD &&
               ends_with (godwit_request_method (request), "_ignore_errors");
    if (godwit_error_status (error) == GODWIT_ERR_CANCELLED && atomic_load (&request->cancel.is_marked))
        return true;
    const godwit_error_class_t *const *expected = request->route->method.expected;
    for (; expected && *expected; expected++)
        if (godwit_error_is (error, *expected))
            return true;
    return false;
}

static void
log_line (const godwit_request_t *request, godwit_log_level_t level, const godwit_error_t *error)
{
    const godwit_target_t *const target = &request->server->target;
    char prefix[512];
    snprintf (prefix, sizeof prefix,
              "server %.64s of topic %.64s: the method %.64s failed%s: ", target->server, target->topic,
              godwit_request_method (request), level == GODWIT_LOG_DEBUG ? " as expected" : "");
    char *const line = godwit__error_line (prefix, error);
    godwit__log_text (request->pool->transport, level, line ? line : "a method failed, and memory is short");
    free (line);
}

/* The server, its tables and the transport may be gone, or go now, if the request was kept. True: they stay
 * until godwit__pool_leave. */
static bool
enter (const godwit_request_t *request, const godwit_error_t *error, bool *expected)
{
    godwit__pool_t *const pool = request->pool;
    godwit__pool_lock (pool);
    const bool may_log = godwit__request_has_server (request);
    if (may_log)
        pool->users++;
    *expected = may_log && error && is_expected (request, error);
    godwit__pool_unlock (pool);
    return may_log;
}

void
godwit__request_log_failure (const godwit_request_t *request, const godwit_error_t *error)
{
    godwit__pool_t *const pool = request->pool;
    const bool kept = request->kept;
    bool expected = false;
    if (kept && !enter (request, error, &expected))
        return;
    if (!kept)
        expected = is_expected (request, error);
    const godwit_log_level_t level = expected ? GODWIT_LOG_DEBUG : GODWIT_LOG_ERROR;
    if (godwit__logs (pool->transport, level))
        log_line (request, level, error);
    if (kept)
        godwit__pool_leave (pool);
}

void
godwit__request_log_second_reply (const godwit_request_t *request)
{
    godwit__pool_t *const pool = request->pool;
    const bool kept = request->kept;
    bool expected;
    if (kept && !enter (request, NULL, &expected))
        return;
    const godwit_target_t *const target = &request->server->target;
    const char *const method = godwit_request_method (request);
    godwit__warn (pool->transport, godwit__hash_text (KEY_SECOND_REPLY ^ request->server->id, method),
                  "server %.64s of topic %.64s: the method %.64s replied a second time to a request; only "
                  "the first reply counts",
                  target->server, target->topic, method);
    if (kept)
        godwit__pool_leave (pool);
}
