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
    *decoder = (godwit__zmtp_decoder_t){.max_size = max_size, .command_max = GODWIT__ZMTP_COMMAND_MAX};
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
    free (decoder->joined);
    decoder->large = decoder->joined = NULL;
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

/* The payload is in the chunk, at `at`. */
static inline void
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

static godwit__zmtp_decoded_t
kind_of (bool is_command)
{
    return is_command ? GODWIT__ZMTP_CONTROL : GODWIT__ZMTP_MESSAGE;
}

/* How much larger than its payload the body of a frame is. */
static size_t
overhead_of (const godwit__zmtp_decoder_t *decoder)
{
    return decoder->box ? GODWIT__ZMTP_BOX_OVERHEAD : 0;
}

/* ---- what is wrong; NULL: nothing ---- */

static const char *
problem_of_size (const godwit__zmtp_decoder_t *decoder, bool is_command, uint64_t size)
{
    if (is_command)
        return size > decoder->command_max ? "it sent a command that is too large" : NULL;
    return size > decoder->max_size ? "it sent a message above max_message_size" : NULL;
}

/* Of a frame whose box is not open yet: it may be a command. */
static const char *
problem_of_box (const godwit__zmtp_decoder_t *decoder, godwit__zmtp_head_t head)
{
    if (head.flags & GODWIT__ZMTP_COMMAND)
        return "it sent a command outside of a box";
    if (head.body_size < GODWIT__ZMTP_BOX_OVERHEAD)
        return "it sent a message outside of a box";
    const uint64_t size = head.body_size - GODWIT__ZMTP_BOX_OVERHEAD;
    return size > decoder->command_max ? problem_of_size (decoder, false, size) : NULL;
}

static inline const char *
problem_of (const godwit__zmtp_decoder_t *decoder, godwit__zmtp_head_t head, bool in_box)
{
    const bool is_command = head.flags & GODWIT__ZMTP_COMMAND;
    if (head.flags & GODWIT__ZMTP_RESERVED)
        return "it sent a frame with flags that ZMTP does not know";
    if (head.flags & GODWIT__ZMTP_MORE)
        return is_command ? "it sent a command of several frames" : "it sent a message of several parts";
    return in_box ? problem_of_box (decoder, head) : problem_of_size (decoder, is_command, head.body_size);
}

/* Opens a whole body in place. */
static const char *
open_box (godwit__zmtp_decoder_t *decoder, uint8_t *body, size_t size)
{
    uint8_t flags = 0;
    const char *const problem = godwit__zmtp_box_open (decoder->box, body, size, &flags);
    if (problem)
        return problem;
    const bool is_command = flags & GODWIT__ZMTP_BOX_COMMAND;
    if (is_command && (decoder->joined || flags & GODWIT__ZMTP_BOX_MORE))
        return "it sent a command among the parts of a message";
    decoder->flags = flags;
    return problem_of_size (decoder, is_command, size - GODWIT__ZMTP_BOX_OVERHEAD);
}

/* Opens the whole frame at `at`, unless it is open already. What is wrong with it stays wrong. */
static const char *
open_whole (godwit__zmtp_decoder_t *decoder, godwit__zmtp_head_t head)
{
    if (!decoder->is_open && !decoder->problem) {
        uint8_t *const body = decoder->chunk->data + decoder->at + head.head_size;
        decoder->problem = open_box (decoder, body, (size_t) head.body_size);
        decoder->is_open = !decoder->problem;
    }
    return decoder->problem;
}

/* ---- large messages ---- */

/* The first part of one is in the chunk: it moves to memory of its own. */
static godwit__zmtp_decoded_t
begin_large (godwit__zmtp_decoder_t *decoder, godwit__zmtp_head_t head)
{
    const size_t size = (size_t) head.body_size;
    const size_t trusted = min_size (decoder->trusted, LARGE_TRUSTED);
    const size_t first = min_size (size, trusted > LARGE_FIRST ? trusted : LARGE_FIRST);
    if (!large_grow (decoder, first))
        return malformed (decoder, "memory was short for a message of it");
    decoder->at += head.head_size;
    const size_t have = decoder->end - decoder->at;
    memcpy (decoder->large, decoder->chunk->data + decoder->at, have);
    decoder->flags = head.flags & GODWIT__ZMTP_COMMAND ? GODWIT__ZMTP_BOX_COMMAND : 0;
    decoder->large_size = size;
    decoder->large_have = have;
    release_chunk (decoder);
    return GODWIT__ZMTP_NEED;
}

static void
free_large (godwit__frame_t *frame)
{
    free (frame->storage.pointer);
}

static godwit__zmtp_decoded_t
next_large (godwit__zmtp_decoder_t *decoder, godwit__frame_t *frame)
{
    const size_t overhead = overhead_of (decoder);
    if (decoder->large_have < decoder->large_size)
        return GODWIT__ZMTP_NEED;
    const char *const problem = decoder->box ? open_box (decoder, decoder->large, decoder->large_size) : NULL;
    if (problem)
        return malformed (decoder, problem);
    if (decoder->large_size > decoder->trusted)
        decoder->trusted = decoder->large_size;
    *frame = (godwit__frame_t){.data = decoder->large + overhead,
                               .size = decoder->large_size - overhead,
                               .release = free_large,
                               .storage.pointer = decoder->large};
    decoder->large = NULL;
    decoder->large_capacity = 0;
    return kind_of (decoder->flags & GODWIT__ZMTP_BOX_COMMAND);
}

/* ---- messages of several parts, which come in boxes only ---- */

