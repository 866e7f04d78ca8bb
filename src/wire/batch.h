/* SPDX-License-Identifier: Apache-2.0 */
/* Several frames in one message: frames that are sent at the same moment to the same place cost one message
 * only (docs/protocol.md 4.9).
 *
 *     header (BATCH, aux = number of frames) | u32 size, frame | u32 size, frame | ...
 *
 * Nobody waits for a batch to fill: the sender sends the batch as soon as it has nothing more to do.
 */
#ifndef GODWIT_SRC_WIRE_BATCH_H
#define GODWIT_SRC_WIRE_BATCH_H

#include "src/base/frame.h"
#include "src/wire/header.h"

#include <stdatomic.h>

#define GODWIT__BATCH_SIZE 16384
/* A larger batch is malformed: a batch is read as a whole before others get their turn, and each frame keeps
 * all of its batch in memory. */
#define GODWIT__BATCH_SIZE_MAX 65536
/* Larger frames are sent alone: for them the cost of a message hardly counts. */
#define GODWIT__BATCH_FRAME_MAX 1024
/* A batch with so many frames is sent, although more may come. */
#define GODWIT__BATCH_COUNT 128
/* The same for a batch whose first frame is so old. */
#define GODWIT__BATCH_NS 1000000

/* ---- writing ---- */

typedef struct godwit__batch_writer {
    uint8_t *data; /* from the heap; NULL until the first frame */
    size_t size;
    uint32_t count;
    size_t prefix; /* bytes before the header, which the sender fills in: a publication's key */
    size_t room;   /* how large a batch may be, up to GODWIT__BATCH_SIZE_MAX; 0: GODWIT__BATCH_SIZE */
} godwit__batch_writer_t;

/* Copies a frame into the batch. False if it does not fit, or memory is short. */
bool godwit__batch_add (godwit__batch_writer_t *writer, const void *data, size_t size);
/* Takes out what is to be sent: a batch, or (without a prefix) the only frame as it is. Valid until the next
 * add. The writer is empty afterwards. */
godwit__message_t godwit__batch_take (godwit__batch_writer_t *writer);
void godwit__batch_writer_release (godwit__batch_writer_t *writer);

/* ---- reading ---- */

/* A received batch. It lives as long as the frames that were taken from it. */
struct godwit__batch;

typedef struct godwit__batch_reader {
    struct godwit__batch *batch; /* NULL: none is open */
    size_t at;
    unsigned refs; /* references to the batch that it has: one for each part that may come, and its own */
} godwit__batch_reader_t;

typedef enum godwit__batch_next {
    GODWIT__BATCH_FRAME,
    GODWIT__BATCH_END,
    GODWIT__BATCH_MALFORMED
} godwit__batch_next_t;

/* Consumes the frame; the caller has checked its header and its size, which is at most
 * GODWIT__BATCH_SIZE_MAX. False if memory is short. If there is a prefix, the caller adds its size to
 * reader->at. */
bool godwit__batch_open (godwit__batch_reader_t *reader, godwit__frame_t *frame);
/* The next frame, which the caller releases. On anything but FRAME the reader is closed. */
godwit__batch_next_t godwit__batch_next (godwit__batch_reader_t *reader, godwit__frame_t *frame);
void godwit__batch_close (godwit__batch_reader_t *reader);
/* Whether bytes of an open batch are left: a frame, unless they are malformed. */
bool godwit__batch_has_more (const godwit__batch_reader_t *reader);

#endif
