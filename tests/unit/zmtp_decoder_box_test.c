/* SPDX-License-Identifier: Apache-2.0 */
/* Frames in boxes: what the decoder makes of bytes in pieces of every size, that each is opened once, and
 * what is refused. */
#include "drivers/zmtp/decoder.h"
#include "drivers/zmtp/frame.h"
#include "tests/support/zmtp_boxes.h"

#include <criterion/criterion.h>

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SIZE ((size_t) 1 << 20)

typedef struct connection {
    zmtp_boxes_t boxes;
    godwit__zmtp_decoder_t decoder; /* of the end that accepted */
    godwit__zmtp_pool_t pool;
} connection_t;

static void
open_connection (connection_t *connection)
{
    *connection = (connection_t){.pool = {.current = NULL}};
    zmtp_boxes_make (&connection->boxes);
    godwit__zmtp_decoder_init (&connection->decoder, MAX_SIZE);
    connection->decoder.box = &connection->boxes.accepting;
}

static void
close_connection (connection_t *connection)
{
    godwit__zmtp_decoder_release (&connection->decoder);
    godwit__zmtp_pool_release (&connection->pool);
    zmtp_boxes_end (&connection->boxes);
}

/* Bytes arrive, as many as there is room for. Returns how many. */
static size_t
arrive (connection_t *connection, const uint8_t *data, size_t size)
{
    size_t room = 0;
    uint8_t *const to = godwit__zmtp_decoder_room (&connection->decoder, &connection->pool, &room);
    cr_assert (to && room > 0);
    const size_t now = size < room ? size : room;
    memcpy (to, data, now);
    godwit__zmtp_decoder_filled (&connection->decoder, &connection->pool, now);
    return now;
}

static size_t
boxed_size (size_t size)
{
    const size_t body_size = GODWIT__ZMTP_BOX_OVERHEAD + size;
    return (body_size > GODWIT__ZMTP_SHORT_BODY ? GODWIT__ZMTP_LONG_HEAD : GODWIT__ZMTP_SHORT_HEAD) +
           body_size;
}

/* A frame of the other end, sealed by hand, with any flags inside. */
static zmtp_bytes_t
boxed_by_hand (connection_t *connection, uint64_t number, uint8_t flags, size_t size)
{
    uint8_t nonce[crypto_secretbox_NONCEBYTES] = "CurveZMQMESSAGEC";
    uint8_t head[GODWIT__ZMTP_LONG_HEAD + 8] = {0};
    const size_t head_size = godwit__zmtp_head_write (head, 0, GODWIT__ZMTP_BOX_OVERHEAD + size);
    for (int i = 0; i < 8; i++)
        nonce[sizeof nonce - 1 - (size_t) i] = (uint8_t) (number >> (8 * i));
    uint8_t *const inside = calloc (1, 1 + size);
    uint8_t *const sealed = malloc (crypto_secretbox_MACBYTES + 1 + size);
    inside[0] = flags;
    crypto_secretbox_easy (sealed, inside, 1 + size, nonce, connection->boxes.connecting.key);
    zmtp_bytes_t frame = zmtp_join (zmtp_bytes_of (head, head_size), zmtp_bytes_of ("\7MESSAGE", 8));
    frame = zmtp_join (frame, zmtp_bytes_of (nonce + 16, 8));
    frame = zmtp_join (frame, zmtp_bytes_of (sealed, crypto_secretbox_MACBYTES + 1 + size));
    free (inside);
    free (sealed);
    return frame;
}

/* Lets the bytes arrive, and returns what the first frame is. */
static godwit__zmtp_decoded_t
decode_first (connection_t *connection, zmtp_bytes_t bytes)
{
    godwit__frame_t frame = {.data = NULL};
    godwit__zmtp_decoded_t decoded = GODWIT__ZMTP_NEED;
    for (size_t at = 0; at < bytes.size && decoded == GODWIT__ZMTP_NEED;) {
        at += arrive (connection, bytes.data + at, bytes.size - at);
        decoded = godwit__zmtp_decoder_next (&connection->decoder, &frame);
    }
    godwit__frame_release (&frame);
    free (bytes.data);
    return decoded;
}

