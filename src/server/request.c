#include "src/server/request.h"

#include <godwit/client.h>

#include "src/error/error.h"
#include "src/server/request_serialized.h"
#include "src/server/server.h"
#include "src/wire/wire.h"

#include <stdlib.h>
#include <string.h>

/* A reply of up to so many bytes is encoded on the stack. */
#define STACK_REPLY 1024

/* ---- memory ---- */

#define OWN_BLOCK_OFFSET                                                                                     \
    ((sizeof (godwit_request_t) + alignof (max_align_t) - 1) / alignof (max_align_t) * alignof (max_align_t))

static godwit__block_t *
own_block (godwit_request_t *request)
{
    return (godwit__block_t *) (void *) ((unsigned char *) request + OWN_BLOCK_OFFSET);
}

/* In the child of a fork() the socket is the parent's, and threads that it does not have may hold the locks.
 */
static bool
is_forked (const godwit_request_t *request)
{
    return !*request->pool->alive;
}

/* The last value of the block was given up. */
static void
release_own_block (godwit__block_t *block)
{
    godwit_request_t *const request =
        (godwit_request_t *) (void *) ((unsigned char *) block - OWN_BLOCK_OFFSET);
    if (atomic_fetch_sub_explicit (&request->parts, 1, memory_order_acq_rel) != 1)
        return;
    godwit__pool_t *const pool = request->pool;
    if (is_forked (request)) {
        godwit__request_free (request);
        return;
    }
    godwit__pool_lock (pool);
    godwit__pool_recycle (pool, request);
    godwit__pool_unlock (pool);
}

godwit_request_t *
godwit__request_new (godwit__pool_t *pool)
{
    godwit_request_t *const request = malloc (OWN_BLOCK_OFFSET + sizeof (godwit__block_t) +
                                              GODWIT__REQUEST_NODES * sizeof (struct godwit_value));
    if (!request)
        return NULL;
    godwit__block_t *const block = own_block (request);
    request->pool = pool;
    atomic_init (&request->replied, false);
    atomic_init (&request->kept, false);
    atomic_init (&request->cancel.is_marked, false);
    atomic_init (&request->cancel.is_watched, false);
    request->monitored = false;
    atomic_init (&request->refs, 0);
    atomic_init (&request->parts, 0);
    atomic_init (&block->refs, 0);
    block->capacity = GODWIT__REQUEST_NODES;
    block->encoded = NULL;
    block->release = release_own_block;
    return request;
}

void
godwit__request_free (godwit_request_t *request)
{
    free (request);
}

void
godwit__request_begin (godwit_request_t *request, godwit__port_t *port, godwit__origin_t origin,
                       const godwit__header_t *header, int64_t now_ns)
{
    request->next = NULL;
    request->port = port;
    request->inline_call = NULL;
    request->origin = origin;
    request->id = header->id;
    request->received_ns = now_ns;
    request->deadline_ns =
        header->budget_ms ? now_ns + (int64_t) header->budget_ms * GODWIT__NS_PER_MS : GODWIT__NEVER;
    request->is_fanout = header->type == GODWIT__PUBLICATION;
    request->is_cast = header->flags & GODWIT__FLAG_CAST || request->is_fanout;
    request->failed = false;
    atomic_store_explicit (&request->kept, false, memory_order_relaxed);
    atomic_store_explicit (&request->cancel.is_marked, false, memory_order_relaxed);
    atomic_store_explicit (&request->cancel.is_watched, false, memory_order_relaxed);
    request->cancel.callback = NULL;
    request->cancel.state = GODWIT__CANCEL_NONE;
    request->monitor_ns = 0;
    atomic_store_explicit (&request->replied, false, memory_order_relaxed);
    atomic_store_explicit (&request->refs, 1, memory_order_relaxed);
    atomic_store_explicit (&request->parts, 1, memory_order_relaxed);
    request->block = NULL;
    request->body = NULL;
    request->route = NULL;
    request->metric = NULL;
    request->args = NULL;
    request->params = NULL;
}

static void
release_parts (godwit_request_t *request)
{
    godwit__frame_release (&request->frame);
    if (request->params && request->params != request->params_room)
        free (request->params);
    request->params = NULL;
    if (request->args)
        godwit__request_forget_serialized (request);
    godwit__block_t *const block = request->block;
    if (!block)
        return;
    request->block = NULL;
    if (block == own_block (request) && atomic_load_explicit (&block->refs, memory_order_acquire) == 1) {
        /* Nobody else has a value of it, so nobody can get one: without the counting. */
        atomic_store_explicit (&block->refs, 0, memory_order_relaxed);
        atomic_store_explicit (&request->parts, 1, memory_order_relaxed);
        godwit__frame_release (&block->frame);
    } else {
        godwit__block_unref (block);
    }
}

