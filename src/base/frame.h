/* SPDX-License-Identifier: Apache-2.0 */
/* Received bytes and bytes to be sent: what passes between a driver and the core. */
#ifndef GODWIT_SRC_BASE_FRAME_H
#define GODWIT_SRC_BASE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Received bytes, with the function that frees them. The receiver may write to them (the decoder ends strings
 * in place), so a driver that hands the same bytes to two receivers copies them. `storage` is the driver's:
 * small messages lie inside it. So a frame is moved with godwit__frame_move, never by assignment. */
typedef struct godwit__frame {
    uint8_t *data;
    size_t size;
    void (*release) (struct godwit__frame *frame); /* NULL: nothing to give back */
    union {
        uint64_t words[12]; /* at least a zmq_msg_t, and a short request with its trace context */
        void *pointer;
    } storage;
} godwit__frame_t;

/* Moves `from` to an uninitialised `to`; `from` is empty afterwards. */
static inline void
godwit__frame_move (godwit__frame_t *to, godwit__frame_t *from)
{
    const uintptr_t offset = (uintptr_t) from->data - (uintptr_t) &from->storage;
    *to = *from;
    if (offset < sizeof from->storage)
        to->data = (uint8_t *) &to->storage + offset;
    from->data = NULL;
    from->size = 0;
    from->release = NULL;
}

/* Gives the bytes back; an empty frame is fine. */
static inline void
godwit__frame_release (godwit__frame_t *frame)
{
    if (frame->release)
        frame->release (frame);
    frame->data = NULL;
    frame->size = 0;
    frame->release = NULL;
}

static inline void
godwit__frame_free_data (godwit__frame_t *frame)
{
    free (frame->data);
}

/* Makes a frame of bytes on the heap, and takes them over. */
static inline void
godwit__frame_adopt (godwit__frame_t *frame, uint8_t *data, size_t size)
{
    *frame = (godwit__frame_t){.data = data, .size = size, .release = godwit__frame_free_data};
}

/* Makes a frame with a copy of the bytes. False if memory is short; the frame is empty then. */
static inline bool
godwit__frame_copy (godwit__frame_t *frame, const void *data, size_t size)
{
    if (size <= sizeof frame->storage)
        *frame = (godwit__frame_t){.data = (uint8_t *) &frame->storage, .size = size};
    else
        godwit__frame_adopt (frame, malloc (size), size);
    if (!frame->data) {
        frame->size = 0;
        return false;
    }
    memcpy (frame->data, data, size);
    return true;
}

/* Bytes of somebody else, which stand before data[at] of a message on the wire. They are taken over with the
 * message: free_fn (data, hint) is called once, from any thread, when they are no longer needed. */
typedef struct godwit__insert {
    size_t at;
    const void *data; /* only read */
    size_t size;
    void (*free_fn) (void *data, void *hint);
    void *hint;
} godwit__insert_t;

/* Bytes to be sent. If free_fn is NULL, the driver copies data before send returns. Otherwise the driver
 * takes them over when send succeeds (and only then). It calls free_fn (data, hint), from any thread, when it
 * no longer needs them. Inserts are taken over in the same way, each with its own free_fn; the array itself
 * is the caller's, and is read until send returns. */
typedef struct godwit__message {
    void *data;
    size_t size; /* of data, without the inserts */
    void (*free_fn) (void *data, void *hint);
    void *hint;
    const godwit__insert_t *inserts; /* in the order of at, which is at most size */
    size_t insert_count;             /* 0: data is all */
    /* Queued (src/interface/driver.h): data without a free_fn stays as it is until this thread has flushed,
     * so that a driver need not copy it. */
    bool stays;
} godwit__message_t;

/* The bytes of a message on the wire. */
static inline size_t
godwit__message_size (const godwit__message_t *message)
{
    size_t size = message->size;
    for (size_t i = 0; i < message->insert_count; i++)
        size += message->inserts[i].size;
    return size;
}

/* Writes the bytes as they stand on the wire, godwit__message_size of them. */
void godwit__message_gather (const godwit__message_t *message, uint8_t *to);
/* Gives back what a driver takes over: data, if it has a free_fn, and the inserts. */
void godwit__message_release (const godwit__message_t *message);
/* Makes a message with a copy on the heap of all bytes and without inserts, for drivers that send one piece
 * of memory only. `message` is not released. False if memory is short. */
bool godwit__message_join (godwit__message_t *joined, const godwit__message_t *message);
/* The free_fn of data that is from malloc. */
void godwit__message_free (void *data, void *hint);
/* Makes a frame with a copy of all bytes of a message. False if memory is short; the frame is empty then. */
bool godwit__frame_gather (godwit__frame_t *frame, const godwit__message_t *message);

#endif
