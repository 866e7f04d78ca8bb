/* SPDX-License-Identifier: Apache-2.0 */
/* Writes to the log that a request has failed (contract 5). */
#include "src/server/request_log.h"

#include "src/error/error.h"
#include "src/server/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
ends_with (const char *text, const char *end)
{
    const size_t size = strlen (text);
    const size_t end_size = strlen (end);
    return size >= end_size && strcmp (text + size - end_size, end) == 0;
}

/* Contract 5: true for errors that the method says it may fail with, and for a missing method if the caller
 * said that it may be missing. */
static bool
is_expected (const godwit_request_t *request, const godwit_error_t *error)
{
    if (!request->route)
        return godwit_error_status (error) == GODWIT_ERR_NO_SUCH_METHOD &&
               ends_with (godwit_request_method (request), "_ignore_errors");
    const godwit_error_class_t *const *expected = request->route->method.expected;
    for (; expected && *expected; expected++)
        if (godwit_error_is (error, *expected))
            return true;
    return false;
}

static void
log_line (const godwit_request_t *request, godwit_log_level_t level, const godwit_error_t *error)
{
    char prefix[128];
    snprintf (prefix, sizeof prefix, "the method %.64s failed%s: ", godwit_request_method (request),
              level == GODWIT_LOG_DEBUG ? " as expected" : "");
    char *const line = godwit__error_line (prefix, error);
    godwit__log_text (request->pool->transport, level, line ? line : "a method failed, and memory is short");
    free (line);
}

void
godwit__request_log_failure (const godwit_request_t *request, const godwit_error_t *error)
{
    godwit__pool_t *const pool = request->pool;
    godwit_log_level_t level = GODWIT_LOG_ERROR;
    if (!request->kept) {
        if (is_expected (request, error))
            level = GODWIT_LOG_DEBUG;
        if (godwit__logs (pool->transport, level))
            log_line (request, level, error);
        return;
    }
    /* The server, its tables and the transport may be gone, or go now. */
    godwit__pool_lock (pool);
    const bool may_log = godwit__request_has_server (request);
    if (may_log) {
        pool->users++;
        if (is_expected (request, error))
            level = GODWIT_LOG_DEBUG;
    }
    godwit__pool_unlock (pool);
    if (!may_log)
        return;
    if (godwit__logs (pool->transport, level))
        log_line (request, level, error);
    godwit__pool_leave (pool);
}
