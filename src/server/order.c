/* SPDX-License-Identifier: Apache-2.0 */
/* Whose notifications a lane handles next, and whose it refuses. */
#include "src/server/order.h"

#include "src/server/server_table.h"

#include <stdlib.h>

/* A sender that vanished is remembered until so many others were refused; so many of one connection, which
 * may say any number. */
#define REFUSED_MAX 4096
#define CONNECTION_MAX 256

typedef struct refused {
    godwit__sender_t sender;
    uint64_t id; /* of the first that was refused */
} refused_t;

/* Those whose notifications are refused until one is FIRST, the oldest first. */
struct godwit__refused_senders {
    size_t count;
    size_t capacity;
    refused_t senders[];
};

static bool
is_same (const godwit__sender_t *a, const godwit__sender_t *b)
{
    return a->port == b->port && a->routing_id == b->routing_id && a->notifier == b->notifier;
}

/* ---- refused senders; with pool.lock ---- */

/* Its index; count: it is not there. */
static size_t
find (const struct godwit__refused_senders *refused, const godwit__sender_t *sender)
{
    size_t i = 0;
    while (i < refused->count && !is_same (&refused->senders[i].sender, sender))
        i++;
    return i;
}

static void
forget (struct godwit__refused_senders *refused, size_t index)
{
    refused->count--;
    memmove (&refused->senders[index], &refused->senders[index + 1],
             (refused->count - index) * sizeof *refused->senders);
}

/* Makes room for one more. */
static void
forget_oldest (struct godwit__refused_senders *refused, const godwit__sender_t *sender)
{
    size_t count = 0, oldest = 0;
    for (size_t i = refused->count; i > 0; i--)
        if (refused->senders[i - 1].sender.port == sender->port &&
            refused->senders[i - 1].sender.routing_id == sender->routing_id) {
            count++;
            oldest = i - 1;
        }
    if (count >= CONNECTION_MAX)
        forget (refused, oldest);
    else if (refused->count == REFUSED_MAX)
        forget (refused, 0);
}

/* Without memory the sender is not remembered: then it is only its order that may be lost. */
static void
add (godwit_server_t *server, const godwit__sender_t *sender, uint64_t id)
{
    struct godwit__refused_senders *refused = server->refused_senders;
    const size_t index = refused ? find (refused, sender) : 0;
    if (refused && index < refused->count) {
        if (id < refused->senders[index].id)
            refused->senders[index].id = id;
        return;
    }
    if (refused)
        forget_oldest (refused, sender);
    if (!refused || refused->count == refused->capacity) {
        const size_t capacity = refused ? 2 * refused->capacity : 8;
        struct godwit__refused_senders *const grown =
            realloc (refused, sizeof *grown + capacity * sizeof *grown->senders);
        if (!grown)
            return;
        if (!refused)
            grown->count = 0;
        grown->capacity = capacity;
        server->refused_senders = refused = grown;
    }
    refused->senders[refused->count++] = (refused_t){*sender, id};
}

bool
godwit__order_is_refused (const godwit__sender_t *sender, uint32_t server_id, uint64_t id)
{
    godwit__pool_t *const pool = sender->port->pool;
    godwit__pool_lock (pool);
    const godwit_server_t *const server = godwit__server_table_find (&pool->servers, server_id);
    const struct godwit__refused_senders *const refused = server ? server->refused_senders : NULL;
    const size_t index = refused ? find (refused, sender) : 0;
    const bool is_refused = refused && index < refused->count && refused->senders[index].id < id;
    godwit__pool_unlock (pool);
    return is_refused;
}

void
godwit__order_refused (const godwit__sender_t *sender, uint32_t server_id, uint64_t id)
{
    godwit__pool_t *const pool = sender->port->pool;
    godwit__pool_lock (pool);
    godwit_server_t *const server = godwit__server_table_find (&pool->servers, server_id);
    if (server && server->is_lane)
        add (server, sender, id);
    godwit__pool_unlock (pool);
}

/* What comes now is queued behind what waits, also if a handler could begin: that may not be its turn. */
static bool
is_full (const godwit_server_t *server)
{
    return server->queued >= server->queue_limit || server->queued_size >= server->pool->max_queue_size;
}

godwit__nack_t
godwit__order_refuses (godwit_server_t *server, const godwit__sender_t *sender,
                       const godwit__header_t *header)
{
    struct godwit__refused_senders *const refused = server->refused_senders;
    if (!server->is_lane || header->type != GODWIT__NOTIFY)
        return GODWIT__NACK_NOT_HERE;
    if (is_full (server))
        return GODWIT__NACK_OVERLOADED;
    if (!refused || !refused->count)
        return 0;
    const size_t index = find (refused, sender);
    if (index == refused->count)
        return 0;
    if (!(header->flags & GODWIT__FLAG_FIRST))
        return GODWIT__NACK_OVERLOADED;
    forget (refused, index);
    return 0;
}

void
godwit__order_begin (godwit_request_t *request, const godwit__header_t *header)
{
    request->notifier = header->budget_ms;
    request->deadline_ns = GODWIT__NEVER;
}

void
godwit__order_release (godwit_server_t *server)
{
    free (server->refused_senders);
    server->refused_senders = NULL;
}

/* ---- whose turn it is; with pool.lock ---- */

static bool
is_of (const godwit_request_t *request, const godwit__sender_t *sender)
{
    const godwit__sender_t its = godwit__sender_of (request);
    return is_same (&its, sender);
}

static bool
runs_for (const godwit_server_t *server, const godwit__sender_t *sender)
{
    if (!server->active)
        return false;
    for (const godwit_request_t *at = GODWIT__FIRST (&server->running, godwit_request_t, in_running); at;
         at = GODWIT__NEXT (&server->running, at, godwit_request_t, in_running))
        if (at->is_active && is_of (at, sender))
            return true;
    return false;
}

bool
godwit__order_is_busy (const godwit_server_t *server, const godwit__sender_t *sender)
{
    if (server->concurrency == 1) /* then any handler that runs is in the way */
        return false;
    for (const godwit_request_t *at = GODWIT__FIRST (&server->queue, godwit_request_t, in_queue); at;
         at = GODWIT__NEXT (&server->queue, at, godwit_request_t, in_queue))
        if (is_of (at, sender))
            return true;
    return runs_for (server, sender);
}

godwit_request_t *
godwit__order_next (const godwit_server_t *server)
{
    godwit_request_t *at = GODWIT__FIRST (&server->queue, godwit_request_t, in_queue);
    if (!server->is_lane || server->concurrency == 1)
        return at;
    for (; at; at = GODWIT__NEXT (&server->queue, at, godwit_request_t, in_queue)) {
        const godwit__sender_t sender = godwit__sender_of (at);
        if (!runs_for (server, &sender))
            break;
    }
    return at;
}
