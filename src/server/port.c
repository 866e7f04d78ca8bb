/* What arrives at a port. Everything here is hostile, and runs on the thread that leads on the port. */
#include "src/server/pool_inside.h"

#include "src/server/request.h"
#include "src/server/server.h"
#include "src/wire/fanout.h"
#include "src/wire/wire.h"

#include <stdlib.h>
#include <string.h>

/* Clients say something every few seconds on connections that are idle. */
#define SILENT_NS (60000 * GODWIT__NS_PER_MS)
/* Malformed frames that an origin may send before nothing of it is read any more. */
#define STRIKES 3
/* Frames that are read in one turn of an external loop. */
#define TURN_FRAMES 64

/* ---- sending ---- */

static void
free_data (void *data, void *hint)
{
    (void) hint;
    free (data);
}

bool
godwit__port_send (godwit__port_t *port, godwit__origin_t origin, uint8_t *data, size_t size, bool on_heap)
{
    const godwit__message_t message = {.data = data, .size = size, .free_fn = on_heap ? free_data : NULL};
    if (godwit__reply_batch_add (&port->reply_batch, origin, data, size)) {
        if (on_heap)
            free (data);
        return true;
    }
    if (port->channel->ops->send (port->channel, origin, &message) == GODWIT__IO_OK)
        return true;
    GODWIT__COUNT (port->pool->transport, frames_dropped);
    if (on_heap)
        free (data);
    return false;
}

void
godwit__port_send_header (godwit__port_t *port, godwit__origin_t origin, godwit__frame_type_t type,
                          uint32_t target, uint64_t id, uint32_t aux)
{
    uint8_t data[GODWIT__HEADER_SIZE];
    const godwit__header_t header = {.type = (uint8_t) type, .target = target, .id = id, .aux = aux};
    godwit__header_write (data, &header);
    godwit__port_send (port, origin, data, sizeof data, false);
}

static void
refuse (godwit__port_t *port, godwit__origin_t origin, const godwit__header_t *header,
        godwit__refusal_t refused)
{
    GODWIT__COUNT (port->pool->transport, requests_refused);
    if (!(header->flags & GODWIT__FLAG_CAST))
        godwit__port_send_header (port, origin, GODWIT__NACK,
                                  refused.reason == GODWIT__NACK_DRAINING ? refused.revision : 0, header->id,
                                  refused.reason);
}

/* ---- who sends ---- */

static void
strike (godwit__port_t *port, godwit__origin_t origin)
{
    godwit__session_t *const session =
        godwit__sessions_add (&port->sessions, origin, godwit__clock_now (&port->pool->clock));
    if (!session || ++session->strikes < STRIKES)
        return;
    session->known = false;
    session->banned = true;
}

static void
malformed (godwit__port_t *port, godwit__origin_t origin)
{
    GODWIT__COUNT (port->pool->transport, frames_malformed);
    if (origin != GODWIT__ORIGIN_FANOUT)
        strike (port, origin);
}

static bool
is_zero (const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i])
            return false;
    return true;
}

/* Instances are random. */
static uint64_t
connection_key (const godwit__identity_t *peer, uint32_t number)
{
    const uint64_t high = godwit__get_u64 (peer->instance);
    const uint64_t low = godwit__get_u64 (peer->instance + 8);
    return high ^ (low << 32 | low >> 32) ^ peer->incarnation << 20 ^ (uint64_t) number;
}

