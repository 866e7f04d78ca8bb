/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: opened, looked after, closed. The control thread. */
#include "src/connection/connection.h"

#include "src/connection/facts.h"
#include "src/connection/lead.h"
#include "src/connection/led.h"
#include "src/connection/renumber.h"
#include "src/connection/send.h"
#include "src/error/error.h"

#include <stdlib.h>

#define PENDING_AT_FIRST 64
#define PING_NS (5000 * GODWIT__NS_PER_MS)

static void
on_link_up (void *user)
{
    godwit__connection_say_hello (user);
}

/* The frames that have arrived are received first, so that no reply is lost. Then the leader gets CLOSED. */
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

static bool
on_link_ask (void *user)
{
    return godwit__connection_ask (user);
}

/* Before WELCOME nothing runs there that could be waited for: it ends at once, and no server behind it is
 * ever known. */
static void
on_link_voided (void *user, const char *reason)
{
    godwit__connection_t *connection = user;
    const bool was_open = godwit__connection_retire (connection);
    connection->events->voided (connection, reason);
    if (!was_open)
        godwit__connection_down (connection, "its certificate became void");
}

static void
on_link_renewed (void *user)
{
    godwit__connection_t *connection = user;
    connection->events->renewed (connection);
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
    godwit__table_release (&connection->pending);
    free (connection->address);
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
    if (atomic_load (&transport->closing)) /* its end waits for them */
        godwit__transport_changed (transport);
    godwit__transport_unlock (transport);
}

godwit_status_t
godwit__connection_open (godwit__connection_t **connection, godwit_transport_t *transport,
                         const godwit__connection_events_t *events, void *owner,
                         const uint8_t expect[GODWIT__UUID_SIZE], godwit__driver_t *driver,
                         const char *address, godwit_error_t **error)
{
    static const godwit__link_events_t link_events = {
        .up = on_link_up,
        .down = on_link_down,
        .ask = on_link_ask,
        .voided = on_link_voided,
        .renewed = on_link_renewed,
    };
    godwit_status_t status = godwit__completion_start (transport->completion, error);
    if (status)
        return status;
    godwit__connection_t *self = calloc (1, sizeof *self);
    if (self)
        self->address = strdup (address);
    if (!self || !self->address) {
        free (self);
        return godwit__error_no_memory (error);
    }
    godwit__table_init (&self->pending);
    godwit__table_reserve (&self->pending, PENDING_AT_FIRST);
    godwit__list_init (&self->followers);
    pthread_mutex_init (&self->lock, NULL);
    atomic_init (&self->refs, 2); /* the owner's and the completion reactor's */
    atomic_init (&self->state, GODWIT__CONNECTION_OPENING);
    self->transport = transport;
    self->events = events;
    self->owner = owner;
    memcpy (self->expect, expect, sizeof self->expect);
    self->lead = GODWIT__LEAD_REACTOR;
    self->earliest_ns = GODWIT__NEVER;
    godwit__led_init (self);
    self->close_task = (godwit__task_t){.run = on_close_task, .user = self};
    self->welcome_timer = (godwit__timer_t){.fire = on_welcome_late, .user = self};

    self->number = godwit__connection_new_number (transport);

    const int64_t limit_ns = transport->options.connect_timeout_ms * GODWIT__NS_PER_MS;
    status = godwit__reactor_arm (transport->control, &self->welcome_timer,
                                  godwit__transport_now (transport) + limit_ns);
    if (status)
        godwit__error_no_memory (error);
    else
        status = driver->ops->open_link (driver, address, &link_events, self, &self->link, error);
    if (status) {
        godwit__reactor_disarm (transport->control, &self->welcome_timer);
        connection_free (self);
        return status;
    }
    pthread_mutex_lock (&transport->lock);
    transport->connection_count++;
    godwit__transport_unlock (transport);
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

void
godwit__connection_look_after (godwit__connection_t *connection, int64_t now_ns)
{
    pthread_mutex_lock (&connection->lock);
    const bool used = connection->pending.count > 0 || connection->use_count != connection->use_count_at_look;
    connection->use_count_at_look = connection->use_count;
    godwit__facts_look (connection, now_ns);
    pthread_mutex_unlock (&connection->lock);
    if (used)
        connection->last_used_ns = now_ns;
    if (now_ns - connection->last_used_ns >
        connection->transport->options.idle_timeout_ms * GODWIT__NS_PER_MS) {
        godwit__connection_down (connection, "nobody used it for a long time");
        return;
    }
    if (now_ns - connection->last_ping_ns > PING_NS) {
        godwit__connection_ping (connection);
        connection->last_ping_ns = now_ns;
    }
}
