/* SPDX-License-Identifier: Apache-2.0 */
/* The ends of connections: links and ports. */
#include "drivers/sim/sim.h"

#include "src/error/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static godwit__sim_channel_t *
channel_of (godwit__channel_t *channel)
{
    return (godwit__sim_channel_t *) channel;
}

static bool
speaks (const godwit__driver_t *driver, const char *address)
{
    (void) driver;
    return strncmp (address, GODWIT__SIM_SCHEME, strlen (GODWIT__SIM_SCHEME)) == 0;
}

/* ---- what all channels have in common ---- */

void
godwit__sim_arrive (godwit__sim_channel_t *channel, godwit__sim_frame_t *frame)
{
    frame->next = NULL;
    if (channel->last)
        channel->last->next = frame;
    else
        channel->first = frame;
    channel->last = frame;
    godwit__sim_readable (channel);
}

static void
release_frame (godwit__frame_t *frame)
{
    free (frame->storage.pointer);
}

/* A port remembers who sent the frame. */
static void
note_sender (godwit__sim_channel_t *channel, const godwit__sim_frame_t *frame)
{
    const godwit__sim_party_t *const client = frame->connection ? &frame->connection->of_client : NULL;
    if (channel->kind != GODWIT__SIM_PORT || !channel->node->options.realm)
        return;
    godwit__party_unref (&channel->sender);
    channel->sender = client && !client->is_void ? godwit__party_ref (client->party) : NULL;
}

/* The frame no longer counts in its connection's queue, and a sender that found the queue full can go on. */
static void
settle_frame (const godwit__sim_channel_t *channel, godwit__sim_frame_t *frame)
{
    godwit__sim_connection_t *connection = frame->connection;
    if (!connection)
        return;
    godwit__sim_leaves_queue (connection, channel->kind == GODWIT__SIM_PORT);
    godwit__sim_connection_unref (connection);
}

static godwit__io_t
channel_recv (godwit__channel_t *channel, godwit__frame_t *frame, godwit__routing_id_t *routing_id)
{
    godwit__sim_channel_t *self = channel_of (channel);
    godwit__sim_frame_t *next = self->first;
    if (!next) {
        self->woken = false;
        self->is_readable = false;
        return self->down ? GODWIT__IO_CLOSED : GODWIT__IO_AGAIN;
    }
    self->first = next->next;
    if (!self->first)
        self->last = NULL;
    note_sender (self, next);
    settle_frame (self, next);
    if (routing_id)
        *routing_id = next->routing_id;
    *frame = (godwit__frame_t){.data = next->data, .size = next->size, .release = release_frame};
    frame->storage.pointer = next;
    return GODWIT__IO_OK;
}

static void
channel_wait (godwit__channel_t *channel, bool for_room, int64_t timeout_ns)
{
    godwit__sim_channel_t *self = channel_of (channel);
    godwit_cluster_t *cluster = self->node->cluster;
    const int64_t now_ns = cluster->now_ns;
    const int64_t until_ns = timeout_ns < GODWIT__NEVER - now_ns ? now_ns + timeout_ns : GODWIT__NEVER;
    const bool was_running = self->node->is_running;
    self->node->is_running = true;
    while (!self->first && !self->woken && !self->down && !(for_room && self->has_room) &&
           cluster->now_ns < until_ns) {
        self->node->is_dirty = false;
        if (!godwit__sim_advance (cluster, until_ns, self->node))
            break;
    }
    self->node->is_running = was_running;
    self->node->is_dirty = true; /* something may have come for other channels */
    godwit__sim_touch (self->node);
    self->woken = false;
    self->has_room = false;
}

static void
channel_wake (godwit__channel_t *channel)
{
    channel_of (channel)->woken = true;
    godwit__sim_readable (channel_of (channel));
}

static godwit_status_t
channel_attach (godwit__channel_t *channel, godwit__reactor_t *reactor, godwit__source_t *source,
                godwit_error_t **error)
{
    godwit__sim_channel_t *self = channel_of (channel);
    return godwit__attachment_begin (&self->attachment, self->fd, reactor, source, error);
}

static void
channel_detach (godwit__channel_t *channel)
{
    godwit__attachment_end (&channel_of (channel)->attachment);
}

