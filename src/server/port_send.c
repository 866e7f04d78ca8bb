/* SPDX-License-Identifier: Apache-2.0 */
/* Sending frames out of a port. */
#include "src/server/port_send.h"

#include "src/server/pool.h"

bool
godwit__port_send_message (godwit__port_t *port, godwit__routing_id_t routing_id,
                           const godwit__message_t *message)
{
    if (godwit__reply_batch_add (&port->reply_batch, routing_id, message)) {
        if (message->free_fn)
            message->free_fn (message->data, message->hint);
        return true;
    }
    if (port->channel->ops->send (port->channel, routing_id, message) == GODWIT__IO_OK)
        return true;
    GODWIT__COUNT (port->pool->transport, frames_dropped);
    godwit__message_release (message);
    return false;
}

bool
godwit__port_send (godwit__port_t *port, godwit__routing_id_t routing_id, uint8_t *data, size_t size,
                   bool on_heap)
{
    return godwit__port_send_message (
        port, routing_id,
        &(godwit__message_t){.data = data, .size = size, .free_fn = on_heap ? godwit__message_free : NULL});
}

void
godwit__port_send_header (godwit__port_t *port, godwit__routing_id_t routing_id, godwit__frame_type_t type,
                          uint32_t target, uint64_t id, uint32_t aux)
{
    uint8_t data[GODWIT__HEADER_SIZE];
    const godwit__header_t header = {.type = (uint8_t) type, .target = target, .id = id, .aux = aux};
    godwit__header_write (data, &header);
    godwit__port_send (port, routing_id, data, sizeof data, false);
}

void
godwit__port_post_tasks (godwit__port_t *port)
{
    atomic_store_explicit (&port->has_tasks, true, memory_order_release);
    if (port->pool->external)
        godwit__reactor_post (port->pool->transport->control, &port->again);
    else
        port->channel->ops->wake (port->channel);
}
