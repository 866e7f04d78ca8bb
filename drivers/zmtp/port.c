/* SPDX-License-Identifier: Apache-2.0 */
/* A port: what arrives over all its connections, and what goes back. */
#include "drivers/zmtp/port.h"

#include "drivers/zmtp/member.h"

#include "src/error/error.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* What one connection may have in a row while others wait. */
#define TURN_FRAMES 16
#define TURN_SIZE ((size_t) 64 * 1024)
#define TURN_READS 8
/* Turns that may end without a message before the leader has to look at what else there is. */
#define IDLE_TURNS 8
#define EVENT_BATCH 64

/* ---- sending; any thread ---- */

static godwit__io_t
gone (const godwit__zmtp_port_t *self, const godwit__message_t *message)
{
    if (godwit__message_size (message) > self->driver->limits.max_message_size)
        return GODWIT__IO_REFUSED;
    godwit__zmtp_count (&self->driver->counters.dropped);
    return GODWIT__IO_CLOSED;
}

static godwit__zmtp_stream_t *
find_link (godwit__zmtp_port_t *self, godwit__routing_id_t routing_id)
{
    return godwit__zmtp_table_find (&self->table, routing_id);
}

static godwit__io_t
send_port (godwit__channel_t *channel, godwit__routing_id_t routing_id, const godwit__message_t *message)
{
    godwit__zmtp_port_t *self = (godwit__zmtp_port_t *) channel;
    godwit__zmtp_stream_t *stream = find_link (self, routing_id);
    if (!stream)
        return gone (self, message);
    const godwit__io_t io = godwit__zmtp_stream_send (stream, message);
    godwit__zmtp_stream_unref (stream);
    return io == GODWIT__IO_CLOSED ? gone (self, message) : io;
}

static godwit__io_t
queue_port (godwit__channel_t *channel, godwit__routing_id_t routing_id, const godwit__message_t *message)
{
    godwit__zmtp_port_t *self = (godwit__zmtp_port_t *) channel;
    godwit__zmtp_stream_t *stream = find_link (self, routing_id);
    if (!stream)
        return gone (self, message);
    const godwit__io_t io = godwit__zmtp_stream_queue (stream, message);
    godwit__zmtp_stream_unref (stream);
    return io == GODWIT__IO_CLOSED ? gone (self, message) : io;
}

static void
flush_port (godwit__channel_t *channel, godwit__routing_id_t routing_id)
{
    godwit__zmtp_stream_t *stream = find_link ((godwit__zmtp_port_t *) channel, routing_id);
    if (!stream)
        return;
    godwit__zmtp_stream_flush (stream);
    godwit__zmtp_stream_unref (stream);
}

/* ---- events; the leader ---- */

void
godwit__zmtp_port_signal (godwit__zmtp_port_t *port)
{
    const uint64_t one = 1;
    if (!atomic_exchange (&port->is_signalled, true) && write (port->event_fd, &one, sizeof one) < 0)
        return; /* cannot be: the counter is far from its limit */
}

/* The descriptor is read first. A signal that comes between the two writes nothing, because is_signalled is
 * set, and is seen by this turn: what it tells of was there before. In the other order it would write, and be
 * read here, and is_signalled would stay set for ever. */
static void
take_signal (godwit__zmtp_port_t *self)
{
    uint64_t count;
    if (read (self->event_fd, &count, sizeof count) < 0)
        return;                                   /* a wake that was seen already */
    atomic_exchange (&self->is_signalled, false); /* not a store: it sees what that signal tells of */
    self->was_woken = true;
    godwit__light_lock (&self->table.lock);
    godwit__list_move_all (&self->ready, &self->table.arrivals);
    godwit__light_unlock (&self->table.lock);
}

/* Kernels before 5.11, some sandboxes and valgrind have no epoll_pwait2: there a wait ends at a whole
 * millisecond, and never early. */
