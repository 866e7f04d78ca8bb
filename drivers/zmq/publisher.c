/* SPDX-License-Identifier: Apache-2.0 */
/* A publisher is an XPUB that connects to the SUBs of ports: so it receives each subscription as news. */
#include "drivers/zmq/monitor.h"
#include "drivers/zmq/probe.h"
#include "drivers/zmq/stall.h"
#include "drivers/zmq/subscriptions.h"
#include "drivers/zmq/zmq_driver.h"

#include "src/base/list.h"
#include "src/error/error.h"
#include "src/folder/folder_uid.h"

#include <errno.h>
#include <stdlib.h>

#define NEWS_SIZE (1 + GODWIT__KEY_SIZE)
/* libzmq's default delay before it connects again, but growing: a port that went away may never come back. */
#define RECONNECT_FIRST_MS 100
#define RECONNECT_LAST_MS 1000

/* A connection that is up. */
typedef struct subscriber {
    char address[GODWIT__ADDRESS_SIZE];
    godwit__stall_t stall;
    godwit__list_node_t in_list;
} subscriber_t;

typedef struct zmq_publisher {
    godwit__zmq_channel_t base;
    godwit__load_t *load; /* bytes that some subscriber's connection has not taken yet */
    /* The reactor's thread only. One subscriber that takes nothing would stop all others: so its connection
     * is ended, and made anew. */
    void *monitor;
    godwit__source_t source;
    godwit__timer_t stall_timer; /* while there are subscribers */
    godwit__list_t subscribers;
    godwit__task_t cut_off_task; /* posted when a subscriber has more keys than it may have */
    /* Under the guard's lock: */
    godwit__subscriptions_t subscriptions;
    bool is_flooded; /* the task is awaited: no news is received before it has run */
} zmq_publisher_t;

#define FIRST_SUBSCRIBER(publisher_) GODWIT__FIRST (&(publisher_)->subscribers, subscriber_t, in_list)
#define NEXT_SUBSCRIBER(publisher_, subscriber_)                                                             \
    GODWIT__NEXT (&(publisher_)->subscribers, subscriber_, subscriber_t, in_list)

/* ---- subscribers that take nothing ---- */

static void
forget (subscriber_t *subscriber)
{
    godwit__list_remove (&subscriber->in_list);
    free (subscriber);
}

static void
forget_fd (zmq_publisher_t *self, int fd)
{
    subscriber_t *at = FIRST_SUBSCRIBER (self);
    while (at && at->stall.fd != fd)
        at = NEXT_SUBSCRIBER (self, at);
    if (at)
        forget (at);
}

static void
disconnect (zmq_publisher_t *self, const char *endpoint)
{
    godwit__guard_t *guard = &self->base.guard;
    godwit__guard_lock (guard);
    zmq_disconnect (guard->socket, endpoint);
    godwit__guard_touched (guard);
    godwit__guard_unlock (guard);
}

/* The subscriptions go with the connection (the publisher gets the news) and come back with the next one. A
 * port that the core has disconnected meanwhile is not connected again. */
static void
connect_anew (zmq_publisher_t *self, const char *address)
{
    godwit__guard_t *guard = &self->base.guard;
    godwit__guard_lock (guard);
    if (zmq_disconnect (guard->socket, address) == 0)
        zmq_connect (guard->socket, address);
    godwit__guard_touched (guard);
    godwit__guard_unlock (guard);
}

/* It has more keys than it may have: the connection ends, and libzmq forgets the keys. It is connected again
 * when the core has let it go and wants it anew. */
static void
cut_off (zmq_publisher_t *self, subscriber_t *subscriber)
{
    godwit__guard_t *guard = &self->base.guard;
    godwit__guard_lock (guard);
    zmq_disconnect (guard->socket, subscriber->address);
    godwit__subscriptions_forget (&self->subscriptions, subscriber->stall.fd);
    godwit__guard_touched (guard);
    godwit__guard_unlock (guard);
    forget (subscriber);
}

