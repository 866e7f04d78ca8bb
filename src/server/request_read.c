/* SPDX-License-Identifier: Apache-2.0 */
/* The functions by which a handler reads its request. */
#include <godwit/client.h>

#include "src/server/request.h"

const char *
godwit_request_method (const godwit_request_t *request)
{
    return godwit_value_as_str (godwit__request_part (request, 1), "");
}

const godwit_value_t *
godwit_request_context (const godwit_request_t *request)
{
    return request->args ? request->context : godwit__request_sent_context (request);
}

const godwit_value_t *
godwit_request_args (const godwit_request_t *request)
{
    return request->args ? request->args : godwit__request_part (request, 2);
}

const void *
godwit_request_params (const godwit_request_t *request)
{
    return request->params;
}

const char *
godwit_request_name_space (const godwit_request_t *request)
{
    return godwit_value_as_str (godwit__request_part (request, 3), NULL);
}

const char *
godwit_request_version (const godwit_request_t *request)
{
    return godwit_value_as_str (godwit__request_part (request, 4), NULL);
}

const char *
godwit_request_peer (const godwit_request_t *request)
{
    return request->caller ? godwit__caller_name (request->caller) : NULL;
}

void
godwit_request_trace (const godwit_request_t *request, godwit_trace_t *trace)
{
    if (request && trace)
        *trace = request->trace;
}

bool
godwit_request_is_cast (const godwit_request_t *request)
{
    return request->is_cast;
}

bool
godwit_request_is_redelivered (const godwit_request_t *request)
{
    return request->is_redelivered;
}

int64_t
godwit_request_remaining_ms (const godwit_request_t *request)
{
    if (request->deadline_ns == GODWIT__NEVER)
        return GODWIT_CLEAR_INT;
    const int64_t left = request->deadline_ns - godwit__clock_now (&request->pool->clock);
    /* Rounded up: 0 would mean "not given". */
    return left > 0 ? (left + GODWIT__NS_PER_MS - 1) / GODWIT__NS_PER_MS : GODWIT_TIMEOUT_ZERO;
}
