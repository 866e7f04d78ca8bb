/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes to be written together: small messages, copied one behind the other, and between them heavy ones,
 * which are referred to. Whoever has a batch is the only one who uses it.
 *
 * Where there is a box, frames are added as
 *
 *     head    room for what stands before the payload (GODWIT__ZMTP_BOX_HEAD)    flags    payload
 *
 * and are sealed in place by who writes, just before: so nonces are in order, and nobody who adds waits for
 * it. Heavy messages make frames of their own. */
#ifndef GODWIT_DRIVERS_ZMTP_BATCH_H
#define GODWIT_DRIVERS_ZMTP_BATCH_H

#include "drivers/zmtp/heavy.h"

typedef struct godwit__zmtp_batch {
    struct godwit__zmtp_batch *next;
    unsigned count;    /* messages in it */
    size_t heavy_size; /* bytes of heavy ones */
    size_t said_size;  /* bytes of commands that godwit__zmtp_out_add_command has added */
    uint32_t used, capacity;
    uint32_t written; /* of `used` */
    uint32_t sealed;  /* of `used`; with boxes */
    godwit__zmtp_heavy_t *first_heavy, *last_heavy;
    unsigned heavy_count;
    uint8_t bytes[];
} godwit__zmtp_batch_t;

/* A batch with room for `size` bytes. large: others will follow. NULL: memory is short. */
godwit__zmtp_batch_t *godwit__zmtp_batch_new (size_t size, bool large);
/* Frees one, with the messages in it. */
void godwit__zmtp_batch_free (godwit__zmtp_batch_t *batch);
/* Frees a row of them; NULL is fine. */
void godwit__zmtp_batches_free (godwit__zmtp_batch_t *first);

/* True if it can take `size` bytes more, and a heavy message. */
bool godwit__zmtp_batch_fits (const godwit__zmtp_batch_t *batch, size_t size);
/* True if it is cheap to keep. */
bool godwit__zmtp_batch_is_small (const godwit__zmtp_batch_t *batch);
/* Empties a batch all of which was written. */
void godwit__zmtp_batch_reset (godwit__zmtp_batch_t *batch);

/* Adds `size` bytes, for which there is room, and returns where the caller writes them. */
static inline uint8_t *
godwit__zmtp_batch_extend (godwit__zmtp_batch_t *batch, size_t size)
{
    uint8_t *const at = batch->bytes + batch->used;
    batch->used += (uint32_t) size;
    return at;
}

/* Puts a heavy message behind the bytes that are there. */
void godwit__zmtp_batch_attach (godwit__zmtp_batch_t *batch, godwit__zmtp_heavy_t *heavy);

/* Writes a row of batches to a socket until all is written or the socket does not take more. box: what their
 * frames are sealed with; NULL: nothing is. Batches that are wholly written move from *rest to the end of
 * *written; heavy messages that are wholly written, or sealed, are freed, by functions of the program. Adds
 * the bytes to *size. Returns 0 when nothing is left, EAGAIN, or another errno of sendmsg; ENOMEM, too, if
 * memory is short for a box. */
int godwit__zmtp_batches_write (godwit__zmtp_batch_t **rest, int fd, godwit__zmtp_box_t *box,
                                godwit__zmtp_batch_t **written, uint64_t *size);

#endif
