/* SPDX-License-Identifier: Apache-2.0 */
/* A link is a DEALER that is used for one connection only, and a monitor that says when the connection began
 * and ended.
 *
 *                  handshake succeeded              disconnected                    barrier's CLOSED
 *   CONNECTING ---------------------------> UP -----------------------> DRAINING ----------------------> DOWN
 *       |    closed, disconnected, failed, connect_timeout_ms passed |     stuck, silent: pulse.h         ^
 *       +------------------------------------------------------------+------------------------------------+
 *
 * ZMQ_RECONNECT_IVL -1 and ZMQ_IMMEDIATE 1 seem to be made for this, but cannot be used: with either, libzmq
 * 4.3.4 throws away frames that have arrived and were not received yet as soon as it sees the disconnection
 * (socket_base_t::term_endpoint and hiccuped end in pipe_t::terminate (false)). So the pipe exists from the
 * start and outlives the connection, the next attempt to connect would come in days, and this file decides
 * when sending is allowed.
 *
 * libzmq reports a disconnection before it hands on the last messages that it has read from the connection.
 * Therefore DRAINING: the DEALER connects to an address where nobody can listen (the barrier). Its I/O thread
 * tries that only after it is done with the old connection. So when the monitor reports that this failed (in
 * microseconds), all that ever arrived is in the socket's queue. */
#include "drivers/zmq/monitor.h"
#include "drivers/zmq/pulse.h"
#include "drivers/zmq/zmq_driver.h"

#include "src/error/error.h"
#include "src/folder/folder_uid.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* libzmq waits for one to two times this, computed in an int. */
#define RECONNECT_NEVER_MS (1 << 30)
/* Ends DRAINING if the report about the barrier does not come. */
#define DRAIN_LIMIT_MS 100
/* Nobody can ever listen there, whoever he is: it is not even a path. */
#define BARRIER_ADDRESS "ipc:///dev/null/nobody-listens-here"

typedef enum link_state { LINK_CONNECTING, LINK_UP, LINK_DRAINING, LINK_DOWN } link_state_t;

typedef struct zmq_link {
    godwit__zmq_channel_t base;
    godwit__load_t *load;
    link_state_t state;       /* written by the reactor's thread under the guard's lock */
    void *monitor;            /* PAIR; the reactor's thread only */
    godwit__source_t source;  /* of the monitor */
    godwit__timer_t deadline; /* for CONNECTING, and for DRAINING */
    godwit__pulse_t pulse;
    godwit__list_node_t in_links; /* the driver's, while UP */
    godwit__task_t tell_down;     /* when up and down come at once, and when the driver found it dead */
    bool was_up;
    bool up_told;
    const char *reason; /* of being down */
    bool is_local;      /* to a process of this machine, which has to be this user's */
    const godwit__link_events_t *events;
    void *user;
} zmq_link_t;

/* True if as many bytes wait as may wait. */
static bool
is_laden (zmq_link_t *self)
{
    godwit__guard_t *guard = &self->base.guard;
    if (!godwit__load_is_full (self->load, self->base.driver->options.max_queue_size))
        return false;
    godwit__guard_lock (guard);
    const bool is_up = self->state == LINK_UP;
    guard->laden = is_up;
    godwit__guard_unlock (guard);
    return is_up;
}

static godwit__io_t
send_link (godwit__channel_t *channel, godwit__routing_id_t routing_id, const godwit__message_t *message)
{
    zmq_link_t *self = (zmq_link_t *) channel;
    godwit__guard_t *guard = &self->base.guard;
    godwit__outgoing_t outgoing;
    const bool is_light = message->size <= GODWIT__LIGHT && !message->insert_count;
    if (!is_light && is_laden (self))
        return GODWIT__IO_AGAIN;
    if (message->insert_count)
        return godwit__send_joined (channel, routing_id, message, send_link);
    if (message->size > self->base.driver->options.max_message_size ||
        !godwit__outgoing_init (&outgoing, message, self->load))
        return GODWIT__IO_REFUSED;

    godwit__guard_lock (guard);
    godwit__io_t result = GODWIT__IO_CLOSED;
    if (!is_light)
        guard->laden = false;
    if (self->state == LINK_CONNECTING) {
        result = GODWIT__IO_AGAIN;
        godwit__guard_full (guard);
    } else if (self->state == LINK_UP) {
        int failure = godwit__outgoing_send (&outgoing, guard->socket);
        /* When it sends, libzmq looks for room only about once a millisecond; when asked, it looks always.
         */
        if (failure == EAGAIN && (godwit__guard_events (guard) & ZMQ_POLLOUT))
            failure = godwit__outgoing_send (&outgoing, guard->socket);
        result = godwit__zmq_io (failure);
        if (result == GODWIT__IO_AGAIN)
            godwit__guard_full (guard);
        godwit__guard_touched (guard);
    }
    godwit__guard_unlock (guard);

    if (result == GODWIT__IO_OK)
        godwit__outgoing_sent (&outgoing, message);
    else
        godwit__outgoing_cancel (&outgoing);
    return result;
}

