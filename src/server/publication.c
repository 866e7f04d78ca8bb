/* SPDX-License-Identifier: Apache-2.0 */
/* Publications that come in at a port. */
#include "src/server/publication.h"

#include "src/runtime/warnings.h"
#include "src/server/accept.h"
#include "src/server/port_rights.h"
#include "src/server/server_table.h"
#include "src/server/worker_run.h"
#include "src/wire/fanout.h"

#include <string.h>

enum { KEY_PUBLISHERS = 0x7075 };

/* ---- what has been seen ---- */

/* Which publications of this publisher with this key were seen. NULL when memory is short, or, in a realm,
 * when it may not publish to this server, which listens to the key. */
static godwit__session_t *
publications_of (godwit__port_t *port, const uint8_t *key, uint32_t publisher, uint32_t subscriber,
                 int64_t now_ns)
{
    godwit__pool_t *const pool = port->pool;
    const uint64_t epoch = atomic_load_explicit (&pool->fanout_epoch, memory_order_acquire);
    if (epoch != port->fanout_epoch) {
        port->fanout_epoch = epoch;
        for (godwit__session_t *at = godwit__sessions_first (&port->publications); at;
             at = godwit__sessions_next (&port->publications, at))
            at->known = false;
    }
    /* The key is a hash already. */
    godwit__session_t *const session =
        port->has_realm
            ? godwit__port_meet_publisher (port, key, publisher, subscriber, now_ns)
            : godwit__sessions_add (&port->publications,
                                    godwit__get_u64 (key) ^ (uint64_t) publisher << 32 ^ publisher, now_ns);
    if (port->publications.has_forgotten) {
        port->publications.has_forgotten = false;
        godwit__warn (pool->transport, KEY_PUBLISHERS,
                      "fanouts of more than %zu publishers and topics come here: those that were silent the "
                      "longest are forgotten, and what they miss is not counted",
                      port->publications.limit);
    }
    return session;
}

/* False: this publication was seen before, or its publisher may not publish here. Counts those that are
 * missing between it and the last one. */
static bool
note_publication (godwit__port_t *port, const uint8_t *key, const godwit__header_t *header, int64_t now_ns,
                  uint32_t subscriber)
{
    const godwit__pool_t *const pool = port->pool;
    godwit__session_t *const session = publications_of (port, key, header->target, subscriber, now_ns);
    if (!session)
        return !port->has_realm; /* nobody could say who publishes */
    uint64_t missed = 0;
    if (session->window.top == 0 &&
        header->id) /* they come in order: older ones may have been seen and forgotten */
        godwit__replay_window_skip (&session->window, header->id - 1);
    if (!godwit__replay_window_add (&session->window, header->id, &missed)) {
        GODWIT__COUNT (pool->transport, requests_duplicate);
        return false;
    }
    if (session->known && missed)
        atomic_fetch_add_explicit (&pool->transport->counters.fanout_gaps, missed, memory_order_relaxed);
    session->known = true; /* only the first one may come with any number */
    return true;
}

/* ---- who subscribes ---- */

/* Walks the servers that listen to a key, in the order of their numbers: no server is visited twice when
 * servers come and go meanwhile, not even one that is restarted. */
typedef struct subscribers {
    uint32_t id;   /* the one that is visited now; 0: there is none any more */
    uint32_t next; /* 0: `id` is the last one */
    uint32_t last; /* servers above this number came later, and are not visited */
} subscribers_t;

/* With the lock: finds the two servers with the lowest numbers above `after`. */
static void
find_two (subscribers_t *found, const godwit__pool_t *pool, const uint8_t *key, uint32_t after)
{
    const godwit_server_t *server;
    found->id = found->next = 0;
    for (server = godwit__server_table_first (&pool->servers); server;
         server = godwit__server_table_next (&pool->servers, server)) {
        if (server->id <= after || server->id > found->last || !server->accepts ||
            memcmp (server->key, key, GODWIT__KEY_SIZE) != 0)
            continue;
        if (found->id) {
            found->next = server->id;
            return;
        }
        found->id = server->id;
    }
}

