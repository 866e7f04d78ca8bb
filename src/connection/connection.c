#include "src/connection/connection_inside.h"

#include "src/connection/completion.h"
#include "src/discovery/directory.h"
#include "src/discovery/peer.h"
#include "src/error/error.h"

#include <stdlib.h>

#define BUCKETS_AT_FIRST 64
/* Frames that the reactor receives before other sources get their turn. */
#define RECEIVE_BURST 512

/* ---- ends ---- */

void
godwit__connection_down (godwit__connection_t *connection, const char *reason)
{
    godwit__pending_t *finished = NULL;
    pthread_mutex_lock (&connection->lock);
    if (atomic_load (&connection->state) == GODWIT__CONNECTION_DOWN) {
        pthread_mutex_unlock (&connection->lock);
        return;
    }
    /* If it still can be sent: the port then forgets this client, waits for no answer of it, and tells
     * handlers that run for it. */
    godwit__connection_say_goodbye (connection, 0);
    atomic_store (&connection->state, GODWIT__CONNECTION_DOWN);
    godwit__pending_finish_all (connection, NULL, GODWIT__PENDING_LOST, &finished);
    godwit__reactor_post (connection->transport->completion->reactor, &connection->retire_task);
    pthread_mutex_unlock (&connection->lock);
    godwit__pending_notify (connection->transport, finished);
    godwit__peer_lost (connection, reason);
}

/* ---- the completion reactor's part ---- */

void
godwit__connection_receive (godwit__connection_t *connection)
{
    godwit__reactor_t *reactor = connection->transport->completion->reactor;
    const godwit__channel_ops_t *ops = connection->link->ops;

    pthread_mutex_lock (&connection->lock);
    const bool mine = connection->lead == GODWIT__LEAD_REACTOR &&
                      atomic_load (&connection->state) != GODWIT__CONNECTION_DOWN;
    if (mine)
        connection->lead = GODWIT__LEAD_REACTOR_BUSY;
    pthread_mutex_unlock (&connection->lock);
    if (!mine) {
        godwit__reactor_unwatch (reactor, &connection->source);
        return;
    }

    connection->source.fd = ops->fd (connection->link);
    if (!connection->source.watched &&
        (connection->source.fd < 0 || godwit__reactor_watch (reactor, &connection->source, NULL)))
        godwit__connection_down (connection, "its descriptor cannot be watched");

    godwit__frame_t frame;
    godwit__origin_t origin;
    godwit__io_t io = GODWIT__IO_OK;
    godwit__completion_begin_batch (connection->transport->completion);
    for (int i = 0; i < RECEIVE_BURST && io == GODWIT__IO_OK; i++) {
        io = ops->recv (connection->link, &frame, &origin);
        connection->transport->completion->now_ns = 0;
        if (io == GODWIT__IO_OK)
            godwit__connection_frame (connection, &frame, NULL);
    }
    godwit__completion_end_batch (connection->transport->completion);
    if (io == GODWIT__IO_CLOSED)
        godwit__connection_down (connection, "the connection was lost");

    pthread_mutex_lock (&connection->lock);
    godwit__lead_release (connection, GODWIT__LEAD_REACTOR);
    if (io == GODWIT__IO_OK && connection->lead == GODWIT__LEAD_REACTOR)
        godwit__lead_post (connection); /* there may be more, of which the descriptor does not tell */
    pthread_mutex_unlock (&connection->lock);
}

bool
godwit__connection_tick (godwit__connection_t *connection)
{
    bool park = false;
    pthread_mutex_lock (&connection->lock);
    if (connection->lead == GODWIT__LEAD_NOBODY && connection->use_count == connection->use_count_seen) {
        connection->lead = GODWIT__LEAD_REACTOR;
        park = true;
    }
    connection->use_count_seen = connection->use_count;
    const bool parked = connection->lead == GODWIT__LEAD_REACTOR;
    pthread_mutex_unlock (&connection->lock);
    if (park)
        godwit__connection_receive (connection);
    return parked;
}

static void
on_readable (godwit__source_t *source)
{
    godwit__connection_receive (source->user);
}

static void
on_receive_task (godwit__task_t *task)
{
    godwit__connection_t *connection = task->user;
    if (!connection->led && atomic_load (&connection->state) != GODWIT__CONNECTION_DOWN)
        godwit__completion_attach (connection->transport->completion, connection);
    godwit__connection_receive (connection);
}

/* The last thing that the reactor does with a connection. */
static void
on_retire_task (godwit__task_t *task)
{
    godwit__connection_t *connection = task->user;
    godwit__completion_t *completion = connection->transport->completion;
    godwit__reactor_unwatch (completion->reactor, &connection->source);
    godwit__reactor_unpost (completion->reactor, &connection->receive_task);
    if (connection->led)
        godwit__completion_detach (completion, connection);
    godwit__connection_unref (&connection);
}