static void
on_cut_off (godwit__task_t *task)
{
    zmq_publisher_t *self = task->user;
    for (subscriber_t *at = FIRST_SUBSCRIBER (self), *next; at; at = next) {
        next = NEXT_SUBSCRIBER (self, at);
        godwit__guard_lock (&self->base.guard);
        const bool floods = godwit__subscriptions_are_too_many (&self->subscriptions, at->stall.fd);
        godwit__guard_unlock (&self->base.guard);
        if (floods)
            cut_off (self, at);
    }
    godwit__guard_lock (&self->base.guard);
    self->is_flooded = false;
    godwit__guard_tell (&self->base.guard); /* there is more */
    godwit__guard_unlock (&self->base.guard);
}

static void
on_stall_timer (godwit__timer_t *timer)
{
    zmq_publisher_t *self = timer->user;
    const godwit__driver_options_t *options = &self->base.driver->options;
    const int64_t limit_ns = options->heartbeat_timeout_ms * GODWIT__NS_PER_MS;
    const int64_t now_ns = godwit__reactor_now (options->reactor);
    int64_t next_ns = INT64_MAX;
    for (subscriber_t *at = FIRST_SUBSCRIBER (self), *next; at; at = next) {
        next = NEXT_SUBSCRIBER (self, at);
        if (godwit__stall_look (&at->stall, now_ns, limit_ns)) {
            connect_anew (self, at->address);
            forget (at);
            continue;
        }
        const int64_t look_ns = godwit__stall_next_ns (&at->stall, now_ns, limit_ns);
        next_ns = look_ns < next_ns ? look_ns : next_ns;
    }
    if (!godwit__list_is_empty (&self->subscribers))
        godwit__reactor_arm (options->reactor, timer, next_ns);
}

static void
on_monitor (godwit__source_t *source)
{
    zmq_publisher_t *self = source->user;
    char address[GODWIT__ADDRESS_SIZE];
    int fd = -1;
    for (unsigned event; (event = godwit__zmq_monitor_next (self->monitor, &fd, address));) {
        forget_fd (self, fd); /* the descriptor's old connection, if any */
        if (event == ZMQ_EVENT_DISCONNECTED) {
            godwit__guard_lock (&self->base.guard);
            godwit__subscriptions_forget (&self->subscriptions, fd);
            godwit__guard_unlock (&self->base.guard);
        }
        if (event == ZMQ_EVENT_CONNECTED && godwit__zmq_is_local (address) &&
            !godwit__peer_is_own_user (fd)) {
            godwit__driver_warn (&self->base.driver->options,
                                 "A process of another user listens at %s: nothing is published "
                                 "there",
                                 address);
            disconnect (self, address);
            continue;
        }
        subscriber_t *added = event == ZMQ_EVENT_CONNECTED ? calloc (1, sizeof *added) : NULL;
        if (!added)
            continue; /* without memory, only the system's keepalive tests it */
        memcpy (added->address, address, sizeof added->address);
        godwit__stall_begin (&added->stall, fd);
        godwit__list_prepend (&self->subscribers, &added->in_list);
    }
    if (!godwit__list_is_empty (&self->subscribers) && !self->stall_timer.heap_index)
        on_stall_timer (&self->stall_timer);
}

static godwit_status_t
watch_subscribers (zmq_publisher_t *self, godwit_error_t **error)
{
    self->source.ready = on_monitor;
    self->source.user = self;
    self->stall_timer.fire = on_stall_timer;
    self->stall_timer.user = self;
    self->cut_off_task = (godwit__task_t){.run = on_cut_off, .user = self};
    self->monitor =
        godwit__zmq_monitor_open (self->base.driver, self->base.guard.socket,
                                  ZMQ_EVENT_CONNECTED | ZMQ_EVENT_DISCONNECTED, &self->source.fd, error);
    return self->monitor ? godwit__reactor_watch (self->base.driver->options.reactor, &self->source, error)
                         : GODWIT_ERR_SYSTEM;
}

