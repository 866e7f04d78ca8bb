/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the frames that arrive at a port. All of them are untrusted input. On the thread that leads on the
 * port.
 */
#include "src/server/port.h"

#include "src/server/accept.h"
#include "src/server/announce.h"
#include "src/server/ask.h"
#include "src/server/cancel_find.h"
#include "src/server/drain.h"
#include "src/server/hello.h"
#include "src/server/order.h"
#include "src/server/pool.h"
#include "src/server/port_rights.h"
#include "src/server/port_send.h"
#include "src/server/publication.h"
#include "src/server/queue.h"
#include "src/server/request_end.h"
#include "src/server/request_record.h"
#include "src/server/worker_run.h"
#include "src/wire/wire.h"

/* Frames that are read in one turn of an external loop. */
#define TURN_FRAMES 64
/* The replies to requests in frames of their own are kept for so long. Each has a caller of its own that
 * waits; those of a batch have one. */
#define GATHER_NS (GODWIT__NS_PER_MS / 10)

/* ---- requests ---- */

/* Nobody waits to hear of a cast. But a client whose ids count as seen has to know, or all its casts are
 * lost; and one that may not do this is told for its log. Notifications that follow refused ones are refused,
 * too. session: NULL if HELLO was not said. */
static void
refuse (godwit__port_t *port, godwit__routing_id_t routing_id, const godwit__header_t *header,
        const godwit__frame_t *frame, const godwit__session_t *session, godwit__refusal_t refused)
{
    GODWIT__COUNT (port->pool->transport, requests_refused);
    if (header->flags & GODWIT__FLAG_CAST)
        godwit__port_record_refusal (port, header, frame, port->box_peer, refused.reason);
    if (header->type == GODWIT__NOTIFY)
        godwit__order_refused (&(godwit__sender_t){port, routing_id, header->budget_ms}, header->target,
                               header->id);
    if (refused.reason == GODWIT__NACK_FORBIDDEN)
        godwit__port_forbid (port, routing_id, header, session);
    else if (!(header->flags & GODWIT__FLAG_CAST) || refused.reason == GODWIT__NACK_DUPLICATE)
        godwit__port_send_header (port, routing_id, GODWIT__NACK,
                                  refused.reason == GODWIT__NACK_DRAINING ? refused.revision : 0, header->id,
                                  refused.reason);
}

/* Consumes the frame. False: the worker no longer leads. */
static bool
request (godwit__port_t *port, godwit__worker_t *worker, godwit__routing_id_t routing_id,
         const godwit__header_t *header, godwit__frame_t *frame)
{
    godwit__pool_t *const pool = port->pool;
    /* In a batch, the handler before has just ended, and its end time is used. */
    const int64_t now_ns = port->now_ns ? port->now_ns : godwit__clock_now (&pool->clock);
    godwit__refusal_t refused = {0, 0};
    godwit_request_t *accepted = NULL;
    bool is_malformed = false;
    bool leads = true;
    godwit__session_t *const session = godwit__sessions_find (&port->sessions, routing_id);
    if (session && session->banned) {
        godwit__frame_release (frame);
        return true;
    }
    godwit__port_count (&port->counters->requests_received);
    port->box_peer = session ? session->box_peer : 0;
    if (!session || !session->known) {
        refused.reason = GODWIT__NACK_HELLO;
    } else {
        godwit__sessions_touch (&port->sessions, session, now_ns);
        godwit__session_count (session, frame->size);
        if (!godwit__session_sees (session, header->id)) {
            GODWIT__COUNT (pool->transport, requests_duplicate);
            refused.reason = GODWIT__NACK_DUPLICATE;
        } else if (port->has_realm && (refused.reason = godwit__port_meet (port, session))) {
            /* refused */
        } else if (header->flags & GODWIT__FLAG_INTROSPECT && pool->transport->introspector) {
            refused.reason = godwit__port_ask (port, routing_id, header, frame, now_ns);
        } else {
            accepted = godwit__pool_accept (pool, port, routing_id, header, frame, GODWIT__HEADER_SIZE,
                                            now_ns, true, &refused);
        }
    }
    port->now_ns = 0;
    if (accepted)
        leads = godwit__worker_run (worker, port, accepted, &is_malformed);
    else if (refused.reason)
        refuse (port, routing_id, header, frame, session, refused);
    godwit__frame_release (frame);
    if (is_malformed && leads) /* only the leader may touch sessions */
        godwit__port_count_malformed (port, routing_id);
    return leads;
}

/* ---- frames ---- */

