/* SPDX-License-Identifier: Apache-2.0 */
/* From a request's body to its method. */
#include "src/server/request_call.h"

#include "src/error/error.h"
#include "src/server/reply.h"
#include "src/server/request_rights.h"
#include "src/server/request_serialized.h"
#include "src/server/server.h"
#include "src/value/slots.h"

#include <stdlib.h>
#include <string.h>

static godwit_status_t
fill_params (godwit_request_t *request, godwit_error_t **error)
{
    const godwit_method_t *const method = &request->route->method;
    if (!method->slots)
        return GODWIT_OK;
    if (method->params_size <= sizeof request->params_room) {
        request->params = request->params_room;
        memset (request->params, 0, method->params_size);
    } else if (!(request->params = calloc (1, method->params_size))) {
        return godwit__error_no_memory (error);
    }
    static const godwit__path_t root = {NULL, "args", 0};
    const godwit__slots_t slots = {method->slots, method->slot_size, method->slot_count, true};
    return godwit__slots_fill (godwit_request_args (request), &slots, request->params, &root, error);
}

/* What its handler reads of a NOTIFY is its frame. */
static bool
prepare_notify (godwit_request_t *request)
{
    static const struct godwit_value nothing = {.type = GODWIT_TYPE_LIST};
    request->body = &nothing;
    request->route = godwit__dispatch_first (request->server->dispatch);
    return true;
}

bool
godwit__request_prepare (godwit_request_t *request, bool *malformed)
{
    godwit_error_t *error = NULL;
    *malformed = false;
    if (request->is_notify)
        return prepare_notify (request);
    *malformed = !godwit__request_decode (request);
    if (*malformed) {
        GODWIT__COUNT (request->pool->transport, frames_malformed);
        godwit__request_refuse (request, GODWIT__NACK_MALFORMED);
        return false;
    }
    godwit_status_t status = godwit__dispatch_find (
        request->server->dispatch, godwit__request_part (request, 1), godwit__request_part (request, 3),
        godwit__request_part (request, 4), &request->route, &error);
    /* Before an error could tell of methods and versions. */
    if (!godwit__request_is_allowed (request)) {
        godwit_error_destroy (&error);
        return false;
    }
    /* A serializer is the program's own code, and may be slow: it belongs to the run. */
    if (!status && !request->server->serializer)
        status = fill_params (request, &error);
    if (status) {
        godwit__metric_t *const metric = godwit__request_metric (request);
        godwit__metric_started (metric);
        godwit__request_reject (request, error);
        godwit__metric_ended (metric, 0, request->failure);
    }
    return !status;
}

/* Deserializes the request. False: it cannot be run, and its sender was told. */
static bool
take_serialized (godwit_request_t *request)
{
    godwit_error_t *error = NULL;
    godwit_status_t status = godwit__request_deserialize (request, godwit__request_sent_context (request),
                                                          godwit__request_part (request, 2), &error);
    if (!status)
        status = fill_params (request, &error);
    if (status)
        godwit__request_reject (request, error);
    return !status;
}

/* The error of a handler that returned this instead of OK, without a reply. */
static godwit_error_t *
failure_of (const godwit_request_t *request, godwit_status_t status)
{
    if ((unsigned) status < GODWIT_STATUS_COUNT)
        return godwit_error_new (status, "%s", godwit_status_text (status));
    return godwit_error_new (GODWIT_ERR_FAILED,
                             "the handler of %.64s returned %d, which is no status of Godwit",
                             godwit_request_method (request), (int) status);
}

static void
run_method (godwit_request_t *request)
{
    godwit__route_t *const route = request->route;
    void *const self = godwit__dispatch_self (request->server->dispatch, route);
    atomic_store_explicit (&request->runs, &route->method, memory_order_release);
    if (request->server->serializer && !take_serialized (request))
        return;
    const godwit_status_t status = route->method.handler (request, self);
    if (!request->kept && request->cancel.callback) /* in this order: a kept request may get one now */
        godwit__cancel_over (request); /* the callback may reply: wait, then look whether it did */
    if (status == GODWIT_OK &&
        (request->kept || atomic_load_explicit (&request->replied, memory_order_relaxed)))
        return;
    if (status == GODWIT_OK)
        godwit_request_reply (request, (godwit_field_t){.type = GODWIT_TYPE_NIL});
    else if (!atomic_load_explicit (&request->replied, memory_order_relaxed))
        godwit__request_fail (request, failure_of (request, status));
}

/* A request that was kept may be gone when its handler has returned: its trace must not be. */
void
godwit__request_call (godwit_request_t *request)
{
    const godwit_trace_t trace = request->trace;
    godwit__trace_scope_t scope;
    godwit__trace_enter (&scope, &trace);
    run_method (request);
    godwit__trace_leave (&scope);
}