/* Publications come in bursts, and most keys have one server: that one is remembered, and needs no lock. */
static subscribers_t
first_subscribers (godwit__port_t *port, const uint8_t *key)
{
    godwit__pool_t *const pool = port->pool;
    godwit__lone_server_t *const known = &port->subscriber;
    const uint64_t changes = atomic_load_explicit (&pool->servers.change_count, memory_order_acquire);
    if (known->id && known->changes == changes && memcmp (known->key, key, GODWIT__KEY_SIZE) == 0)
        return (subscribers_t){.id = known->id};
    godwit__pool_lock (pool);
    subscribers_t found = {.last = pool->servers.last_id};
    find_two (&found, pool, key, 0);
    godwit__pool_unlock (pool);
    known->id = found.next ? 0 : found.id;
    known->changes = changes;
    memcpy (known->key, key, GODWIT__KEY_SIZE);
    return found;
}

/* Goes on to the next server; or, if that is gone meanwhile, to the one after it. */
static void
next_subscriber (subscribers_t *found, godwit__pool_t *pool, const uint8_t *key)
{
    if (!found->next) {
        found->id = 0;
        return;
    }
    godwit__pool_lock (pool);
    find_two (found, pool, key, found->next - 1);
    godwit__pool_unlock (pool);
}

void
godwit__port_last_publication (godwit__port_t *port, const uint8_t *key, const godwit__header_t *header)
{
    const godwit__pool_t *const pool = port->pool;
    const uint32_t subscriber = first_subscribers (port, key).id;
    if (!subscriber)
        return;
    godwit__session_t *const session =
        publications_of (port, key, header->target, subscriber, godwit__clock_now (&pool->clock));
    if (!session)
        return;
    if (session->known && header->id > session->window.top)
        atomic_fetch_add_explicit (&pool->transport->counters.fanout_gaps, header->id - session->window.top,
                                   memory_order_relaxed);
    godwit__replay_window_skip (&session->window, header->id);
    session->known = true;
}

/* ---- giving it to them ---- */

/* A publication that a server refuses: its publisher is not told, so it is counted as missed. */
static void
refuse_publication (godwit_transport_t *transport)
{
    GODWIT__COUNT (transport, requests_refused);
    GODWIT__COUNT (transport, fanout_gaps);
}

bool
godwit__port_publication (godwit__port_t *port, godwit__worker_t *worker, godwit__header_t *header,
                          godwit__frame_t *frame)
{
    godwit__pool_t *const pool = port->pool;
    uint8_t key[GODWIT__KEY_SIZE];
    memcpy (key, frame->data, sizeof key);
    const int64_t now_ns = port->now_ns ? port->now_ns : godwit__clock_now (&pool->clock);
    port->now_ns = 0;
    subscribers_t subscribers = first_subscribers (port, key);
    if (!subscribers.id || !note_publication (port, key, header, now_ns, subscribers.id)) {
        godwit__frame_release (frame);
        return true;
    }
    godwit__port_count (&port->counters->fanouts_received);
    bool leads = true;
    for (; subscribers.id; next_subscriber (&subscribers, pool, key)) {
        /* All servers but the last get a copy, which other workers run: so no server waits for another one's
         * handler. */
        const bool is_last = !subscribers.next;
        godwit__frame_t copy;
        godwit__refusal_t refused = {GODWIT__NACK_OVERLOADED, 0};
        godwit_request_t *accepted = NULL;
        header->target = subscribers.id; /* it was the publisher's number */
        if (is_last)
            godwit__frame_move (&copy, frame);
        if (is_last || godwit__frame_copy (&copy, frame->data, frame->size)) {
            accepted =
                godwit__pool_accept (pool, port, GODWIT__ROUTING_ID_FANOUT, header, &copy,
                                     GODWIT__KEY_SIZE + GODWIT__HEADER_SIZE, now_ns, is_last, &refused);
            godwit__frame_release (&copy);
        }
        if (accepted)
            leads = godwit__worker_run (worker, port, accepted, NULL);
        else if (refused.reason)
            refuse_publication (pool->transport);
    }
    godwit__frame_release (frame);
    return leads;
}
