/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/decoder.h"

#include "drivers/zmtp/frame.h"

#include <stdlib.h>

/* Less room than this is not worth a system call: a new chunk is begun. */
#define ROOM_MIN 4096
/* A larger message, with its head, is read into memory of its own. */
#define IN_CHUNK_MAX (GODWIT__ZMTP_CHUNK_SIZE / 2)
/* What is allocated for a large message when nothing is known of the sender, and at most. */
#define LARGE_FIRST ((size_t) 64 * 1024)
#define LARGE_TRUSTED ((size_t) 4 << 20)
/* By how much memory grows when it is full. */
#define LARGE_GROWTH 4

void
godwit__zmtp_decoder_init (godwit__zmtp_decoder_t *decoder, size_t max_size)
{
    *decoder = (godwit__zmtp_decoder_t){.max_size = max_size};
}

static void
release_chunk (godwit__zmtp_decoder_t *decoder)
{
    if (decoder->chunk)
        godwit__zmtp_chunk_unref (decoder->chunk);
    decoder->chunk = NULL;
}

void
godwit__zmtp_decoder_release (godwit__zmtp_decoder_t *decoder)
{
    release_chunk (decoder);
    free (decoder->large);
    decoder->large = NULL;
}

/* ---- where bytes go ---- */

static size_t
min_size (size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool
large_grow (godwit__zmtp_decoder_t *decoder, size_t capacity)
{
    uint8_t *large = realloc (decoder->large, capacity);
    if (!large)
        return false;
    decoder->large = large;
    decoder->large_capacity = capacity;
    return true;
}

static uint8_t *
large_room (godwit__zmtp_decoder_t *decoder, size_t *size)
{
    if (decoder->large_have == decoder->large_capacity) {
        const size_t more = decoder->large_capacity > decoder->large_size / LARGE_GROWTH
                                ? decoder->large_size
                                : decoder->large_capacity * LARGE_GROWTH;
        if (!large_grow (decoder, more))
            return NULL;
    }
    *size = decoder->large_capacity - decoder->large_have;
    return decoder->large + decoder->large_have;
}

/* How many bytes the frame at the beginning of the rest needs in all; it fits into a chunk. */
static size_t
needed (const godwit__zmtp_decoder_t *decoder)
{
    godwit__zmtp_head_t head;
    if (!godwit__zmtp_head_read (&head, decoder->chunk->data + decoder->at, decoder->end - decoder->at))
        return GODWIT__ZMTP_LONG_HEAD;
    return head.head_size + (size_t) head.body_size;
}

/* Moves the beginning of a frame to where its rest will come. */
static bool
continue_frame (godwit__zmtp_decoder_t *decoder, godwit__zmtp_pool_t *pool)
{
    const uint32_t have = decoder->end - decoder->at;
    const size_t missing = needed (decoder) - have;
    if (decoder->chunk == pool->current && decoder->chunk->used == decoder->end &&
        sizeof decoder->chunk->data - decoder->end >= missing)
        return true;
    godwit__zmtp_chunk_t *chunk = godwit__zmtp_pool_get (pool, have + missing);
    if (!chunk)
        return false;
    memcpy (chunk->data + chunk->used, decoder->chunk->data + decoder->at, have);
    godwit__zmtp_chunk_ref (chunk);
    release_chunk (decoder);
    decoder->chunk = chunk;
    decoder->at = chunk->used;
    decoder->end = chunk->used += have;
    return true;
}

uint8_t *
godwit__zmtp_decoder_room (godwit__zmtp_decoder_t *decoder, godwit__zmtp_pool_t *pool, size_t *size)
{
    if (decoder->large)
        return large_room (decoder, size);
    if (decoder->chunk) {
        if (!continue_frame (decoder, pool))
            return NULL;
    } else if (!godwit__zmtp_pool_get (pool, ROOM_MIN)) {
        return NULL;
    }
    godwit__zmtp_chunk_t *const chunk = pool->current;
    *size = sizeof chunk->data - chunk->used;
    return chunk->data + chunk->used;
}

void
godwit__zmtp_decoder_filled (godwit__zmtp_decoder_t *decoder, const godwit__zmtp_pool_t *pool, size_t size)
{
    if (decoder->large) {
        decoder->large_have += size;
        return;
    }
    godwit__zmtp_chunk_t *const chunk = pool->current;
    if (!decoder->chunk) {
        decoder->chunk = godwit__zmtp_chunk_ref (chunk);
        decoder->at = chunk->used;
    }
    chunk->used += (uint32_t) size;
    decoder->end = chunk->used;
}

/* ---- frames ---- */

static void
release_frame (godwit__frame_t *frame)
{
    godwit__zmtp_chunk_unref (frame->storage.pointer);
}

/* The body is in the chunk, at `at`. */
static void
take_from_chunk (godwit__zmtp_decoder_t *decoder, godwit__frame_t *frame, size_t size)
{
    frame->size = size;
    if (size <= sizeof frame->storage) {
        frame->data = (uint8_t *) &frame->storage;
        frame->release = NULL;
        memcpy (frame->data, decoder->chunk->data + decoder->at, size);
    } else {
        frame->data = decoder->chunk->data + decoder->at;
        frame->release = release_frame;
        frame->storage.pointer = godwit__zmtp_chunk_ref (decoder->chunk);
    }
    decoder->at += (uint32_t) size;
    if (decoder->at == decoder->end)
        release_chunk (decoder);
}

static godwit__zmtp_decoded_t
malformed (godwit__zmtp_decoder_t *decoder, const char *problem)
{
    decoder->problem = problem;
    return GODWIT__ZMTP_MALFORMED;
}

/* What is wrong with a head; NULL: nothing. */
static const char *
problem_of (const godwit__zmtp_decoder_t *decoder, const godwit__zmtp_head_t *head)
{
    if (head->flags & GODWIT__ZMTP_RESERVED)
        return "it sent a frame with flags that ZMTP does not know";
    if (head->flags & GODWIT__ZMTP_MORE)
        return head->flags & GODWIT__ZMTP_COMMAND ? "it sent a command of several frames"
                                                  : "it sent a message of several parts";
    if (head->flags & GODWIT__ZMTP_COMMAND)
        return head->body_size > GODWIT__ZMTP_COMMAND_MAX ? "it sent a command that is too large" : NULL;
    return head->body_size > decoder->max_size ? "it sent a message above max_message_size" : NULL;
}

/* The first part of a large message is in the chunk: it moves to memory of its own. */
static godwit__zmtp_decoded_t
begin_large (godwit__zmtp_decoder_t *decoder, size_t size)
{
    const size_t have = decoder->end - decoder->at;
    const size_t trusted = min_size (decoder->trusted, LARGE_TRUSTED);
    const size_t first = min_size (size, trusted > LARGE_FIRST ? trusted : LARGE_FIRST);
    if (!large_grow (decoder, first))
        return malformed (decoder, "memory was short for a message of it");
    memcpy (decoder->large, decoder->chunk->data + decoder->at, have);
    decoder->large_size = size;
    decoder->large_have = have;
    release_chunk (decoder);
    return GODWIT__ZMTP_NEED;
}

static godwit__zmtp_decoded_t
next_large (godwit__zmtp_decoder_t *decoder, godwit__frame_t *frame)
{
    if (decoder->large_have < decoder->large_size)
        return GODWIT__ZMTP_NEED;
    if (decoder->large_size > decoder->trusted)
        decoder->trusted = decoder->large_size;
    godwit__frame_adopt (frame, decoder->large, decoder->large_size);
    decoder->large = NULL;
    decoder->large_capacity = 0;
    return GODWIT__ZMTP_MESSAGE;
}

godwit__zmtp_decoded_t
godwit__zmtp_decoder_next (godwit__zmtp_decoder_t *decoder, godwit__frame_t *frame)
{
    godwit__zmtp_head_t head;
    if (decoder->large)
        return next_large (decoder, frame);
    if (!decoder->chunk)
        return GODWIT__ZMTP_NEED;
    const uint32_t have = decoder->end - decoder->at;
    if (!godwit__zmtp_head_read (&head, decoder->chunk->data + decoder->at, have)) {
        /* Flags of a head that is not whole are looked at, too: what cannot be ZMTP is not waited for. */
        return decoder->chunk->data[decoder->at] & GODWIT__ZMTP_RESERVED
                   ? malformed (decoder, "it sent a frame with flags that ZMTP does not know")
                   : GODWIT__ZMTP_NEED;
    }
    const char *problem = problem_of (decoder, &head);
    if (problem)
        return malformed (decoder, problem);
    const size_t size = (size_t) head.body_size;
    if (head.head_size + size > have) {
        if (head.head_size + size <= IN_CHUNK_MAX)
            return GODWIT__ZMTP_NEED;
        decoder->at += head.head_size;
        return begin_large (decoder, size);
    }
    decoder->at += head.head_size;
    take_from_chunk (decoder, frame, size);
    return head.flags & GODWIT__ZMTP_COMMAND ? GODWIT__ZMTP_CONTROL : GODWIT__ZMTP_MESSAGE;
}

bool
godwit__zmtp_decoder_has_message (const godwit__zmtp_decoder_t *decoder)
{
    godwit__zmtp_head_t head;
    if (decoder->large || !decoder->chunk)
        return false;
    const uint32_t have = decoder->end - decoder->at;
    return godwit__zmtp_head_read (&head, decoder->chunk->data + decoder->at, have) &&
           !(head.flags & GODWIT__ZMTP_COMMAND) && head.body_size <= have - head.head_size;
}
