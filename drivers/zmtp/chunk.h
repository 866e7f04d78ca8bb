/* SPDX-License-Identifier: Apache-2.0 */
/* Receive memory. What a socket gives is read into a chunk, behind what was read before, and frames point
 * into it. A chunk lives as long as somebody refers to it: the pool that reads into it, decoders with bytes
 * that are no whole frame yet, and frames. */
#ifndef GODWIT_DRIVERS_ZMTP_CHUNK_H
#define GODWIT_DRIVERS_ZMTP_CHUNK_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define GODWIT__ZMTP_CHUNK_SIZE (32 * 1024)

typedef struct godwit__zmtp_chunk {
    atomic_uint refs;
    uint32_t used; /* bytes; only its pool changes it */
    uint8_t data[GODWIT__ZMTP_CHUNK_SIZE];
} godwit__zmtp_chunk_t;

/* Any thread. */
void godwit__zmtp_chunk_unref (godwit__zmtp_chunk_t *chunk);

static inline godwit__zmtp_chunk_t *
godwit__zmtp_chunk_ref (godwit__zmtp_chunk_t *chunk)
{
    atomic_fetch_add_explicit (&chunk->refs, 1, memory_order_relaxed);
    return chunk;
}

/* The chunk that is read into now. Zeroed: none yet. One thread at a time. */
typedef struct godwit__zmtp_pool {
    godwit__zmtp_chunk_t *current; /* a reference; NULL: none */
} godwit__zmtp_pool_t;

/* The chunk to read into, with at least `size` bytes behind `used`; size is at most GODWIT__ZMTP_CHUNK_SIZE.
 * Borrowed. NULL: memory is short. */
godwit__zmtp_chunk_t *godwit__zmtp_pool_get (godwit__zmtp_pool_t *pool, size_t size);
/* Gives the current chunk back. */
void godwit__zmtp_pool_release (godwit__zmtp_pool_t *pool);

#endif
