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

/* Gives the reply of an inline call to the thread that makes the call. */
static void
store_reply (godwit__frame_t *reply, uint8_t *data, size_t size, bool on_heap)
{
    if (on_heap)
        godwit__frame_adopt (reply, data, size);
    else
        godwit__frame_copy (reply, data, size);
}

static inline bool
send_now (godwit_request_t *request, uint8_t *data, size_t size, bool on_heap)
{
    if (request->port)
        return godwit__port_send (request->port, request->routing_id, data, size, on_heap);
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
        pool->users++;
        godwit__pool_unlock (pool);
        send_reply (request, data, size, on_heap);
        godwit__pool_leave (pool);
        return;
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

/* ---- the handler's side ---- */

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

/* After the reply was claimed, for a request that is not a cast. */
static godwit_status_t
reply (godwit_request_t *request, godwit_field_t result)
{
    uint8_t room[STACK_REPLY];
    uint8_t *data = room;
    size_t size = 0;
    godwit_error_t *error = NULL;
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

/* Of an abandoned request nothing more is said: its transport may be gone. */
static godwit_status_t
refuse_second (godwit_request_t *request)
{
    if (atomic_load (&request->abandoned))
        return GODWIT_ERR_CLOSED;
    godwit__request_log_second_reply (request);
    return GODWIT_ERR_INVALID_ARGUMENT;
}

godwit_status_t
godwit_request_reply (godwit_request_t *request, godwit_field_t result)
{
    GODWIT__UNCANCELLED;
    if (!request)
        return GODWIT_ERR_INVALID_ARGUMENT;
    if (godwit__request_is_forked (request))
        return GODWIT_ERR_FORKED;
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
