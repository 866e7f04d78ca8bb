/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/inproc/inproc.h"

#include "src/error/error.h"

#include <stdlib.h>

static godwit__io_t
send_link (godwit__channel_t *channel, godwit__routing_id_t routing_id, const godwit__message_t *message)
{
    const godwit__inproc_link_t *self = (const godwit__inproc_link_t *) channel;
    if (message->insert_count)
        return godwit__send_joined (channel, routing_id, message, send_link);
    return self->up ? godwit__lane_send (self->up, message) : GODWIT__IO_CLOSED;
}

static void
close_link (godwit__channel_t *channel)
{
    godwit__inproc_link_t *self = (godwit__inproc_link_t *) channel;
    godwit__inproc_lock ();
    if (self->port)
        godwit__inproc_port_detach (self->port, self);
    self->port = NULL;
    godwit__inproc_unlock ();
    /* Nobody posts the task any more: it is posted only under the lock, and only while there is a port. */
    godwit__reactor_unpost (self->base.driver->options.reactor, &self->task);
    if (self->up)
        godwit__lane_abandon (self->up);
    godwit__inbox_close (self->base.inbox, true);
    godwit__inbox_unref (self->base.inbox);
    godwit__identity_unref (self->peer);
    free (self);
}

/* These do not change once the link is open. */
static const char *
why_down (godwit__channel_t *channel)
{
    const godwit__inproc_link_t *self = (const godwit__inproc_link_t *) channel;
    if (self->refusal)
        return self->refusal;
    return self->up ? "the port was closed" : "nobody listens at the address";
}

static godwit__party_t *
party (godwit__channel_t *channel)
{
    return godwit__identity_party (((const godwit__inproc_link_t *) channel)->peer);
}

static const godwit__channel_ops_t link_ops = {
    .send = send_link,
    .queue = send_link,
    .flush = godwit__channel_flush,
    .recv = godwit__inproc_recv,
    .wait = godwit__inproc_wait,
    .receive = godwit__channel_receive,
    .wake = godwit__inproc_wake,
    .attach = godwit__inproc_attach,
    .detach = godwit__inproc_detach,
    .why_down = why_down,
    .close = close_link,
    .party = party,
};

/* Runs one event per run, because the event may close the link. Who hears that it is up asks for the party
 * then, so what was renewed before is no news. */
static void
tell_events (godwit__task_t *task)
{
    godwit__inproc_link_t *self = task->user;
    godwit__inproc_lock ();
    const bool down = !self->port;
    const bool renewed = self->is_renewed;
    self->is_renewed = false;
    godwit__inproc_unlock ();
    if (self->up && !self->up_told) {
        self->up_told = true;
        if (down)
            godwit__reactor_post (self->base.driver->options.reactor, task);
        self->events->up (self->user);
    } else if (down) {
        self->events->down (self->user, why_down (&self->base.base));
    } else if (renewed && self->events->renewed) {
        self->events->renewed (self->user);
    }
}

void
godwit__inproc_link_down (godwit__inproc_link_t *link)
{
    link->port = NULL;
    godwit__inbox_close (link->base.inbox, false);
    godwit__reactor_post (link->base.driver->options.reactor, &link->task);
}

void
godwit__inproc_link_renewed (godwit__inproc_link_t *link)
{
    link->is_renewed = true;
    godwit__reactor_post (link->base.driver->options.reactor, &link->task);
}

/* Structural lock held. False: memory is short. */
static bool
attach (godwit__inproc_link_t *self, godwit__inproc_port_t *port)
{
    self->refusal =
        port ? godwit__identity_refusal (self->base.driver->options.realm, port->base.driver->options.realm)
             : NULL;
    if (!port || self->refusal) {
        godwit__inbox_close (self->base.inbox, false);
        return true;
    }
    if (!godwit__inproc_port_attach (port, self))
        return false;
    self->port = port;
    return true;
}

godwit_status_t
godwit__inproc_open_link (godwit__driver_t *driver, const char *address, const godwit__link_events_t *events,
                          void *user, godwit__channel_t **link, godwit_error_t **error)
{
    godwit__inproc_link_t *self = calloc (1, sizeof *self);
    if (!self || !godwit__inproc_channel_init (&self->base, &link_ops, driver)) {
        free (self);
        return godwit__error_no_memory (error);
    }
    self->events = events;
    self->user = user;
    self->task.run = tell_events;
    self->task.user = self;

    godwit__inproc_lock ();
    const bool done = attach (self, godwit__inproc_find_port (self->base.driver->virtual_host, address));
    godwit__inproc_unlock ();

    if (!done) {
        godwit__inbox_unref (self->base.inbox);
        free (self);
        return godwit__error_no_memory (error);
    }
    godwit__reactor_post (self->base.driver->options.reactor, &self->task);
    *link = &self->base.base;
    return GODWIT_OK;
}