/* Lock held. */
static godwit__io_t
take_frame (zmq_link_t *self, godwit__frame_t *frame)
{
    godwit__guard_t *guard = &self->base.guard;
    while (godwit__frame_receive (frame, guard->socket, ZMQ_DONTWAIT) == 0) {
        godwit__guard_received (guard);
        if (!godwit__frame_has_more (frame))
            return GODWIT__IO_OK;
        godwit__zmq_count (&self->base.driver->counters.malformed);
        godwit__frame_discard (frame, guard->socket);
    }
    godwit__guard_quiet (guard);
    return self->state == LINK_DOWN ? GODWIT__IO_CLOSED : GODWIT__IO_AGAIN;
}

static godwit__io_t
recv_link (godwit__channel_t *channel, godwit__frame_t *frame, godwit__routing_id_t *routing_id)
{
    zmq_link_t *self = (zmq_link_t *) channel;
    (void) routing_id;
    godwit__guard_lock (&self->base.guard);
    const godwit__io_t result = take_frame (self, frame);
    godwit__guard_unlock (&self->base.guard);
    return result;
}

static godwit__io_t
receive_link (godwit__channel_t *channel, godwit__frame_t *frame, godwit__routing_id_t *routing_id,
              int64_t timeout_ns)
{
    zmq_link_t *self = (zmq_link_t *) channel;
    godwit__guard_t *guard = &self->base.guard;
    (void) routing_id;
    godwit__guard_lock (guard);
    godwit__io_t result = take_frame (self, frame);
    if (result == GODWIT__IO_AGAIN && timeout_ns > 0) {
        godwit__guard_wait_unlocked (guard, false, timeout_ns);
        result = take_frame (self, frame);
    }
    godwit__guard_unlock (guard);
    return result;
}

/* --- the monitor ----------------------------------------------------------------------------- */

static void
set_state (zmq_link_t *self, link_state_t state)
{
    godwit__guard_t *guard = &self->base.guard;
    godwit__guard_lock (guard);
    self->state = state;
    if (state == LINK_UP) {
        guard->no_room = false;
        if (guard->wants_room)
            godwit__guard_tell (guard);
        guard->wants_room = false;
    } else if (state == LINK_DRAINING) {
        if (zmq_connect (guard->socket, BARRIER_ADDRESS) < 0)
            self->state = LINK_DOWN;
        godwit__guard_tell (guard); /* for a leader that waits for room */
    }
    if (self->state == LINK_DOWN) {
        guard->ended = true;
        godwit__guard_tell (guard);
    }
    godwit__guard_unlock (guard);
}

/* Runs one event only, because the event may close the link: self may be gone afterwards. */
static void
tell (zmq_link_t *self)
{
    if (self->was_up && !self->up_told) {
        self->up_told = true;
        if (self->state == LINK_DOWN)
            godwit__reactor_post (self->base.driver->options.reactor, &self->tell_down);
        self->events->up (self->user);
    } else if (self->state == LINK_DOWN) {
        self->events->down (self->user, self->reason);
    }
}

static void
on_tell_down (godwit__task_t *task)
{
    tell (task->user);
}

static godwit__pulse_limits_t
limits_of (const godwit__zmq_t *driver)
{
    return (godwit__pulse_limits_t){.interval_ns = driver->options.heartbeat_ms * GODWIT__NS_PER_MS,
                                    .limit_ns = driver->options.heartbeat_timeout_ms * GODWIT__NS_PER_MS};
}

static void
look_later (godwit__zmq_t *driver, bool is_quick)
{
    const godwit__pulse_limits_t limits = limits_of (driver);
    driver->looked_ns = godwit__reactor_now (driver->options.reactor);
    godwit__reactor_arm (driver->options.reactor, &driver->look,
                         driver->looked_ns + godwit__pulse_pause_ns (&limits, is_quick));
}