/* Consumes the frame. */
static void
hello (godwit__port_t *port, godwit__origin_t origin, const godwit__header_t *header, godwit__frame_t *frame)
{
    const godwit_transport_t *const transport = port->pool->transport;
    const int64_t now_ns = godwit__clock_now (&port->pool->clock);
    godwit__identity_t peer;
    memset (&peer, 0, sizeof peer);
    godwit__sessions_expire (&port->sessions, now_ns - SILENT_NS);
    godwit__sessions_expire (&port->connections, now_ns - SILENT_NS);
    if (godwit__identity_read (&peer, frame, NULL)) {
        malformed (port, origin);
        return;
    }
    if ((!is_zero (peer.expect, sizeof peer.expect) &&
         memcmp (peer.expect, transport->instance, sizeof peer.expect) != 0) ||
        strcmp (peer.virtual_host, transport->virtual_host) != 0) {
        godwit__port_send_header (port, origin, GODWIT__NACK, 0, header->id, GODWIT__NACK_IDENTITY);
        return;
    }
    godwit__session_t *const session = godwit__sessions_add (&port->sessions, origin, now_ns);
    if (!session)
        return; /* no memory: the client will try again */
    if (header->aux && !godwit__sessions_join (&port->connections, connection_key (&peer, header->aux),
                                               session, header->id, now_ns))
        return;
    if (!header->aux)
        godwit__replay_window_skip (&session->window, header->id);
    session->known = true;
    session->answers = peer.features & GODWIT__FEATURE_ANSWERS_GOODBYE;
    godwit__drain_greet (port, origin);
    godwit__identity_t self = {.incarnation = transport->incarnation, .features = GODWIT__FEATURES};
    memcpy (self.instance, transport->instance, sizeof self.instance);
    uint8_t data[GODWIT__IDENTITY_FRAME_MAX];
    const size_t size = godwit__identity_write (data, GODWIT__WELCOME, &self);
    godwit__port_send (port, origin, data, size, false);
}

/* ---- requests ---- */

/* Consumes the frame. False: the worker no longer leads. */
static bool
request (godwit__port_t *port, godwit__worker_t *worker, godwit__origin_t origin,
         const godwit__header_t *header, godwit__frame_t *frame)
{
    godwit__pool_t *const pool = port->pool;
    /* In a batch the last handler has just ended, and looked at the clock. */
    const int64_t now_ns = port->now_ns ? port->now_ns : godwit__clock_now (&pool->clock);
    godwit__refusal_t refused = {0, 0};
    godwit_request_t *accepted = NULL;
    bool is_malformed = false;
    bool leads = true;
    godwit__session_t *const session = godwit__sessions_find (&port->sessions, origin);
    if (session && session->banned) {
        godwit__frame_release (frame);
        return true;
    }
    GODWIT__COUNT (pool->transport, requests_received);
    if (!session || !session->known) {
        refused.reason = GODWIT__NACK_HELLO;
    } else {
        godwit__sessions_touch (&port->sessions, session, now_ns);
        if (!godwit__session_sees (session, header->id)) {
            GODWIT__COUNT (pool->transport, requests_duplicate);
            refused.reason = GODWIT__NACK_DUPLICATE;
        } else {
            accepted = godwit__pool_accept (pool, port, origin, header, frame, GODWIT__HEADER_SIZE, now_ns,
                                            true, &refused);
        }
    }
    port->now_ns = 0;
    if (accepted)
        leads = godwit__worker_run (worker, port, accepted, &is_malformed);
    else if (refused.reason)
        refuse (port, origin, header, refused);
    godwit__frame_release (frame);
    if (is_malformed && leads) /* who does not lead must not touch sessions */
        strike (port, origin);
    return leads;
}

/* ---- publications ---- */

/* What was seen of a publisher's with this key. NULL when memory is short. */
static godwit__session_t *
publications_of (godwit__port_t *port, const uint8_t *key, uint32_t publisher, int64_t now_ns)
{
    godwit__pool_t *const pool = port->pool;
    const uint64_t epoch = atomic_load_explicit (&pool->fanout_epoch, memory_order_acquire);
    if (epoch != port->fanout_epoch) {
        port->fanout_epoch = epoch;
        for (godwit__session_t *at = port->publications.newest; at; at = at->older)
            at->known = false;
    }
    /* The key is a hash already. */
    const uint64_t id = godwit__get_u64 (key) ^ (uint64_t) publisher << 32 ^ publisher;
    return godwit__sessions_add (&port->publications, id, now_ns);
}