/* ---- opening and closing; the control thread ---- */

static void
on_link_up (void *user)
{
    godwit__connection_say_hello (user);
}

/* What had arrived is received first: replies among it are not lost. The leader then meets CLOSED. */
static void
on_link_down (void *user, const char *reason)
{
    godwit__connection_t *connection = user;
    if (atomic_load (&connection->state) == GODWIT__CONNECTION_OPENING) {
        godwit__connection_down (connection, reason);
        return;
    }
    pthread_mutex_lock (&connection->lock);
    if (connection->lead == GODWIT__LEAD_NOBODY)
        connection->lead = GODWIT__LEAD_REACTOR;
    godwit__lead_post (connection);
    pthread_mutex_unlock (&connection->lock);
}

static void
on_welcome_late (godwit__timer_t *timer)
{
    godwit__connection_t *connection = timer->user;
    if (atomic_load (&connection->state) == GODWIT__CONNECTION_OPENING)
        godwit__connection_down (connection, "it did not answer HELLO in time");
}

static void
connection_free (godwit__connection_t *connection)
{
    pthread_mutex_destroy (&connection->lock);
    godwit__batch_writer_release (&connection->batch);
    free (connection->buckets);
    free (connection);
}

static void
on_close_task (godwit__task_t *task)
{
    godwit__connection_t *connection = task->user;
    godwit_transport_t *transport = connection->transport;
    godwit__reactor_disarm (transport->control, &connection->welcome_timer);
    connection->link->ops->close (connection->link);
    connection_free (connection);

    pthread_mutex_lock (&transport->lock);
    transport->connection_count--;
    godwit__transport_changed (transport);
    pthread_mutex_unlock (&transport->lock);
}

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
    if (atomic_fetch_sub_explicit (&self->refs, 1, memory_order_acq_rel) == 1)
        godwit__reactor_post (self->transport->control, &self->close_task);
}

godwit_status_t
godwit__connection_open (godwit__connection_t **connection, struct godwit__peer *peer,
                         godwit__driver_t *driver, const char *address, godwit_error_t **error)
{
    static const godwit__link_events_t events = {on_link_up, on_link_down};
    godwit_transport_t *transport = peer->transport;
    godwit_status_t status = godwit__completion_start (transport->completion, error);
    if (status)
        return status;
    godwit__connection_t *self = calloc (1, sizeof *self);
    if (!self)
        return godwit__error_no_memory (error);
    self->bucket_count = BUCKETS_AT_FIRST;
    self->buckets = calloc (self->bucket_count, sizeof (godwit__pending_t *));
    pthread_mutex_init (&self->lock, NULL);
    if (!self->buckets) {
        connection_free (self);
        return godwit__error_no_memory (error);
    }
    atomic_init (&self->refs, 2); /* the peer's and the completion reactor's */
    atomic_init (&self->state, GODWIT__CONNECTION_OPENING);
    self->transport = transport;
    self->peer = peer;
    memcpy (self->expect, peer->instance, sizeof self->expect);
    self->lead = GODWIT__LEAD_REACTOR;
    self->earliest_ns = GODWIT__NEVER;
    self->source = (godwit__source_t){.fd = -1, .ready = on_readable, .user = self};
    self->receive_task = (godwit__task_t){.run = on_receive_task, .user = self};
    self->retire_task = (godwit__task_t){.run = on_retire_task, .user = self};
    self->close_task = (godwit__task_t){.run = on_close_task, .user = self};
    self->welcome_timer = (godwit__timer_t){.fire = on_welcome_late, .user = self};

    pthread_mutex_lock (&transport->lock);
    do {
        self->number = ++transport->connections_ever;
    } while (self->number == 0);
    pthread_mutex_unlock (&transport->lock);

    const int64_t limit_ns = transport->options.connect_timeout_ms * GODWIT__NS_PER_MS;
    status = godwit__reactor_arm (transport->control, &self->welcome_timer,
                                  godwit__transport_now (transport) + limit_ns);
    if (status)
        godwit__error_no_memory (error);
    else
        status = driver->ops->open_link (driver, address, &events, self, &self->link, error);
    if (status) {
        godwit__reactor_disarm (transport->control, &self->welcome_timer);
        connection_free (self);
        return status;
    }
    pthread_mutex_lock (&transport->lock);
    transport->connection_count++;
    pthread_mutex_unlock (&transport->lock);
    *connection = self;
    return GODWIT_OK;
}

void
godwit__connection_begin (godwit__connection_t *connection)
{
    pthread_mutex_lock (&connection->lock);
    godwit__lead_post (connection);
    pthread_mutex_unlock (&connection->lock);
}
