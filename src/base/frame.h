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
        uint64_t words[8]; /* the size and alignment of a zmq_msg_t */
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

/* Bytes to be sent. If free_fn is NULL, the driver copies them before send returns. Otherwise the driver
 * takes them over when send succeeds (and only then). It calls free_fn (data, hint), from any thread, when it
 * no longer needs them. */
typedef struct godwit__message {
    void *data;
    size_t size;
    void (*free_fn) (void *data, void *hint);
    void *hint;
} godwit__message_t;

#endif
