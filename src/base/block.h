/* SPDX-License-Identifier: Apache-2.0 */
/* A block: received bytes, what was made of them, and the count of those who refer to either. What lies in a
 * block's content is the business of who made it (values: src/value/msgpack/codec.h). */
#ifndef GODWIT_SRC_BASE_BLOCK_H
#define GODWIT_SRC_BASE_BLOCK_H

#include "src/base/frame.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

typedef struct godwit__block {
    atomic_uint refs;
    uint32_t capacity; /* elements of the content that there is room for */
    void (*release) (
        struct godwit__block *block); /* called once when refs reaches 0, after frame was released */
    godwit__frame_t frame;
    const uint8_t *encoded; /* the encoding of the first element, if it was kept; in the frame's memory */
    uint32_t encoded_size;
    uint64_t content[]; /* of any type that needs no other alignment */
} godwit__block_t;

static inline void
godwit__block_ref (godwit__block_t *block)
{
    atomic_fetch_add_explicit (&block->refs, 1, memory_order_relaxed);
}

void godwit__block_unref (godwit__block_t *block);

#endif
