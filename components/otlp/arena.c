/* SPDX-License-Identifier: Apache-2.0 */
#include "components/otlp/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE ((size_t) 16 << 10)

struct godwit__otlp_chunk {
    godwit__otlp_chunk_t *next;
    size_t size, used;
    alignas (max_align_t) char bytes[];
};

static godwit__otlp_chunk_t *
add_chunk (godwit__otlp_arena_t *arena, size_t least)
{
    const size_t size = least > CHUNK_SIZE ? least : CHUNK_SIZE;
    godwit__otlp_chunk_t *const chunk = calloc (1, sizeof *chunk + size);
    if (!chunk) {
        arena->is_short = true;
        return NULL;
    }
    chunk->size = size;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    return chunk;
}

void *
godwit__otlp_arena_get (godwit__otlp_arena_t *arena, size_t size)
{
    const size_t wanted = (size + alignof (max_align_t) - 1) & ~(alignof (max_align_t) - 1);
    godwit__otlp_chunk_t *chunk = arena->chunks;
    if (!chunk || chunk->size - chunk->used < wanted)
        chunk = add_chunk (arena, wanted);
    if (!chunk)
        return NULL;
    void *const piece = chunk->bytes + chunk->used;
    chunk->used += wanted;
    arena->size += wanted;
    return piece;
}

char *
godwit__otlp_arena_copy (godwit__otlp_arena_t *arena, const void *bytes, size_t size)
{
    char *const copy = godwit__otlp_arena_get (arena, size + 1);
    if (copy && size)
        memcpy (copy, bytes, size);
    return copy;
}

/* The bytes of the character at text, or 0: it is not UTF-8 (too short, too long, a surrogate, too large). */
static size_t
character_size (const char *text)
{
    const unsigned char *const at = (const unsigned char *) text;
    const size_t size = at[0] < 0x80                     ? 1
                        : at[0] >= 0xc2 && at[0] <= 0xdf ? 2
                        : (at[0] & 0xf0) == 0xe0         ? 3
                        : at[0] >= 0xf0 && at[0] <= 0xf4 ? 4
                                                         : 0;
    for (size_t i = 1; i < size; i++) /* a NUL ends it, too */
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
        (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
        return 0;
    return size;
}

char *
godwit__otlp_arena_text (godwit__otlp_arena_t *arena, const char *text, size_t limit)
{
    static const char replacement[] = "\xef\xbf\xbd";
    const size_t given = text ? strnlen (text, limit) : 0;
    const size_t room = given * 3 < limit ? given * 3 : limit; /* each byte may become a replacement */
    char *const clean = godwit__otlp_arena_get (arena, room + 1);
    size_t used = 0;
    if (!clean || !text)
        return clean;
    while (*text) {
        const size_t size = character_size (text);
        const size_t adds = size ? size : sizeof replacement - 1;
        if (used + adds > room)
            break;
        memcpy (clean + used, size ? text : replacement, adds);
        used += adds;
        text += size ? size : 1;
    }
    return clean;
}

void
godwit__otlp_arena_clear (godwit__otlp_arena_t *arena)
{
    while (arena->chunks) {
        godwit__otlp_chunk_t *const next = arena->chunks->next;
        free (arena->chunks);
        arena->chunks = next;
    }
    *arena = (godwit__otlp_arena_t){0};
}
