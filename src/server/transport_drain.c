#include "src/server/pool_inside.h"

/* With the lock. */
static bool
all_done (const godwit__pool_t *pool)
{
    for (size_t i = 0; i < pool->port_count; i++)
        if (pool->ports[i].drain_state != GODWIT__PORT_DRAIN_DONE)
            return false;
    return true;
}

void
godwit__pool_drain (godwit__pool_t *pool)
{
    /* Conditions wait by the system's clock. */
    const godwit__clock_t *const clock = pool->external ? &pool->clock : &godwit__clock_system;
    const int64_t until_ns = godwit__clock_now (clock) + godwit__goodbye_timeout_ns (pool);
    godwit__pool_lock (pool);
    pool->leaving = true;
    for (size_t i = 0; i < pool->port_count; i++)
        pool->ports[i].drain_state = GODWIT__PORT_DRAIN_ASKED;
    godwit__pool_unlock (pool);
    godwit__pool_refuse_queued (pool);
    for (size_t i = 0; i < pool->port_count; i++)
        godwit__port_post_tasks (&pool->ports[i]);

    godwit__pool_lock (pool);
    for (int64_t left_ns; !all_done (pool) && (left_ns = until_ns - godwit__clock_now (clock)) > 0;)
        godwit__pool_wait (pool, left_ns);
    godwit__pool_unlock (pool);
}

static void
set_state (godwit__port_t *port, godwit__port_drain_t state)
{
    godwit__pool_lock (port->pool);
    port->drain_state = state;
    godwit__pool_changed (port->pool);
    godwit__pool_unlock (port->pool);
}

void
godwit__port_drain_say (godwit__port_t *port)
{
    uint8_t data[GODWIT__HEADER_SIZE];
    const godwit__message_t goodbye = {data, sizeof data, NULL, NULL};
    godwit__header_write (data, &(godwit__header_t){.type = GODWIT__GOODBYE});
    godwit__reply_batch_flush (&port->reply_batch);
    port->awaited_count = 0;
    for (godwit__session_t *session = port->sessions.newest; session; session = session->older) {
        /* Whoever is gone does not answer. */
        session->awaited = session->known &&
                           port->channel->ops->send (port->channel, session->id, &goodbye) == GODWIT__IO_OK;
        if (session->awaited)
            port->awaited_count++;
    }
    set_state (port, port->awaited_count ? GODWIT__PORT_DRAIN_SAID : GODWIT__PORT_DRAIN_DONE);
}

void
godwit__port_drain_answered (godwit__port_t *port, godwit__session_t *session)
{
    if (!session->awaited)
        return;
    session->awaited = false;
    if (--port->awaited_count == 0)
        set_state (port, GODWIT__PORT_DRAIN_DONE);
}
