/* SPDX-License-Identifier: Apache-2.0 */
/* A link: one connection to a port, never made again; but a realm may have two doors, and then it knocks at
 * the second if the first stays shut.
 *
 *   CONNECTING ---- handshake done ----> UP ---- the stream ended ----> DOWN
 *       |   refused, lost, too late                                      ^
 *       +----------------------------------------------------------------+
 *
 * The leader reads from the socket by itself, on whatever thread it is; what had arrived when the connection
 * ended is still read. */
#include "drivers/zmtp/connector.h"
#include "drivers/zmtp/intern.h"
#include "drivers/zmtp/knock.h"
#include "drivers/zmtp/member.h"
#include "drivers/zmtp/waiter.h"

#include "src/error/error.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* Of one message, in a row. */
#define READS_MAX 16

typedef enum link_state { LINK_CONNECTING, LINK_UP, LINK_DOWN } link_state_t;

typedef struct zmtp_link {
    godwit__channel_t base;
    godwit__zmtp_t *driver;
    _Atomic link_state_t state;                /* written by the reactor's thread */
    _Atomic (godwit__zmtp_stream_t *) traffic; /* the stream from UP on; NULL before */
    bool has_ended;                            /* recv said CLOSED; the leader */
    godwit__zmtp_waiter_t waiter;
    const godwit__link_events_t *events;
    void *user;

    /* The reactor's thread. */
    godwit__zmtp_connector_t connector;
    godwit__zmtp_knock_t knock;
    char *address;                 /* for the second door, and for the log; NULL: there is no realm */
    godwit__zmtp_stream_t *stream; /* NULL: not connected yet, or it failed */
    atomic_bool reads_home;        /* the driver's reactor is attached */
    _Atomic (const char *) reason; /* why it is down */
} zmtp_link_t;

static godwit__zmtp_stream_t *
traffic_of (zmtp_link_t *self)
{
    return atomic_load_explicit (&self->traffic, memory_order_acquire);
}

/* ---- sending ---- */

/* When there was no traffic yet. Whoever gets AGAIN is woken when the link is up or down. */
static godwit__io_t
refuse (const zmtp_link_t *self, const godwit__message_t *message)
{
    if (godwit__message_size (message) > self->driver->limits.max_message_size)
        return GODWIT__IO_REFUSED;
    return atomic_load (&self->state) == LINK_DOWN ? GODWIT__IO_CLOSED : GODWIT__IO_AGAIN;
}

static godwit__io_t
send_link (godwit__channel_t *channel, godwit__routing_id_t routing_id, const godwit__message_t *message)
{
    zmtp_link_t *self = (zmtp_link_t *) channel;
    godwit__zmtp_stream_t *stream = traffic_of (self);
    (void) routing_id;
    return stream ? godwit__zmtp_stream_send (stream, message) : refuse (self, message);
}

static godwit__io_t
queue_link (godwit__channel_t *channel, godwit__routing_id_t routing_id, const godwit__message_t *message)
{
    zmtp_link_t *self = (zmtp_link_t *) channel;
    godwit__zmtp_stream_t *stream = traffic_of (self);
    (void) routing_id;
    return stream ? godwit__zmtp_stream_queue (stream, message) : refuse (self, message);
}

static void
flush_link (godwit__channel_t *channel, godwit__routing_id_t routing_id)
{
    godwit__zmtp_stream_t *stream = traffic_of ((zmtp_link_t *) channel);
    (void) routing_id;
    if (stream)
        godwit__zmtp_stream_flush (stream);
}

/* ---- receiving; the leader ---- */

/* The chunk that no link reads into now is the driver's: an idle link owns none. */
static godwit__zmtp_read_t
read_some (const zmtp_link_t *self, godwit__zmtp_stream_t *stream)
{
    godwit__zmtp_t *driver = self->driver;
    godwit__zmtp_pool_t pool = {atomic_exchange_explicit (&driver->spare_chunk, NULL, memory_order_acq_rel)};
    const godwit__zmtp_read_t result = godwit__zmtp_stream_read (stream, &pool);
    if (pool.current)
        pool.current = atomic_exchange_explicit (&driver->spare_chunk, pool.current, memory_order_acq_rel);
    godwit__zmtp_pool_release (&pool);
    return result;
}