static void
channel_free (godwit__sim_channel_t *self)
{
    while (self->first) {
        godwit__sim_frame_t *frame = self->first;
        self->first = frame->next;
        settle_frame (self, frame);
        free (frame);
    }
    godwit__sim_fd_close (self);
    godwit__sim_topics_free (self->topics);
    godwit__party_unref (&self->sender);
    free (self->keys);
    free (self);
}

static godwit__sim_channel_t *
channel_new (godwit__driver_t *driver, godwit__sim_channel_kind_t kind, const godwit__channel_ops_t *ops)
{
    godwit__sim_channel_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->base.ops = ops;
    self->node = ((godwit__sim_driver_t *) driver)->node;
    self->kind = kind;
    godwit__list_init (&self->connections);
    self->fd = godwit__sim_fd (self);
    if (self->fd < 0) {
        free (self);
        return NULL;
    }
    return self;
}

/* ---- links ---- */

static godwit__io_t
send_link (godwit__channel_t *channel, godwit__routing_id_t routing_id, const godwit__message_t *message)
{
    godwit__sim_channel_t *self = channel_of (channel);
    if (message->insert_count)
        return godwit__send_joined (channel, routing_id, message, send_link);
    if (self->down || self->node->is_dead)
        return GODWIT__IO_CLOSED;
    if (!self->is_up)
        return GODWIT__IO_AGAIN;
    if (message->size > self->node->options.max_message_size)
        return GODWIT__IO_REFUSED;
    return godwit__sim_send (self->connection, true, message, self->connection->routing_id);
}

static void
close_link (godwit__channel_t *channel)
{
    godwit__sim_channel_t *self = channel_of (channel);
    godwit__reactor_unpost (self->node->options.reactor, &self->task);
    if (self->connection) {
        godwit__sim_leave_client (self->connection);
        if (!self->node->is_dead)
            godwit__sim_post (self->connection, GODWIT__SIM_CLOSED, true, false, NULL);
        godwit__sim_connection_unref (self->connection);
    }
    channel_free (self);
}

static const char *
why_down (godwit__channel_t *channel)
{
    return channel_of (channel)->down;
}

static godwit__party_t *
link_party (godwit__channel_t *channel)
{
    const godwit__sim_channel_t *self = channel_of (channel);
    return self->is_up && !self->down ? godwit__party_ref (self->connection->of_port.party) : NULL;
}

static const godwit__channel_ops_t link_ops = {
    .send = send_link,
    .queue = send_link,
    .flush = godwit__channel_flush,
    .recv = channel_recv,
    .wait = channel_wait,
    .receive = godwit__channel_receive,
    .wake = channel_wake,
    .attach = channel_attach,
    .detach = channel_detach,
    .why_down = why_down,
    .close = close_link,
    .party = link_party,
};

/* Runs one event per run, because the event may close the link. */
static void
tell_events (godwit__task_t *task)
{
    godwit__sim_channel_t *self = task->user;
    if (self->is_up && !self->up_told) {
        self->up_told = true;
        if (self->down || self->is_void || self->is_renewed)
            godwit__reactor_post (self->node->options.reactor, task);
        self->events->up (self->user);
    } else if (self->down) {
        self->events->down (self->user, self->down);
    } else if (self->is_void && !self->void_told) {
        self->void_told = true;
        if (self->events->voided)
            self->events->voided (self->user, self->void_why);
    } else if (self->is_renewed) {
        self->is_renewed = false;
        if (self->events->renewed)
            self->events->renewed (self->user);
    }
}

void
godwit__sim_link_voided (godwit__sim_channel_t *link, const char *reason)
{
    link->is_void = true;
    snprintf (link->void_why, sizeof link->void_why, "%s", reason);
    godwit__reactor_post (link->node->options.reactor, &link->task);
}

void
godwit__sim_link_renewed (godwit__sim_channel_t *link)
{
    link->is_renewed = true;
    godwit__reactor_post (link->node->options.reactor, &link->task);
}

void
godwit__sim_link_up (godwit__sim_channel_t *link)
{
    link->is_up = true;
    godwit__reactor_post (link->node->options.reactor, &link->task);
}

