/* SPDX-License-Identifier: Apache-2.0 */
/* Answering a request. */
#include "src/server/reply.h"

#include <godwit/client.h>

#include "src/base/hash.h"
#include "src/base/uncancelled.h"
#include "src/error/error.h"
#include "src/runtime/warnings.h"
#include "src/server/port_send.h"
#include "src/server/request_log.h"
#include "src/server/request_record.h"
#include "src/server/request_serialized.h"
#include "src/server/request_time.h"
#include "src/server/server.h"
#include "src/wire/wire.h"

#include <stdlib.h>
#include <string.h>

/* A reply of up to so many bytes is encoded on the stack. */
#define STACK_REPLY 1024

enum { KEY_UNSENT = 0x75 };

/* ---- sending ---- */

/* A message's data is from malloc if it has a free_fn. All functions here but the first consume the message.
 */

/* Gives the reply of an inline call to the thread that makes the call. False: it is to be released. */
static bool
store_reply (godwit__frame_t *reply, const godwit__message_t *message)
{
    if (message->free_fn && !message->insert_count) {
        godwit__frame_adopt (reply, message->data, message->size);
        return true;
    }
    godwit__frame_gather (reply, message);
    return false;
}

static inline bool
send_now (godwit_request_t *request, const godwit__message_t *message)
{
    if (request->port)
        return godwit__port_send_message (request->port, request->routing_id, message);
    if (!request->inline_call || !store_reply (request->inline_call->reply, message))
        godwit__message_release (message);
    return true;
}

/* Contract 5: a failing reply is logged, never fatal. */
static void
log_unsent (const godwit_request_t *request)
{
    const godwit_target_t *const target = &request->server->target;
    const char *const method = godwit_request_method (request);
    if (atomic_load (&request->cancel.is_marked)) { /* its caller has said that it does not wait any more */
        if (godwit__logs (request->pool->transport, GODWIT_LOG_DEBUG))
            godwit__log (request->pool->transport, GODWIT_LOG_DEBUG,
                         "server %.64s of topic %.64s: nobody waits for a reply of the method %.64s",
                         target->server, target->topic, method);
        return;
    }
    godwit__warn (
        request->pool->transport, godwit__hash_text (KEY_UNSENT ^ request->server->id, method),
        "server %.64s of topic %.64s: a reply of the method %.64s could not be sent: its caller is gone, or "
        "does not read",
        target->server, target->topic, method);
}

static inline void
send_reply (godwit_request_t *request, const godwit__message_t *message)
{
    if (!send_now (request, message))
        log_unsent (request);
}

/* A request that was kept may outlive its server, its caller and the transport; and while a callback replies,
 * its handler may keep it. */
static void
deliver_kept (godwit_request_t *request, const godwit__message_t *message)
{
    godwit__pool_t *const pool = request->pool;
    bool is_stored = false;
    godwit__pool_lock (pool);
    if (godwit__request_has_server (request) && request->port) {
        pool->users++;
        godwit__pool_unlock (pool);
        send_reply (request, message);
        godwit__pool_leave (pool);
        return;
    }
    if (godwit__request_has_server (request) && request->inline_call) {
        is_stored = store_reply (request->inline_call->reply, message);
        request->inline_call->done = true;
        request->inline_call = NULL;
        godwit__pool_changed (pool);
    }
    godwit__pool_unlock (pool);
    if (!is_stored) /* without the lock: functions of the program may run */
        godwit__message_release (message);
}

static inline void
deliver (godwit_request_t *request, const godwit__message_t *message)
{
    const size_t size = godwit__message_size (message);
    request->reply_size = size < UINT32_MAX ? (uint32_t) size : UINT32_MAX;
    if (request->cancel.callback || request->kept)
        deliver_kept (request, message);
    else
        send_reply (request, message);
}

static void
send_failure (godwit_request_t *request, const godwit_error_t *error)
{
    uint8_t *data = NULL;
    const size_t size = godwit__failure_write (&data, request->id, request->pool->limits.size, error);
    if (size)
        deliver (request, &(godwit__message_t){.data = data, .size = size, .free_fn = godwit__message_free});
}

/* True if this thread may reply: it is the first one that tries. */
static inline bool
claim_reply (godwit_request_t *request)
{
    if (atomic_exchange (&request->replied, true))
        return false;
    /* Both accesses are sequentially consistent: either this thread sees that the request is watched, or the
     * watching thread sees that it is over. */
    if (request->monitor_ns || atomic_load (&request->cancel.is_watched))
        godwit__call_monitor_remove (request);
    return true;
}

