/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmq/message.h"

#include <errno.h>
#include <stdlib.h>

_Static_assert(sizeof (zmq_msg_t) <= sizeof ((godwit__frame_t){0}).storage, "a frame holds a zmq_msg_t");

/* libzmq calls a message's free function also when a message that was not sent is closed. So this struct says
 * whose the bytes are. */
struct godwit__lent {
    void (*free_fn) (void *data, void *hint); /* NULL: the bytes are `copy` */
    void *hint;
    bool cancelled;
    godwit__load_t *load; /* where the message counts */
    size_t size;
    uint8_t copy[];
};

static void
free_lent (void *data, void *hint)
{
    struct godwit__lent *lent = hint;
    if (!lent->cancelled && lent->free_fn)
        lent->free_fn (data, lent->hint);
    atomic_fetch_sub_explicit (&lent->load->size, lent->size, memory_order_relaxed);
    godwit__load_unref (lent->load);
    free (lent);
}

static bool
lend (godwit__outgoing_t *outgoing, const godwit__message_t *message, godwit__load_t *load)
{
    struct godwit__lent *lent = malloc (sizeof *lent + (message->free_fn ? 0 : message->size));
    if (!lent)
        return false;
    lent->free_fn = message->free_fn;
    lent->hint = message->hint;
    lent->cancelled = false;
    lent->load = load;
    lent->size = message->size;
    void *data = message->data;
    if (!message->free_fn)
        data = memcpy (lent->copy, message->data, message->size);
    if (zmq_msg_init_data (&outgoing->message, data, message->size, free_lent, lent) < 0) {
        free (lent);
        return false;
    }
    godwit__load_ref (load);
    atomic_fetch_add_explicit (&load->size, message->size, memory_order_relaxed);
    outgoing->lent = lent;
    return true;
}

bool
godwit__outgoing_init (godwit__outgoing_t *outgoing, const godwit__message_t *message, godwit__load_t *load)
{
    if (message->size > GODWIT__LIGHT)
        return lend (outgoing, message, load);
    outgoing->lent = NULL;
    if (zmq_msg_init_size (&outgoing->message, message->size) < 0)
        return false;
    if (message->size)
        memcpy (zmq_msg_data (&outgoing->message), message->data, message->size);
    return true;
}

int
godwit__outgoing_send (godwit__outgoing_t *outgoing, void *socket)
{
    int result;
    do {
        result = zmq_msg_send (&outgoing->message, socket, ZMQ_DONTWAIT) < 0 ? errno : 0;
    } while (result == EINTR);
    return result;
}

void
godwit__outgoing_sent (godwit__outgoing_t *outgoing, const godwit__message_t *message)
{
    if (message->free_fn && !outgoing->lent)
        message->free_fn (message->data, message->hint);
}

void
godwit__outgoing_cancel (godwit__outgoing_t *outgoing)
{
    if (outgoing->lent)
        outgoing->lent->cancelled = true;
    zmq_msg_close (&outgoing->message);
}

static zmq_msg_t *
message_of (godwit__frame_t *frame)
{
    return (zmq_msg_t *) (void *) &frame->storage;
}

/* libzmq receives into buffers, and uses a buffer again when the last message in it is closed; an atomic
 * counter in the buffer tells it. ThreadSanitizer does not see that, so it is told for each piece of the
 * buffer. */
#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#include <sanitizer/tsan_interface.h>
#define PIECE_SIZE 64
#define BUFFER_SIZE 8192
#define FOR_EACH_PIECE(frame_, do_)                                                                          \
    for (uintptr_t at_ = (uintptr_t) (frame_)->data & ~(uintptr_t) (PIECE_SIZE - 1);                         \
         (frame_)->size <= BUFFER_SIZE && at_ < (uintptr_t) (frame_)->data + (frame_)->size;                 \
         at_ += PIECE_SIZE)                                                                                  \
    do_ ((void *) at_)
#define NOTE_RECEIVED(frame_) FOR_EACH_PIECE (frame_, __tsan_acquire)
#define NOTE_RELEASED(frame_) FOR_EACH_PIECE (frame_, __tsan_release)
#endif
#endif
#ifndef NOTE_RECEIVED
#define NOTE_RECEIVED(frame_) ((void) 0)
#define NOTE_RELEASED(frame_) ((void) 0)
#endif

static void
release_frame (godwit__frame_t *frame)
{
    NOTE_RELEASED (frame);
    zmq_msg_close (message_of (frame));
}

int
godwit__frame_receive (godwit__frame_t *frame, void *socket, int flags)
{
    zmq_msg_t *message = message_of (frame);
    zmq_msg_init (message);
    while (zmq_msg_recv (message, socket, flags) < 0) {
        if (errno != EINTR)
            return errno; /* an empty message needs no close */
    }
    frame->data = zmq_msg_data (message);
    frame->size = zmq_msg_size (message);
    frame->release = release_frame;
    NOTE_RECEIVED (frame);
    return 0;
}

bool
godwit__frame_has_more (const godwit__frame_t *frame)
{
    return zmq_msg_more ((const zmq_msg_t *) (const void *) &frame->storage);
}

int
godwit__frame_source (const godwit__frame_t *frame)
{
    return zmq_msg_get ((const zmq_msg_t *) (const void *) &frame->storage, ZMQ_SRCFD);
}

void
godwit__frame_discard (godwit__frame_t *frame, void *socket)
{
    bool more = godwit__frame_has_more (frame);
    godwit__frame_release (frame);
    while (more) {
        /* The parts of a message come together, so this cannot fail while there are more. */
        if (godwit__frame_receive (frame, socket, ZMQ_DONTWAIT))
            break;
        more = godwit__frame_has_more (frame);
        godwit__frame_release (frame);
    }
}
