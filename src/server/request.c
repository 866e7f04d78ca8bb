/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of a request: its own block, its lives, and what it gives back. */
#include "src/server/request.h"

#include "src/server/request_serialized.h"

#include <stdlib.h>
#include <string.h>

/* The last value of the block was given up. */
static void
release_own_block (godwit__block_t *block)
{
    godwit_request_t *const request =
        (godwit_request_t *) (void *) ((unsigned char *) block - GODWIT__REQUEST_BLOCK_AT);
    if (atomic_fetch_sub_explicit (&request->parts, 1, memory_order_acq_rel) != 1)
        return;
    godwit__pool_t *const pool = request->pool;
    if (godwit__request_is_forked (request)) {
        free (request);
        return;
    }
    godwit__pool_lock (pool);
    godwit__pool_recycle (pool, request);
    godwit__pool_unlock (pool);
}

godwit_request_t *
godwit__request_new (godwit__pool_t *pool)
{
    godwit_request_t *const request = malloc (GODWIT__REQUEST_BLOCK_AT + sizeof (godwit__block_t) +
                                              GODWIT__REQUEST_NODES * sizeof (struct godwit_value));
    if (!request)
        return NULL;
    godwit__block_t *const block = godwit__request_own_block (request);
    request->pool = pool;
    atomic_init (&request->replied, false);
    atomic_init (&request->is_sent, false);
    atomic_init (&request->runs, NULL);
    atomic_init (&request->abandoned, false);
    atomic_init (&request->kept, false);
    atomic_init (&request->cancel.is_marked, false);
    atomic_init (&request->cancel.is_watched, false);
    request->in_monitor = (godwit__list_node_t){NULL, NULL};
    atomic_init (&request->refs, 0);
    atomic_init (&request->parts, 0);
    atomic_init (&block->refs, 0);
    block->capacity = GODWIT__REQUEST_NODES;
    block->encoded = NULL;
    block->release = release_own_block;
    return request;
}

void
godwit__request_begin (godwit_request_t *request, godwit__port_t *port, godwit__routing_id_t routing_id,
                       const godwit__header_t *header, int64_t now_ns)
{
    request->port = port;
    request->inline_call = NULL;
    request->routing_id = routing_id;
    request->id = header->id;
    request->received_ns = now_ns;
    request->deadline_ns =
        header->budget_ms ? now_ns + (int64_t) header->budget_ms * GODWIT__NS_PER_MS : GODWIT__NEVER;
    request->is_fanout = header->type == GODWIT__PUBLICATION;
    request->is_cast = header->flags & GODWIT__FLAG_CAST || request->is_fanout;
    request->is_redelivered = (header->flags & GODWIT__FLAG_REDELIVERED) != 0;
    request->is_notify = header->type == GODWIT__NOTIFY;
    request->is_active = false;
    request->failed = false;
    atomic_store_explicit (&request->kept, false, memory_order_relaxed);
    atomic_store_explicit (&request->cancel.is_marked, false, memory_order_relaxed);
    atomic_store_explicit (&request->cancel.is_watched, false, memory_order_relaxed);
    request->cancel.callback = NULL;
    request->cancel.state = GODWIT__CANCEL_NONE;
    request->monitor_ns = 0;
    atomic_store_explicit (&request->replied, false, memory_order_relaxed);
    atomic_store_explicit (&request->is_sent, false, memory_order_relaxed);
    atomic_store_explicit (&request->runs, NULL, memory_order_relaxed);
    atomic_store_explicit (&request->abandoned, false, memory_order_relaxed);
    atomic_store_explicit (&request->refs, 1, memory_order_relaxed);
    atomic_store_explicit (&request->parts, 1, memory_order_relaxed);
    request->record = NULL;
    request->server_id = header->target;
    request->box_peer = port ? port->box_peer : 0;
    request->box_name = 0;
    request->queued_then = request->running_then = 0;
    request->frame_size = request->reply_size = 0;
    request->started_ns = 0;
    request->replied_ns = 0;
    request->failure = GODWIT_OK;
    request->was_queued = false;
    request->caller = NULL;
    request->block = NULL;
    request->body = NULL;
    request->route = NULL;
    request->metric = NULL;
    request->args = NULL;
    request->params = NULL;
}