/* The thread that claimed the reply has sent it, or cannot. */
static inline void
is_over (godwit_request_t *request)
{
    atomic_store_explicit (&request->is_sent, true, memory_order_release);
}

/* ---- failing and refusing ---- */

bool
godwit__request_fail (godwit_request_t *request, godwit_error_t *error)
{
    const bool is_first = claim_reply (request);
    if (is_first) {
        request->failed = true;
        godwit__request_record_failure (request, error);
        godwit__request_log_failure (request, error);
        if (!request->is_cast)
            send_failure (request, error);
        is_over (request);
    }
    godwit_error_destroy (&error);
    return is_first;
}

void
godwit__request_reject (godwit_request_t *request, godwit_error_t *error)
{
    godwit__error_set_outcome_of (error, GODWIT_OUTCOME_REJECTED);
    godwit__request_fail (request, error);
}

void
godwit__request_refuse_saying (godwit_request_t *request, godwit__nack_t reason, const char *text)
{
    if (!claim_reply (request))
        return;
    GODWIT__COUNT (request->pool->transport, requests_refused);
    godwit__request_record_refusal (request, reason, text);
    /* Nobody waits to hear of a cast; but that it will never be allowed is for the log of its sender. */
    if (request->is_fanout || (request->is_cast && reason != GODWIT__NACK_FORBIDDEN))
        return;
    uint8_t data[GODWIT__REFUSAL_FRAME_MAX];
    const size_t size = godwit__refusal_write (data, request->id, reason, text);
    send_now (request, &(godwit__message_t){.data = data, .size = size});
}

void
godwit__request_refuse (godwit_request_t *request, godwit__nack_t reason)
{
    godwit__request_refuse_saying (request, reason, NULL);
}

bool
godwit__request_answer (godwit_request_t *request, const godwit__message_t *message)
{
    if (!claim_reply (request)) {
        godwit__message_release (message);
        return false;
    }
    deliver (request, message);
    is_over (request);
    return true;
}

/* ---- the handler's side ---- */

/* A reply that is being made. */
typedef struct reply {
    godwit__message_t message; /* its data is from malloc, if it does not fit in the room */
    godwit__inserts_t inserts;
    uint8_t room[STACK_REPLY];
} reply_t;

/* What is sent of the reply was consumed already. */
static void
forget (reply_t *reply)
{
    if (reply->inserts.items)
        free (reply->inserts.items);
}

/* For a result that does not fit into the room, or is wrong. Large strings and bins of values stay where they
 * are. */
static godwit_status_t
encode_large (reply_t *reply, const godwit_field_t *result, godwit__writer_t *writer, godwit_error_t **error)
{
    godwit__measure_t measure;
    const godwit_status_t status = godwit__field_measure (result, "result", &measure, error);
    if (status)
        return status;
    const size_t bound = GODWIT__HEADER_SIZE + measure.bound - measure.insert_size;
    uint8_t *const memory = bound <= STACK_REPLY ? reply->room : malloc (bound);
    if (measure.insert_count)
        reply->inserts.items = malloc (measure.insert_count * sizeof *reply->inserts.items);
    if (!memory || (measure.insert_count && !reply->inserts.items)) {
        if (memory != reply->room)
            free (memory);
        return godwit__error_no_memory (error);
    }
    *writer = (godwit__writer_t){
        .data = memory, .size = GODWIT__HEADER_SIZE, .capacity = bound, .inserts = &reply->inserts};
    godwit__write_field (writer, result);
    return GODWIT_OK;
}

/* On success the message is to be consumed. forget must follow in any case. */
static godwit_status_t
encode (reply_t *reply, const godwit_request_t *request, const godwit_field_t *result, godwit_error_t **error)
{
    const godwit__header_t header = {.type = GODWIT__REPLY, .id = request->id};
    const size_t limit = request->pool->limits.size;
    godwit__writer_t writer = {.data = reply->room, .size = GODWIT__HEADER_SIZE, .capacity = STACK_REPLY};
    if (!godwit__write_field_checked (&writer, result)) {
        const godwit_status_t status = encode_large (reply, result, &writer, error);
        if (status)
            return status;
    }
    godwit__header_write (writer.data, &header);
    reply->message = (godwit__message_t){.data = writer.data,
                                         .size = writer.size,
                                         .free_fn = writer.data == reply->room ? NULL : godwit__message_free,
                                         .inserts = reply->inserts.items,
                                         .insert_count = reply->inserts.count};
    const size_t size = writer.size + reply->inserts.size;
    if (size <= limit)
        return GODWIT_OK;
    godwit__message_release (&reply->message);
    return godwit__error_set (error, GODWIT_ERR_LIMIT_EXCEEDED,
                              "result: %zu bytes are more than max_message_size (%zu)", size, limit);
}

