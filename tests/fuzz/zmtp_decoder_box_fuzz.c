/* SPDX-License-Identifier: Apache-2.0 */
/* Frames in boxes, from a member that has the key and may put anything into them: however the bytes are cut
 * into pieces, the decoder gives the messages and commands that a plain loop finds, and finds out the first
 * frame that is wrong; memory grows with what has arrived.
 *
 *    0          1       2
 *    | max_size | cuts  | records: what (1), size (1)
 *
 * max_size: bits 0 to 2 which one; bit 3: whoever sends is an engine, whose parts must not be small
 * what: bits 0 and 1 the flags inside; bits 2 and 3 which frame it is:
 *
 *     0  a box with so many bytes
 *     1  with 512 times so many
 *     2  with so many, one byte of which is changed on its way
 *     3  so many bytes of the input, without a box */
#include "drivers/zmtp/decoder.h"
#include "drivers/zmtp/frame.h"
#include "tests/support/zmtp_boxes.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

#define COMMAND_MAX 3000
#define STREAM_MAX ((size_t) 1 << 20)
#define RECORDS_MAX 256
#define RECORD_MAX ((size_t) 512 * UINT8_MAX + GODWIT__ZMTP_LONG_HEAD + GODWIT__ZMTP_BOX_OVERHEAD)

typedef struct expected {
    godwit__zmtp_decoded_t decoded;
    size_t at, size; /* in `content` */
} expected_t;

/* What is sent, and what has to come of it. */
typedef struct plan {
    size_t max_size;
    bool is_engine;
    godwit__zmtp_box_t *box; /* of who sends */
    uint8_t *stream, *content;
    size_t stream_size, content_size;
    expected_t expected[RECORDS_MAX];
    size_t count;
    bool is_wrong;  /* nothing comes after these */
    size_t pending; /* bytes of the parts of a message */
    bool has_parts;
} plan_t;

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

/* ---- the plain loop ---- */

static void
expect (plan_t *plan, godwit__zmtp_decoded_t decoded, size_t size)
{
    plan->expected[plan->count++] = (expected_t){decoded, plan->content_size - size, size};
}

/* A frame with this inside comes; its bytes are the last ones of `content`. */
static void
foresee (plan_t *plan, uint8_t flags, size_t size)
{
    if (flags & GODWIT__ZMTP_BOX_COMMAND) {
        plan->is_wrong = flags & GODWIT__ZMTP_BOX_MORE || plan->has_parts || size > COMMAND_MAX;
        if (!plan->is_wrong)
            expect (plan, GODWIT__ZMTP_CONTROL, size);
        return;
    }
    plan->pending += size;
    const bool is_crumb = plan->is_engine && flags & GODWIT__ZMTP_BOX_MORE && size < GODWIT__ZMTP_PART_MIN;
    plan->is_wrong = is_crumb || plan->pending > plan->max_size;
    plan->has_parts = flags & GODWIT__ZMTP_BOX_MORE;
    if (plan->is_wrong || plan->has_parts)
        return;
    expect (plan, GODWIT__ZMTP_MESSAGE, plan->pending);
    plan->pending = 0;
}

/* Puts a frame with `size` bytes into the stream. Returns where its body is. */
static uint8_t *
put_frame (plan_t *plan, uint8_t flags, size_t size)
{
    uint8_t head[GODWIT__ZMTP_LONG_HEAD];
    const size_t body_size = GODWIT__ZMTP_BOX_OVERHEAD + size;
    const size_t head_size = godwit__zmtp_head_write (head, 0, body_size);
    uint8_t *const body = plan->stream + plan->stream_size + head_size;
    memcpy (body - head_size, head, head_size);
    for (size_t i = 0; i < size; i++)
        body[GODWIT__ZMTP_BOX_OVERHEAD + i] = plan->content[plan->content_size++] =
            (uint8_t) (i * 7 + plan->stream_size);
    plan->stream_size += head_size + body_size;
    if (flags & GODWIT__ZMTP_BOX_MORE)
        godwit__zmtp_box_seal_part (plan->box, body, size);
    else
        godwit__zmtp_box_seal (plan->box, body, size, flags & GODWIT__ZMTP_BOX_COMMAND);
    return body;
}

/* Returns how many bytes of the input the record had. */
static size_t
put_record (plan_t *plan, const uint8_t *data, size_t size)
{
    const uint8_t flags = data[0] & 3, kind = data[0] >> 2 & 3;
    const size_t small = data[1];
    if (kind == 3) {
        const size_t raw = small < size - 2 ? small : size - 2;
        if (raw)
            memcpy (plan->stream + plan->stream_size, data + 2, raw);
        plan->stream_size += raw;
        plan->is_wrong |= raw > 0;
        return 2 + raw;
    }
    const size_t inside = kind == 1 ? 512 * small : small;
    /* Nothing seals a command of several frames. */
    const bool is_odd = flags == (GODWIT__ZMTP_BOX_MORE | GODWIT__ZMTP_BOX_COMMAND);
    uint8_t *const body = put_frame (plan, is_odd ? GODWIT__ZMTP_BOX_COMMAND : flags, inside);
    if (kind == 2) {
        body[small % (GODWIT__ZMTP_BOX_OVERHEAD + inside)] ^= 1;
        plan->is_wrong = true;
    } else {
        foresee (plan, is_odd ? GODWIT__ZMTP_BOX_COMMAND : flags, inside);
    }
    return 2;
}