/* ---- the same frames, however they arrive ---- */

static const struct {
    size_t size;
    bool is_command;
} frames[] = {{5, false},     {7, true},   {0, false},      {8, true},      {63, false},
              {64, false},    {65, false}, {221, false},    {222, false},   {223, false},
              {255, false},   {512, true}, {16341, false},  {16342, false}, {16343, false},
              {40000, false}, {9, true},   {200000, false}, {1, false}};
#define FRAMES (sizeof frames / sizeof *frames)

static uint8_t
byte_of (size_t i, size_t at)
{
    return (uint8_t) (at * 7 + i);
}

static zmtp_bytes_t
all_frames (connection_t *connection)
{
    zmtp_bytes_t bytes = zmtp_bytes_of ("", 0);
    for (size_t i = 0; i < FRAMES; i++) {
        uint8_t *const payload = malloc (frames[i].size + 1);
        for (size_t k = 0; k < frames[i].size; k++)
            payload[k] = byte_of (i, k);
        bytes = zmtp_join (
            bytes, zmtp_boxed (&connection->boxes.connecting, payload, frames[i].size, frames[i].is_command));
        free (payload);
    }
    return bytes;
}

static void
check_frame (const godwit__frame_t *frame, godwit__zmtp_decoded_t decoded, size_t i)
{
    cr_assert_eq (decoded, frames[i].is_command ? GODWIT__ZMTP_CONTROL : GODWIT__ZMTP_MESSAGE, "frame %zu",
                  i);
    cr_assert_eq (frame->size, frames[i].size, "frame %zu", i);
    for (size_t k = 0; k < frame->size; k++)
        cr_assert_eq (frame->data[k], byte_of (i, k), "frame %zu, byte %zu", i, k);
}

/* looks: has_message is asked before each frame, which opens its box. */
static void
decode_in_pieces (size_t piece, bool looks)
{
    connection_t connection;
    godwit__frame_t kept[FRAMES];
    godwit__zmtp_decoded_t kinds[FRAMES];
    size_t count = 0;
    open_connection (&connection);
    const zmtp_bytes_t bytes = all_frames (&connection);
    for (size_t at = 0; at < bytes.size;) {
        godwit__frame_t frame;
        const size_t left = bytes.size - at;
        at += arrive (&connection, bytes.data + at, piece < left ? piece : left);
        for (;;) {
            const bool has = looks && godwit__zmtp_decoder_has_message (&connection.decoder);
            const godwit__zmtp_decoded_t decoded = godwit__zmtp_decoder_next (&connection.decoder, &frame);
            cr_assert (!has || decoded == GODWIT__ZMTP_MESSAGE);
            if (decoded == GODWIT__ZMTP_NEED)
                break;
            cr_assert (decoded != GODWIT__ZMTP_MALFORMED && count < FRAMES);
            kinds[count] = decoded;
            godwit__frame_move (&kept[count++], &frame);
        }
    }
    cr_assert_eq (count, FRAMES, "pieces of %zu", piece);
    free (bytes.data);
    close_connection (&connection);
    for (size_t i = 0; i < FRAMES; i++) {
        check_frame (&kept[i], kinds[i], i);
        godwit__frame_release (&kept[i]);
    }
}

Test (zmtp_decoder_box, the_same_frames_come_of_pieces_of_every_size)
{
    static const size_t large[] = {255, 256, 4095, 4096, 16384, 32767, 32768, 65536, SIZE_MAX};
    for (size_t piece = 1; piece <= 70; piece++)
        decode_in_pieces (piece, piece % 2);
    for (size_t i = 0; i < sizeof large / sizeof *large; i++)
        for (int looks = 0; looks < 2; looks++)
            decode_in_pieces (large[i], looks);
}

/* ---- whether a message is there ---- */

