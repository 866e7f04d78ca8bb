/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of one batch: many small pieces that go at once. */
#ifndef GODWIT_OTLP_ARENA_H
#define GODWIT_OTLP_ARENA_H

#include <stdbool.h>
#include <stddef.h>

typedef struct godwit__otlp_chunk godwit__otlp_chunk_t;

typedef struct godwit__otlp_arena {
    godwit__otlp_chunk_t *chunks; /* the newest first */
    size_t size;                  /* bytes of all pieces */
    bool is_short;                /* a piece was not to be had: set until the arena is cleared */
} godwit__otlp_arena_t;

/* A piece of zeroes, for any type, until the arena is cleared. NULL: out of memory. */
void *godwit__otlp_arena_get (godwit__otlp_arena_t *arena, size_t size);
/* A copy of bytes, with a NUL behind it. NULL: out of memory. */
char *godwit__otlp_arena_copy (godwit__otlp_arena_t *arena, const void *bytes, size_t size);
/* A copy of a text that anybody may have written, as a protobuf string has to be: valid UTF-8, in which each
 * byte that is not has become U+FFFD. At most limit bytes of it. NULL: out of memory. text NULL: "". */
char *godwit__otlp_arena_text (godwit__otlp_arena_t *arena, const char *text, size_t limit);
/* Frees all pieces. */
void godwit__otlp_arena_clear (godwit__otlp_arena_t *arena);

#endif