static godwit__io_t
end (zmtp_link_t *self)
{
    if (!self->has_ended)
        godwit__zmtp_waiter_end (&self->waiter);
    self->has_ended = true;
    return GODWIT__IO_CLOSED;
}

/* The next message of what was read. Mostly nothing is left: that is seen at once. */
static inline godwit__io_t
next (zmtp_link_t *self, godwit__zmtp_stream_t *stream, godwit__frame_t *frame)
{
    if (!godwit__zmtp_decoder_has_bytes (&stream->in))
        return GODWIT__IO_AGAIN;
    const godwit__io_t io = godwit__zmtp_stream_next (stream, frame, NULL);
    return io == GODWIT__IO_CLOSED ? end (self) : io;
}

/* What is left in the socket shows itself again; but not to the driver's reactor once it has seen the end. */
static godwit__io_t
go_on_later (zmtp_link_t *self)
{
    if (self->reads_home && atomic_load (&self->state) == LINK_DOWN)
        godwit__zmtp_waiter_wake (&self->waiter);
    return GODWIT__IO_AGAIN;
}

/* A peer that sends nothing but commands does not keep the leader from what else it has to do. */
static godwit__io_t
take (zmtp_link_t *self, godwit__zmtp_stream_t *stream, godwit__frame_t *frame)
{
    for (unsigned reads = 0;; reads++) {
        const godwit__io_t io = next (self, stream, frame);
        if (io != GODWIT__IO_AGAIN)
            return io;
        if (reads == READS_MAX)
            return go_on_later (self);
        const godwit__zmtp_read_t result = read_some (self, stream);
        if (result != GODWIT__ZMTP_READ_SOME)
            return result == GODWIT__ZMTP_READ_END ? end (self) : GODWIT__IO_AGAIN;
    }
}

static godwit__io_t
recv_link (godwit__channel_t *channel, godwit__frame_t *frame, godwit__routing_id_t *routing_id)
{
    zmtp_link_t *self = (zmtp_link_t *) channel;
    /* First: a link that is down before it was up has no traffic and never will. */
    const bool is_down = atomic_load (&self->state) == LINK_DOWN;
    godwit__zmtp_stream_t *stream = traffic_of (self);
    (void) routing_id;
    if (stream)
        return take (self, stream, frame);
    return is_down ? end (self) : GODWIT__IO_AGAIN;
}

/* True if it is worth while to read now. A leader that waits also goes on writing what did not fit into the
 * socket: usually it is his own request. */
static bool
wait_for_input (zmtp_link_t *self, int64_t timeout_ns)
{
    godwit__zmtp_stream_t *stream = traffic_of (self);
    if (self->has_ended)
        return false;
    const bool writes = stream && godwit__zmtp_out_seems_blocked (&stream->out);
    const short came = godwit__zmtp_waiter_wait (&self->waiter, stream ? stream->fd : -1,
                                                 writes ? POLLIN | POLLOUT : POLLIN, timeout_ns);
    if (writes && (came & POLLOUT))
        godwit__zmtp_stream_go_on (stream);
    return came & ~POLLOUT;
}

static void
wait_link (godwit__channel_t *channel, bool for_room, int64_t timeout_ns)
{
    (void) for_room; /* room wakes, whoever waits */
    wait_for_input ((zmtp_link_t *) channel, timeout_ns);
}

static godwit__io_t
receive_link (godwit__channel_t *channel, godwit__frame_t *frame, godwit__routing_id_t *routing_id,
              int64_t timeout_ns)
{
    zmtp_link_t *self = (zmtp_link_t *) channel;
    godwit__zmtp_stream_t *stream = traffic_of (self);
    if (!stream || timeout_ns <= 0)
        return godwit__channel_receive (channel, frame, routing_id, timeout_ns);
    godwit__io_t io = next (self, stream, frame);
    if (io == GODWIT__IO_AGAIN && !stream->is_drained)
        io = take (self, stream, frame);
    /* After a short read the system is not asked again before it says that there is more. */
    if (io == GODWIT__IO_AGAIN && wait_for_input (self, timeout_ns))
        io = take (self, stream, frame);
    return io;
}