Test (zmtp_decoder_box, a_command_or_a_part_does_not_count_as_a_message_that_is_there)
{
    connection_t connection;
    godwit__frame_t frame;
    open_connection (&connection);
    godwit__zmtp_box_t *const box = &connection.boxes.connecting;
    zmtp_bytes_t bytes = zmtp_boxed (box, "call", 4, false);
    bytes = zmtp_join (bytes, zmtp_boxed (box, "\4PING", 5, true));
    bytes = zmtp_join (bytes, zmtp_boxed (box, "call", 4, false));
    bytes = zmtp_join (bytes, zmtp_boxed (box, "part", 4, false));
    static const bool has[] = {true, false, true, false};
    static const godwit__zmtp_decoded_t kinds[] = {GODWIT__ZMTP_MESSAGE, GODWIT__ZMTP_CONTROL,
                                                   GODWIT__ZMTP_MESSAGE, GODWIT__ZMTP_NEED};
    arrive (&connection, bytes.data, bytes.size - 1);
    for (size_t i = 0; i < 4; i++) {
        for (int again = 0; again < 2; again++)
            cr_assert_eq (godwit__zmtp_decoder_has_message (&connection.decoder), has[i], "%zu", i);
        cr_assert_eq (godwit__zmtp_decoder_next (&connection.decoder, &frame), kinds[i], "%zu", i);
        if (kinds[i] != GODWIT__ZMTP_NEED)
            godwit__frame_release (&frame);
    }
    arrive (&connection, bytes.data + bytes.size - 1, 1);
    cr_assert (godwit__zmtp_decoder_has_message (&connection.decoder));
    free (bytes.data);
    close_connection (&connection);
}

Test (zmtp_decoder_box, a_box_that_does_not_open_is_no_message_and_stays_what_is_wrong)
{
    static const uint8_t flags[] = {0, GODWIT__ZMTP_BOX_MORE | GODWIT__ZMTP_BOX_COMMAND};
    for (size_t i = 0; i < 2; i++) {
        connection_t connection;
        godwit__frame_t frame;
        open_connection (&connection);
        zmtp_bytes_t bytes = boxed_by_hand (&connection, 1, flags[i], 10);
        bytes = zmtp_join (bytes, boxed_by_hand (&connection, 2, 0, 10));
        bytes.data[GODWIT__ZMTP_SHORT_HEAD + GODWIT__ZMTP_BOX_OVERHEAD] ^= i == 0; /* a byte of the first */
        arrive (&connection, bytes.data, bytes.size);
        cr_assert (!godwit__zmtp_decoder_has_message (&connection.decoder));
        const char *const problem = connection.decoder.problem;
        cr_assert_not_null (problem);
        for (int again = 0; again < 2; again++) {
            cr_assert_eq (godwit__zmtp_decoder_next (&connection.decoder, &frame), GODWIT__ZMTP_MALFORMED);
            cr_assert_eq (connection.decoder.problem, problem);
        }
        free (bytes.data);
        close_connection (&connection);
    }
}

/* ---- messages of several parts ---- */

/* Of these sizes; with 0 behind the last one. */
static const size_t parts[][6] = {{1, 1},
                                  {20, 30, 64},
                                  {0, 0, 5},
                                  {0, 1000},
                                  {16000, 16000, 100},
                                  {16400, 10, 16400},
                                  {65000, 65000, 1},
                                  {65494, 65494, 65494, 65494, 300},
                                  {200000, 0, 200000}};
#define ROWS (sizeof parts / sizeof *parts)

static size_t
part_count (size_t row)
{
    size_t count = sizeof parts[row] / sizeof *parts[row];
    while (parts[row][count - 1] == 0)
        count--;
    return count;
}

/* The bytes go on from part to part. Behind the last one there is a small message. */
static zmtp_bytes_t
all_parts (connection_t *connection, size_t row, size_t *size)
{
    zmtp_bytes_t bytes = zmtp_bytes_of ("", 0);
    *size = 0;
    for (size_t i = 0, count = part_count (row); i < count; i++) {
        uint8_t *const payload = malloc (parts[row][i] + 1);
        for (size_t k = 0; k < parts[row][i]; k++)
            payload[k] = byte_of (row, *size + k);
        bytes = zmtp_join (
            bytes, i + 1 < count ? zmtp_boxed_part (&connection->boxes.connecting, payload, parts[row][i])
                                 : zmtp_boxed (&connection->boxes.connecting, payload, parts[row][i], false));
        *size += parts[row][i];
        free (payload);
    }
    return zmtp_join (bytes, zmtp_boxed (&connection->boxes.connecting, "next", 4, false));
}

