/* SPDX-License-Identifier: Apache-2.0 */
/* Calls within the process. */
#include "src/server/inline.h"

#include "src/loop/clock.h"
#include "src/server/accept.h"
#include "src/server/inspect.h"
#include "src/server/request_call.h"
#include "src/server/request_end.h"
#include "src/server/request_record.h"
#include "src/server/request_serialized.h"
#include "src/server/request_time.h"

/* The method's name in the body of a request, without decoding it. */
static bool
peek_method (const uint8_t *body, size_t size, const char **name, size_t *name_size)
{
    /* An array of 3 to 5, then the context, then a str of up to 255 bytes: longer names take the normal
     * way. */
    if (size < 2 || body[0] < 0x93 || body[0] > 0x95)
        return false;
    godwit__scan_t context = {0};
    if (godwit__scan (body + 1, size - 1, &godwit__default_limits, &context))
        return false;
    size_t at = 1 + context.consumed;
    if (at < size && (body[at] & 0xe0) == 0xa0) {
        *name_size = body[at] & 0x1f;
        at += 1;
    } else if (at + 1 < size && body[at] == 0xd9) {
        *name_size = body[at + 1];
        at += 2;
    } else {
        return false;
    }
    *name = (const char *) body + at;
    return *name_size <= size - at;
}

/* By the system's clock: condition variables use it. */
static int64_t
left_of (int64_t deadline_ns)
{
    return deadline_ns == GODWIT__NEVER ? GODWIT__NEVER
                                        : deadline_ns - godwit__clock_now (&godwit__clock_system);
}

/* Waits for the reply to a request that its handler kept. If its time passes first, the reply stays empty. */
static void
wait_for_kept (godwit__pool_t *pool, godwit_request_t *request, godwit__inline_call_t *call)
{
    const int64_t deadline_ns = request->deadline_ns;
    int64_t left_ns = left_of (deadline_ns);
    godwit__pool_lock (pool);
    pool->refs++; /* the request may end before this thread looks again */
    godwit__pool_unlock (pool);
    godwit__request_settle (request, false);
    godwit__pool_lock (pool);
    while (!call->done && !pool->stopping && !pool->interrupted && left_ns > 0) {
        godwit__pool_wait_threads (pool, left_ns);
        left_ns = left_of (deadline_ns);
    }
    if (!call->done) { /* so the request has not ended */
        request->inline_call = NULL;
        godwit__cancel_mark (request, true);
    }
    pool->refs--;
    godwit__pool_unlock (pool);
}

bool
godwit__pool_call_inline (godwit__pool_t *pool, const godwit__message_t *message, int64_t now_ns,
                          godwit__frame_t *reply, int64_t *ended_ns)
{
    godwit__header_t header;
    godwit__frame_t frame;
    const char *name;
    size_t name_size;
    const uint8_t *const data = message->data;
    if (godwit__header_read (&header, data, message->size) || header.type != GODWIT__REQUEST ||
        !peek_method (data + GODWIT__HEADER_SIZE, message->size - GODWIT__HEADER_SIZE, &name, &name_size) ||
        !godwit__frame_gather (&frame, message))
        return false;
    godwit__realm_t *const realm = pool->transport->realm;
    godwit__party_t *self = realm ? godwit__realm_self (realm) : NULL;
    godwit_request_t *const request =
        godwit__pool_accept_inline (pool, &header, name, name_size, now_ns, self);
    godwit__party_unref (&self);
    if (!request) {
        godwit__frame_release (&frame);
        return false;
    }
    godwit__inline_call_t call = {.reply = reply};
    *reply = (godwit__frame_t){.data = NULL};
    request->inline_call = &call;
    request->body_offset = GODWIT__HEADER_SIZE;
    godwit__frame_move (godwit__request_frame (request), &frame);
    godwit__request_take_trace (request, header.flags & GODWIT__FLAG_TRACED);
    bool malformed;
    if (godwit__request_prepare (request, &malformed)) {
        if (!(request->route->method.flags & GODWIT_METHOD_INLINE)) {
            /* It was another endpoint's method of the same name: nothing was run. */
            godwit__request_settle (request, false);
            return false;
        }
        GODWIT__COUNT (pool->transport, requests_received);
        request->started_ns = now_ns;
        godwit__metric_started (godwit__request_set_metric (request));
        godwit__request_record_began (request);
        godwit__request_call (request);
        const int64_t now = godwit__clock_now (&pool->clock);
        if (!request->kept) { /* else it runs until it is given back */
            godwit__metric_ended (request->metric, now - now_ns, request->failure);
            godwit__request_record_ended (request, now);
        }
        godwit__inspect_ran (request, now - now_ns);
        *ended_ns = request->kept ? 0 : now;
    }
    if (request->kept)
        wait_for_kept (pool, request, &call);
    else
        godwit__request_settle (request, false);
    return true;
}