/* Disarming the deadline has left room for the driver's timer. */
static void
enter_up (zmq_link_t *self)
{
    godwit__zmq_t *driver = self->base.driver;
    godwit__reactor_disarm (driver->options.reactor, &self->deadline);
    self->was_up = true;
    set_state (self, LINK_UP);
    godwit__list_append (&driver->links, &self->in_links);
    if (!driver->look.heap_index)
        look_later (driver, false);
}

static void
leave_up (zmq_link_t *self)
{
    if (self->in_links.next)
        godwit__list_remove (&self->in_links);
}

/* Only the first reason counts. */
static void
enter_down (zmq_link_t *self, const char *reason)
{
    godwit__reactor_t *reactor = self->base.driver->options.reactor;
    if (!self->reason)
        self->reason = reason;
    godwit__reactor_unwatch (reactor, &self->source);
    godwit__reactor_disarm (reactor, &self->deadline);
    leave_up (self);
    set_state (self, LINK_DOWN);
}

static void
enter_draining (zmq_link_t *self)
{
    godwit__reactor_t *reactor = self->base.driver->options.reactor;
    self->reason = "the connection was lost";
    leave_up (self);
    set_state (self, LINK_DRAINING);
    const int64_t deadline = godwit__reactor_now (reactor) + DRAIN_LIMIT_MS * GODWIT__NS_PER_MS;
    if (self->state == LINK_DOWN || godwit__reactor_arm (reactor, &self->deadline, deadline) != GODWIT_OK)
        enter_down (self, self->reason);
}

static void
on_deadline (godwit__timer_t *timer)
{
    zmq_link_t *self = timer->user;
    enter_down (self, "no connection in time");
    tell (self);
}

/* `down` is told later, by a task: it may close any link. */
static void
look_at (zmq_link_t *self, const godwit__pulse_limits_t *limits, int64_t passed_ns)
{
    const char *reason = NULL;
    switch (godwit__pulse_look (&self->pulse, limits, passed_ns)) {
    case GODWIT__PULSE_FINE:
        return;
    case GODWIT__PULSE_ASK:
        if (self->events->ask && self->events->ask (self->user))
            godwit__pulse_asked (&self->pulse);
        return;
    case GODWIT__PULSE_STUCK:
        reason = "it does not read what is sent to it";
        break;
    case GODWIT__PULSE_SILENT:
        reason = "it is silent";
        break;
    }
    enter_down (self, reason);
    godwit__reactor_post (self->base.driver->options.reactor, &self->tell_down);
}

void
godwit__zmq_look_at_links (godwit__timer_t *timer)
{
    godwit__zmq_t *driver = timer->user;
    const godwit__pulse_limits_t limits = limits_of (driver);
    const int64_t passed_ns = godwit__reactor_now (driver->options.reactor) - driver->looked_ns;
    bool is_quick = false;
    for (zmq_link_t *at = GODWIT__FIRST (&driver->links, zmq_link_t, in_links), *next; at; at = next) {
        next = GODWIT__NEXT (&driver->links, at, zmq_link_t, in_links);
        look_at (at, &limits, passed_ns);
        is_quick = is_quick || godwit__pulse_is_quick (&at->pulse);
    }
    if (!godwit__list_is_empty (&driver->links))
        look_later (driver, is_quick);
}

/* Takes all of the monitor's events before it runs one of the link's: the descriptor becomes readable again
 * only after the monitor said EAGAIN. */