static void
join_in_pieces (size_t row, size_t piece)
{
    connection_t connection;
    godwit__frame_t frame, kept = {.data = NULL};
    size_t size, count = 0;
    open_connection (&connection);
    connection.boxes.accepting.is_exact = false;         /* others than engines may send small parts */
    for (int again = 0; again < 2; again++, count = 0) { /* the second one of a size that is trusted */
        const zmtp_bytes_t bytes = all_parts (&connection, row, &size);
        for (size_t at = 0; at < bytes.size;) {
            const size_t left = bytes.size - at;
            at += arrive (&connection, bytes.data + at, piece < left ? piece : left);
            while (godwit__zmtp_decoder_next (&connection.decoder, &frame) == GODWIT__ZMTP_MESSAGE)
                if (count++ == 0)
                    godwit__frame_move (&kept, &frame);
                else
                    cr_assert (frame.size == 4 && memcmp (frame.data, "next", 4) == 0);
            cr_assert_null (connection.decoder.problem, "%s", connection.decoder.problem);
            cr_assert (!connection.decoder.joined ||
                       connection.decoder.joined_capacity <=
                           2 * connection.decoder.joined_size + connection.decoder.trusted + 1);
        }
        cr_assert (count == 2 && kept.size == size, "row %zu, pieces of %zu", row, piece);
        for (size_t k = 0; k < size; k++)
            cr_assert_eq (kept.data[k], byte_of (row, k), "row %zu, byte %zu", row, k);
        cr_assert (!connection.decoder.joined && !connection.decoder.large);
        godwit__frame_release (&kept);
        free (bytes.data);
    }
    close_connection (&connection);
}

Test (zmtp_decoder_box, the_parts_of_a_message_are_joined)
{
    static const size_t pieces[] = {1, 7, 100, 4096, 20000, 65536, SIZE_MAX};
    for (size_t row = 0; row < ROWS; row++)
        for (size_t i = row > 3 ? 2 : 0; i < sizeof pieces / sizeof *pieces; i++)
            join_in_pieces (row, pieces[i]);
}

Test (zmtp_decoder_box, a_part_is_no_message_that_is_there)
{
    connection_t connection;
    godwit__frame_t frame;
    open_connection (&connection);
    connection.boxes.accepting.is_exact = false;
    godwit__zmtp_box_t *const box = &connection.boxes.connecting;
    zmtp_bytes_t bytes = zmtp_boxed_part (box, "one", 3);
    bytes = zmtp_join (bytes, zmtp_boxed_part (box, "two", 3));
    arrive (&connection, bytes.data, bytes.size);
    cr_assert (!godwit__zmtp_decoder_has_message (&connection.decoder));
    cr_assert_eq (godwit__zmtp_decoder_next (&connection.decoder, &frame), GODWIT__ZMTP_NEED);
    free (bytes.data);
    bytes = zmtp_boxed (box, "three", 5, false);
    bytes = zmtp_join (bytes, zmtp_boxed (box, "four", 4, false));
    arrive (&connection, bytes.data, bytes.size);
    cr_assert (godwit__zmtp_decoder_has_message (&connection.decoder));
    cr_assert_eq (godwit__zmtp_decoder_next (&connection.decoder, &frame), GODWIT__ZMTP_MESSAGE);
    cr_assert (frame.size == 11 && memcmp (frame.data, "onetwothree", 11) == 0);
    godwit__frame_release (&frame);
    cr_assert (godwit__zmtp_decoder_has_message (&connection.decoder));
    free (bytes.data);
    close_connection (&connection); /* with a message that nobody takes */
}

/* ---- what is refused ---- */