static int
wait_for_events (int epoll_fd, struct epoll_event *events, int64_t timeout_ns)
{
    static atomic_bool is_missing;
    const struct timespec timeout = {timeout_ns / 1000000000, timeout_ns % 1000000000};
    if (!atomic_load_explicit (&is_missing, memory_order_relaxed)) {
        const int count =
            epoll_pwait2 (epoll_fd, events, EVENT_BATCH, timeout_ns == GODWIT__NEVER ? NULL : &timeout, NULL);
        if (count >= 0 || (errno != ENOSYS && errno != EPERM))
            return count;
        atomic_store_explicit (&is_missing, true, memory_order_relaxed);
    }
    const int64_t ms = timeout_ns / GODWIT__NS_PER_MS + (timeout_ns % GODWIT__NS_PER_MS > 0);
    return epoll_wait (epoll_fd, events, EVENT_BATCH,
                       timeout_ns == GODWIT__NEVER ? -1
                       : ms > INT_MAX              ? INT_MAX
                                                   : (int) ms);
}

/* Puts the streams that have something on the ready list. timeout_ns 0: does not wait. */
static void
poll_streams (godwit__zmtp_port_t *self, int64_t timeout_ns)
{
    struct epoll_event events[EVENT_BATCH];
    const int count = wait_for_events (self->epoll_fd, events, timeout_ns);
    for (int i = 0; i < count; i++) {
        if (events[i].data.u64 == 0) {
            take_signal (self);
            continue;
        }
        godwit__zmtp_stream_t *stream = godwit__zmtp_table_look (&self->table, events[i].data.u64);
        if (!stream)
            continue;
        stream->is_drained = false;
        if (!godwit__in_list (&stream->in_ready))
            godwit__list_append (&self->ready, &stream->in_ready);
    }
}

/* A wake that was taken while streams had their turns ends the next wait: nobody has heard of it. */
static void
wait_for_streams (godwit__zmtp_port_t *self, int64_t timeout_ns)
{
    poll_streams (self, timeout_ns > 0 && !self->was_woken ? timeout_ns : 0);
    if (timeout_ns > 0)
        self->was_woken = false;
}

static void
leave_ready (godwit__zmtp_stream_t *stream)
{
    godwit__list_remove (&stream->in_ready);
    stream->turn_frames = stream->turn_size = stream->turn_reads = 0;
}

/* Nothing more will come over it. The reactor sees the end, too, and closes it. */
static void
remove_stream (godwit__zmtp_port_t *self, godwit__zmtp_stream_t *stream)
{
    leave_ready (stream);
    if (self->last == stream)
        self->last = NULL;
    epoll_ctl (self->epoll_fd, EPOLL_CTL_DEL, stream->fd, NULL);
    godwit__zmtp_table_remove (&self->table, stream);
}

/* Others get their turn, those included that have something since. */
static void
end_turn (godwit__zmtp_port_t *self, godwit__zmtp_stream_t *stream)
{
    leave_ready (stream);
    poll_streams (self, 0);
    if (!godwit__in_list (&stream->in_ready))
        godwit__list_append (&self->ready, &stream->in_ready);
}

static bool
is_publisher (const godwit__zmtp_stream_t *stream)
{
    return stream->config->socket == GODWIT__ZMTP_SUB;
}

static bool
is_turn_over (const godwit__zmtp_stream_t *stream)
{
    return stream->turn_frames >= TURN_FRAMES || stream->turn_size >= TURN_SIZE ||
           stream->turn_reads >= TURN_READS;
}

/* A frame that nobody takes: what comes from a publisher and is no publication, or is that of a void one. (To
 * the requests of one that is void the core says no.) */
static bool
is_useless (const godwit__zmtp_port_t *self, const godwit__zmtp_stream_t *stream,
            const godwit__frame_t *frame)
{
    if (!is_publisher (stream))
        return false;
    if (stream->member && godwit__zmtp_member_is_void (stream->member))
        godwit__zmtp_count (&self->driver->counters.dropped);
    else if (frame->size < GODWIT__KEY_SIZE)
        godwit__zmtp_count (&self->driver->counters.malformed);
    else
        return false;
    return true;
}

/* The next message of this stream, whose turn is not over. AGAIN: it has none, and has left the ready list;
 * or its turn is over. */