/* False: it has been here before. Counts what is missing between it and the last one. */
static bool
note_publication (godwit__port_t *port, const uint8_t *key, const godwit__header_t *header, int64_t now_ns)
{
    const godwit__pool_t *const pool = port->pool;
    godwit__session_t *const session = publications_of (port, key, header->target, now_ns);
    if (!session)
        return true;
    uint64_t missed = 0;
    if (session->window.top == 0 &&
        header->id) /* they come in order: what is older may have been forgotten */
        godwit__replay_window_skip (&session->window, header->id - 1);
    if (!godwit__replay_window_add (&session->window, header->id, &missed)) {
        GODWIT__COUNT (pool->transport, requests_duplicate);
        return false;
    }
    if (session->known)
        atomic_fetch_add_explicit (&pool->transport->counters.fanout_gaps, missed, memory_order_relaxed);
    session->known = true; /* it is the first one that may come with any number */
    return true;
}

/* The two servers of the lowest numbers above `after` that listen to the key; 0: none. By number, and only up
 * to found[2], which the first look (after 0) sets: so nobody is met twice when servers come and go between
 * two looks, not even one that is restarted. */
static void
next_subscribers (godwit__pool_t *pool, const uint8_t *key, uint32_t after, uint32_t found[3])
{
    const godwit_server_t *server;
    found[0] = found[1] = 0;
    godwit__pool_lock (pool);
    if (after == 0)
        found[2] = pool->servers.last_id;
    for (size_t i = 0; (server = godwit__server_table_next (&pool->servers, &i));) {
        if (server->id <= after || server->id > found[2] || !server->accepts ||
            memcmp (server->key, key, GODWIT__KEY_SIZE) != 0)
            continue;
        if (!found[0] || server->id < found[0]) {
            found[1] = found[0];
            found[0] = server->id;
        } else if (!found[1] || server->id < found[1]) {
            found[1] = server->id;
        }
    }
    godwit__pool_unlock (pool);
}

/* A publisher says how far it has come: what has not come by now is lost. */
static void
note_last (godwit__port_t *port, const uint8_t *key, const godwit__header_t *header)
{
    const godwit__pool_t *const pool = port->pool;
    uint32_t ids[3] = {0};
    next_subscribers (port->pool, key, 0, ids);
    if (!ids[0])
        return;
    godwit__session_t *const session =
        publications_of (port, key, header->target, godwit__clock_now (&pool->clock));
    if (!session)
        return;
    if (session->known && header->id > session->window.top)
        atomic_fetch_add_explicit (&pool->transport->counters.fanout_gaps, header->id - session->window.top,
                                   memory_order_relaxed);
    godwit__replay_window_skip (&session->window, header->id);
    session->known = true;
}

static void
free_copy (godwit__frame_t *frame)
{
    free (frame->data);
}

static bool
copy_frame (godwit__frame_t *copy, const godwit__frame_t *frame)
{
    *copy = (godwit__frame_t){.data = malloc (frame->size), .size = frame->size, .release = free_copy};
    if (!copy->data)
        return false;
    memcpy (copy->data, frame->data, frame->size);
    return true;
}

/* Nobody is told; so it is counted as one that was missed. */
static void
refuse_publication (godwit_transport_t *transport)
{
    GODWIT__COUNT (transport, requests_refused);
    GODWIT__COUNT (transport, fanout_gaps);
}

