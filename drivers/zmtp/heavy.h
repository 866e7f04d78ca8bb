/* SPDX-License-Identifier: Apache-2.0 */
/* A message that waits to be written and is not copied, with all that is freed when it was written.
 *
 * In boxes it travels in parts, as ZMTP has them: each is a frame, and inside each but the last it says that
 * more follow. One is sealed when the one before it was written. So the peer opens a part while this end
 * seals the next one, which takes as long, and this end needs memory for one part, however large the message
 * is.
 *
 * One thread at a time. */
#ifndef GODWIT_DRIVERS_ZMTP_HEAVY_H
#define GODWIT_DRIVERS_ZMTP_HEAVY_H

#include "drivers/zmtp/box.h"
#include "drivers/zmtp/frame.h"

#include "src/base/frame.h"

#include <sys/uio.h>

/* Bytes of a part, but the last: its frame has 64 KiB. */
#define GODWIT__ZMTP_PART_SIZE ((size_t) 64 * 1024 - GODWIT__ZMTP_LONG_HEAD - GODWIT__ZMTP_BOX_OVERHEAD)
_Static_assert(GODWIT__ZMTP_PART_SIZE >= GODWIT__ZMTP_PART_MIN, "the peer takes it");

typedef struct godwit__zmtp_heavy {
    struct godwit__zmtp_heavy *next; /* the batch's */
    uint32_t at;                     /* it stands before the batch's byte with this index */
    unsigned count, taken;           /* pieces; those that are wholly written, or sealed */
    size_t piece_taken;              /* bytes of the first piece that is not */
    bool in_boxes;
    size_t unsealed;          /* bytes; with boxes */
    uint8_t *part;            /* the frame that is sealed; NULL: there was none yet */
    size_t part_at, part_end; /* what of it is not written */
    void *data;
    void (*free_fn) (void *data, void *hint);
    void *hint;
    size_t insert_count;
    godwit__insert_t *inserts; /* behind the pieces */
    struct iovec pieces[];
} godwit__zmtp_heavy_t;

/* Takes a message over, with its inserts; what has no free_fn is copied. NULL: memory is short, and nothing
 * was taken over. */
godwit__zmtp_heavy_t *godwit__zmtp_heavy_new (const godwit__message_t *message, bool in_boxes);
/* Calls functions of the program. */
void godwit__zmtp_heavy_free (godwit__zmtp_heavy_t *heavy);

/* Seals the next part; the one before it was written. Returns the bytes of its frame; 0: memory is short.
 * When all is sealed it calls functions of the program, which has its bytes back. */
size_t godwit__zmtp_heavy_seal (godwit__zmtp_heavy_t *heavy, godwit__zmtp_box_t *box);
/* False: another part has to be sealed when this one was written. */
static inline bool
godwit__zmtp_heavy_is_sealed (const godwit__zmtp_heavy_t *heavy)
{
    return heavy->unsealed == 0;
}
/* Whether a part is sealed and not written. */
static inline bool
godwit__zmtp_heavy_has_part (const godwit__zmtp_heavy_t *heavy)
{
    return heavy->part_at < heavy->part_end;
}

/* Writes the pieces of what can be written, at most `room` of them. Returns how many. */
unsigned godwit__zmtp_heavy_gather (const godwit__zmtp_heavy_t *heavy, struct iovec *iov, unsigned room);
/* *size bytes of these were written, or more: *size is how many more. True: it is wholly written. */
bool godwit__zmtp_heavy_advance (godwit__zmtp_heavy_t *heavy, size_t *size);

#endif
