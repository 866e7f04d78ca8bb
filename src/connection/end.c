/* SPDX-License-Identifier: Apache-2.0 */
#include "src/connection/end.h"

#include "src/connection/completion.h"
#include "src/connection/queue.h"

godwit__connection_t *
godwit__connection_ref (godwit__connection_t *connection)
{
    atomic_fetch_add_explicit (&connection->refs, 1, memory_order_relaxed);
    return connection;
}

void
godwit__connection_unref (godwit__connection_t **connection)
{
    godwit__connection_t *self = *connection;
    *connection = NULL;
    if (atomic_fetch_sub_explicit (&self->refs, 1, memory_order_acq_rel) != 1)
        return;
    /* Once the task is posted, the connection may be gone, and the transport would be, too. */
    godwit_transport_t *transport = self->transport;
    atomic_fetch_add (&transport->connections_closing, 1);
    godwit__reactor_post (transport->control, &self->close_task);
    atomic_fetch_sub (&transport->connections_closing, 1);
}

void
godwit__connection_say_goodbye (godwit__connection_t *connection, uint32_t server_id)
{
    uint8_t data[GODWIT__HEADER_SIZE];
    const godwit__message_t goodbye = {.data = data, .size = sizeof data};
    godwit__header_write (data, &(godwit__header_t){.type = GODWIT__GOODBYE, .target = server_id});
    godwit__connection_queue (connection, &goodbye);
}

void
godwit__connection_down (godwit__connection_t *connection, const char *reason)
{
    godwit__pending_t *finished = NULL;
    pthread_mutex_lock (&connection->lock);
    if (atomic_load (&connection->state) == GODWIT__CONNECTION_DOWN) {
        pthread_mutex_unlock (&connection->lock);
        return;
    }
    /* If it can still be sent: the port then forgets this client, does not wait for its answers, and tells
     * the handlers that run for it. */
    godwit__connection_say_goodbye (connection, 0);
    atomic_store (&connection->state, GODWIT__CONNECTION_DOWN);
    connection->ended = reason;
    godwit__pending_finish_all (connection, NULL, GODWIT__PENDING_LOST, &finished);
    godwit__reactor_post (connection->transport->completion->reactor, &connection->retire_task);
    godwit__connection_unlock (connection);
    godwit__pending_notify (connection->transport, finished);
    connection->events->lost (connection, reason);
}