static bool
has_more (const godwit__channel_t *channel)
{
    const zmtp_link_t *self = (const zmtp_link_t *) channel;
    godwit__zmtp_stream_t *stream = atomic_load_explicit (&self->traffic, memory_order_relaxed);
    return stream && godwit__zmtp_decoder_has_bytes (&stream->in) &&
           godwit__zmtp_decoder_has_message (&stream->in);
}

static void
wake_link (godwit__channel_t *channel)
{
    godwit__zmtp_waiter_wake (&((zmtp_link_t *) channel)->waiter);
}

/* The driver's reactor watches the socket already, for its end. */
static bool
is_home (const zmtp_link_t *self, const godwit__reactor_t *reactor)
{
    return reactor == self->driver->options.reactor;
}

static godwit_status_t
attach_link (godwit__channel_t *channel, godwit__reactor_t *reactor, godwit__source_t *source,
             godwit_error_t **error)
{
    zmtp_link_t *self = (zmtp_link_t *) channel;
    self->reads_home = is_home (self, reactor);
    if (self->reads_home && self->stream)
        godwit__zmtp_stream_read_here (self->stream, true);
    return godwit__zmtp_waiter_attach (&self->waiter, reactor, !self->reads_home, source, error);
}

static void
detach_link (godwit__channel_t *channel)
{
    zmtp_link_t *self = (zmtp_link_t *) channel;
    if (self->reads_home && self->stream)
        godwit__zmtp_stream_read_here (self->stream, false);
    self->reads_home = false;
    godwit__zmtp_waiter_detach (&self->waiter);
}

/* Static text, or NULL. What members do is told in texts that the stream has. */
static const char *
reason_of (const godwit__zmtp_stream_t *stream)
{
    const char *const reason = atomic_load (&stream->reason);
    return reason && stream->member ? godwit__zmtp_intern (stream->driver, reason) : reason;
}

static const char *
why_down (godwit__channel_t *channel)
{
    zmtp_link_t *self = (zmtp_link_t *) channel;
    godwit__zmtp_stream_t *stream = traffic_of (self);
    const char *reason = atomic_load (&self->reason);
    /* The leader may see the end before the reactor. */
    if (!reason && stream)
        reason = reason_of (stream);
    return reason ? reason : "the connection was lost";
}

/* ---- who is at the other end ---- */

static godwit__party_t *
party (godwit__channel_t *channel)
{
    const godwit__zmtp_stream_t *stream = traffic_of ((zmtp_link_t *) channel);
    return stream && stream->member ? godwit__zmtp_member_party (stream->member) : NULL;
}

static void
on_voided (godwit__zmtp_stream_t *stream, const char *reason)
{
    const zmtp_link_t *self = stream->owner;
    if (self->events->voided)
        self->events->voided (self->user, reason);
}

static void
on_renewed (godwit__zmtp_stream_t *stream)
{
    const zmtp_link_t *self = stream->owner;
    if (self->events->renewed)
        self->events->renewed (self->user);
}

/* A person has to look at why members refuse each other: "tcp://10.0.0.7:4000 refused us: revoked". */
static void
warn (const zmtp_link_t *self, const char *reason)
{
    const char *const colon = godwit__zmtp_admission_is_refused_us (reason) ? "" : ":";
    if (self->address)
        godwit__driver_warn (&self->driver->options, "%s%s %s", self->address, colon, reason);
}

/* ---- the connection; the reactor's thread ---- */

static void
go_down (zmtp_link_t *self, const char *reason)
{
    atomic_store (&self->reason, reason);
    atomic_store (&self->state, LINK_DOWN);
    godwit__zmtp_waiter_wake (&self->waiter);
    self->events->down (self->user, reason); /* may close it */
}

static void
on_ready (godwit__zmtp_stream_t *stream)
{
    zmtp_link_t *self = stream->owner;
    godwit__zmtp_knock_opened (&self->knock, stream);
    atomic_store_explicit (&self->traffic, stream, memory_order_release);
    atomic_store (&self->state, LINK_UP);
    godwit__zmtp_waiter_set_fd (&self->waiter, stream->fd);
    self->events->up (self->user);
}

