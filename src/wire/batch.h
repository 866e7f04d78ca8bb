/* SPDX-License-Identifier: Apache-2.0 */
/* Several frames in one: what is sent in the same moment to the same place costs one message
 * (docs/protocol.md 4.9).
 *
 *     header (BATCH, aux = number of frames) | u32 size, frame | u32 size, frame | ...
 *
 * Nobody waits for a batch to fill: it holds what there is when its sender has nothing more to do.
 */
#ifndef GODWIT_SRC_WIRE_BATCH_H
#define GODWIT_SRC_WIRE_BATCH_H

#include "src/base/frame.h"
#include "src/wire/header.h"

#include <stdatomic.h>

#define GODWIT__BATCH_SIZE 16384
/* A larger one is malformed: all of it is read before anybody else's turn, and each frame in it keeps it
 * alive. */
#define GODWIT__BATCH_SIZE_MAX 65536
/* Larger frames go alone: for them a message of their own costs next to nothing. */
#define GODWIT__BATCH_FRAME_MAX 1024
/* Frames after which a batch is sent although there may be more to come. */
#define GODWIT__BATCH_COUNT 128
/* The same for the time since the first of them. */
#define GODWIT__BATCH_NS 1000000

/* ---- writing ---- */

typedef struct godwit__batch_writer {
    uint8_t *data; /* GODWIT__BATCH_SIZE bytes, from the heap; NULL until the first frame */
    size_t size;
    uint32_t count;
    size_t prefix; /* bytes before the header, which the sender fills in: a publication's key */
} godwit__batch_writer_t;

/* Copies a frame in. False if it does not fit, or memory is short. */
bool godwit__batch_add (godwit__batch_writer_t *writer, const void *data, size_t size);
/* What is to be sent: a batch, or the only frame there is (without a prefix). Valid until the next add; the
 * writer is empty then. */
godwit__message_t godwit__batch_take (godwit__batch_writer_t *writer);
void godwit__batch_writer_release (godwit__batch_writer_t *writer);

/* ---- reading ---- */

/* A batch that was received, which lives as long as the frames that were taken from it. */
struct godwit__batch;

typedef struct godwit__batch_reader {
    struct godwit__batch *batch; /* NULL: none is open */
    size_t at;
} godwit__batch_reader_t;

typedef enum godwit__batch_next {
    GODWIT__BATCH_FRAME,
    GODWIT__BATCH_END,
    GODWIT__BATCH_MALFORMED
} godwit__batch_next_t;

/* Consumes the frame, whose header has been checked. False if memory is short. If there is a prefix, its
 * receiver adds that to reader->at. */
bool godwit__batch_open (godwit__batch_reader_t *reader, godwit__frame_t *frame);
/* The next frame, which the caller releases. On anything but FRAME the reader is closed. */
godwit__batch_next_t godwit__batch_next (godwit__batch_reader_t *reader, godwit__frame_t *frame);
void godwit__batch_close (godwit__batch_reader_t *reader);

#endif
