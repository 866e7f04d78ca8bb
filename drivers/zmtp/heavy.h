/* SPDX-License-Identifier: Apache-2.0 */
/* A message that waits to be written and is not copied, with all that is freed when it was written. In a box
 * it is copied once, when it is sealed. One thread at a time. */
#ifndef GODWIT_DRIVERS_ZMTP_HEAVY_H
#define GODWIT_DRIVERS_ZMTP_HEAVY_H

#include "drivers/zmtp/box.h"

#include "src/base/frame.h"

#include <sys/uio.h>

typedef struct godwit__zmtp_heavy {
    struct godwit__zmtp_heavy *next; /* the batch's */
    uint32_t at;                     /* it stands before the batch's byte with this index */
    unsigned count, written;         /* pieces; those that are wholly written */
    size_t piece_written;            /* bytes of the first piece that is not */
    uint8_t *body;                   /* a copy with room for a box around it; NULL: there is none */
    void *data;
    void (*free_fn) (void *data, void *hint);
    void *hint;
    size_t insert_count;
    godwit__insert_t *inserts; /* behind the pieces */
    struct iovec pieces[];
} godwit__zmtp_heavy_t;

/* Takes a message over, with its inserts; what has no free_fn is copied. NULL: memory is short, and nothing
 * was taken over. */
godwit__zmtp_heavy_t *godwit__zmtp_heavy_new (const godwit__message_t *message);
/* Calls functions of the program. */
void godwit__zmtp_heavy_free (godwit__zmtp_heavy_t *heavy);

/* Puts the message into a box; it is the body of a frame afterwards. False: memory is short. Calls functions
 * of the program, which has its bytes back. */
bool godwit__zmtp_heavy_seal (godwit__zmtp_heavy_t *heavy, godwit__zmtp_box_t *box);

/* Writes the pieces of what is not written, at most `room` of them. Returns how many. */
unsigned godwit__zmtp_heavy_gather (const godwit__zmtp_heavy_t *heavy, struct iovec *iov, unsigned room);
/* *size bytes were written of what is not, or more: *size is how many more. True: it is wholly written. */
bool godwit__zmtp_heavy_advance (godwit__zmtp_heavy_t *heavy, size_t *size);

#endif