/* Consumes the frame: godwit__port_next returns the frames in it one by one from now on. */
static void
batch (godwit__port_t *port, godwit__routing_id_t routing_id, godwit__frame_t *frame)
{
    if (port->batch.batch || frame->size > GODWIT__BATCH_SIZE_MAX) {
        godwit__port_malformed (port, routing_id); /* a batch in a batch, or too large */
        return;
    }
    if (!godwit__batch_open (&port->batch, frame))
        return; /* no memory: its callers time out */
    port->batch_routing_id = routing_id;
    port->flushed_ns = 0;
    port->gathers = false; /* what was kept leaves before the batch's replies */
    if (routing_id == GODWIT__ROUTING_ID_FANOUT)
        port->batch.at += GODWIT__KEY_SIZE; /* publications get no replies */
    else
        godwit__reply_batch_open (&port->reply_batch, routing_id);
}

static bool
link_frame (godwit__port_t *port, godwit__worker_t *worker, godwit__frame_t *frame,
            godwit__routing_id_t routing_id)
{
    godwit__header_t header;
    const godwit__header_check_t check = godwit__header_read (&header, frame->data, frame->size);
    if (check == GODWIT__HEADER_OK && (header.type == GODWIT__REQUEST || header.type == GODWIT__NOTIFY))
        return request (port, worker, routing_id, &header, frame);
    godwit__session_t *const session = godwit__sessions_find (&port->sessions, routing_id);
    if (session && session->banned) {
        /* ignored */
    } else if (check == GODWIT__HEADER_VERSION) {
        GODWIT__COUNT (port->pool->transport, frames_unknown);
    } else if (check != GODWIT__HEADER_OK) {
        godwit__port_malformed (port, routing_id);
    } else {
        if (session)
            godwit__sessions_touch (&port->sessions, session, godwit__clock_now (&port->pool->clock));
        switch (header.type) {
        case GODWIT__HELLO:
            godwit__port_hello (port, routing_id, &header, frame);
            break;
        case GODWIT__GOODBYE:
            if (header.target) {
                if (session)
                    godwit__drain_answered (port, routing_id, header.target);
                break;
            }
            /* A client that answers a GOODBYE still waits for replies; a client that leaves by itself does
             * not. */
            if (!session || !session->is_answering)
                godwit__pool_cancel_all (port->pool, port, routing_id);
            if (session) {
                godwit__drain_answered (port, routing_id, 0);
                godwit__guest_leave (session, "it said GOODBYE");
                godwit__sessions_remove (&port->sessions, session);
            }
            break;
        case GODWIT__PING:
            godwit__port_send_header (port, routing_id, GODWIT__PONG, header.target, header.id, 0);
            break;
        case GODWIT__BATCH:
            batch (port, routing_id, frame);
            break;
        case GODWIT__RESOLVE:
            if (!session || !session->known)
                godwit__port_send_header (port, routing_id, GODWIT__NACK, 0, header.id, GODWIT__NACK_HELLO);
            else if (!godwit__server_resolve (port, routing_id, &header, frame))
                godwit__port_malformed (port, routing_id);
            break;
        case GODWIT__CANCEL:
            godwit__pool_cancel (port->pool, port, routing_id, &header);
            break;
        default:
            GODWIT__COUNT (port->pool->transport, frames_unknown);
        }
    }
    godwit__frame_release (frame);
    return true;
}

/* The batch was worked off. */
static void
settle_left (godwit__port_t *port)
{
    if (!port->left)
        return;
    godwit__pool_lock (port->pool);
    godwit__port_settle_left (port);
    godwit__pool_unlock (port->pool);
}

/* Sends replies that have waited long enough: a batch may have many handlers, though each is short. */
static void
flush_old_replies (godwit__port_t *port, int64_t limit_ns)
{
    if (!port->now_ns)
        return;
    if (!port->flushed_ns)
        port->flushed_ns = port->now_ns;
    if (port->now_ns - port->flushed_ns <= limit_ns)
        return;
    godwit__reply_batch_flush (&port->reply_batch);
    port->flushed_ns = port->now_ns;
}

static bool
has_more (const godwit__port_t *port)
{
    const godwit__channel_ops_t *const ops = port->channel->ops;
    return ops->has_more && ops->has_more (port->channel);
}

/* Requests that have arrived together, in frames of their own, are answered together: a system call for each
 * reply costs more than most handlers. Before the leader waits, all has left. */
static void
gather_replies (godwit__port_t *port, godwit__routing_id_t routing_id)
{
    if (port->gathers && routing_id != port->batch_routing_id) {
        godwit__reply_batch_close (&port->reply_batch);
        port->gathers = false;
    }
    if (port->gathers || routing_id == GODWIT__ROUTING_ID_FANOUT || !has_more (port))
        return;
    godwit__reply_batch_open (&port->reply_batch, routing_id);
    port->batch_routing_id = routing_id;
    port->flushed_ns = 0;
    port->gathers = true;
}