Test (zmtp_decoder_box, no_bit_can_be_changed_on_the_way)
{
    static const size_t sizes[] = {20, 300};
    for (size_t i = 0; i < 2; i++) {
        const size_t frame_size = boxed_size (sizes[i]);
        for (size_t bit = 0; bit < 8 * frame_size; bit++) {
            connection_t connection;
            open_connection (&connection);
            zmtp_bytes_t bytes = boxed_by_hand (&connection, 1, 0, sizes[i]);
            cr_assert_eq (bytes.size, frame_size);
            bytes.data[bit / 8] ^= (uint8_t) (1 << bit % 8);
            const godwit__zmtp_decoded_t decoded = decode_first (&connection, bytes);
            const bool is_in_size = bit >= 8 && bit < 8 * (frame_size - sizes[i] - GODWIT__ZMTP_BOX_OVERHEAD);
            /* A larger size, or the bit that says how long the size is: the rest is waited for. */
            const bool may_wait = is_in_size || bit == 1;
            cr_assert (decoded == GODWIT__ZMTP_MALFORMED || (may_wait && decoded == GODWIT__ZMTP_NEED),
                       "bit %zu", bit);
            close_connection (&connection);
        }
    }
}

static void
expect (connection_t *connection, zmtp_bytes_t bytes, godwit__zmtp_decoded_t decoded, const char *problem)
{
    cr_assert_eq (decode_first (connection, bytes), decoded);
    cr_assert (!problem || strstr (connection->decoder.problem, problem), "\"%s\" instead of \"%s\"",
               connection->decoder.problem, problem);
    close_connection (connection);
    open_connection (connection);
}

Test (zmtp_decoder_box, what_is_no_message_in_a_box_costs_the_connection)
{
    connection_t at;
    open_connection (&at);
    expect (&at, zmtp_unhex ("04 05 04 'PING'"), GODWIT__ZMTP_MALFORMED, "a command outside of a box");
    expect (&at, zmtp_unhex ("06 00 00 00 00 00 00 00 05 04 'PING'"), GODWIT__ZMTP_MALFORMED,
            "a command outside of a box");
    expect (&at, zmtp_unhex ("00 05 'hello'"), GODWIT__ZMTP_MALFORMED, "outside of a box");
    expect (&at, zmtp_unhex ("01 05 'hello'"), GODWIT__ZMTP_MALFORMED, "several parts");
    expect (&at, zmtp_unhex ("08"), GODWIT__ZMTP_MALFORMED, "flags");
    expect (&at, zmtp_unhex ("00 21 '12345678901234567890123456789012' 00"), GODWIT__ZMTP_MALFORMED, NULL);
    expect (&at, boxed_by_hand (&at, 1, GODWIT__ZMTP_BOX_MORE | GODWIT__ZMTP_BOX_COMMAND, 10),
            GODWIT__ZMTP_MALFORMED, "a command among the parts");
    expect (&at,
            zmtp_join (boxed_by_hand (&at, 1, GODWIT__ZMTP_BOX_MORE, GODWIT__ZMTP_PART_MIN),
                       boxed_by_hand (&at, 2, GODWIT__ZMTP_BOX_COMMAND, 10)),
            GODWIT__ZMTP_MALFORMED, "a command among the parts");
    expect (&at, boxed_by_hand (&at, 1, 0, 10), GODWIT__ZMTP_MESSAGE, NULL);
    expect (&at, boxed_by_hand (&at, 1, GODWIT__ZMTP_BOX_COMMAND, 10), GODWIT__ZMTP_CONTROL, NULL);
    close_connection (&at);
}

/* A read has a thousand of empty parts, and no turn would be over before it has them all. */
Test (zmtp_decoder_box, an_engine_that_sends_a_message_in_crumbs_loses_the_connection)
{
    static const size_t sizes[] = {0, 1, GODWIT__ZMTP_PART_MIN - 1};
    connection_t at;
    open_connection (&at);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        expect (&at, boxed_by_hand (&at, 1, GODWIT__ZMTP_BOX_MORE, sizes[i]), GODWIT__ZMTP_MALFORMED,
                "a message in crumbs");
        const zmtp_bytes_t first = boxed_by_hand (&at, 1, GODWIT__ZMTP_BOX_MORE, GODWIT__ZMTP_PART_MIN);
        expect (&at, zmtp_join (first, boxed_by_hand (&at, 2, GODWIT__ZMTP_BOX_MORE, sizes[i])),
                GODWIT__ZMTP_MALFORMED, "a message in crumbs");
        const zmtp_bytes_t again = boxed_by_hand (&at, 1, GODWIT__ZMTP_BOX_MORE, GODWIT__ZMTP_PART_MIN);
        expect (&at, zmtp_join (again, boxed_by_hand (&at, 2, 0, sizes[i])), GODWIT__ZMTP_MESSAGE, NULL);
    }
    close_connection (&at);
}

