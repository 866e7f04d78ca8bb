/* A server drains: its clients are told first, and each answers when it has sent the server its last request.
 * Then it refuses what comes: nothing that was sent in good faith is refused, nor lost if it was a cast.
 *
 *     stop (any thread)            the port's leader                 a client
 *       untold_count = ports ------> GOODBYE of the server -------------->
 *       waits                        awaited: all who got it         no more requests to it
 *                                            <---- GOODBYE of the server
 *       untold_count - 1 <-------- nobody is awaited
 *       accepts = false
 */
#include "src/server/server.h"

#include <stdlib.h>

/* A client that does not answer for so long is gone or stopped. The timeout is this, or a part of the time
 * after which it would be taken for dead, whatever is longer. */
#define GOODBYE_TIMEOUT_LEAST_NS (500 * GODWIT__NS_PER_MS)
#define GOODBYE_TIMEOUT_PART 4
/* Servers that a client hears of when it says HELLO. It hears of others when they refuse it. */
#define GREETING_MAX 64

int64_t
godwit__goodbye_timeout_ns (const godwit__pool_t *pool)
{
    const int64_t part_ns =
        pool->transport->options.heartbeat_timeout_ms * GODWIT__NS_PER_MS / GOODBYE_TIMEOUT_PART;
    return part_ns > GOODBYE_TIMEOUT_LEAST_NS ? part_ns : GOODBYE_TIMEOUT_LEAST_NS;
}

/* ---- the leader's side ---- */

static void
drain_free (godwit__drain_t *drain)
{
    free (drain->awaited);
    free (drain);
}

static void
done (godwit__pool_t *pool, uint32_t server_id)
{
    godwit__pool_lock (pool);
    godwit_server_t *const server = godwit__server_table_find (&pool->servers, server_id);
    if (server && server->untold_count) {
        server->untold_count--;
        godwit__pool_changed (pool);
    }
    godwit__pool_unlock (pool);
}

/* Nobody waits for the end of those any more. */
static void
forget_given_up (godwit__port_t *port)
{
    godwit__drain_t **at = &port->drains;
    godwit__pool_lock (port->pool);
    while (*at) {
        godwit__drain_t *const drain = *at;
        const godwit_server_t *const server =
            godwit__server_table_find (&port->pool->servers, drain->goodbye.server_id);
        if (server && server->accepts) {
            at = &drain->next;
        } else {
            *at = drain->next;
            drain_free (drain);
        }
    }
    godwit__pool_unlock (port->pool);
}

static bool
tell (godwit__port_t *port, godwit__origin_t origin, godwit__goodbye_t goodbye)
{
    uint8_t data[GODWIT__HEADER_SIZE];
    const godwit__message_t message = {data, sizeof data, NULL, NULL};
    godwit__header_write (
        data,
        &(godwit__header_t){.type = GODWIT__GOODBYE, .target = goodbye.server_id, .aux = goodbye.revision});
    return port->channel->ops->send (port->channel, origin, &message) == GODWIT__IO_OK;
}

void
godwit__drain_say (godwit__port_t *port, godwit__goodbye_t goodbye)
{
    forget_given_up (port);
    godwit__reply_batch_flush (&port->reply_batch);
    godwit__drain_t *const drain = calloc (1, sizeof *drain);
    if (drain)
        drain->awaited = calloc (port->sessions.count + 1, sizeof *drain->awaited);
    for (const godwit__session_t *session = port->sessions.newest; session; session = session->older) {
        if (!session->known || !tell (port, session->id, goodbye))
            continue; /* who is gone, or does not read, does not answer */
        if (session->answers && drain && drain->awaited)
            drain->awaited[drain->awaited_count++] = session->id;
    }
    if (drain && drain->awaited_count) {
        drain->goodbye = goodbye;
        drain->next = port->drains;
        port->drains = drain;
        return;
    }
    if (drain)
        drain_free (drain);
    done (port->pool, goodbye.server_id);
}

/* True if that was the last one. */
static bool
strike_out (godwit__drain_t *drain, godwit__origin_t origin)
{
    for (size_t i = 0; i < drain->awaited_count; i++) {
        if (drain->awaited[i] != origin)
            continue;
        drain->awaited[i] = drain->awaited[--drain->awaited_count];
        return drain->awaited_count == 0;
    }
    return false;
}

void
godwit__drain_answered (godwit__port_t *port, godwit__origin_t origin, uint32_t server_id)
{
    godwit__drain_t **at = &port->drains;
    while (*at) {
        godwit__drain_t *const drain = *at;
        if ((server_id && drain->goodbye.server_id != server_id) || !strike_out (drain, origin)) {
            at = &drain->next;
            continue;
        }
        *at = drain->next;
        done (port->pool, drain->goodbye.server_id);
        drain_free (drain);
    }
}

void
godwit__drain_greet (godwit__port_t *port, godwit__origin_t origin)
{
    godwit__pool_t *const pool = port->pool;
    godwit__goodbye_t stopped[GREETING_MAX];
    const godwit_server_t *server;
    size_t count = 0;
    godwit__pool_lock (pool);
    for (size_t i = 0; count < GREETING_MAX && (server = godwit__server_table_next (&pool->servers, &i));)
        if (server->stops)
            stopped[count++] = (godwit__goodbye_t){server->id, server->revision};
    godwit__pool_unlock (pool);
    for (size_t i = 0; i < count; i++)
        tell (port, origin, stopped[i]);
}

void
godwit__drain_release (godwit__port_t *port)
{
    while (port->drains) {
        godwit__drain_t *const drain = port->drains;
        port->drains = drain->next;
        drain_free (drain);
    }
}

/* ---- who stops the server ---- */

void
godwit__drain_await (godwit_server_t *server)
{
    godwit__pool_t *const pool = server->pool;
    godwit_transport_t *const transport = server->transport;
    if (pool->external && godwit__transport_is_processing (transport))
        return; /* the loop does nothing else meanwhile */
    /* Conditions wait by the system's clock. */
    const godwit__clock_t *const clock = pool->external ? &pool->clock : &godwit__clock_system;
    const int64_t until_ns = godwit__clock_now (clock) + godwit__goodbye_timeout_ns (pool);
    godwit__pool_lock (pool);
    for (int64_t left_ns; server->untold_count && !pool->interrupted && !pool->leaving && !pool->stopping &&
                          (left_ns = until_ns - godwit__clock_now (clock)) > 0;)
        godwit__pool_wait (pool, left_ns);
    godwit__pool_unlock (pool);
}