/* ---- the channel ---- */

static godwit__io_t
send_publisher (godwit__channel_t *channel, godwit__routing_id_t routing_id, const godwit__message_t *message)
{
    (void) channel;
    (void) routing_id;
    (void) message;
    return GODWIT__IO_REFUSED; /* a publisher publishes, it does not send */
}

/* Lock held. */
static void
count_key (zmq_publisher_t *self, const godwit__frame_t *news)
{
    const bool subscribes = news->size && news->data[0] == 1;
    if (!godwit__subscriptions_note (&self->subscriptions, godwit__frame_source (news), subscribes))
        return;
    self->is_flooded = true;
    godwit__reactor_post (self->base.driver->options.reactor, &self->cut_off_task);
}

static godwit__io_t
recv_publisher (godwit__channel_t *channel, godwit__frame_t *frame, godwit__routing_id_t *routing_id)
{
    zmq_publisher_t *publisher = (zmq_publisher_t *) channel;
    godwit__zmq_channel_t *self = &publisher->base;
    godwit__io_t result = GODWIT__IO_OK;
    if (routing_id)
        *routing_id = 0;
    godwit__guard_lock (&self->guard);
    while (!publisher->is_flooded && godwit__frame_receive (frame, self->guard.socket, ZMQ_DONTWAIT) == 0) {
        godwit__guard_received (&self->guard);
        count_key (publisher, frame);
        if (frame->size == NEWS_SIZE && frame->data[0] <= 1 && !godwit__frame_has_more (frame))
            goto done;
        godwit__zmq_count (&self->driver->counters.malformed);
        godwit__frame_discard (frame, self->guard.socket);
    }
    godwit__guard_quiet (&self->guard);
    result = GODWIT__IO_AGAIN;
done:
    godwit__guard_unlock (&self->guard);
    return result;
}

godwit__io_t
godwit__zmq_publish (godwit__channel_t *publisher, const godwit__message_t *message)
{
    godwit__zmq_channel_t *self = (godwit__zmq_channel_t *) publisher;
    godwit__load_t *load = ((zmq_publisher_t *) publisher)->load;
    godwit__outgoing_t outgoing;
    if (message->insert_count)
        return godwit__publish_joined (publisher, message, godwit__zmq_publish);
    if (message->size > GODWIT__LIGHT && godwit__load_is_full (load, self->driver->options.max_queue_size))
        return GODWIT__IO_AGAIN;
    if (message->size > self->driver->options.max_message_size ||
        !godwit__outgoing_init (&outgoing, message, load))
        return GODWIT__IO_REFUSED;

    godwit__guard_lock (&self->guard);
    int failure = godwit__outgoing_send (&outgoing, self->guard.socket);
    if (failure == EAGAIN) {
        /* When it sends, libzmq looks for room only about once a millisecond; when asked, it looks always.
         */
        godwit__guard_events (&self->guard);
        failure = godwit__outgoing_send (&outgoing, self->guard.socket);
    }
    if (failure == EAGAIN)
        godwit__guard_full (&self->guard);
    godwit__guard_touched (&self->guard);
    godwit__guard_unlock (&self->guard);

    if (failure)
        godwit__outgoing_cancel (&outgoing);
    else
        godwit__outgoing_sent (&outgoing, message);
    return godwit__zmq_io (failure);
}