/* With the lock: the request itself is over; its block may still be in use. */
static void
recycle_if_unused (godwit_request_t *request)
{
    if (atomic_load_explicit (&request->parts, memory_order_acquire) == 1 ||
        atomic_fetch_sub_explicit (&request->parts, 1, memory_order_acq_rel) == 1)
        godwit__pool_recycle (request->pool, request);
}

/* Its memory only. Values that were taken from it may stay longer. */
static void
free_in_child (godwit_request_t *request)
{
    release_parts (request);
    if (atomic_fetch_sub_explicit (&request->parts, 1, memory_order_acq_rel) == 1)
        godwit__request_free (request);
}

/* ---- sending ---- */

static void
free_reply (godwit__frame_t *frame)
{
    free (frame->data);
}

/* The reply of an inline call, for the thread that makes it. */
static void
store_reply (godwit__frame_t *reply, uint8_t *data, size_t size, bool on_heap)
{
    uint8_t *copy = on_heap ? data : malloc (size);
    if (!copy)
        return;
    if (!on_heap)
        memcpy (copy, data, size);
    *reply = (godwit__frame_t){.data = copy, .size = size, .release = free_reply};
}

static inline bool
send_now (godwit_request_t *request, uint8_t *data, size_t size, bool on_heap)
{
    if (request->port)
        return godwit__port_send (request->port, request->origin, data, size, on_heap);
    if (request->inline_call)
        store_reply (request->inline_call->reply, data, size, on_heap);
    else if (on_heap)
        free (data);
    return true;
}

/* Contract 5: a failing reply is logged, never fatal. */
static void
log_unsent (const godwit_request_t *request)
{
    const godwit_transport_t *const transport = request->pool->transport;
    if (godwit__logs (transport, GODWIT_LOG_WARNING))
        godwit__log (transport, GODWIT_LOG_WARNING,
                     "a reply of the method %.64s could not be sent: its caller is gone, or does not read",
                     godwit_request_method (request));
}

static inline void
send_reply (godwit_request_t *request, uint8_t *data, size_t size, bool on_heap)
{
    if (!send_now (request, data, size, on_heap))
        log_unsent (request);
}

/* A request that was kept may outlive its server, its caller and the transport; and while a callback replies,
 * its handler may keep it. */
static void
deliver_kept (godwit_request_t *request, uint8_t *data, size_t size, bool on_heap)
{
    godwit__pool_t *const pool = request->pool;
    godwit__pool_lock (pool);
    if (!godwit__request_has_server (request) || (!request->port && !request->inline_call)) {
        if (on_heap)
            free (data);
    } else if (!request->port) {
        send_now (request, data, size, on_heap);
        request->inline_call->done = true;
        request->inline_call = NULL;
        godwit__pool_changed (pool);
    } else {
        pool->senders++;
        godwit__pool_unlock (pool);
        send_reply (request, data, size, on_heap);
        godwit__pool_lock (pool);
        pool->senders--;
        godwit__pool_changed (pool);
    }
    godwit__pool_unlock (pool);
}

/* data is consumed if it is on the heap. */
static inline void
deliver (godwit_request_t *request, uint8_t *data, size_t size, bool on_heap)
{
    if (request->cancel.callback || request->kept)
        deliver_kept (request, data, size, on_heap);
    else
        send_reply (request, data, size, on_heap);
}

static void
send_failure (godwit_request_t *request, const godwit_error_t *error)
{
    uint8_t *data = NULL;
    const size_t size = godwit__failure_write (&data, request->id, request->pool->limits.size, error);
    if (size)
        deliver (request, data, size, true);
}

/* True if the caller of this function is the one who replies. */
static inline bool
claim_reply (godwit_request_t *request)
{
    if (atomic_exchange (&request->replied, true))
        return false;
    /* Both orders are total: either it is seen here that the request is watched, or there that it is over. */
    if (request->monitor_ns || atomic_load (&request->cancel.is_watched))
        godwit__call_monitor_remove (request);
    return true;
}

/* ---- failing ---- */

/* Consumes the error. */
static void
fail (godwit_request_t *request, godwit_error_t *error)
{
    if (claim_reply (request)) {
        request->failed = true;
        godwit__request_log_failure (request, error);
        if (!request->is_cast)
            send_failure (request, error);
    }
    godwit_error_destroy (&error);
}