static godwit__io_t
take_from (godwit__zmtp_port_t *self, godwit__zmtp_stream_t *stream, godwit__frame_t *frame)
{
    while (!is_turn_over (stream)) {
        unsigned left = TURN_FRAMES - stream->turn_frames;
        const godwit__io_t io = godwit__zmtp_decoder_has_bytes (&stream->in)
                                    ? godwit__zmtp_stream_next (stream, frame, &left)
                                    : GODWIT__IO_AGAIN;
        stream->turn_frames = TURN_FRAMES - left;
        if (io == GODWIT__IO_OK && is_useless (self, stream, frame)) {
            godwit__frame_release (frame);
            stream->turn_frames++;
            continue;
        }
        if (io == GODWIT__IO_OK)
            return io;
        if (io == GODWIT__IO_CLOSED) {
            remove_stream (self, stream);
            return GODWIT__IO_AGAIN;
        }
        if (left == 0)
            break;
        stream->turn_reads++;
        /* After a short read the system is not asked again before it says that there is more. */
        const godwit__zmtp_read_t result =
            stream->is_drained ? GODWIT__ZMTP_READ_NOTHING : godwit__zmtp_stream_read (stream, &self->pool);
        if (result == GODWIT__ZMTP_READ_SOME)
            continue;
        if (result == GODWIT__ZMTP_READ_END)
            remove_stream (self, stream);
        else
            leave_ready (stream);
        return GODWIT__IO_AGAIN;
    }
    return GODWIT__IO_AGAIN;
}

static godwit__io_t
take (godwit__zmtp_port_t *self, godwit__frame_t *frame, godwit__routing_id_t *routing_id)
{
    unsigned idle_turns = 0;
    for (godwit__zmtp_stream_t *stream;
         (stream = GODWIT__FIRST (&self->ready, godwit__zmtp_stream_t, in_ready));) {
        if (is_turn_over (stream)) {
            end_turn (self, stream);
            if (++idle_turns < IDLE_TURNS)
                continue;
            godwit__zmtp_port_signal (self); /* what waits in the list shows itself nowhere else */
            return GODWIT__IO_AGAIN;
        }
        if (take_from (self, stream, frame) != GODWIT__IO_OK)
            continue;
        stream->turn_frames++;
        stream->turn_size += (unsigned) frame->size;
        self->last = stream;
        *routing_id = is_publisher (stream) ? GODWIT__ROUTING_ID_FANOUT : stream->routing_id;
        return GODWIT__IO_OK;
    }
    return GODWIT__IO_AGAIN;
}

static godwit__io_t
receive_port (godwit__channel_t *channel, godwit__frame_t *frame, godwit__routing_id_t *routing_id,
              int64_t timeout_ns)
{
    godwit__zmtp_port_t *self = (godwit__zmtp_port_t *) channel;
    const godwit__io_t io = take (self, frame, routing_id);
    if (io != GODWIT__IO_AGAIN)
        return io;
    wait_for_streams (self, timeout_ns);
    return take (self, frame, routing_id);
}

static godwit__io_t
recv_port (godwit__channel_t *channel, godwit__frame_t *frame, godwit__routing_id_t *routing_id)
{
    return receive_port (channel, frame, routing_id, 0);
}

static void
wait_port (godwit__channel_t *channel, bool for_room, int64_t timeout_ns)
{
    godwit__zmtp_port_t *self = (godwit__zmtp_port_t *) channel;
    (void) for_room; /* room wakes, whoever waits */
    if (godwit__list_is_empty (&self->ready))
        wait_for_streams (self, timeout_ns);
}

static bool
has_more (const godwit__channel_t *channel)
{
    const godwit__zmtp_port_t *self = (const godwit__zmtp_port_t *) channel;
    godwit__zmtp_stream_t *stream = GODWIT__FIRST (&self->ready, godwit__zmtp_stream_t, in_ready);
    return stream && stream == self->last && godwit__zmtp_decoder_has_bytes (&stream->in) &&
           godwit__zmtp_decoder_has_message (&stream->in);
}

static godwit__party_t *
sender (godwit__channel_t *channel)
{
    const godwit__zmtp_stream_t *stream = ((const godwit__zmtp_port_t *) channel)->last;
    const godwit__zmtp_member_t *member = stream ? stream->member : NULL;
    return member && !godwit__zmtp_member_is_void (member) ? member->party : NULL;
}

