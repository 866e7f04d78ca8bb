/* SPDX-License-Identifier: Apache-2.0 */
/* A block: a reference-counted object that holds received bytes and what was decoded from them. Its maker
 * decides what lies in its content (for values: src/value/msgpack/codec.h). */
#ifndef GODWIT_SRC_BASE_BLOCK_H
#define GODWIT_SRC_BASE_BLOCK_H

#include "src/base/frame.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

typedef struct godwit__block {
    atomic_uint refs;
    uint32_t capacity; /* how many elements the content has room for */
    void (*release) (
        struct godwit__block *block); /* called once when refs reaches 0, after frame was released */
    godwit__frame_t frame;
    const uint8_t *encoded; /* the encoding of the first element, if it was kept; in the frame's memory */
    uint32_t encoded_size;
    bool is_context_unread; /* of a request (src/value/msgpack/codec.h) */
    uint64_t content[];     /* elements of any type that needs no larger alignment */
} godwit__block_t;

static inline void
godwit__block_ref (godwit__block_t *block)
{
    atomic_fetch_add_explicit (&block->refs, 1, memory_order_relaxed);
}

void godwit__block_unref (godwit__block_t *block);

/* The free_fn of bytes that a block holds: gives up a reference to it. hint: the block. */
void godwit__block_let_go (void *data, void *hint);

#endif