godwit_status_t
godwit__zmq_publisher_connect (godwit__channel_t *publisher, const char *fanout_address,
                               godwit_error_t **error)
{
    godwit__zmq_channel_t *self = (godwit__zmq_channel_t *) publisher;
    if (godwit__probe_socket (error))
        return GODWIT_ERR_SYSTEM;
    char endpoint[GODWIT__ADDRESS_SIZE];
    if (!godwit__zmq_endpoint (self->driver, fanout_address, endpoint, error))
        return GODWIT_ERR_SYSTEM;
    godwit__guard_lock (&self->guard);
    const int failure = zmq_connect (self->guard.socket, endpoint) < 0 ? errno : 0;
    godwit__guard_touched (&self->guard);
    godwit__guard_unlock (&self->guard);
    if (!failure)
        return GODWIT_OK;
    return godwit__error_set (error, GODWIT_ERR_SYSTEM, "cannot connect to %s: %s", fanout_address,
                              zmq_strerror (failure));
}

void
godwit__zmq_publisher_disconnect (godwit__channel_t *publisher, const char *fanout_address)
{
    zmq_publisher_t *self = (zmq_publisher_t *) publisher;
    char endpoint[GODWIT__ADDRESS_SIZE];
    if (godwit__zmq_endpoint (self->base.driver, fanout_address, endpoint, NULL))
        disconnect (self, endpoint);
}

static void
close_publisher (godwit__channel_t *channel)
{
    zmq_publisher_t *self = (zmq_publisher_t *) channel;
    godwit__reactor_t *reactor = self->base.driver->options.reactor;
    if (self->monitor) {
        godwit__reactor_unwatch (reactor, &self->source);
        godwit__reactor_disarm (reactor, &self->stall_timer);
        godwit__reactor_unpost (reactor, &self->cut_off_task);
        godwit__zmq_monitor_close (self->monitor, self->base.guard.socket);
    }
    godwit__guard_close (&self->base.guard, GODWIT__ZMQ_LINGER_MS);
    for (subscriber_t *at; (at = FIRST_SUBSCRIBER (self));)
        forget (at);
    godwit__subscriptions_release (&self->subscriptions);
    godwit__load_unref (self->load);
    free (self);
}

static const godwit__channel_ops_t publisher_ops = {
    .send = send_publisher,
    .queue = send_publisher,
    .flush = godwit__channel_flush,
    .recv = recv_publisher,
    .wait = godwit__zmq_wait,
    .receive = godwit__channel_receive,
    .wake = godwit__zmq_wake,
    .attach = godwit__zmq_attach,
    .detach = godwit__zmq_detach,
    .close = close_publisher,
};

/* Opens the socket with its guard; on failure nothing is left of it. */
static godwit_status_t
open_socket (godwit__zmq_channel_t *self, godwit_error_t **error)
{
    void *socket = godwit__zmq_socket (self->driver, ZMQ_XPUB, error);
    if (!socket)
        return GODWIT_ERR_SYSTEM;
    godwit__zmq_set (socket, ZMQ_XPUB_VERBOSER, 1);
    godwit__zmq_set (socket, ZMQ_XPUB_NODROP, 1);
    godwit__zmq_set (socket, ZMQ_RECONNECT_IVL, RECONNECT_FIRST_MS);
    godwit__zmq_set (socket, ZMQ_RECONNECT_IVL_MAX, RECONNECT_LAST_MS);
    return godwit__guard_init (&self->guard, socket, NULL, error);
}

godwit_status_t
godwit__zmq_open_publisher (godwit__driver_t *driver, godwit__channel_t **publisher, godwit_error_t **error)
{
    zmq_publisher_t *self = calloc (1, sizeof *self);
    if (!self)
        return godwit__error_no_memory (error);
    self->base.base.ops = &publisher_ops;
    self->base.driver = (godwit__zmq_t *) driver;
    godwit__list_init (&self->subscribers);
    self->load = godwit__load_new ();
    godwit_status_t status = self->load ? open_socket (&self->base, error) : godwit__error_no_memory (error);
    if (status != GODWIT_OK) {
        godwit__load_unref (self->load);
        free (self);
        return status;
    }
    status = watch_subscribers (self, error);
    if (status != GODWIT_OK) {
        close_publisher (&self->base.base);
        return status;
    }
    *publisher = &self->base.base;
    return GODWIT_OK;
}