void
godwit__sim_link_down (godwit__sim_channel_t *link, const char *reason)
{
    if (link->down)
        return;
    link->down = reason;
    godwit__sim_readable (link);
    godwit__reactor_post (link->node->options.reactor, &link->task);
}

static godwit_status_t
open_link (godwit__driver_t *driver, const char *address, const godwit__link_events_t *events, void *user,
           godwit__channel_t **link, godwit_error_t **error)
{
    godwit__sim_channel_t *self = channel_new (driver, GODWIT__SIM_LINK, &link_ops);
    if (self)
        self->connection = godwit__sim_connection_new (self, address);
    if (!self || !self->connection) {
        if (self)
            channel_free (self);
        return godwit__error_no_memory (error);
    }
    self->events = events;
    self->user = user;
    self->task = (godwit__task_t){.run = tell_events, .user = self};
    const int64_t timeout_ns = self->node->options.connect_timeout_ms * GODWIT__NS_PER_MS;
    godwit__sim_post (self->connection, GODWIT__SIM_CONNECT, true, false,
                      godwit__sim_introduce (self->connection, false));
    godwit__sim_post_at (self->connection, GODWIT__SIM_TIMEOUT, false,
                         self->node->cluster->now_ns + timeout_ns, 0);
    *link = &self->base;
    return GODWIT_OK;
}

/* ---- ports ---- */

static godwit__io_t
send_port (godwit__channel_t *channel, godwit__routing_id_t routing_id, const godwit__message_t *message)
{
    godwit__sim_channel_t *self = channel_of (channel);
    godwit__sim_connection_t *connection = godwit__sim_by_routing_id (self->node->cluster, routing_id);
    if (message->insert_count)
        return godwit__send_joined (channel, routing_id, message, send_port);
    if (message->size > self->node->options.max_message_size)
        return GODWIT__IO_REFUSED;
    if (self->node->is_dead || !connection || connection->port != self) {
        atomic_fetch_add (&self->node->driver->counters.dropped, 1);
        return GODWIT__IO_CLOSED;
    }
    return godwit__sim_send (connection, false, message, 0);
}

static void
close_port (godwit__channel_t *channel)
{
    godwit__sim_channel_t *self = channel_of (channel);
    if (self->lost)
        godwit__reactor_unpost (self->node->options.reactor, self->lost);
    self->lost = NULL;
    godwit__sim_channel_t **at = &self->node->ports;
    while (*at != self)
        at = &(*at)->next;
    *at = self->next;
    for (godwit__sim_connection_t *connection; (connection = GODWIT__SIM_AT_PORT_FIRST (self));) {
        godwit__sim_set_port (connection, NULL);
        if (!self->node->is_dead)
            godwit__sim_post (connection, GODWIT__SIM_CLOSED, false, false, NULL);
    }
    channel_free (self);
}

static godwit__party_t *
port_sender (godwit__channel_t *channel)
{
    return channel_of (channel)->sender;
}

static const godwit__channel_ops_t port_ops = {
    .send = send_port,
    .queue = send_port,
    .flush = godwit__channel_flush,
    .recv = channel_recv,
    .wait = channel_wait,
    .receive = godwit__channel_receive,
    .wake = channel_wake,
    .attach = channel_attach,
    .detach = channel_detach,
    .close = close_port,
    .sender = port_sender,
};

static godwit_status_t
open_port (godwit__driver_t *driver, const char *at, godwit__channel_t **port,
           godwit__port_addresses_t *addresses, godwit_error_t **error)
{
    godwit__sim_node_t *node = ((godwit__sim_driver_t *) driver)->node;
    char address[GODWIT__ADDRESS_SIZE];
    if (at)
        snprintf (address, sizeof address, "%s", at);
    else
        snprintf (address, sizeof address, GODWIT__SIM_SCHEME "%s:%u", node->name,
                  20000 + node->ports_ever++);
    if (!speaks (driver, address) || godwit__sim_node_of (node->cluster, address) != node)
        return godwit__error_set (error, GODWIT_ERR_SYSTEM,
                                  "cannot listen at %s: not an address of this node", address);
    if (godwit__sim_find_port (node->cluster, address))
        return godwit__error_set (error, GODWIT_ERR_SYSTEM, "cannot listen at %s: address in use", address);
    godwit__sim_channel_t *self = channel_new (driver, GODWIT__SIM_PORT, &port_ops);
    if (!self)
        return godwit__error_no_memory (error);
    memcpy (self->address, address, sizeof address);
    self->takes_publications = !at;
    self->next = node->ports;
    node->ports = self;
    memset (addresses, 0, sizeof *addresses);
    addresses->link_count = 1;
    memcpy (addresses->links[0], address, sizeof address);
    if (!at)
        memcpy (addresses->fanout, address, sizeof address);
    *port = &self->base;
    return GODWIT_OK;
}

