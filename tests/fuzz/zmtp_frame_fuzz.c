/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the frames of a ZMTP connection. In whatever pieces they arrive, and whatever another
 * connection reads into the same memory meanwhile, the decoder gives the frames that a plain loop finds;
 * frames that are kept keep their bytes; and memory grows with what arrives, not with what is declared.
 *
 *    0          1        2
 *    | max_size | pieces | bytes of the peer
 */
#include "drivers/zmtp/decoder.h"
#include "drivers/zmtp/frame.h"

#include <stdlib.h>
#include <string.h>

#define KEPT 8             /* frames that are held at a time */
#define FIRST (64 * 1024)  /* as decoder.c: what is allocated at first for a large message, */
#define TRUSTED (4u << 20) /* at most after one came whole, */
#define GROWTH 4           /* and by how much more each time */

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* The bytes, and how far the plain loop is in them. */
typedef struct stream {
    const uint8_t *data;
    size_t size;
    size_t max_size;
    size_t at;
} stream_t;

typedef struct kept {
    godwit__frame_t frame;
    const uint8_t *expected;
} kept_t;

typedef struct reader {
    stream_t stream;
    godwit__zmtp_decoder_t decoder;
    size_t arrived;
    size_t largest; /* message that came whole */
    bool is_over;
    kept_t kept[KEPT];
} reader_t;

static void
check (bool good)
{
    if (!good)
        abort ();
}

static uint32_t
draw (uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 16;
}

/* What comes next, by the plain loop over all the bytes, of which `arrived` may be known. */
static godwit__zmtp_decoded_t
plain_next (stream_t *stream, size_t arrived, const uint8_t **body, size_t *size)
{
    const uint8_t *const data = stream->data + stream->at;
    const size_t have = arrived - stream->at;
    if (have == 0)
        return GODWIT__ZMTP_NEED;
    const uint8_t flags = data[0];
    if (flags & GODWIT__ZMTP_RESERVED)
        return GODWIT__ZMTP_MALFORMED;
    const size_t head_size = flags & GODWIT__ZMTP_LONG ? 9 : 2;
    if (have < head_size)
        return GODWIT__ZMTP_NEED;
    uint64_t body_size = 0;
    for (size_t i = 1; i < head_size; i++)
        body_size = body_size << 8 | data[i];
    if (flags & GODWIT__ZMTP_MORE ||
        body_size > (flags & GODWIT__ZMTP_COMMAND ? GODWIT__ZMTP_COMMAND_MAX : stream->max_size))
        return GODWIT__ZMTP_MALFORMED;
    if (body_size > have - head_size)
        return GODWIT__ZMTP_NEED;
    *body = data + head_size;
    *size = (size_t) body_size;
    stream->at += head_size + (size_t) body_size;
    return flags & GODWIT__ZMTP_COMMAND ? GODWIT__ZMTP_CONTROL : GODWIT__ZMTP_MESSAGE;
}

/* Its bytes are still those that came; then they are overwritten, as a receiver may, and given back. */
static void
let_go (kept_t *kept)
{
    if (!kept->expected)
        return;
    check (kept->frame.size == 0 || memcmp (kept->frame.data, kept->expected, kept->frame.size) == 0);
    if (kept->frame.size)
        memset (kept->frame.data, 0xa5, kept->frame.size);
    godwit__frame_release (&kept->frame);
    kept->expected = NULL;
}

static void
keep (reader_t *reader, godwit__frame_t *frame, const uint8_t *expected, uint32_t *chance)
{
    kept_t *const kept = &reader->kept[draw (chance) % KEPT];
    let_go (kept);
    godwit__frame_move (&kept->frame, frame);
    kept->expected = expected;
}

static void
take_frames (reader_t *reader, uint32_t *chance)
{
    for (;;) {
        godwit__frame_t frame = {.data = NULL};
        const uint8_t *body = NULL;
        size_t size = 0;
        const godwit__zmtp_decoded_t decoded = godwit__zmtp_decoder_next (&reader->decoder, &frame);
        check (decoded == plain_next (&reader->stream, reader->arrived, &body, &size));
        if (decoded == GODWIT__ZMTP_NEED)
            return;
        if (decoded == GODWIT__ZMTP_MALFORMED) {
            check (reader->decoder.problem && reader->decoder.problem[0]);
            reader->is_over = true;
            return;
        }
        check (frame.size == size);
        if (size > reader->largest)
            reader->largest = size;
        keep (reader, &frame, body, chance);
    }
}

static void
check_memory (const reader_t *reader)
{
    const godwit__zmtp_decoder_t *const decoder = &reader->decoder;
    if (!decoder->large)
        return;
    const size_t trusted = reader->largest < TRUSTED ? reader->largest : TRUSTED;
    const size_t grown = GROWTH * decoder->large_have;
    check (decoder->large_have <= decoder->large_capacity && decoder->large_have <= reader->arrived);
    check (decoder->large_capacity <= FIRST || decoder->large_capacity <= trusted ||
           decoder->large_capacity <= grown);
    check (decoder->large_capacity <= decoder->large_size);
}

/* Reads once. */
static void
read_some (reader_t *reader, godwit__zmtp_pool_t *pool, uint32_t *chance)
{
    size_t room = 0;
    uint8_t *const to = godwit__zmtp_decoder_room (&reader->decoder, pool, &room);
    check (to && room > 0);
    const size_t rest = reader->stream.size - reader->arrived;
    const size_t most = 1 + draw (chance) % (draw (chance) % 4 ? 16 : 65536);
    const size_t now = most < rest ? (most < room ? most : room) : rest < room ? rest : room;
    memcpy (to, reader->stream.data + reader->arrived, now);
    reader->arrived += now;
    godwit__zmtp_decoder_filled (&reader->decoder, pool, now);
    check_memory (reader);
    take_frames (reader, chance);
    check_memory (reader);
}

static void
begin (reader_t *reader, const uint8_t *data, size_t size, size_t max_size)
{
    *reader = (reader_t){.stream = {.data = data, .size = size, .max_size = max_size}};
    godwit__zmtp_decoder_init (&reader->decoder, max_size);
}

static void
end (reader_t *reader)
{
    godwit__zmtp_decoder_release (&reader->decoder);
    for (size_t i = 0; i < KEPT; i++)
        let_go (&reader->kept[i]);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static const size_t max_sizes[] = {0, 1, 64, 255, 256, 16384, 65536, 1 << 20, 64 << 20, SIZE_MAX / 2};
    if (size < 2)
        return 0;
    const size_t max_size = max_sizes[data[0] % (sizeof max_sizes / sizeof *max_sizes)];
    uint32_t chance = data[1];
    godwit__zmtp_pool_t pool = {.current = NULL};
    reader_t readers[2]; /* the second begins in the middle: it reads something else into the same chunks */
    begin (&readers[0], data + 2, size - 2, max_size);
    begin (&readers[1], data + 2 + (size - 2) / 2, size - 2 - (size - 2) / 2, max_size);
    for (;;) {
        bool is_open[2];
        for (int i = 0; i < 2; i++)
            is_open[i] = !readers[i].is_over && readers[i].arrived < readers[i].stream.size;
        if (!is_open[0] && !is_open[1])
            break;
        const int turn = is_open[0] && is_open[1] ? (int) (draw (&chance) % 2) : is_open[1];
        read_some (&readers[turn], &pool, &chance);
        if (draw (&chance) % 16 == 0)
            godwit__zmtp_pool_release (&pool);
    }
    end (&readers[0]);
    godwit__zmtp_pool_release (&pool);
    end (&readers[1]);
    return 0;
}