static bool
try_second_door (zmtp_link_t *self)
{
    if (!godwit__zmtp_knock_again (&self->knock, self->stream) ||
        godwit__zmtp_connector_start (&self->connector, self->address, NULL) != GODWIT_OK)
        return false;
    godwit__zmtp_stream_close (self->stream);
    self->stream = NULL;
    return true;
}

static void
on_ended (godwit__zmtp_stream_t *stream, const char *reason)
{
    zmtp_link_t *self = stream->owner;
    if (try_second_door (self))
        return;
    if (stream->failure != GODWIT__ZMTP_FAILED_SOMEHOW || (stream->member && stream->is_at_fault))
        warn (self, reason);
    const bool is_static = traffic_of (self) && !stream->member;
    go_down (self, is_static ? reason : godwit__zmtp_intern (self->driver, reason));
}

static void
on_room (godwit__zmtp_stream_t *stream)
{
    zmtp_link_t *self = stream->channel;
    godwit__zmtp_waiter_wake (&self->waiter);
}

static void
on_readable (godwit__zmtp_stream_t *stream)
{
    zmtp_link_t *self = stream->owner;
    godwit__zmtp_waiter_input (&self->waiter);
}

static const godwit__zmtp_stream_events_t stream_events = {.ready = on_ready,
                                                           .ended = on_ended,
                                                           .room = on_room,
                                                           .readable = on_readable,
                                                           .voided = on_voided,
                                                           .renewed = on_renewed};

static void
on_connected (void *user, int fd)
{
    zmtp_link_t *self = user;
    const godwit__zmtp_handshake_config_t *const dealer = godwit__zmtp_end (
        &self->driver->ends, GODWIT__ZMTP_DEALER, godwit__zmtp_connector_is_private (&self->connector));
    self->stream =
        godwit__zmtp_stream_new (self->driver, fd, dealer, self->knock.door, &stream_events, self, NULL);
    if (!self->stream)
        go_down (self, "memory or descriptors were short for a connection");
    else if (self->reads_home)
        godwit__zmtp_stream_read_here (self->stream, true);
}

static void
on_failed (void *user, const char *reason)
{
    zmtp_link_t *self = user;
    go_down (self, godwit__zmtp_intern (self->driver, reason));
}

/* ---- life ---- */

static void
close_link (godwit__channel_t *channel)
{
    zmtp_link_t *self = (zmtp_link_t *) channel;
    godwit__zmtp_connector_stop (&self->connector);
    if (self->stream)
        godwit__zmtp_stream_close (self->stream);
    free (self->address);
    free (self);
}

static const godwit__channel_ops_t link_ops = {
    .send = send_link,
    .queue = queue_link,
    .flush = flush_link,
    .recv = recv_link,
    .wait = wait_link,
    .receive = receive_link,
    .wake = wake_link,
    .attach = attach_link,
    .detach = detach_link,
    .why_down = why_down,
    .close = close_link,
    .has_more = has_more,
    .gathers = true,
    .party = party,
};

godwit_status_t
godwit__zmtp_open_link (godwit__driver_t *driver, const char *address, const godwit__link_events_t *events,
                        void *user, godwit__channel_t **link, godwit_error_t **error)
{
    zmtp_link_t *self = calloc (1, sizeof *self);
    if (!self)
        return godwit__error_no_memory (error);
    self->base.ops = &link_ops;
    self->driver = (godwit__zmtp_t *) driver;
    self->events = events;
    self->user = user;
    godwit__zmtp_waiter_init (&self->waiter);
    godwit__zmtp_knock_begin (&self->knock, self->driver);
    godwit__zmtp_connector_init (&self->connector, self->driver, on_connected, on_failed, self);
    godwit_status_t status = GODWIT_OK;
    if (self->driver->options.realm && !(self->address = strdup (address)))
        status = godwit__error_no_memory (error);
    if (status == GODWIT_OK)
        status = godwit__zmtp_connector_start (&self->connector, address, error);
    if (status != GODWIT_OK) {
        free (self->address);
        free (self);
        return status;
    }
    *link = &self->base;
    return GODWIT_OK;
}