void
godwit__request_refuse_saying (godwit_request_t *request, godwit__nack_t reason, const char *text)
{
    if (!claim_reply (request))
        return;
    GODWIT__COUNT (request->pool->transport, requests_refused);
    if (request->is_cast)
        return;
    uint8_t data[GODWIT__HEADER_SIZE + GODWIT__REFUSAL_TEXT + 2];
    const godwit__header_t header = {.type = GODWIT__NACK, .id = request->id, .aux = reason};
    godwit__writer_t writer = {.data = data, .size = GODWIT__HEADER_SIZE, .capacity = sizeof data};
    godwit__header_write (data, &header);
    if (text)
        godwit__write_str (&writer, text, strlen (text));
    send_now (request, data, writer.size, false);
}

void
godwit__request_refuse (godwit_request_t *request, godwit__nack_t reason)
{
    godwit__request_refuse_saying (request, reason, NULL);
}

/* ---- running ---- */

/* An element of the body, which is a list; NULL beyond its end. */
static inline const godwit_value_t *
part (const godwit_request_t *request, uint32_t index)
{
    const godwit_value_t *const body = request->body;
    return index < body->count ? body - body->index + body->as.first + index : NULL;
}

static bool
is_text_or_nil (const godwit_value_t *value)
{
    const godwit_type_t type = godwit_value_type (value);
    return type == GODWIT_TYPE_STR || type == GODWIT_TYPE_NIL;
}

static bool
decode (godwit_request_t *request)
{
    godwit__block_t *block = own_block (request);
    if (godwit__decode (&block, &request->frame, request->body_offset, &request->pool->limits, NULL))
        return false;
    if (block == own_block (request))
        atomic_store_explicit (&request->parts, 2, memory_order_relaxed);
    request->block = block;
    request->body = godwit__block_nodes (block);
    const uint32_t count = request->body->count;
    return request->body->type == GODWIT_TYPE_LIST && count >= 3 && count <= 5 &&
           godwit_value_type (part (request, 0)) == GODWIT_TYPE_MAP &&
           godwit_value_type (part (request, 1)) == GODWIT_TYPE_STR &&
           godwit_value_type (part (request, 2)) == GODWIT_TYPE_MAP && is_text_or_nil (part (request, 3)) &&
           is_text_or_nil (part (request, 4));
}

static godwit_status_t
fill_params (godwit_request_t *request, godwit_error_t **error)
{
    const godwit_method_t *const method = request->route->method;
    if (!method->slots)
        return GODWIT_OK;
    if (method->params_size <= sizeof request->params_room) {
        request->params = request->params_room;
        memset (request->params, 0, method->params_size);
    } else if (!(request->params = calloc (1, method->params_size))) {
        return godwit__error_no_memory (error);
    }
    return godwit_value_unpack (godwit_request_args (request), method->slots, method->slot_count,
                                request->params, "args", error);
}

/* Consumes the error: the method was not run. */
static void
reject (godwit_request_t *request, godwit_error_t *error)
{
    godwit__error_set_outcome_of (error, GODWIT_OUTCOME_REJECTED);
    fail (request, error);
}

bool
godwit__request_prepare (godwit_request_t *request, bool *malformed)
{
    godwit_error_t *error = NULL;
    *malformed = !decode (request);
    if (*malformed) {
        GODWIT__COUNT (request->pool->transport, frames_malformed);
        godwit__request_refuse (request, GODWIT__NACK_MALFORMED);
        return false;
    }
    godwit_status_t status =
        godwit__dispatch_find (request->server->dispatch, part (request, 1), part (request, 3),
                               part (request, 4), &request->route, &error);
    /* A serializer is the program's own, and may take its time: it is a part of the run. */
    if (!status && !request->server->serializer)
        status = fill_params (request, &error);
    if (status) {
        godwit__metric_t *const metric = godwit__request_metric (request);
        godwit__metric_started (metric);
        reject (request, error);
        godwit__metric_ended (metric, 0, true);
    }
    return !status;
}

/* What the serializer makes of the request. False: it cannot be run, and whoever sent it was told. */
static bool
take_serialized (godwit_request_t *request)
{
    godwit_error_t *error = NULL;
    godwit_status_t status =
        godwit__request_deserialize (request, part (request, 0), part (request, 2), &error);
    if (!status)
        status = fill_params (request, &error);
    if (status)
        reject (request, error);
    return !status;
}

