/* SPDX-License-Identifier: Apache-2.0 */
#include "src/wire/batch.h"

#include <stdlib.h>

#define SIZE_BYTES 4

bool
godwit__batch_add (godwit__batch_writer_t *writer, const void *data, size_t size)
{
    const size_t room = writer->room ? writer->room : GODWIT__BATCH_SIZE;
    if (size > GODWIT__BATCH_FRAME_MAX)
        return false;
    if (!writer->data) {
        writer->data = malloc (room);
        if (!writer->data)
            return false;
    }
    if (writer->count == 0)
        writer->size = writer->prefix + GODWIT__HEADER_SIZE;
    if (writer->size + SIZE_BYTES + size > room)
        return false;
    godwit__put_u32 (writer->data + writer->size, (uint32_t) size);
    memcpy (writer->data + writer->size + SIZE_BYTES, data, size);
    writer->size += SIZE_BYTES + size;
    writer->count++;
    return true;
}

godwit__message_t
godwit__batch_take (godwit__batch_writer_t *writer)
{
    godwit__message_t message = {.data = writer->data, .size = writer->size};
    if (writer->count == 1) {
        message.data = writer->data + writer->prefix + GODWIT__HEADER_SIZE + SIZE_BYTES;
        message.size = writer->size - writer->prefix - GODWIT__HEADER_SIZE - SIZE_BYTES;
    } else {
        godwit__header_write (writer->data + writer->prefix,
                              &(godwit__header_t){.type = GODWIT__BATCH, .aux = writer->count});
    }
    writer->count = 0;
    return message;
}

void
godwit__batch_writer_release (godwit__batch_writer_t *writer)
{
    free (writer->data);
    writer->data = NULL;
    writer->count = 0;
}

/* ---- reading ---- */

struct godwit__batch {
    atomic_uint refs; /* the reader's, and one for each frame that points into it */
    godwit__frame_t frame;
};

/* The reader takes references for all parts at once, and gives them away one by one without counting. */
#define READER_REFS (GODWIT__BATCH_SIZE_MAX / (GODWIT__HEADER_SIZE + SIZE_BYTES) + 1)

static void
unref (struct godwit__batch *batch, unsigned count)
{
    if (atomic_fetch_sub_explicit (&batch->refs, count, memory_order_acq_rel) != count)
        return;
    godwit__frame_release (&batch->frame);
    free (batch);
}

static void
release_part (godwit__frame_t *frame)
{
    unref (frame->storage.pointer, 1);
}

bool
godwit__batch_open (godwit__batch_reader_t *reader, godwit__frame_t *frame)
{
    /* A larger one could have more parts than there are references. */
    struct godwit__batch *batch = frame->size <= GODWIT__BATCH_SIZE_MAX ? malloc (sizeof *batch) : NULL;
    if (!batch) {
        godwit__frame_release (frame);
        return false;
    }
    atomic_init (&batch->refs, READER_REFS);
    godwit__frame_move (&batch->frame, frame);
    reader->batch = batch;
    reader->refs = READER_REFS;
    reader->at = GODWIT__HEADER_SIZE;
    return true;
}

void
godwit__batch_close (godwit__batch_reader_t *reader)
{
    if (reader->batch)
        unref (reader->batch, reader->refs);
    reader->batch = NULL;
}

godwit__batch_next_t
godwit__batch_next (godwit__batch_reader_t *reader, godwit__frame_t *frame)
{
    struct godwit__batch *batch = reader->batch;
    const size_t left = batch->frame.size - reader->at;
    const size_t size = left >= SIZE_BYTES ? godwit__get_u32 (batch->frame.data + reader->at) : 0;
    if (left < SIZE_BYTES || size > left - SIZE_BYTES || size < GODWIT__HEADER_SIZE) {
        godwit__batch_close (reader);
        return left == 0 ? GODWIT__BATCH_END : GODWIT__BATCH_MALFORMED;
    }
    uint8_t *data = batch->frame.data + reader->at + SIZE_BYTES;
    reader->at += SIZE_BYTES + size;
    if (size <= sizeof frame->storage) {
        /* Most replies are that small: a copy is cheaper than a reference. */
        memcpy (&frame->storage, data, size);
        *frame = (godwit__frame_t){.storage = frame->storage, .size = size};
        frame->data = (uint8_t *) &frame->storage;
        return GODWIT__BATCH_FRAME;
    }
    reader->refs--;
    *frame = (godwit__frame_t){.data = data, .size = size, .release = release_part};
    frame->storage.pointer = batch;
    return GODWIT__BATCH_FRAME;
}

bool
godwit__batch_has_more (const godwit__batch_reader_t *reader)
{
    return reader->batch && reader->at < reader->batch->frame.size;
}