/* A frame that is too short for what it says is left without a body, which is malformed. */
static bool
cut_trace (godwit_request_t *request, godwit_trace_t *trace)
{
    godwit__frame_t *const frame = godwit__request_frame (request);
    if (frame->size < request->body_offset + GODWIT__TRACE_SIZE) {
        frame->size = request->body_offset;
        return false;
    }
    frame->size -= GODWIT__TRACE_SIZE;
    memcpy (trace, frame->data + frame->size, sizeof *trace);
    return godwit__trace_span (trace) != 0;
}

void
godwit__request_take_trace (godwit_request_t *request, bool traced)
{
    godwit_trace_t *const trace = &request->trace;
    uint64_t span = 0;
    uint64_t parent;
    if (traced && cut_trace (request, trace)) {
        request->span = godwit__trace_span (trace);
        span = godwit__trace_span_of_run (request->span);
        memcpy (trace->span_id, &span, sizeof span);
        return;
    }
    request->span = 0;
    godwit__trace_begin (&request->pool->traces, trace, &parent);
}

static bool
is_text_or_nil (const godwit_value_t *value)
{
    const godwit_type_t type = godwit_value_type (value);
    return type == GODWIT_TYPE_STR || type == GODWIT_TYPE_NIL;
}

/* True if the body has the form of a request. */
static bool
has_form (const godwit_request_t *request)
{
    const uint32_t count = request->body->count;
    return request->body->type == GODWIT_TYPE_LIST && count >= 3 && count <= 5 &&
           godwit_value_type (godwit__request_part (request, 0)) == GODWIT_TYPE_MAP &&
           godwit_value_type (godwit__request_part (request, 1)) == GODWIT_TYPE_STR &&
           godwit_value_type (godwit__request_part (request, 2)) == GODWIT_TYPE_MAP &&
           is_text_or_nil (godwit__request_part (request, 3)) &&
           is_text_or_nil (godwit__request_part (request, 4));
}

bool
godwit__request_decode (godwit_request_t *request)
{
    bool is_known;
    godwit__block_t *block = godwit__request_own_block (request);
    if (godwit__decode_request (&block, request->body_offset, &request->pool->limits, &is_known, NULL))
        return false;
    if (block == godwit__request_own_block (request))
        atomic_store_explicit (&request->parts, 2, memory_order_relaxed);
    request->block = block;
    request->body = godwit__block_nodes (block);
    return is_known || has_form (request);
}

void
godwit__request_release (godwit_request_t *request)
{
    if (request->params && request->params != request->params_room)
        free (request->params);
    request->params = NULL;
    if (request->args)
        godwit__request_forget_serialized (request);
    if (request->caller)
        godwit__caller_unref (&request->caller);
    godwit__block_t *const block = request->block;
    if (!block) {
        godwit__frame_release (godwit__request_frame (request));
        return;
    }
    request->block = NULL;
    if (block == godwit__request_own_block (request) &&
        atomic_load_explicit (&block->refs, memory_order_acquire) == 1) {
        /* No other thread has a value of the block, so none can get one: no counting is needed. */
        atomic_store_explicit (&block->refs, 0, memory_order_relaxed);
        atomic_store_explicit (&request->parts, 1, memory_order_relaxed);
        godwit__frame_release (&block->frame);
    } else {
        godwit__block_unref (block);
    }
}

void
godwit__request_recycle (godwit_request_t *request)
{
    if (atomic_load_explicit (&request->parts, memory_order_acquire) == 1 ||
        atomic_fetch_sub_explicit (&request->parts, 1, memory_order_acq_rel) == 1)
        godwit__pool_recycle (request->pool, request);
}

void
godwit__request_free_in_child (godwit_request_t *request)
{
    godwit__request_release (request);
    if (atomic_fetch_sub_explicit (&request->parts, 1, memory_order_acq_rel) == 1)
        free (request);
}

void
godwit__request_drop (godwit_request_t *request)
{
    godwit__pool_t *const pool = request->pool;
    if (request->monitor_ns)
        godwit__call_monitor_remove (request);
    godwit__request_release (request);
    godwit__pool_lock (pool);
    godwit__request_recycle (request);
    godwit__pool_unlock (pool);
}