void
godwit__request_call (godwit_request_t *request)
{
    godwit__route_t *const route = request->route;
    void *const self = godwit__dispatch_self (request->server->dispatch, route);
    godwit__metric_t *metric =
        atomic_load_explicit (&route->metrics[request->is_fanout], memory_order_acquire);
    if (!metric)
        metric = godwit__request_metric (request);
    request->metric = metric;
    godwit__metric_started (metric);
    if (request->server->serializer && !take_serialized (request))
        return;
    const godwit_status_t status = route->method->handler (request, self);
    if (!request->kept && request->cancel.callback) /* in this order: who keeps it may set one now */
        godwit__cancel_over (request); /* it may reply itself: afterwards it is known whether it did */
    if (status == GODWIT_OK &&
        (request->kept || atomic_load_explicit (&request->replied, memory_order_relaxed)))
        return;
    if (status == GODWIT_OK)
        godwit_request_reply (request, (godwit_field_t){.type = GODWIT_TYPE_NIL});
    else if (!atomic_load_explicit (&request->replied, memory_order_relaxed))
        fail (request, godwit_error_new (status, "%s", godwit_status_text (status)));
}

/* The last reference is gone. active: the handler's own was the last. */
static void
end (godwit_request_t *request, bool active, bool looks)
{
    godwit__pool_t *const pool = request->pool;
    godwit_server_t *const server = request->server;
    if (request->kept && request->cancel.callback)
        godwit__cancel_over (request);
    if (request->kept && !atomic_load_explicit (&request->replied, memory_order_acquire))
        fail (request,
              godwit_error_new (GODWIT_ERR_FAILED, "the handler gave the request up without a reply"));
    release_parts (request);
    godwit__pool_lock (pool);
    if (request->kept && !pool->closed) /* the metrics are the transport's */
        godwit__metric_ended (request->metric, godwit__clock_now (&pool->clock) - request->started_ns,
                              request->failed);
    if (request->inline_call) {
        request->inline_call->done = true; /* with or without a reply */
        request->inline_call = NULL;
    }
    if (active) {
        server->active--;
        pool->active--;
    }
    server->occupied--;
    *(request->running_previous ? &request->running_previous->running_next : &server->running) =
        request->running_next;
    if (request->running_next)
        request->running_next->running_previous = request->running_previous;
    if (godwit__pool_check_ready (pool, server) && !looks)
        godwit__pool_wake_worker (pool);
    godwit__server_left (server);
    recycle_if_unused (request);
    godwit__pool_changed (pool);
    godwit__pool_unlock (pool);
}

void
godwit__request_settle (godwit_request_t *request, bool looks)
{
    if (request->kept) {
        /* Whoever keeps it may give it up now, and then pool and server must not be looked for in it. */
        godwit__pool_t *const pool = request->pool;
        godwit_server_t *const server = request->server;
        godwit__pool_lock (pool);
        const bool is_last = atomic_fetch_sub_explicit (&request->refs, 1, memory_order_acq_rel) == 1;
        if (!is_last) {
            server->active--;
            pool->active--;
            godwit__pool_changed (pool);
        }
        godwit__pool_unlock (pool);
        if (!is_last)
            return;
    }
    end (request, true, looks);
}

void
godwit__request_drop (godwit_request_t *request)
{
    godwit__pool_t *const pool = request->pool;
    if (request->monitor_ns)
        godwit__call_monitor_remove (request);
    release_parts (request);
    godwit__pool_lock (pool);
    recycle_if_unused (request);
    godwit__pool_unlock (pool);
}

/* ---- the handler's side ---- */

const char *
godwit_request_method (const godwit_request_t *request)
{
    return godwit_value_as_str (part (request, 1), "");
}

const godwit_value_t *
godwit_request_context (const godwit_request_t *request)
{
    return request->args ? request->context : part (request, 0);
}

const godwit_value_t *
godwit_request_args (const godwit_request_t *request)
{
    return request->args ? request->args : part (request, 2);
}

const void *
godwit_request_params (const godwit_request_t *request)
{
    return request->params;
}

const char *
godwit_request_name_space (const godwit_request_t *request)
{
    return godwit_value_as_str (part (request, 3), NULL);
}

const char *
godwit_request_version (const godwit_request_t *request)
{
    return godwit_value_as_str (part (request, 4), NULL);
}

