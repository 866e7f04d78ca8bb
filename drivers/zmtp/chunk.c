/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/chunk.h"

#include <stdlib.h>

void
godwit__zmtp_chunk_unref (godwit__zmtp_chunk_t *chunk)
{
    if (atomic_fetch_sub_explicit (&chunk->refs, 1, memory_order_acq_rel) == 1)
        free (chunk);
}

static godwit__zmtp_chunk_t *
new_chunk (void)
{
    godwit__zmtp_chunk_t *chunk = malloc (sizeof *chunk);
    if (!chunk)
        return NULL;
    atomic_init (&chunk->refs, 1);
    chunk->used = 0;
    return chunk;
}

godwit__zmtp_chunk_t *
godwit__zmtp_pool_get (godwit__zmtp_pool_t *pool, size_t size)
{
    godwit__zmtp_chunk_t *chunk = pool->current;
    /* Nobody else refers to it, and only this thread could give a reference away: it is read into anew. */
    if (chunk && atomic_load_explicit (&chunk->refs, memory_order_acquire) == 1)
        chunk->used = 0;
    if (chunk && sizeof chunk->data - chunk->used >= size)
        return chunk;
    godwit__zmtp_pool_release (pool);
    return pool->current = new_chunk ();
}

void
godwit__zmtp_pool_release (godwit__zmtp_pool_t *pool)
{
    if (pool->current)
        godwit__zmtp_chunk_unref (pool->current);
    pool->current = NULL;
}