static bool
has_room (const plan_t *plan)
{
    return plan->count < RECORDS_MAX - 1 && plan->stream_size + RECORD_MAX <= STREAM_MAX;
}

/* One record more stands behind the first that is wrong: nothing comes of it. */
static void
make_plan (plan_t *plan, const uint8_t *data, size_t size)
{
    size_t at = 0;
    while (at + 2 <= size && !plan->is_wrong && has_room (plan))
        at += put_record (plan, data + at, size - at);
    const size_t count = plan->count;
    const bool is_wrong = plan->is_wrong;
    if (at + 2 <= size && plan->is_wrong && has_room (plan))
        put_record (plan, data + at, size - at);
    plan->count = count;
    plan->is_wrong = is_wrong;
}

/* ---- the decoder ---- */

static void
check_memory (const godwit__zmtp_decoder_t *decoder, size_t arrived)
{
    check (decoder->joined_size <= decoder->max_size);
    check (!decoder->joined || decoder->joined_capacity <= 2 * decoder->joined_size + decoder->trusted + 1);
    check (decoder->joined_size <= arrived);
}

/* Takes what has come. False: what came is wrong. */
static bool
take_frames (const plan_t *plan, godwit__zmtp_decoder_t *decoder, size_t *taken, uint32_t *chance)
{
    for (;;) {
        godwit__frame_t frame = {.data = NULL};
        const bool looks = draw (chance) % 2;
        const bool has = looks && godwit__zmtp_decoder_has_message (decoder);
        const godwit__zmtp_decoded_t decoded = godwit__zmtp_decoder_next (decoder, &frame);
        check (!has || decoded == GODWIT__ZMTP_MESSAGE || decoded == GODWIT__ZMTP_MALFORMED);
        if (decoded == GODWIT__ZMTP_NEED)
            return true;
        if (decoded == GODWIT__ZMTP_MALFORMED) {
            check (decoder->problem && decoder->problem[0] && plan->is_wrong && *taken == plan->count);
            return false;
        }
        check (*taken < plan->count);
        const expected_t *const expected = &plan->expected[(*taken)++];
        check (decoded == expected->decoded && frame.size == expected->size);
        check (!frame.size || memcmp (frame.data, plan->content + expected->at, frame.size) == 0);
        if (frame.size)
            memset (frame.data, 0xa5, frame.size);
        godwit__frame_release (&frame);
    }
}

static void
decode (const plan_t *plan, godwit__zmtp_box_t *box, uint32_t chance)
{
    godwit__zmtp_decoder_t decoder;
    godwit__zmtp_pool_t pool = {.current = NULL};
    size_t taken = 0;
    bool is_good = true;
    godwit__zmtp_decoder_init (&decoder, plan->max_size);
    decoder.command_max = COMMAND_MAX;
    decoder.box = box;
    for (size_t at = 0; is_good && at < plan->stream_size;) {
        size_t room = 0;
        uint8_t *const to = godwit__zmtp_decoder_room (&decoder, &pool, &room);
        check (to && room > 0);
        const size_t left = plan->stream_size - at;
        const size_t most = 1 + draw (&chance) % (draw (&chance) % 4 ? 64 : 65536);
        const size_t limit = most < room ? most : room, now = limit < left ? limit : left;
        memcpy (to, plan->stream + at, now);
        at += now;
        godwit__zmtp_decoder_filled (&decoder, &pool, now);
        is_good = take_frames (plan, &decoder, &taken, &chance);
        check_memory (&decoder, at);
    }
    check (!is_good || taken == plan->count);
    godwit__zmtp_decoder_release (&decoder);
    godwit__zmtp_pool_release (&pool);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static const size_t max_sizes[] = {0, 1, 64, 255, 1000, 16384, 65536, 1 << 20};
    if (size < 2)
        return 0;
    zmtp_boxes_t boxes;
    zmtp_boxes_make (&boxes);
    plan_t *const plan = calloc (1, sizeof *plan);
    check (plan);
    plan->max_size = max_sizes[data[0] % (sizeof max_sizes / sizeof *max_sizes)];
    plan->is_engine = boxes.accepting.is_exact = data[0] & 8;
    plan->box = &boxes.connecting;
    plan->stream = malloc (STREAM_MAX);
    plan->content = malloc (STREAM_MAX);
    check (plan->stream && plan->content);
    make_plan (plan, data + 2, size - 2);
    decode (plan, &boxes.accepting, data[1]);
    free (plan->stream);
    free (plan->content);
    free (plan);
    zmtp_boxes_end (&boxes);
    return 0;
}
