/* SPDX-License-Identifier: Apache-2.0 */
/* A stream after its handshake: writing, reading, the end. */
#include "drivers/zmtp/stream.h"

#include "drivers/zmtp/heart.h"
#include "drivers/zmtp/member.h"
#include "drivers/zmtp/opening.h"
#include "drivers/zmtp/parties.h"

#include "src/base/own_fd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* Where another thread leads: edges only, so that a hang-up is seen once, while what came before is still
 * read. */
static uint32_t
watched (const godwit__zmtp_stream_t *stream)
{
    return stream->reads_here ? EPOLLIN | EPOLLRDHUP : EPOLLRDHUP | EPOLLET;
}

/* ---- writing ---- */

static void
on_flushed (godwit__zmtp_stream_t *stream, godwit__zmtp_flushed_t flushed, bool room)
{
    if (flushed == GODWIT__ZMTP_BLOCKED)
        godwit__reactor_watch_other (stream->driver->options.reactor, &stream->source,
                                     watched (stream) | EPOLLOUT);
    else if (flushed == GODWIT__ZMTP_BROKEN)
        godwit__zmtp_stream_end (stream, "the connection was lost");
    if (room && stream->events->room)
        stream->events->room (stream);
}

godwit__io_t
godwit__zmtp_stream_send (godwit__zmtp_stream_t *stream, const godwit__message_t *message)
{
    godwit__zmtp_flushed_t flushed;
    bool room;
    const godwit__io_t io =
        godwit__zmtp_out_send (&stream->out, stream->fd, &stream->driver->limits, message, &flushed, &room);
    if (flushed != GODWIT__ZMTP_FLUSHED || room)
        on_flushed (stream, flushed, room);
    return io;
}

godwit__io_t
godwit__zmtp_stream_queue (godwit__zmtp_stream_t *stream, const godwit__message_t *message)
{
    return godwit__zmtp_out_add (&stream->out, &stream->driver->limits, message);
}

void
godwit__zmtp_stream_flush (godwit__zmtp_stream_t *stream)
{
    bool room;
    const godwit__zmtp_flushed_t flushed = godwit__zmtp_out_flush (&stream->out, stream->fd, &room);
    if (flushed != GODWIT__ZMTP_FLUSHED || room)
        on_flushed (stream, flushed, room);
}

void
godwit__zmtp_stream_say_frame (godwit__zmtp_stream_t *stream, const void *frame, size_t size)
{
    const godwit__io_t io = godwit__zmtp_out_add_command (&stream->out, frame, size);
    if (io == GODWIT__IO_OK)
        godwit__zmtp_stream_flush (stream);
    else if (io == GODWIT__IO_AGAIN)
        godwit__zmtp_stream_refuse (stream, "it does not read what is sent to it");
    else if (io == GODWIT__IO_REFUSED)
        godwit__zmtp_stream_end (stream, "memory was short for a command to it");
}

void
godwit__zmtp_stream_say (godwit__zmtp_stream_t *stream, const char *name, const void *data, size_t size)
{
    uint8_t *const frame = malloc (GODWIT__ZMTP_COMMAND_SIZE (size));
    if (!frame) {
        godwit__zmtp_stream_end (stream, "memory was short for a command to it");
        return;
    }
    godwit__zmtp_stream_say_frame (stream, frame, godwit__zmtp_command_write (frame, name, data, size));
    free (frame);
}

void
godwit__zmtp_stream_send_sign (godwit__zmtp_stream_t *stream, const void *data, size_t size)
{
    if (godwit__zmtp_out_add_sign (&stream->out, data, size) == GODWIT__IO_OK)
        godwit__zmtp_stream_flush (stream);
}

/* Waits for room no longer, unless another thread has found the socket full meanwhile: its own call to watch
 * for room may have come before this one. */
static void
watch_for_more (godwit__zmtp_stream_t *stream)
{
    godwit__reactor_t *reactor = stream->driver->options.reactor;
    uint64_t written;
    godwit__reactor_watch_other (reactor, &stream->source, watched (stream));
    if (godwit__zmtp_out_is_blocked (&stream->out, &written))
        godwit__reactor_watch_other (reactor, &stream->source, watched (stream) | EPOLLOUT);
}

void
godwit__zmtp_stream_go_on (godwit__zmtp_stream_t *stream)
{
    bool room;
    const godwit__zmtp_flushed_t flushed = godwit__zmtp_out_writable (&stream->out, stream->fd, &room);
    if (flushed == GODWIT__ZMTP_FLUSHED)
        watch_for_more (stream);
    on_flushed (stream, flushed, room);
}

/* ---- reading ---- */

/* While a large message comes, its reader is woken for so many bytes at a time: a wake and two system calls
 * for each 64 KiB took a sixth of the processor time of a message of 1 MiB. Unix sockets wake for any byte.
 */