static bool
joined_grow (godwit__zmtp_decoder_t *decoder, size_t size)
{
    const size_t trusted = min_size (decoder->trusted, LARGE_TRUSTED - 1);
    const size_t more = decoder->joined ? 2 * decoder->joined_capacity : trusted + 1;
    const size_t capacity = size > more ? size : more;
    uint8_t *const joined = realloc (decoder->joined, capacity);
    if (!joined)
        return false;
    decoder->joined = joined;
    decoder->joined_capacity = capacity;
    return true;
}

/* Adds a part. */
static const char *
join (godwit__zmtp_decoder_t *decoder, const godwit__frame_t *part)
{
    if (part->size > decoder->max_size - decoder->joined_size)
        return "it sent a message above max_message_size";
    const size_t size = decoder->joined_size + part->size;
    if ((!decoder->joined || size > decoder->joined_capacity) && !joined_grow (decoder, size))
        return "memory was short for a message of it";
    if (part->size)
        memcpy (decoder->joined + decoder->joined_size, part->data, part->size);
    decoder->joined_size = size;
    return NULL;
}

/* Of a part behind which more come. Parts count for nothing where messages and commands are counted, so each
 * has to bring the bytes that make up for its own cost. */
static const char *
problem_of_part (const godwit__zmtp_decoder_t *decoder, size_t size)
{
    return decoder->box->is_exact && size < GODWIT__ZMTP_PART_MIN ? "it sent a message in crumbs" : NULL;
}

/* All parts are there: they are one message. */
static void
take_joined (godwit__zmtp_decoder_t *decoder, godwit__frame_t *frame)
{
    uint8_t *data = decoder->joined;
    const size_t size = decoder->joined_size;
    if (size < decoder->joined_capacity) {
        uint8_t *const less = realloc (data, size ? size : 1);
        data = less ? less : data;
    }
    if (size > decoder->trusted)
        decoder->trusted = size;
    godwit__frame_adopt (frame, data, size);
    decoder->joined = NULL;
    decoder->joined_size = decoder->joined_capacity = 0;
}

/* A message came, or a part of one. NEED: another part has to come. */
static godwit__zmtp_decoded_t
take_part (godwit__zmtp_decoder_t *decoder, godwit__frame_t *frame)
{
    const bool is_last = !(decoder->flags & GODWIT__ZMTP_BOX_MORE);
    if (is_last && !decoder->joined)
        return GODWIT__ZMTP_MESSAGE;
    const char *problem = is_last ? NULL : problem_of_part (decoder, frame->size);
    if (!problem)
        problem = join (decoder, frame);
    godwit__frame_release (frame);
    if (problem)
        return malformed (decoder, problem);
    if (!is_last)
        return GODWIT__ZMTP_NEED;
    take_joined (decoder, frame);
    return GODWIT__ZMTP_MESSAGE;
}

/* ---- the next one ---- */

/* The frame with this head has come in part. */
static godwit__zmtp_decoded_t
wait_for_rest (godwit__zmtp_decoder_t *decoder, godwit__zmtp_head_t head)
{
    return head.body_size > IN_CHUNK_MAX - (uint64_t) head.head_size ? begin_large (decoder, head)
                                                                     : GODWIT__ZMTP_NEED;
}

/* Takes the whole frame with this head. */
static godwit__zmtp_decoded_t
take_box (godwit__zmtp_decoder_t *decoder, godwit__zmtp_head_t head, godwit__frame_t *frame)
{
    const char *const problem = open_whole (decoder, head);
    if (problem)
        return malformed (decoder, problem);
    decoder->is_open = false;
    decoder->at += head.head_size + (uint32_t) GODWIT__ZMTP_BOX_OVERHEAD;
    take_from_chunk (decoder, frame, (size_t) head.body_size - GODWIT__ZMTP_BOX_OVERHEAD);
    return kind_of (decoder->flags & GODWIT__ZMTP_BOX_COMMAND);
}

/* in_box: known where this is called, so that frames without boxes pay nothing for them. */
static inline godwit__zmtp_decoded_t
next_frame (godwit__zmtp_decoder_t *decoder, godwit__frame_t *frame, bool in_box)
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
    const char *const problem = problem_of (decoder, head, in_box);
    if (problem)
        return malformed (decoder, problem);
    if (head.body_size > have - head.head_size)
        return wait_for_rest (decoder, head);
    if (in_box)
        return take_box (decoder, head, frame);
    decoder->at += head.head_size;
    take_from_chunk (decoder, frame, (size_t) head.body_size);
    return kind_of (head.flags & GODWIT__ZMTP_COMMAND);
}

static godwit__zmtp_decoded_t
next_in_boxes (godwit__zmtp_decoder_t *decoder, godwit__frame_t *frame)
{
    godwit__zmtp_decoded_t decoded;
    do {
        decoded = next_frame (decoder, frame, true);
        if (decoded != GODWIT__ZMTP_MESSAGE)
            return decoded;
        decoded = take_part (decoder, frame);
    } while (decoded == GODWIT__ZMTP_NEED);
    return decoded;
}

godwit__zmtp_decoded_t
godwit__zmtp_decoder_next (godwit__zmtp_decoder_t *decoder, godwit__frame_t *frame)
{
    return decoder->box ? next_in_boxes (decoder, frame) : next_frame (decoder, frame, false);
}

bool
godwit__zmtp_decoder_has_message (godwit__zmtp_decoder_t *decoder)
{
    godwit__zmtp_head_t head;
    if (decoder->large || !decoder->chunk)
        return false;
    const uint32_t have = decoder->end - decoder->at;
    if (!godwit__zmtp_head_read (&head, decoder->chunk->data + decoder->at, have) ||
        head.body_size > have - head.head_size)
        return false;
    if (!decoder->box)
        return !(head.flags & GODWIT__ZMTP_COMMAND);
    return !problem_of (decoder, head, true) && !open_whole (decoder, head) && !decoder->flags;
}