/* Consumes the frame. False: the worker no longer leads. */
static bool
publication (godwit__port_t *port, godwit__worker_t *worker, const godwit__header_t *header_in,
             godwit__frame_t *frame)
{
    godwit__pool_t *const pool = port->pool;
    uint8_t key[GODWIT__KEY_SIZE];
    memcpy (key, frame->data, sizeof key);
    godwit__header_t header = *header_in;
    uint32_t ids[3] = {0};
    const int64_t now_ns = port->now_ns ? port->now_ns : godwit__clock_now (&pool->clock);
    port->now_ns = 0;
    next_subscribers (pool, key, 0, ids);
    if (!ids[0] || !note_publication (port, key, header_in, now_ns)) {
        godwit__frame_release (frame);
        return true;
    }
    GODWIT__COUNT (pool->transport, fanouts_received);
    bool leads = true;
    while (ids[0]) {
        /* All but the last one get a copy and are left to other workers, so that none waits for another one's
         * handler. */
        const uint32_t next = ids[1];
        godwit__frame_t copy;
        godwit__refusal_t refused = {GODWIT__NACK_OVERLOADED, 0};
        godwit_request_t *accepted = NULL;
        header.target = ids[0];
        if (!next)
            godwit__frame_move (&copy, frame);
        if (!next || copy_frame (&copy, frame)) {
            accepted = godwit__pool_accept (pool, port, GODWIT__ORIGIN_FANOUT, &header, &copy,
                                            GODWIT__KEY_SIZE + GODWIT__HEADER_SIZE, now_ns, !next, &refused);
            godwit__frame_release (&copy);
        }
        if (accepted)
            leads = godwit__worker_run (worker, port, accepted, NULL);
        else if (refused.reason)
            refuse_publication (pool->transport);
        ids[0] = next;
        if (next)
            next_subscribers (pool, key, next - 1, ids);
    }
    godwit__frame_release (frame);
    return leads;
}

/* ---- frames ---- */

/* Consumes the frame: what it holds comes up one by one from now on. */
static void
batch (godwit__port_t *port, godwit__origin_t origin, godwit__frame_t *frame)
{
    if (port->batch.batch || frame->size > GODWIT__BATCH_SIZE_MAX) {
        malformed (port, origin); /* a batch in a batch, or more than a batch */
        return;
    }
    if (!godwit__batch_open (&port->batch, frame))
        return; /* no memory: its callers time out */
    port->batch_origin = origin;
    port->flushed_ns = 0;
    if (origin == GODWIT__ORIGIN_FANOUT)
        port->batch.at += GODWIT__KEY_SIZE; /* and nothing is replied to */
    else
        godwit__reply_batch_open (&port->reply_batch, origin);
}

static bool
link_frame (godwit__port_t *port, godwit__worker_t *worker, godwit__frame_t *frame, godwit__origin_t origin)
{
    godwit__header_t header;
    const godwit__header_check_t check = godwit__header_read (&header, frame->data, frame->size);
    if (check == GODWIT__HEADER_OK && header.type == GODWIT__REQUEST)
        return request (port, worker, origin, &header, frame);
    godwit__session_t *const session = godwit__sessions_find (&port->sessions, origin);
    if (session && session->banned) {
        /* ignored */
    } else if (check == GODWIT__HEADER_VERSION) {
        GODWIT__COUNT (port->pool->transport, frames_unknown);
    } else if (check != GODWIT__HEADER_OK) {
        malformed (port, origin);
    } else {
        if (session)
            godwit__sessions_touch (&port->sessions, session, godwit__clock_now (&port->pool->clock));
        switch (header.type) {
        case GODWIT__HELLO:
            hello (port, origin, &header, frame);
            break;
        case GODWIT__GOODBYE:
            if (header.target) {
                if (session)
                    godwit__drain_answered (port, origin, header.target);
                break;
            }
            /* Whoever answers a GOODBYE waits for replies still; who says it by himself does not. */
            if (!session || !session->is_answering)
                godwit__pool_cancel_all (port->pool, port, origin);
            if (session) {
                godwit__drain_answered (port, origin, 0);
                godwit__sessions_remove (&port->sessions, session);
            }
            break;
        case GODWIT__PING:
            godwit__port_send_header (port, origin, GODWIT__PONG, header.target, header.id, 0);
            break;
        case GODWIT__BATCH:
            batch (port, origin, frame);
            break;
        case GODWIT__RESOLVE:
            if (!session || !session->known)
                godwit__port_send_header (port, origin, GODWIT__NACK, 0, header.id, GODWIT__NACK_HELLO);
            else if (!godwit__server_resolve (port, origin, header.id, frame))
                malformed (port, origin);
            break;
        case GODWIT__CANCEL:
            godwit__pool_cancel (port->pool, port, origin, &header);
            break;
        default:
            GODWIT__COUNT (port->pool->transport, frames_unknown);
        }
    }
    godwit__frame_release (frame);
    return true;
}

