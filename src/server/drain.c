/* SPDX-License-Identifier: Apache-2.0 */
/* Drains, of a server or of the whole process (src/server/drain.h draws one). */
#include "src/server/drain.h"

#include "src/server/accept.h"
#include "src/server/port_send.h"
#include "src/server/server_table.h"

#include <stdlib.h>

/* A client that does not answer for so long is gone or stopped. The timeout is this, or a part of the time
 * after which it would be taken for dead, whatever is longer. */
#define GOODBYE_TIMEOUT_LEAST_NS (500 * GODWIT__NS_PER_MS)
#define GOODBYE_TIMEOUT_PART 4
/* Servers that a client hears of when it says HELLO. It hears of others when they refuse it. */
#define GREETING_MAX 64

/* A client that was told, and has to answer. */
typedef struct awaited {
    godwit__routing_id_t routing_id;
    bool has_answered;
} awaited_t;

/* A GOODBYE that was said at a port, and that some clients have not answered yet. The leader's. */
typedef struct drain {
    godwit__goodbye_t goodbye;
    godwit__list_node_t in_port;
    size_t left; /* clients in `awaited` that have not answered */
    size_t awaited_count;
    awaited_t awaited[]; /* by routing id */
} drain_t;

/* ---- the leader's side ---- */

/* With the lock: ports of which not all clients have answered; NULL: there is no such server (any more). */
static size_t *
undrained_ports_of (godwit__pool_t *pool, uint32_t server_id)
{
    if (!server_id)
        return &pool->undrained_ports;
    godwit_server_t *const server = godwit__server_table_find (&pool->servers, server_id);
    return server ? &server->undrained_ports : NULL;
}

static void
done (godwit__pool_t *pool, uint32_t server_id)
{
    godwit__pool_lock (pool);
    size_t *const undrained_ports = undrained_ports_of (pool, server_id);
    if (undrained_ports && *undrained_ports) {
        (*undrained_ports)--;
        godwit__pool_changed (pool);
    }
    godwit__pool_unlock (pool);
}

/* With the lock. */
static bool
is_given_up (const godwit__pool_t *pool, uint32_t server_id)
{
    const godwit_server_t *const server = godwit__server_table_find (&pool->servers, server_id);
    return server_id && !(server && server->accepts);
}

static void
drain_free (drain_t *drain)
{
    godwit__list_remove (&drain->in_port);
    free (drain);
}

static drain_t *
next_drain (const godwit__port_t *port, const drain_t *drain)
{
    return GODWIT__NEXT (&port->drains, drain, drain_t, in_port);
}

/* Forgets goodbyes whose answers nobody waits for any more. */
static void
forget_given_up (godwit__port_t *port)
{
    godwit__pool_lock (port->pool);
    for (drain_t *drain = GODWIT__FIRST (&port->drains, drain_t, in_port), *next; drain; drain = next) {
        next = next_drain (port, drain);
        if (is_given_up (port->pool, drain->goodbye.server_id))
            drain_free (drain);
    }
    godwit__pool_unlock (port->pool);
}

static bool
tell (godwit__port_t *port, godwit__routing_id_t routing_id, godwit__goodbye_t goodbye)
{
    uint8_t data[GODWIT__HEADER_SIZE];
    const godwit__message_t message = {.data = data, .size = sizeof data};
    godwit__header_write (
        data,
        &(godwit__header_t){.type = GODWIT__GOODBYE, .target = goodbye.server_id, .aux = goodbye.revision});
    return port->channel->ops->send (port->channel, routing_id, &message) == GODWIT__IO_OK;
}

static int
compare_routing_ids (const void *a, const void *b)
{
    const godwit__routing_id_t first = ((const awaited_t *) a)->routing_id;
    const godwit__routing_id_t second = ((const awaited_t *) b)->routing_id;
    return (first > second) - (first < second);
}

/* Tells every client that said HELLO. Clients that have to answer are noted, if there is memory for it. */
static void
say (godwit__port_t *port, godwit__goodbye_t goodbye)
{
    forget_given_up (port);
    godwit__reply_batch_flush (&port->reply_batch);
    drain_t *const drain = calloc (1, sizeof *drain + port->sessions.table.count * sizeof drain->awaited[0]);
    for (godwit__session_t *session = godwit__sessions_first (&port->sessions); session;
         session = godwit__sessions_next (&port->sessions, session)) {
        if (!session->known || !tell (port, session->id, goodbye))
            continue; /* a client that is gone or does not read will not answer */
        if (!goodbye.server_id)
            session->is_answering = true;
        if (drain && (session->answers || !goodbye.server_id))
            drain->awaited[drain->awaited_count++].routing_id = session->id;
    }
    if (drain && drain->awaited_count) {
        qsort (drain->awaited, drain->awaited_count, sizeof drain->awaited[0], compare_routing_ids);
        drain->goodbye = goodbye;
        drain->left = drain->awaited_count;
        godwit__list_append (&port->drains, &drain->in_port);
        return;
    }
    free (drain);
    done (port->pool, goodbye.server_id);
}

bool
godwit__drain_is_due (const godwit__port_t *port)
{
    return port->goodbye_count || (port->pool->leaving && !port->said_leaving);
}

