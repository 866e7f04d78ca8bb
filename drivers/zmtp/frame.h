/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a ZMTP frame: one byte of flags, then the size of the body in one byte or in eight. Pure: it is
 * fed bytes, and knows no socket. */
#ifndef GODWIT_DRIVERS_ZMTP_FRAME_H
#define GODWIT_DRIVERS_ZMTP_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GODWIT__ZMTP_MORE 0x01
#define GODWIT__ZMTP_LONG 0x02
#define GODWIT__ZMTP_COMMAND 0x04
#define GODWIT__ZMTP_RESERVED 0xf8

#define GODWIT__ZMTP_SHORT_HEAD 2
#define GODWIT__ZMTP_LONG_HEAD 9
/* The largest body whose size fits into a short head. */
#define GODWIT__ZMTP_SHORT_BODY 255

typedef struct godwit__zmtp_head {
    uint8_t flags;
    uint8_t head_size; /* of the head itself */
    uint64_t body_size;
} godwit__zmtp_head_t;

/* Reads the head at the beginning of `data`. False: more bytes are needed. Any flags and sizes are
 * returned; the caller checks them. */
static inline bool
godwit__zmtp_head_read (godwit__zmtp_head_t *head, const uint8_t *data, size_t size)
{
    if (size < GODWIT__ZMTP_SHORT_HEAD)
        return false;
    head->flags = data[0];
    if (!(data[0] & GODWIT__ZMTP_LONG)) {
        head->head_size = GODWIT__ZMTP_SHORT_HEAD;
        head->body_size = data[1];
        return true;
    }
    if (size < GODWIT__ZMTP_LONG_HEAD)
        return false;
    head->head_size = GODWIT__ZMTP_LONG_HEAD;
    head->body_size = 0;
    for (int i = 1; i < GODWIT__ZMTP_LONG_HEAD; i++)
        head->body_size = head->body_size << 8 | data[i];
    return true;
}

/* Writes the head of a frame, in the shortest form, and returns its size. flags: 0 or COMMAND. */
static inline size_t
godwit__zmtp_head_write (uint8_t data[GODWIT__ZMTP_LONG_HEAD], uint8_t flags, uint64_t body_size)
{
    data[0] = flags;
    if (body_size <= GODWIT__ZMTP_SHORT_BODY) {
        data[1] = (uint8_t) body_size;
        return GODWIT__ZMTP_SHORT_HEAD;
    }
    data[0] |= GODWIT__ZMTP_LONG;
    for (int i = GODWIT__ZMTP_LONG_HEAD - 1; i > 0; i--, body_size >>= 8)
        data[i] = (uint8_t) body_size;
    return GODWIT__ZMTP_LONG_HEAD;
}

#endif