#define LOW_MARK ((int) 128 * 1024)

static void
set_low_mark (godwit__zmtp_stream_t *stream, int mark)
{
    atomic_store_explicit (&stream->low_mark, mark, memory_order_relaxed);
    setsockopt (stream->fd, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof mark);
}

static void
wait_for_much (godwit__zmtp_stream_t *stream)
{
    const godwit__zmtp_decoder_t *const in = &stream->in;
    const int mark = in->large && in->large_size - in->large_have >= (size_t) LOW_MARK ? LOW_MARK : 1;
    if (mark != atomic_load_explicit (&stream->low_mark, memory_order_relaxed))
        set_low_mark (stream, mark);
}

void
godwit__zmtp_stream_wait_for_little (godwit__zmtp_stream_t *stream)
{
    set_low_mark (stream, 1);
}

godwit__zmtp_read_t
godwit__zmtp_stream_read (godwit__zmtp_stream_t *stream, godwit__zmtp_pool_t *pool)
{
    size_t size;
    if (stream->is_at_end)
        return GODWIT__ZMTP_READ_END;
    uint8_t *const data = godwit__zmtp_decoder_room (&stream->in, pool, &size);
    if (!data) {
        godwit__zmtp_stream_end (stream, "memory was short for what it sends");
        stream->is_at_end = true;
        return GODWIT__ZMTP_READ_END;
    }
    ssize_t count;
    do
        count = recv (stream->fd, data, size, MSG_DONTWAIT);
    while (count < 0 && errno == EINTR);
    if (count > 0) {
        stream->is_drained = (size_t) count < size;
        godwit__zmtp_decoder_filled (&stream->in, pool, (size_t) count);
        wait_for_much (stream);
        if (!atomic_load_explicit (&stream->has_received, memory_order_relaxed))
            atomic_store_explicit (&stream->has_received, true, memory_order_relaxed);
        return GODWIT__ZMTP_READ_SOME;
    }
    stream->is_drained = true;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return GODWIT__ZMTP_READ_NOTHING;
    /* Not every failure is a hang-up, which the reactor sees: it becomes one. */
    if (count < 0)
        godwit__zmtp_stream_end (stream, "the connection was lost");
    stream->is_at_end = true;
    return GODWIT__ZMTP_READ_END;
}

/* NULL, or why the stream has to end. *answers: there is something to flush. */
static const char *
take_command (godwit__zmtp_stream_t *stream, const godwit__frame_t *frame, bool *answers)
{
    godwit__zmtp_command_t command;
    const char *wrong = godwit__zmtp_command_read (&command, frame->data, frame->size);
    if (wrong)
        return wrong;
    switch (command.kind) {
    case GODWIT__ZMTP_PING: {
        uint8_t pong[GODWIT__ZMTP_PONG_SIZE];
        godwit__zmtp_heart_take_ttl (stream, command.ttl_ds);
        godwit__zmtp_out_add_sign (&stream->out, pong,
                                   godwit__zmtp_pong_write (pong, command.data, command.size));
        *answers = true;
        return NULL;
    }
    case GODWIT__ZMTP_PONG:
        return NULL;
    case GODWIT__ZMTP_SUBSCRIBE:
    case GODWIT__ZMTP_CANCEL:
        if (!stream->events->subscription)
            return "it subscribes where nothing is published";
        return stream->events->subscription (stream, command.kind == GODWIT__ZMTP_SUBSCRIBE, command.data,
                                             command.size);
    case GODWIT__ZMTP_CREDENTIAL:
    case GODWIT__ZMTP_REFUSED:
    case GODWIT__ZMTP_BULLETIN:
        if (!stream->member)
            break;
        return godwit__zmtp_member_take (stream->member, &command);
    case GODWIT__ZMTP_READY:
        return "it sent READY twice";
    case GODWIT__ZMTP_ERROR:
        return "it sent ERROR after the handshake";
    case GODWIT__ZMTP_UNKNOWN:
        break;
    }
    godwit__zmtp_count (&stream->driver->counters.unknown);
    return NULL;
}

static godwit__io_t
end_malformed (godwit__zmtp_stream_t *stream, const char *reason)
{
    godwit__zmtp_count (&stream->driver->counters.malformed);
    godwit__zmtp_stream_refuse (stream, reason);
    stream->is_at_end = true;
    godwit__zmtp_decoder_release (&stream->in);
    return GODWIT__IO_CLOSED;
}