bool
godwit_request_is_cast (const godwit_request_t *request)
{
    return request->is_cast;
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

/* Encodes into room, or into a heap block if it is too small. Returns the whole size. */
static godwit_status_t
encode (const godwit_request_t *request, const godwit_field_t *result, uint8_t room[STACK_REPLY],
        uint8_t **data, size_t *size, godwit_error_t **error)
{
    const godwit__header_t header = {.type = GODWIT__REPLY, .id = request->id};
    godwit__writer_t writer = {.data = room, .size = GODWIT__HEADER_SIZE, .capacity = STACK_REPLY};
    if (!godwit__write_field_checked (&writer, result)) {
        size_t bound = GODWIT__HEADER_SIZE;
        const godwit_status_t status = godwit__field_bound (result, "result", &bound, error);
        uint8_t *const memory = status || bound <= STACK_REPLY ? room : malloc (bound);
        if (status)
            return status;
        if (!memory)
            return godwit__error_no_memory (error);
        writer = (godwit__writer_t){.data = memory, .size = GODWIT__HEADER_SIZE, .capacity = bound};
        godwit__write_field (&writer, result);
    }
    godwit__header_write (writer.data, &header);
    *data = writer.data;
    *size = writer.size;
    return GODWIT_OK;
}

godwit_status_t
godwit_request_reply (godwit_request_t *request, godwit_field_t result)
{
    uint8_t room[STACK_REPLY];
    uint8_t *data = room;
    size_t size = 0;
    godwit_error_t *error = NULL;
    if (!request)
        return GODWIT_ERR_INVALID_ARGUMENT;
    if (is_forked (request))
        return GODWIT_ERR_FORKED;
    if (!claim_reply (request))
        return GODWIT_ERR_INVALID_ARGUMENT;
    if (request->is_cast)
        return GODWIT_OK;
    godwit_value_t *serialized = NULL;
    godwit_status_t status = GODWIT_OK;
    if (request->server->serializer) {
        if (!godwit__request_serialize (request, &result, &serialized, &status, &error))
            return GODWIT_OK; /* the server is gone, and its serializer with it */
        result = (godwit_field_t){.type = GODWIT_TYPE_VALUE, .as.value = serialized};
    }
    if (!status)
        status = encode (request, &result, room, &data, &size, &error);
    const size_t limit = request->pool->limits.size;
    if (size > limit)
        status = godwit__error_set (&error, GODWIT_ERR_LIMIT_EXCEEDED,
                                    "result: %zu bytes are more than max_message_size (%zu)", size, limit);
    godwit_value_unref (&serialized);
    if (!status) {
        if (request->kept)
            godwit__request_timed (request, godwit__clock_now (&request->pool->clock) - request->started_ns);
        deliver (request, data, size, data != room);
        return GODWIT_OK;
    }
    if (data != room)
        free (data);
    request->failed = true;
    godwit__request_log_failure (request, error);
    send_failure (request, error);
    godwit_error_destroy (&error);
    return status;
}

godwit_status_t
godwit_request_fail (godwit_request_t *request, godwit_error_t **error_p)
{
    godwit_error_t *error = error_p ? *error_p : NULL;
    if (error_p)
        *error_p = NULL;
    if (!request || is_forked (request)) {
        godwit_error_destroy (&error);
        return request ? GODWIT_ERR_FORKED : GODWIT_ERR_INVALID_ARGUMENT;
    }
    if (!error)
        error = godwit_error_new (GODWIT_ERR_FAILED, "%s", godwit_status_text (GODWIT_ERR_FAILED));
    const godwit_status_t status = godwit_error_status (error);
    /* What became of a call that the handler made is not what became of this one: its method ran. */
    godwit__error_set_outcome_of (error, GODWIT_OUTCOME_RAN);
    fail (request, error);
    return status;
}

godwit_request_t *
godwit_request_keep (godwit_request_t *request)
{
    request->kept = true;
    atomic_fetch_add_explicit (&request->refs, 1, memory_order_relaxed);
    return request;
}

void
godwit_request_destroy (godwit_request_t **request_p)
{
    if (!request_p || !*request_p)
        return;
    godwit_request_t *const request = *request_p;
    *request_p = NULL;
    /* Before its handler has returned this is not the last reference, but whoever gives it up has done with
     * it.
     */
    if (request->cancel.callback && !is_forked (request) && !godwit__cancel_is_inside (request))
        godwit__cancel_over (request);
    if (atomic_fetch_sub_explicit (&request->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (is_forked (request))
        free_in_child (request);
    else
        end (request, false, false);
}
