/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of one connection, after its handshake, become frames. Pure: it says where the next bytes go, is told
 * how many came, and knows no socket. One thread at a time.
 *
 *     while ((data = godwit__zmtp_decoder_room (decoder, pool, &size))) {
 *         ... read up to `size` bytes to `data`; `count` came ...
 *         godwit__zmtp_decoder_filled (decoder, pool, count);
 *         while ((decoded = godwit__zmtp_decoder_next (decoder, &frame)) == GODWIT__ZMTP_MESSAGE)
 *             ...
 *     }
 *
 * Memory grows with what has arrived, not with what a head declares.
 *
 * With a box each frame is opened where it lies, once it is whole: whether it is a message or a command says
 * only what is inside. There it may also say that it is a part of a message: parts are joined. Those of
 * another engine are not small, so that a read has few of them. */
#ifndef GODWIT_DRIVERS_ZMTP_DECODER_H
#define GODWIT_DRIVERS_ZMTP_DECODER_H

#include "drivers/zmtp/box.h"
#include "drivers/zmtp/chunk.h"

#include "src/base/frame.h"

/* The largest command after the handshake, unless command_max is set to another. */
#define GODWIT__ZMTP_COMMAND_MAX 512

typedef enum godwit__zmtp_decoded {
    GODWIT__ZMTP_MESSAGE,  /* the caller releases the frame */
    GODWIT__ZMTP_CONTROL,  /* a command; the caller releases the frame */
    GODWIT__ZMTP_NEED,     /* more bytes are needed */
    GODWIT__ZMTP_MALFORMED /* `problem` says why; the connection cannot go on */
} godwit__zmtp_decoded_t;

typedef struct godwit__zmtp_decoder {
    godwit__zmtp_chunk_t *chunk; /* a reference, while bytes in it are not decoded; else NULL */
    uint32_t at, end;            /* these bytes */
    godwit__zmtp_box_t *box;     /* the reader's; NULL: frames travel as they are */
    bool is_open;                /* the box of the frame at `at` is open */
    uint8_t flags;               /* of what is in that box, or in `large`: GODWIT__ZMTP_BOX_... */
    size_t max_size;             /* of a message */
    size_t command_max;          /* the same of a command */
    size_t trusted;              /* a message of this size came whole: as much may be allocated at once */
    uint8_t *large;              /* a message that is read into memory of its own; NULL: none */
    size_t large_size, large_have, large_capacity;
    uint8_t *joined; /* the parts of a message that have come; NULL: none */
    size_t joined_size, joined_capacity;
    const char *problem; /* static text */
} godwit__zmtp_decoder_t;

void godwit__zmtp_decoder_init (godwit__zmtp_decoder_t *decoder, size_t max_size);
void godwit__zmtp_decoder_release (godwit__zmtp_decoder_t *decoder);

/* Where the next bytes go, and how many at most; after next has said NEED, or at the beginning. All
 * connections that share a pool may call this in turns. NULL: memory is short; nothing is lost. */
uint8_t *godwit__zmtp_decoder_room (godwit__zmtp_decoder_t *decoder, godwit__zmtp_pool_t *pool, size_t *size);
/* `size` bytes came where room said. Nobody else read into the pool in between. */
void godwit__zmtp_decoder_filled (godwit__zmtp_decoder_t *decoder, const godwit__zmtp_pool_t *pool,
                                  size_t size);
/* The next frame. It is written if the result is MESSAGE or CONTROL. */
godwit__zmtp_decoded_t godwit__zmtp_decoder_next (godwit__zmtp_decoder_t *decoder, godwit__frame_t *frame);

/* True if the next frame is a message that has arrived as a whole; opens its box. */
bool godwit__zmtp_decoder_has_message (godwit__zmtp_decoder_t *decoder);
/* False: next has nothing before more bytes come. */
static inline bool
godwit__zmtp_decoder_has_bytes (const godwit__zmtp_decoder_t *decoder)
{
    return decoder->chunk || decoder->large;
}

#endif