static godwit_status_t
watch_port (godwit__channel_t *port, godwit__task_t *lost, godwit_error_t **error)
{
    (void) error;
    channel_of (port)->lost = lost;
    return GODWIT_OK;
}

/* ---- publishers have the same channel ---- */

static godwit__io_t
send_publisher (godwit__channel_t *channel, godwit__routing_id_t routing_id, const godwit__message_t *message)
{
    (void) channel, (void) routing_id, (void) message;
    return GODWIT__IO_REFUSED; /* a publisher publishes, it does not send */
}

static void
close_publisher (godwit__channel_t *channel)
{
    godwit__sim_channel_t *self = channel_of (channel);
    for (godwit__sim_connection_t *at; (at = GODWIT__SIM_AT_PUBLISHER_FIRST (self));)
        godwit__sim_publisher_disconnect (channel, at->address);
    channel_free (self);
}

const godwit__channel_ops_t godwit__sim_publisher_ops = {
    .send = send_publisher,
    .queue = send_publisher,
    .flush = godwit__channel_flush,
    .recv = channel_recv,
    .wait = channel_wait,
    .receive = godwit__channel_receive,
    .wake = channel_wake,
    .attach = channel_attach,
    .detach = channel_detach,
    .close = close_publisher,
};

godwit_status_t
godwit__sim_open_publisher (godwit__driver_t *driver, godwit__channel_t **publisher, godwit_error_t **error)
{
    godwit__sim_channel_t *self = channel_new (driver, GODWIT__SIM_PUBLISHER, &godwit__sim_publisher_ops);
    if (!self)
        return godwit__error_no_memory (error);
    *publisher = &self->base;
    return GODWIT_OK;
}

/* ---- the driver ---- */

static godwit_status_t
open_driver (godwit__driver_t **driver, const godwit__driver_options_t *options, godwit_error_t **error)
{
    godwit__sim_driver_t *self = calloc (1, sizeof *self);
    if (!self)
        return godwit__error_no_memory (error);
    self->base.ops = &godwit__sim_driver;
    self->node = options->user;
    self->node->driver = self;
    self->node->options = *options;
    godwit__sim_watch_realm (self);
    *driver = &self->base;
    return GODWIT_OK;
}

static void
close_driver (godwit__driver_t *driver)
{
    godwit__sim_node_t *node = ((godwit__sim_driver_t *) driver)->node;
    godwit__sim_unwatch_realm ((godwit__sim_driver_t *) driver);
    godwit__sim_forget (node); /* it ends with its transport */
    node->options.realm = NULL;
    node->transport = NULL;
    free (driver);
}

static const godwit__driver_counters_t *
counters (const godwit__driver_t *driver)
{
    return &((const godwit__sim_driver_t *) driver)->counters;
}

const godwit__driver_ops_t godwit__sim_driver = {
    .name = "sim",
    .open = open_driver,
    .close = close_driver,
    .speaks = speaks,
    .open_link = open_link,
    .open_port = open_port,
    .watch_port = watch_port,
    .subscribe = godwit__sim_subscribe,
    .unsubscribe = godwit__sim_unsubscribe,
    .open_publisher = godwit__sim_open_publisher,
    .publisher_connect = godwit__sim_publisher_connect,
    .publisher_disconnect = godwit__sim_publisher_disconnect,
    .publish = godwit__sim_publish,
    .name_topic = godwit__sim_name_topic,
    .counters = counters,
};
