/* SPDX-License-Identifier: Apache-2.0 */
#include "src/server/ask.h"

#include "src/base/trace.h"
#include "src/error/error.h"
#include "src/server/pool.h"
#include "src/server/port_send.h"
#include "src/wire/wire.h"

#include <stdlib.h>

/* A request has names and a few arguments. */
#define FRAME_MAX 65536

void
godwit__ask_free (godwit__ask_t *ask)
{
    godwit__frame_release (&ask->frame);
    godwit__caller_unref (&ask->caller);
    free (ask);
}

uint32_t
godwit__port_ask (godwit__port_t *port, godwit__routing_id_t routing_id, const godwit__header_t *header,
                  godwit__frame_t *frame, int64_t now_ns)
{
    godwit_transport_t *const transport = port->pool->transport;
    const size_t trace_size = header->flags & GODWIT__FLAG_TRACED ? GODWIT__TRACE_SIZE : 0;
    if (frame->size > FRAME_MAX || frame->size < GODWIT__HEADER_SIZE + trace_size)
        return GODWIT__NACK_MALFORMED;
    godwit__ask_t *const ask = malloc (sizeof *ask);
    if (!ask)
        return GODWIT__NACK_OVERLOADED;
    *ask = (godwit__ask_t){
        .port = port,
        .routing_id = routing_id,
        .id = header->id,
        .server_id = header->target,
        .is_cast = header->flags & GODWIT__FLAG_CAST,
        .deadline_ns =
            header->budget_ms ? now_ns + (int64_t) header->budget_ms * GODWIT__NS_PER_MS : GODWIT__NEVER,
        .caller = port->caller ? godwit__caller_ref (port->caller) : NULL,
    };
    godwit__frame_move (&ask->frame, frame);
    ask->frame.size -= trace_size;
    const uint32_t refused = transport->hooks->ask (transport, ask);
    if (refused) {
        godwit__frame_move (frame, &ask->frame);
        frame->size += trace_size;
        godwit__ask_free (ask);
    }
    return refused;
}

/* ---- answering ---- */

/* Consumes the message. */
static void
send (const godwit__ask_t *ask, const godwit__message_t *message)
{
    godwit__pool_t *const pool = ask->port->pool;
    if (ask->is_cast || !godwit__pool_enter (pool)) {
        godwit__message_release (message);
        return;
    }
    godwit__port_send_message (ask->port, ask->routing_id, message);
    godwit__pool_leave (pool);
}

static void
fail (godwit__ask_t *ask, const godwit_error_t *error)
{
    uint8_t *data = NULL;
    const size_t size = godwit__failure_write (&data, ask->id, ask->port->pool->limits.size, error);
    if (size)
        send (ask, &(godwit__message_t){.data = data, .size = size, .free_fn = godwit__message_free});
}

void
godwit__ask_fail (godwit__ask_t *ask, godwit_error_t *error)
{
    godwit__error_set_outcome_of (error, GODWIT_OUTCOME_REJECTED);
    fail (ask, error);
    godwit_error_destroy (&error);
}

void
godwit__ask_reply (godwit__ask_t *ask, const godwit_value_t *value)
{
    const size_t limit = ask->port->pool->limits.size;
    const size_t bound = GODWIT__HEADER_SIZE + godwit__value_bound (value);
    uint8_t *const data = bound <= limit ? malloc (bound) : NULL;
    if (!data) {
        godwit__ask_fail (
            ask, godwit_error_new (bound <= limit ? GODWIT_ERR_OUT_OF_MEMORY : GODWIT_ERR_LIMIT_EXCEEDED,
                                   "The answer has up to %zu bytes; max_message_size is %zu", bound, limit));
        return;
    }
    const godwit__header_t header = {.type = GODWIT__REPLY, .id = ask->id};
    godwit__writer_t writer = {.data = data, .size = GODWIT__HEADER_SIZE, .capacity = bound};
    godwit__header_write (data, &header);
    godwit__write_value (&writer, value);
    send (ask, &(godwit__message_t){.data = data, .size = writer.size, .free_fn = godwit__message_free});
}

void
godwit__ask_refuse (godwit__ask_t *ask, godwit__nack_t reason, const char *text)
{
    uint8_t data[GODWIT__REFUSAL_FRAME_MAX];
    const size_t size = godwit__refusal_write (data, ask->id, reason, text);
    send (ask, &(godwit__message_t){.data = data, .size = size});
}
