/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/out_frames.h"

#include "drivers/zmtp/batch.h"
#include "drivers/zmtp/frame.h"

#include <assert.h>

/* The batch that the next bytes go to; NULL: memory is short. */
static godwit__zmtp_batch_t *
batch_for (godwit__zmtp_out_t *out, size_t size)
{
    if (out->last && godwit__zmtp_batch_fits (out->last, size))
        return out->last;
    godwit__zmtp_batch_t *batch = NULL;
    if (out->spare && godwit__zmtp_batch_fits (out->spare, size)) {
        batch = out->spare;
        out->spare = NULL;
    } else {
        /* Behind others there is a burst. */
        batch = godwit__zmtp_batch_new (size, out->first || out->is_flushing ||
                                                  godwit__zmtp_out_seems_blocked (out));
    }
    if (!batch)
        return NULL;
    if (out->last)
        out->last->next = batch;
    else
        out->first = batch;
    out->last = batch;
    return batch;
}

/* ---- messages ---- */

/* Adds what stands before a payload of `size` bytes, for which there is room afterwards. Returns the batch;
 * NULL: memory is short. */
static godwit__zmtp_batch_t *
begin_frame (godwit__zmtp_out_t *out, uint8_t flags, size_t size)
{
    uint8_t head[GODWIT__ZMTP_LONG_HEAD];
    const size_t overhead = out->box ? GODWIT__ZMTP_BOX_OVERHEAD : 0;
    const size_t head_size = godwit__zmtp_head_write (head, overhead ? 0 : flags, overhead + size);
    godwit__zmtp_batch_t *batch = batch_for (out, head_size + overhead + size);
    if (!batch)
        return NULL;
    memcpy (godwit__zmtp_batch_extend (batch, head_size), head, head_size);
    if (overhead)
        godwit__zmtp_batch_extend (batch, overhead)[GODWIT__ZMTP_BOX_HEAD] =
            flags & GODWIT__ZMTP_COMMAND ? GODWIT__ZMTP_BOX_COMMAND : 0;
    return batch;
}

static godwit__io_t
append_light (godwit__zmtp_out_t *out, const godwit__message_t *message, size_t size)
{
    godwit__zmtp_batch_t *batch = begin_frame (out, 0, size);
    if (!batch)
        return GODWIT__IO_REFUSED;
    uint8_t *to = godwit__zmtp_batch_extend (batch, size);
    if (message->insert_count)
        godwit__message_gather (message, to);
    else if (size)
        memcpy (to, message->data, size);
    batch->count++;
    return GODWIT__IO_OK;
}

/* Memory is reserved before anything is taken over: so it cannot fail half way. */
static godwit__io_t
append_heavy (godwit__zmtp_out_t *out, const godwit__message_t *message, size_t size)
{
    uint8_t head[GODWIT__ZMTP_LONG_HEAD];
    const size_t head_size = out->box ? 0 : godwit__zmtp_head_write (head, 0, size);
    godwit__zmtp_batch_t *batch = batch_for (out, head_size);
    godwit__zmtp_heavy_t *heavy = batch ? godwit__zmtp_heavy_new (message, out->box) : NULL;
    if (!heavy)
        return GODWIT__IO_REFUSED;
    memcpy (godwit__zmtp_batch_extend (batch, head_size), head, head_size);
    godwit__zmtp_batch_attach (batch, heavy);
    batch->count++;
    batch->heavy_size += size;
    out->heavy_size += size;
    return GODWIT__IO_OK;
}

godwit__io_t
godwit__zmtp_out_append (godwit__zmtp_out_t *out, const godwit__message_t *message, size_t size)
{
    const godwit__io_t io =
        size <= GODWIT__ZMTP_LIGHT ? append_light (out, message, size) : append_heavy (out, message, size);
    if (io != GODWIT__IO_OK)
        return io;
    out->count++;
    out->has_sent = true;
    return GODWIT__IO_OK;
}

/* ---- other frames ---- */

/* One whole frame. */
static godwit__zmtp_batch_t *
append_for_box (godwit__zmtp_out_t *out, const uint8_t *frame, size_t size)
{
    godwit__zmtp_head_t head = {0};
    const bool is_frame = godwit__zmtp_head_read (&head, frame, size);
    assert (is_frame && size - head.head_size == head.body_size);
    (void) is_frame;
    const size_t body_size = size - head.head_size;
    godwit__zmtp_batch_t *batch = begin_frame (out, head.flags, body_size);
    if (batch)
        memcpy (godwit__zmtp_batch_extend (batch, body_size), frame + head.head_size, body_size);
    return batch;
}

static godwit__zmtp_batch_t *
append_bytes (godwit__zmtp_out_t *out, const uint8_t *data, size_t size)
{
    godwit__zmtp_batch_t *batch = batch_for (out, size);
    if (batch)
        memcpy (godwit__zmtp_batch_extend (batch, size), data, size);
    return batch;
}

godwit__io_t
godwit__zmtp_out_append_raw (godwit__zmtp_out_t *out, const void *data, size_t size)
{
    if (out->is_closed)
        return GODWIT__IO_CLOSED;
    if (!(out->box ? append_for_box (out, data, size) : append_bytes (out, data, size)))
        return GODWIT__IO_REFUSED;
    out->has_sent = true;
    return GODWIT__IO_OK;
}
