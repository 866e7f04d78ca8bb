/* SPDX-License-Identifier: Apache-2.0 */
#include "src/connection/led.h"

#include "src/connection/lead.h"
#include "src/connection/receive.h"
#include "src/connection/send.h"

/* Frames that the reactor receives before other sources get their turn. */
#define RECEIVE_BURST 512

/* Sends the requests that callbacks have made since `batches` was set. */
static void
end_batch (godwit__completion_t *completion)
{
    completion->batches = false;
    while (completion->first_batched) {
        godwit__connection_t *connection = completion->first_batched;
        completion->first_batched = connection->next_batched;
        godwit__connection_flush (connection);
        godwit__connection_unref (&connection);
    }
}

static void
receive (godwit__connection_t *connection)
{
    godwit__completion_t *completion = connection->transport->completion;
    const godwit__channel_ops_t *ops = connection->link->ops;

    pthread_mutex_lock (&connection->lock);
    const bool mine = connection->lead == GODWIT__LEAD_REACTOR &&
                      atomic_load (&connection->state) != GODWIT__CONNECTION_DOWN;
    if (mine)
        connection->lead = GODWIT__LEAD_REACTOR_BUSY;
    pthread_mutex_unlock (&connection->lock);
    if (!mine) {
        ops->detach (connection->link);
        return;
    }

    if (ops->attach (connection->link, completion->reactor, &connection->source, NULL) != GODWIT_OK)
        godwit__connection_down (connection, "the completion thread cannot watch it");

    godwit__reader_t reader;
    godwit__frame_t frame;
    godwit__routing_id_t routing_id;
    godwit__io_t io = GODWIT__IO_OK;
    godwit__reader_init (&reader, connection, NULL);
    completion->batches = true;
    for (int i = 0; i < RECEIVE_BURST && io == GODWIT__IO_OK; i++) {
        io = ops->recv (connection->link, &frame, &routing_id);
        completion->now_ns = 0;
        if (io == GODWIT__IO_OK)
            godwit__connection_frame (&reader, &frame);
        godwit__reader_tell (&reader); /* the next frame may run a callback */
    }
    end_batch (completion);
    if (io == GODWIT__IO_CLOSED)
        godwit__connection_down (connection, ops->why_down (connection->link));

    pthread_mutex_lock (&connection->lock);
    godwit__lead_release (connection, GODWIT__LEAD_REACTOR);
    if (io == GODWIT__IO_OK && connection->lead == GODWIT__LEAD_REACTOR)
        godwit__lead_post (connection); /* there may be more frames, for which ready need not come again */
    pthread_mutex_unlock (&connection->lock);
}

static bool
tick (godwit__connection_t *connection)
{
    bool park = false;
    pthread_mutex_lock (&connection->lock);
    if (connection->lead == GODWIT__LEAD_NOBODY && connection->use_count == connection->use_count_at_tick) {
        connection->lead = GODWIT__LEAD_REACTOR;
        park = true;
    }
    connection->use_count_at_tick = connection->use_count;
    const bool parked = connection->lead == GODWIT__LEAD_REACTOR;
    pthread_mutex_unlock (&connection->lock);
    if (park)
        receive (connection);
    return parked;
}

static void
on_readable (godwit__source_t *source)
{
    receive (source->user);
}

static void
on_receive_task (godwit__task_t *task)
{
    godwit__connection_t *connection = task->user;
    if (!godwit__in_list (&connection->led) && atomic_load (&connection->state) != GODWIT__CONNECTION_DOWN)
        godwit__list_prepend (&connection->transport->completion->led, &connection->led);
    receive (connection);
}

/* The last thing that the reactor does with a connection. */
static void
on_retire_task (godwit__task_t *task)
{
    godwit__connection_t *connection = task->user;
    godwit__completion_t *completion = connection->transport->completion;
    connection->link->ops->detach (connection->link);
    godwit__reactor_unpost (completion->reactor, &connection->receive_task);
    if (godwit__in_list (&connection->led))
        godwit__list_remove (&connection->led);
    godwit__connection_unref (&connection);
}

void
godwit__led_init (godwit__connection_t *connection)
{
    connection->source = (godwit__source_t){.ready = on_readable, .user = connection};
    connection->receive_task = (godwit__task_t){.run = on_receive_task, .user = connection};
    connection->retire_task = (godwit__task_t){.run = on_retire_task, .user = connection};
}

/* ---- the hooks of the timers ---- */

int64_t
godwit__led_expire (godwit__completion_t *completion, int64_t now_ns)
{
    int64_t next_ns = GODWIT__NEVER;
    godwit__connection_t *at = GODWIT__FIRST (&completion->led, godwit__connection_t, led);
    for (; at; at = GODWIT__NEXT (&completion->led, at, godwit__connection_t, led)) {
        const int64_t earliest_ns = godwit__pending_expire (at, now_ns);
        if (earliest_ns < next_ns)
            next_ns = earliest_ns;
    }
    return next_ns;
}

bool
godwit__led_tick (godwit__completion_t *completion)
{
    bool all_parked = true;
    godwit__connection_t *connection = GODWIT__FIRST (&completion->led, godwit__connection_t, led), *next;
    for (; connection; connection = next) {
        next = GODWIT__NEXT (&completion->led, connection, godwit__connection_t, led);
        if (!tick (connection))
            all_parked = false;
    }
    return all_parked;
}