static void
on_monitor (godwit__source_t *source)
{
    zmq_link_t *self = source->user;
    int fd = -1;
    for (unsigned event; (event = godwit__zmq_monitor_next (self->monitor, &fd, NULL));) {
        if (event == ZMQ_EVENT_CONNECTED && self->state == LINK_CONNECTING && self->is_local &&
            !godwit__peer_is_own_user (fd))
            enter_down (self, "a process of another user listens there");
        else if (event == ZMQ_EVENT_CONNECTED)
            godwit__pulse_begin (&self->pulse, fd);
        else if (self->state == LINK_CONNECTING && event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
            enter_up (self);
        else if (self->state == LINK_CONNECTING)
            enter_down (self, event == ZMQ_EVENT_CLOSED ? "the connection was refused"
                              : event == ZMQ_EVENT_DISCONNECTED
                                  ? "the connection was lost"
                                  : "the handshake failed: the peer does not speak our version of ZMTP");
        else if (self->state == LINK_UP)
            enter_draining (self);
        else if (self->state == LINK_DRAINING)
            enter_down (self, NULL);
    }
    tell (self);
}

static bool
start_monitor (zmq_link_t *self, godwit_error_t **error)
{
    godwit__zmq_t *driver = self->base.driver;
    const int events = ZMQ_EVENT_CONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_CLOSED |
                       ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                       ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
    self->monitor =
        godwit__zmq_monitor_open (driver, self->base.guard.socket, events, &self->source.fd, error);
    return self->monitor != NULL;
}

/* The reason is written before recv says CLOSED, with the guard's lock between. */
static const char *
why_down (godwit__channel_t *channel)
{
    return ((zmq_link_t *) channel)->reason;
}

/* --- life ------------------------------------------------------------------------------------ */

static void
close_link (godwit__channel_t *channel)
{
    zmq_link_t *self = (zmq_link_t *) channel;
    godwit__reactor_t *reactor = self->base.driver->options.reactor;
    godwit__reactor_unwatch (reactor, &self->source);
    godwit__reactor_disarm (reactor, &self->deadline);
    leave_up (self);
    godwit__reactor_unpost (reactor, &self->tell_down);
    godwit__zmq_monitor_close (self->monitor, self->base.guard.socket);
    godwit__guard_close (&self->base.guard, self->state == LINK_UP ? GODWIT__ZMQ_LINGER_MS : 0);
    godwit__load_unref (self->load);
    free (self);
}

static const godwit__channel_ops_t link_ops = {
    .send = send_link,
    .queue = send_link,
    .flush = godwit__channel_flush,
    .recv = recv_link,
    .wait = godwit__zmq_wait,
    .receive = receive_link,
    .wake = godwit__zmq_wake,
    .attach = godwit__zmq_attach,
    .detach = godwit__zmq_detach,
    .why_down = why_down,
    .close = close_link,
};

static godwit_status_t
connect_link (zmq_link_t *self, const char *address, godwit_error_t **error)
{
    const godwit__driver_options_t *options = &self->base.driver->options;
    char endpoint[GODWIT__ADDRESS_SIZE];
    if (!godwit__zmq_endpoint (self->base.driver, address, endpoint, error) || !start_monitor (self, error))
        return GODWIT_ERR_SYSTEM;
    self->is_local = godwit__zmq_is_local (address);
    const godwit_status_t status = godwit__reactor_watch (options->reactor, &self->source, error);
    if (status != GODWIT_OK)
        return status;
    /* libzmq's own limit does not count what fails before there is a connection, such as a name that cannot
     * be resolved. */
    const int64_t deadline =
        godwit__reactor_now (options->reactor) + options->connect_timeout_ms * GODWIT__NS_PER_MS;
    if (godwit__reactor_arm (options->reactor, &self->deadline, deadline) != GODWIT_OK)
        return godwit__error_no_memory (error);
    if (zmq_connect (self->base.guard.socket, endpoint) == 0)
        return GODWIT_OK;
    return godwit__error_set (error, GODWIT_ERR_SYSTEM, "cannot connect to %s: %s", address,
                              zmq_strerror (errno));
}

godwit_status_t
godwit__zmq_open_link (godwit__driver_t *driver, const char *address, const godwit__link_events_t *events,
                       void *user, godwit__channel_t **link, godwit_error_t **error)
{
    zmq_link_t *self = calloc (1, sizeof *self);
    if (!self)
        return godwit__error_no_memory (error);
    self->base.base.ops = &link_ops;
    self->base.driver = (godwit__zmq_t *) driver;
    self->events = events;
    self->user = user;
    self->source.ready = on_monitor;
    self->source.user = self;
    godwit__pulse_begin (&self->pulse, -1);
    self->deadline.fire = on_deadline;
    self->deadline.user = self;
    self->tell_down.run = on_tell_down;
    self->tell_down.user = self;

    self->load = godwit__load_new ();
    if (!self->load) {
        free (self);
        return godwit__error_no_memory (error);
    }
    void *socket = godwit__zmq_socket (self->base.driver, ZMQ_DEALER, error);
    godwit_status_t status = socket ? GODWIT_OK : GODWIT_ERR_SYSTEM;
    if (socket) {
        godwit__zmq_set (socket, ZMQ_RECONNECT_IVL, RECONNECT_NEVER_MS);
        godwit__zmq_set (socket, ZMQ_IMMEDIATE, 0);
        status = godwit__guard_init (&self->base.guard, socket, NULL, error);
    }
    if (status != GODWIT_OK) {
        godwit__load_unref (self->load);
        free (self);
        return status;
    }
    self->base.guard.exact_room = true;
    self->base.guard.no_room = true;
    status = connect_link (self, address, error);
    if (status != GODWIT_OK) {
        close_link (&self->base.base);
        return status;
    }
    *link = &self->base.base;
    return GODWIT_OK;
}