/* Replies do not wait for ever so many handlers, however short those are. */
static void
flush_old_replies (godwit__port_t *port)
{
    if (!port->now_ns)
        return;
    if (!port->flushed_ns)
        port->flushed_ns = port->now_ns;
    if (port->now_ns - port->flushed_ns <= GODWIT__BATCH_NS)
        return;
    godwit__reply_batch_flush (&port->reply_batch);
    port->flushed_ns = port->now_ns;
}

godwit__io_t
godwit__port_next (godwit__port_t *port, godwit__frame_t *frame, godwit__origin_t *origin, int64_t timeout_ns)
{
    if (port->batch.batch) {
        flush_old_replies (port);
        switch (godwit__batch_next (&port->batch, frame)) {
        case GODWIT__BATCH_FRAME:
            *origin = port->batch_origin;
            return GODWIT__IO_OK;
        case GODWIT__BATCH_MALFORMED:
            malformed (port, port->batch_origin);
            break;
        case GODWIT__BATCH_END:
            break;
        }
        if (port->batch_origin != GODWIT__ORIGIN_FANOUT)
            godwit__reply_batch_close (&port->reply_batch);
    }
    port->now_ns = 0; /* the next frame may be long in coming */
    return port->channel->ops->receive (port->channel, frame, origin, timeout_ns);
}

static bool
fanout_frame (godwit__port_t *port, godwit__worker_t *worker, godwit__frame_t *frame)
{
    godwit__header_t header;
    godwit__header_check_t check = GODWIT__HEADER_SHORT;
    if (frame->size > GODWIT__KEY_SIZE)
        check = godwit__header_read (&header, frame->data + GODWIT__KEY_SIZE, frame->size - GODWIT__KEY_SIZE);
    if (check == GODWIT__HEADER_OK && header.type == GODWIT__PUBLICATION)
        return publication (port, worker, &header, frame);
    if (check == GODWIT__HEADER_OK && header.type == GODWIT__BATCH)
        batch (port, GODWIT__ORIGIN_FANOUT, frame);
    else if (check == GODWIT__HEADER_OK && header.type == GODWIT__LAST)
        note_last (port, frame->data, &header);
    else if (check == GODWIT__HEADER_OK || check == GODWIT__HEADER_VERSION)
        GODWIT__COUNT (port->pool->transport, frames_unknown);
    else
        malformed (port, GODWIT__ORIGIN_FANOUT);
    godwit__frame_release (frame);
    return true;
}

bool
godwit__port_frame (godwit__port_t *port, godwit__worker_t *worker, godwit__frame_t *frame,
                    godwit__origin_t origin)
{
    return origin == GODWIT__ORIGIN_FANOUT ? fanout_frame (port, worker, frame)
                                           : link_frame (port, worker, frame, origin);
}

/* ---- tasks of the leader ---- */

void
godwit__port_post_tasks (godwit__port_t *port)
{
    atomic_store_explicit (&port->has_tasks, true, memory_order_release);
    if (port->pool->external)
        godwit__reactor_post (port->pool->transport->control, &port->again);
    else
        port->channel->ops->wake (port->channel);
}

bool
godwit__port_run_tasks (godwit__port_t *port)
{
    godwit__pool_t *const pool = port->pool;
    atomic_exchange_explicit (&port->has_tasks, false, memory_order_acquire);
    godwit__pool_lock (pool);
    const bool leads_on = !pool->stopping && !pool->ready_first;
    const bool says_goodbye = port->goodbye_count || (pool->leaving && !port->said_leaving);
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
        godwit__origin_t origin = 0;
        if (godwit__port_next (port, &frame, &origin, 0) != GODWIT__IO_OK)
            return;
        godwit__port_frame (port, NULL, &frame, origin);
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
    port->source.fd = port->channel->ops->fd (port->channel);
    port->source.ready = source_ready;
    port->source.user = port;
    port->again.run = turn_again;
    port->again.user = port;
    return godwit__reactor_watch (port->pool->transport->control, &port->source, error);
}