/* After the reply was claimed, for a request that is not a cast. */
static godwit_status_t
reply (godwit_request_t *request, godwit_field_t result)
{
    reply_t made;
    godwit_error_t *error = NULL;
    godwit_value_t *serialized = NULL;
    godwit_status_t status = GODWIT_OK;
    if (request->server->serializer) {
        if (!godwit__request_serialize (request, &result, &serialized, &status, &error))
            return GODWIT_OK; /* the server is gone, and its serializer with it */
        result = (godwit_field_t){.type = GODWIT_TYPE_VALUE, .as.value = serialized};
    }
    made.inserts = (godwit__inserts_t){.items = NULL};
    if (!status)
        status = encode (&made, request, &result, &error);
    godwit_value_unref (&serialized);
    if (!status) {
        if (request->kept) {
            request->replied_ns = godwit__clock_now (&request->pool->clock);
            godwit__request_timed (request, request->replied_ns - request->started_ns);
        }
        deliver (request, &made.message);
        forget (&made);
        return GODWIT_OK;
    }
    forget (&made);
    request->failed = true;
    godwit__request_record_failure (request, error);
    godwit__request_log_failure (request, error);
    send_failure (request, error);
    godwit_error_destroy (&error);
    return status;
}

/* Of an abandoned request nothing more is said: its transport may be gone. */
static godwit_status_t
refuse_second (godwit_request_t *request)
{
    if (atomic_load (&request->abandoned))
        return GODWIT_ERR_CLOSED;
    godwit__request_log_second_reply (request);
    return GODWIT_ERR_INVALID_ARGUMENT;
}

/* The reply to a cast, which goes nowhere, by its handler. No other thread has the request: it was not kept,
 * and has no callback. If it is abandoned meanwhile it does not matter who was faster, since nothing is said.
 */
static godwit_status_t
reply_to_cast (godwit_request_t *request)
{
    if (atomic_load_explicit (&request->replied, memory_order_relaxed))
        return refuse_second (request);
    atomic_store_explicit (&request->replied, true, memory_order_relaxed);
    if (atomic_load_explicit (&request->cancel.is_watched, memory_order_relaxed))
        godwit__call_monitor_remove (request);
    is_over (request);
    return GODWIT_OK;
}

godwit_status_t
godwit_request_reply (godwit_request_t *request, godwit_field_t result)
{
    GODWIT__UNCANCELLED;
    if (!request)
        return GODWIT_ERR_INVALID_ARGUMENT;
    if (godwit__request_is_forked (request))
        return GODWIT_ERR_FORKED;
    if (request->is_cast && !request->kept && !request->cancel.callback)
        return reply_to_cast (request);
    if (!claim_reply (request))
        return refuse_second (request);
    const godwit_status_t status = request->is_cast ? GODWIT_OK : reply (request, result);
    is_over (request);
    return status;
}

godwit_status_t
godwit_request_fail (godwit_request_t *request, godwit_error_t **error_p)
{
    GODWIT__UNCANCELLED;
    godwit_error_t *error = error_p ? *error_p : NULL;
    if (error_p)
        *error_p = NULL;
    if (!request || godwit__request_is_forked (request)) {
        godwit_error_destroy (&error);
        return request ? GODWIT_ERR_FORKED : GODWIT_ERR_INVALID_ARGUMENT;
    }
    if (!error)
        error = godwit_error_new (GODWIT_ERR_FAILED, "%s", godwit_status_text (GODWIT_ERR_FAILED));
    const godwit_status_t status = godwit_error_status (error);
    /* The error may have the outcome of a call that the handler made. The outcome of this call is another:
     * its method ran. */
    godwit__error_set_outcome_of (error, GODWIT_OUTCOME_RAN);
    if (!godwit__request_fail (request, error))
        refuse_second (request);
    return status;
}
