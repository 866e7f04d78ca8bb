/* SPDX-License-Identifier: Apache-2.0 */
/* Sending in two steps: a message is queued under connection.lock, which gives the order, and leaves once the
 * lock is released. */
#ifndef GODWIT_SRC_CONNECTION_QUEUE_H
#define GODWIT_SRC_CONNECTION_QUEUE_H

#include "src/connection/connection.h"

/* Queues a message, with connection.lock held: it is sent by godwit__connection_unlock. */
static inline godwit__io_t
godwit__connection_queue (godwit__connection_t *connection, const godwit__message_t *message)
{
    const godwit__io_t io = connection->link->ops->queue (connection->link, 0, message);
    if (io == GODWIT__IO_OK)
        connection->is_queued = true;
    return io;
}

/* Releases connection.lock, and sends what was queued under it: no thread waits for the lock while another
 * one is in a system call.
 *
 * The link is closed by the control thread, after the last reference to the connection is gone. So whoever
 * calls this has a reference (of a call, of the owner, of the completion reactor), or is the control thread;
 * the connection may go down meanwhile, but its link stays until then. */
static inline void
godwit__connection_unlock (godwit__connection_t *connection)
{
    const bool is_queued = connection->is_queued;
    connection->is_queued = false;
    if (is_queued)
        atomic_store_explicit (&connection->deferred_count, 0, memory_order_relaxed);
    pthread_mutex_unlock (&connection->lock);
    if (is_queued)
        connection->link->ops->flush (connection->link, 0);
}

#endif