static godwit__io_t
next (godwit__zmtp_stream_t *stream, godwit__frame_t *frame, unsigned *commands, bool *answers)
{
    for (;;) {
        switch (godwit__zmtp_decoder_next (&stream->in, frame)) {
        case GODWIT__ZMTP_MESSAGE:
            return GODWIT__IO_OK;
        case GODWIT__ZMTP_NEED:
            return GODWIT__IO_AGAIN;
        case GODWIT__ZMTP_MALFORMED:
            return end_malformed (stream, stream->in.problem);
        case GODWIT__ZMTP_CONTROL: {
            const char *wrong = take_command (stream, frame, answers);
            stream->turn_size += (unsigned) frame->size;
            godwit__frame_release (frame);
            if (wrong)
                return end_malformed (stream, wrong);
            if (commands && --*commands == 0)
                return GODWIT__IO_AGAIN;
            break;
        }
        }
    }
}

/* All that one read brought is answered at once. */
godwit__io_t
godwit__zmtp_stream_next (godwit__zmtp_stream_t *stream, godwit__frame_t *frame, unsigned *commands)
{
    bool answers = false;
    const godwit__io_t io = next (stream, frame, commands, &answers);
    if (answers)
        godwit__zmtp_stream_flush (stream);
    return io;
}

/* ---- the end ---- */

void
godwit__zmtp_stream_end (godwit__zmtp_stream_t *stream, const char *reason)
{
    const char *none = NULL;
    atomic_compare_exchange_strong (&stream->reason, &none, reason);
    shutdown (stream->fd, SHUT_RDWR); /* the reactor sees it as a hang-up */
}

void
godwit__zmtp_stream_refuse (godwit__zmtp_stream_t *stream, const char *reason)
{
    if (!atomic_load (&stream->reason))
        atomic_store (&stream->is_at_fault, true);
    godwit__zmtp_stream_end (stream, reason);
}

void
godwit__zmtp_stream_blame (godwit__zmtp_stream_t *stream, const char *reason)
{
    const char *none = NULL;
    char *const text = strdup (reason);
    if (!text)
        return;
    if (atomic_compare_exchange_strong (&stream->reason, &none, text)) {
        stream->reason_text = text;
        atomic_store (&stream->is_at_fault, true);
    } else {
        free (text);
    }
}

static void
forget (godwit__zmtp_stream_t *stream)
{
    if (stream->member)
        godwit__zmtp_parties_remove (stream);
    godwit__zmtp_heart_remove (stream);
    godwit__reactor_unwatch (stream->driver->options.reactor, &stream->source);
    stream->state = GODWIT__ZMTP_ENDED;
}

static void
on_event (godwit__source_t *source)
{
    godwit__zmtp_stream_t *stream = source->user;
    if (source->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
        const char *reason = atomic_load (&stream->reason);
        forget (stream);
        godwit__zmtp_out_close (&stream->out, true);
        /* A thread that waits for room must find out. */
        if (stream->events->room)
            stream->events->room (stream);
        stream->events->ended (stream, reason ? reason : "the connection was lost");
        return;
    }
    if (source->events & EPOLLOUT)
        godwit__zmtp_stream_go_on (stream);
    if (source->events & EPOLLIN && stream->reads_here)
        stream->events->readable (stream); /* may close it */
}

void
godwit__zmtp_stream_read_here (godwit__zmtp_stream_t *stream, bool reads)
{
    if (stream->reads_here == reads)
        return;
    stream->reads_here = reads;
    if (stream->state == GODWIT__ZMTP_READY_STATE)
        godwit__reactor_watch_other (stream->driver->options.reactor, &stream->source,
                                     watched (stream) | EPOLLOUT); /* on_writable finds out about the rest */
}

void
godwit__zmtp_stream_begin_traffic (godwit__zmtp_stream_t *stream)
{
    stream->state = GODWIT__ZMTP_READY_STATE;
    stream->source.ready = on_event;
    watch_for_more (stream);
    godwit__zmtp_heart_add (stream);
    if (stream->member)
        godwit__zmtp_parties_add (stream);
    stream->events->ready (stream);
}

void
godwit__zmtp_stream_unref (godwit__zmtp_stream_t *stream)
{
    if (atomic_fetch_sub_explicit (&stream->refs, 1, memory_order_acq_rel) != 1)
        return;
    godwit__own_fd_close (stream->fd);
    godwit__zmtp_out_release (&stream->out);
    godwit__zmtp_decoder_release (&stream->in);
    godwit__zmtp_member_free (stream->member);
    free (stream->reason_text);
    godwit__zmtp_box_end (&stream->box);
    free (stream);
}

void
godwit__zmtp_stream_close (godwit__zmtp_stream_t *stream)
{
    switch (stream->state) {
    case GODWIT__ZMTP_OPENING:
        godwit__zmtp_opening_abandon (stream);
        break;
    case GODWIT__ZMTP_READY_STATE:
        forget (stream);
        godwit__zmtp_out_close (&stream->out, false);
        godwit__zmtp_closing_add (stream);
        return;
    case GODWIT__ZMTP_ENDED:
        break;
    }
    godwit__zmtp_stream_unref (stream);
}