Test (zmtp_decoder_box, limits_hold_for_what_is_inside)
{
    connection_t at;
    open_connection (&at);
    expect (&at, boxed_by_hand (&at, 1, 0, MAX_SIZE), GODWIT__ZMTP_MESSAGE, NULL);
    expect (&at, boxed_by_hand (&at, 1, 0, MAX_SIZE + 1), GODWIT__ZMTP_MALFORMED, "above max_message_size");
    const size_t most = GODWIT__ZMTP_COMMAND_MAX;
    expect (&at, boxed_by_hand (&at, 1, GODWIT__ZMTP_BOX_COMMAND, most), GODWIT__ZMTP_CONTROL, NULL);
    expect (&at, boxed_by_hand (&at, 1, GODWIT__ZMTP_BOX_COMMAND, most + 1), GODWIT__ZMTP_MALFORMED,
            "a command that is too large");
    expect (&at, boxed_by_hand (&at, 1, GODWIT__ZMTP_BOX_COMMAND, 40000), GODWIT__ZMTP_MALFORMED,
            "a command that is too large");
    const zmtp_bytes_t half = boxed_by_hand (&at, 1, GODWIT__ZMTP_BOX_MORE, MAX_SIZE / 2);
    expect (&at, zmtp_join (half, boxed_by_hand (&at, 2, 0, MAX_SIZE / 2)), GODWIT__ZMTP_MESSAGE, NULL);
    const zmtp_bytes_t other = boxed_by_hand (&at, 1, GODWIT__ZMTP_BOX_MORE, MAX_SIZE / 2);
    expect (&at, zmtp_join (other, boxed_by_hand (&at, 2, 0, MAX_SIZE / 2 + 1)), GODWIT__ZMTP_MALFORMED,
            "above max_message_size");
    at.decoder.max_size = 10; /* smaller than a command may be */
    expect (&at, boxed_by_hand (&at, 1, GODWIT__ZMTP_BOX_COMMAND, most), GODWIT__ZMTP_CONTROL, NULL);
    at.decoder.max_size = 10;
    expect (&at, boxed_by_hand (&at, 1, 0, 11), GODWIT__ZMTP_MALFORMED, "above max_message_size");
    at.decoder.max_size = 10;
    expect (&at, boxed_by_hand (&at, 1, 0, most + 1), GODWIT__ZMTP_MALFORMED, "above max_message_size");
    close_connection (&at);
}

Test (zmtp_decoder_box, a_stream_may_take_larger_commands_in_boxes_and_without)
{
    static const size_t sizes[] = {16000, 16384, 61000, 61001};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const godwit__zmtp_decoded_t expected =
            sizes[i] > 61000 ? GODWIT__ZMTP_MALFORMED : GODWIT__ZMTP_CONTROL;
        connection_t at;
        open_connection (&at);
        at.decoder.command_max = 61000;
        expect (&at, boxed_by_hand (&at, 1, GODWIT__ZMTP_BOX_COMMAND, sizes[i]), expected, NULL);
        at.decoder.command_max = 61000;
        at.decoder.box = NULL;
        uint8_t head[GODWIT__ZMTP_LONG_HEAD];
        uint8_t *const body = calloc (1, sizes[i]);
        const size_t head_size = godwit__zmtp_head_write (head, GODWIT__ZMTP_COMMAND, sizes[i]);
        expect (&at, zmtp_join (zmtp_bytes_of (head, head_size), zmtp_bytes_of (body, sizes[i])), expected,
                NULL);
        free (body);
        close_connection (&at);
    }
}