void
godwit__drain_say (godwit__port_t *port)
{
    godwit__pool_t *const pool = port->pool;
    godwit__pool_lock (pool);
    godwit__goodbye_t *const goodbyes = port->goodbyes;
    const size_t count = port->goodbye_count;
    port->goodbyes = NULL;
    port->goodbye_count = 0;
    port->goodbye_capacity = 0;
    const bool is_leaving = pool->leaving && !port->said_leaving;
    if (is_leaving)
        port->said_leaving = true;
    godwit__pool_unlock (pool);
    if (is_leaving)
        say (port, (godwit__goodbye_t){.server_id = 0});
    for (size_t i = 0; i < count; i++)
        say (port, goodbyes[i]);
    free (goodbyes);
}

/* True if that was the last answer. */
static bool
note_answer (drain_t *drain, godwit__routing_id_t routing_id)
{
    const awaited_t key = {.routing_id = routing_id};
    awaited_t *const found =
        bsearch (&key, drain->awaited, drain->awaited_count, sizeof drain->awaited[0], compare_routing_ids);
    if (!found || found->has_answered)
        return false;
    found->has_answered = true;
    return --drain->left == 0;
}

void
godwit__drain_answered (godwit__port_t *port, godwit__routing_id_t routing_id, uint32_t server_id)
{
    for (drain_t *drain = GODWIT__FIRST (&port->drains, drain_t, in_port), *next; drain; drain = next) {
        next = next_drain (port, drain);
        if ((server_id && drain->goodbye.server_id != server_id) || !note_answer (drain, routing_id))
            continue;
        done (port->pool, drain->goodbye.server_id);
        drain_free (drain);
    }
}

void
godwit__drain_greet (godwit__port_t *port, godwit__routing_id_t routing_id)
{
    godwit__pool_t *const pool = port->pool;
    godwit__goodbye_t stopped[GREETING_MAX];
    const godwit_server_t *server;
    size_t count = 0;
    godwit__pool_lock (pool);
    for (server = godwit__server_table_first (&pool->servers); count < GREETING_MAX && server;
         server = godwit__server_table_next (&pool->servers, server))
        if (server->stops)
            stopped[count++] = (godwit__goodbye_t){server->id, server->revision};
    godwit__pool_unlock (pool);
    for (size_t i = 0; i < count; i++)
        tell (port, routing_id, stopped[i]);
}

void
godwit__drain_release (godwit__port_t *port)
{
    free (port->goodbyes);
    for (drain_t *drain; (drain = GODWIT__FIRST (&port->drains, drain_t, in_port));)
        drain_free (drain);
}

/* ---- who drains ---- */

/* With the lock: makes the leader of the port tell the server's clients. If memory is short, clients learn it
 * from the refusal of a request. */
static void
note_goodbye (godwit__port_t *port, godwit_server_t *server)
{
    if (port->goodbye_count == port->goodbye_capacity) {
        const size_t capacity = port->goodbye_capacity ? 2 * port->goodbye_capacity : 8;
        godwit__goodbye_t *const goodbyes = realloc (port->goodbyes, capacity * sizeof *goodbyes);
        if (!goodbyes)
            return;
        port->goodbyes = goodbyes;
        port->goodbye_capacity = capacity;
    }
    port->goodbyes[port->goodbye_count++] = (godwit__goodbye_t){server->id, server->revision};
    server->undrained_ports++;
    godwit__port_post_tasks (port);
}

void
godwit__drain_begin (godwit_server_t *server)
{
    godwit__pool_t *const pool = server->pool;
    godwit__pool_lock (pool);
    server->stops = true;
    for (size_t i = 0; i < pool->port_count && !pool->stopping; i++)
        note_goodbye (&pool->ports[i], server);
    godwit__pool_unlock (pool);
}

static int64_t
timeout_ns_of (const godwit__pool_t *pool)
{
    const int64_t part_ns =
        pool->transport->options.heartbeat_timeout_ms * GODWIT__NS_PER_MS / GOODBYE_TIMEOUT_PART;
    return part_ns > GOODBYE_TIMEOUT_LEAST_NS ? part_ns : GOODBYE_TIMEOUT_LEAST_NS;
}

/* With the lock: true if nobody waits for the drain of this server (NULL: of the process) any more. */
static bool
is_over (const godwit__pool_t *pool, const godwit_server_t *server)
{
    if (!server)
        return !pool->undrained_ports;
    return !server->undrained_ports || pool->interrupted || pool->leaving || pool->stopping;
}

/* Waits until all clients have answered, or their time is up. */
static void
await (godwit__pool_t *pool, const godwit_server_t *server)
{
    if (pool->external && godwit__transport_is_processing (pool->transport))
        return; /* this thread is the loop: no answer could arrive */
    /* Conditions wait by the system's clock. */
    const godwit__clock_t *const clock = pool->external ? &pool->clock : &godwit__clock_system;
    const int64_t until_ns = godwit__clock_now (clock) + timeout_ns_of (pool);
    int64_t left_ns;
    godwit__pool_lock (pool);
    while (!is_over (pool, server) && (left_ns = until_ns - godwit__clock_now (clock)) > 0)
        godwit__pool_wait (pool, left_ns);
    godwit__pool_unlock (pool);
}

void
godwit__drain_await (godwit_server_t *server)
{
    await (server->pool, server);
}

void
godwit__pool_drain (godwit__pool_t *pool)
{
    godwit__pool_lock (pool);
    pool->leaving = true;
    pool->undrained_ports = pool->port_count;
    godwit__pool_unlock (pool);
    godwit__pool_refuse_queued (pool);
    for (size_t i = 0; i < pool->port_count; i++)
        godwit__port_post_tasks (&pool->ports[i]);
    await (pool, NULL);
}