/* False: nothing is kept any more. */
static bool
goes_on_gathering (godwit__port_t *port)
{
    if (!port->gathers)
        return false;
    if (has_more (port)) {
        flush_old_replies (port, GATHER_NS);
        return true;
    }
    godwit__reply_batch_close (&port->reply_batch);
    port->gathers = false;
    return false;
}

godwit__io_t
godwit__port_next (godwit__port_t *port, godwit__frame_t *frame, godwit__routing_id_t *routing_id,
                   int64_t timeout_ns)
{
    if (port->batch.batch) {
        flush_old_replies (port, GODWIT__BATCH_NS);
        switch (godwit__batch_next (&port->batch, frame)) {
        case GODWIT__BATCH_FRAME:
            *routing_id = port->batch_routing_id;
            return GODWIT__IO_OK;
        case GODWIT__BATCH_MALFORMED:
            godwit__port_malformed (port, port->batch_routing_id);
            break;
        case GODWIT__BATCH_END:
            break;
        }
        settle_left (port);
        if (port->batch_routing_id != GODWIT__ROUTING_ID_FANOUT)
            godwit__reply_batch_close (&port->reply_batch);
    }
    if (!goes_on_gathering (port))
        port->now_ns = 0; /* the next frame may be long in coming */
    const godwit__io_t io = port->channel->ops->receive (port->channel, frame, routing_id, timeout_ns);
    if (io == GODWIT__IO_OK)
        gather_replies (port, *routing_id);
    return io;
}

static bool
fanout_frame (godwit__port_t *port, godwit__worker_t *worker, godwit__frame_t *frame)
{
    godwit__header_t header;
    godwit__header_check_t check = GODWIT__HEADER_SHORT;
    if (frame->size > GODWIT__KEY_SIZE)
        check = godwit__header_read (&header, frame->data + GODWIT__KEY_SIZE, frame->size - GODWIT__KEY_SIZE);
    if (check == GODWIT__HEADER_OK && header.type == GODWIT__PUBLICATION)
        return godwit__port_publication (port, worker, &header, frame);
    if (check == GODWIT__HEADER_OK && header.type == GODWIT__BATCH)
        batch (port, GODWIT__ROUTING_ID_FANOUT, frame);
    else if (check == GODWIT__HEADER_OK && header.type == GODWIT__LAST)
        godwit__port_last_publication (port, frame->data, &header);
    else if (check == GODWIT__HEADER_OK || check == GODWIT__HEADER_VERSION)
        GODWIT__COUNT (port->pool->transport, frames_unknown);
    else
        godwit__port_malformed (port, GODWIT__ROUTING_ID_FANOUT);
    godwit__frame_release (frame);
    return true;
}

bool
godwit__port_frame (godwit__port_t *port, godwit__worker_t *worker, godwit__frame_t *frame,
                    godwit__routing_id_t routing_id)
{
    return routing_id == GODWIT__ROUTING_ID_FANOUT ? fanout_frame (port, worker, frame)
                                                   : link_frame (port, worker, frame, routing_id);
}

/* ---- tasks of the leader ---- */

bool
godwit__port_run_tasks (godwit__port_t *port)
{
    godwit__pool_t *const pool = port->pool;
    atomic_exchange_explicit (&port->has_tasks, false, memory_order_acquire);
    godwit__pool_lock (pool);
    godwit__port_settle_left (port);
    const bool leads_on = !pool->stopping && !godwit__queue_is_due (pool);
    const bool says_goodbye = godwit__drain_is_due (port);
    godwit__pool_unlock (pool);
    if (says_goodbye)
        godwit__drain_say (port);
    return leads_on;
}

/* ---- an external loop ---- */

static void
turn (godwit__port_t *port)
{
    if (atomic_load_explicit (&port->has_tasks, memory_order_relaxed))
        godwit__port_run_tasks (port);
    for (int i = 0; i < TURN_FRAMES; i++) {
        godwit__frame_t frame;
        godwit__routing_id_t routing_id = 0;
        if (godwit__port_next (port, &frame, &routing_id, 0) != GODWIT__IO_OK)
            return;
        godwit__port_frame (port, NULL, &frame, routing_id);
    }
    /* There may be more; but the loop has others to serve. */
    godwit__reactor_post (port->pool->transport->control, &port->again);
}

static void
source_ready (godwit__source_t *source)
{
    turn (source->user);
}

static void
turn_again (godwit__task_t *task)
{
    turn (task->user);
}

godwit_status_t
godwit__port_watch (godwit__port_t *port, godwit_error_t **error)
{
    port->source.ready = source_ready;
    port->source.user = port;
    port->again.run = turn_again;
    port->again.user = port;
    return port->channel->ops->attach (port->channel, port->pool->transport->control, &port->source, error);
}