static void
wake_port (godwit__channel_t *channel)
{
    godwit__zmtp_port_signal ((godwit__zmtp_port_t *) channel);
}

/* ---- a reactor leads ---- */

static void
on_watch (godwit__source_t *source)
{
    const godwit__zmtp_port_t *self = source->user;
    self->source->ready (self->source);
}

static godwit_status_t
attach_port (godwit__channel_t *channel, godwit__reactor_t *reactor, godwit__source_t *source,
             godwit_error_t **error)
{
    godwit__zmtp_port_t *self = (godwit__zmtp_port_t *) channel;
    if (self->reactor)
        return GODWIT_OK;
    self->watch = (godwit__source_t){.fd = self->epoll_fd, .ready = on_watch, .user = self};
    const godwit_status_t status = godwit__reactor_watch (reactor, &self->watch, error);
    if (status != GODWIT_OK)
        return status;
    self->reactor = reactor;
    self->source = source;
    if (!godwit__list_is_empty (&self->ready))
        godwit__zmtp_port_signal (self);
    return GODWIT_OK;
}

static void
detach_port (godwit__channel_t *channel)
{
    godwit__zmtp_port_t *self = (godwit__zmtp_port_t *) channel;
    if (self->reactor)
        godwit__reactor_unwatch (self->reactor, &self->watch);
    self->reactor = NULL;
    self->source = NULL;
}

/* ---- life ---- */

static void
close_port (godwit__channel_t *channel)
{
    godwit__zmtp_port_t *self = (godwit__zmtp_port_t *) channel;
    godwit__zmtp_port_stop (self);
    for (godwit__zmtp_stream_t *stream; (stream = godwit__zmtp_table_any (&self->table));) {
        if (godwit__in_list (&stream->in_ready))
            godwit__list_remove (&stream->in_ready);
        godwit__zmtp_table_remove (&self->table, stream);
    }
    godwit__zmtp_table_release (&self->table);
    godwit__zmtp_pool_release (&self->pool);
    if (self->epoll_fd >= 0)
        close (self->epoll_fd);
    if (self->event_fd >= 0)
        close (self->event_fd);
    free (self->keys);
    free (self);
}

static const godwit__channel_ops_t port_ops = {
    .send = send_port,
    .queue = queue_port,
    .flush = flush_port,
    .recv = recv_port,
    .wait = wait_port,
    .receive = receive_port,
    .wake = wake_port,
    .attach = attach_port,
    .detach = detach_port,
    .close = close_port,
    .has_more = has_more,
    .gathers = true,
    .sender = sender,
};

static bool
open_descriptors (godwit__zmtp_port_t *self)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0};
    self->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
    self->event_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    return self->epoll_fd >= 0 && self->event_fd >= 0 &&
           epoll_ctl (self->epoll_fd, EPOLL_CTL_ADD, self->event_fd, &event) == 0;
}

godwit_status_t
godwit__zmtp_open_port (godwit__driver_t *driver, const char *at, godwit__channel_t **port,
                        godwit__port_addresses_t *addresses, godwit_error_t **error)
{
    godwit__zmtp_port_t *self = calloc (1, sizeof *self);
    if (!self)
        return godwit__error_no_memory (error);
    self->base.ops = &port_ops;
    self->driver = (godwit__zmtp_t *) driver;
    godwit__zmtp_table_init (&self->table);
    godwit__list_init (&self->ready);
    godwit__list_init (&self->listeners);
    godwit__zmtp_crowd_init (
        &self->opening, (uintptr_t) self ^ (uint64_t) godwit__reactor_now (self->driver->options.reactor));
    godwit__list_init (&self->publishers);
    godwit__list_init (&self->clients);
    godwit__port_addresses_t bound;
    godwit_status_t status = GODWIT_OK;
    if (!open_descriptors (self))
        status = godwit__error_set (error, GODWIT_ERR_SYSTEM, "cannot make a port: %s", strerror (errno));
    else
        status = godwit__zmtp_port_bind (self, at, &bound, error);
    if (status != GODWIT_OK) {
        close_port (&self->base);
        return status;
    }
    *addresses = bound;
    *port = &self->base;
    return GODWIT_OK;
}
