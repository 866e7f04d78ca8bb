/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of ZMTP: heads at the bounds of their sizes, what the decoder makes of bytes in pieces of every
 * size, what it refuses, and what memory it takes. Any bytes: tests/fuzz/zmtp_frame_fuzz.c. */
#include "drivers/zmtp/decoder.h"
#include "drivers/zmtp/frame.h"
#include "tests/support/zmtp_ends.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

typedef struct connection {
    godwit__zmtp_decoder_t decoder;
    godwit__zmtp_pool_t pool;
} connection_t;

static void
open_connection (connection_t *connection, size_t max_size)
{
    *connection = (connection_t){.pool = {.current = NULL}};
    godwit__zmtp_decoder_init (&connection->decoder, max_size);
}

static void
close_connection (connection_t *connection)
{
    godwit__zmtp_decoder_release (&connection->decoder);
    godwit__zmtp_pool_release (&connection->pool);
}

static size_t
smaller (size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Bytes arrive, as many as there is room for. Returns how many. */
static size_t
arrive (connection_t *connection, const uint8_t *data, size_t size)
{
    size_t room = 0;
    uint8_t *const to = godwit__zmtp_decoder_room (&connection->decoder, &connection->pool, &room);
    cr_assert (to && room > 0);
    const size_t now = smaller (size, room);
    memcpy (to, data, now);
    godwit__zmtp_decoder_filled (&connection->decoder, &connection->pool, now);
    return now;
}

/* ---- heads ---- */

Test (zmtp_frame, heads_are_written_in_the_shortest_form_and_read_when_they_are_whole)
{
    static const uint64_t sizes[] = {0, 1, 254, 255, 256, 65535, 65536, UINT32_MAX, UINT64_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint8_t data[GODWIT__ZMTP_LONG_HEAD];
        godwit__zmtp_head_t head = {0};
        const size_t size = godwit__zmtp_head_write (data, GODWIT__ZMTP_COMMAND, sizes[i]);
        cr_assert_eq (size, sizes[i] <= 255 ? 2 : 9);
        for (size_t part = 0; part < size; part++)
            cr_assert (!godwit__zmtp_head_read (&head, data, part), "%zu of %zu bytes", part, size);
        cr_assert (godwit__zmtp_head_read (&head, data, size));
        cr_assert (head.head_size == size && head.body_size == sizes[i]);
        cr_assert_eq (head.flags, GODWIT__ZMTP_COMMAND | (size == 9 ? GODWIT__ZMTP_LONG : 0));
    }
}

/* ---- the same frames, however they arrive ---- */

/* As libzmq 4.3.4 sends them, and then a short body with a long head, an empty message, and large ones. */
#define OF_LIBZMQ "00 05 'hello' 04 07 04 'PING' 00 32 04 08 04 'PONG' 'abc' 00 11 01 '0123456789abcdef' "
#define OF_OTHERS "02 00 00 00 00 00 00 00 03 'abc' 00 00 "

static const struct {
    size_t size;
    bool is_command;
} frames[] = {{5, false},     {7, true},      {8, true},       {17, false},  {3, false},
              {0, false},     {64, false},    {65, false},     {255, false}, {16375, false},
              {16376, false}, {40000, false}, {200000, false}, {1, false}};
#define FRAMES (sizeof frames / sizeof *frames)

static zmtp_bytes_t
all_frames (void)
{
    zmtp_bytes_t bytes = zmtp_unhex (OF_LIBZMQ OF_OTHERS);
    for (size_t i = 6; i < FRAMES; i++) {
        uint8_t head[GODWIT__ZMTP_LONG_HEAD];
        uint8_t *const body = malloc (frames[i].size);
        for (size_t k = 0; k < frames[i].size; k++)
            body[k] = (uint8_t) (k * 7 + i);
        bytes = zmtp_join (bytes, zmtp_bytes_of (head, godwit__zmtp_head_write (head, 0, frames[i].size)));
        bytes = zmtp_join (bytes, zmtp_bytes_of (body, frames[i].size));
        free (body);
    }
    return bytes;
}

static void
check_frame (const godwit__frame_t *frame, godwit__zmtp_decoded_t decoded, size_t i)
{
    cr_assert_lt (i, FRAMES);
    cr_assert_eq (decoded, frames[i].is_command ? GODWIT__ZMTP_CONTROL : GODWIT__ZMTP_MESSAGE, "frame %zu",
                  i);
    cr_assert_eq (frame->size, frames[i].size, "frame %zu", i);
    size_t right = 0;
    while (i >= 6 && right < frame->size && frame->data[right] == (uint8_t) (right * 7 + i))
        right++;
    cr_assert (i < 6 || right == frame->size, "frame %zu, byte %zu", i, right);
    if (i == 0)
        cr_assert (!memcmp (frame->data, "hello", 5));
}

/* All frames are kept until all have come, so that none lies where a later one is read to. */
static void
decode_in_pieces (const zmtp_bytes_t *bytes, size_t piece)
{
    connection_t connection;
    godwit__frame_t kept[FRAMES];
    godwit__zmtp_decoded_t kinds[FRAMES];
    size_t count = 0;
    open_connection (&connection, 1 << 20);
    for (size_t at = 0; at < bytes->size;) {
        at += arrive (&connection, bytes->data + at, smaller (piece, bytes->size - at));
        godwit__frame_t frame;
        godwit__zmtp_decoded_t decoded;
        while ((decoded = godwit__zmtp_decoder_next (&connection.decoder, &frame)) != GODWIT__ZMTP_NEED) {
            cr_assert (decoded != GODWIT__ZMTP_MALFORMED && count < FRAMES);
            kinds[count] = decoded;
            godwit__frame_move (&kept[count++], &frame);
        }
    }
    cr_assert_eq (count, FRAMES, "pieces of %zu", piece);
    close_connection (&connection);
    for (size_t i = 0; i < FRAMES; i++) {
        check_frame (&kept[i], kinds[i], i);
        godwit__frame_release (&kept[i]);
    }
}

Test (zmtp_frame, the_same_frames_come_of_pieces_of_every_size)
{
    static const size_t large[] = {255, 256, 4095, 4096, 16384, 32767, 32768, 65536, SIZE_MAX};
    const zmtp_bytes_t bytes = all_frames ();
    for (size_t piece = 1; piece <= 70; piece++)
        decode_in_pieces (&bytes, piece);
    for (size_t i = 0; i < sizeof large / sizeof *large; i++)
        decode_in_pieces (&bytes, large[i]);
    free (bytes.data);
}

/* Takes what has come, and looks at it at once. */
static void
take_frames (connection_t *connection, size_t *count)
{
    godwit__frame_t frame;
    godwit__zmtp_decoded_t decoded;
    while ((decoded = godwit__zmtp_decoder_next (&connection->decoder, &frame)) != GODWIT__ZMTP_NEED) {
        check_frame (&frame, decoded, (*count)++);
        godwit__frame_release (&frame);
    }
}

Test (zmtp_frame, connections_that_read_in_turns_into_the_same_memory_get_their_own_frames)
{
    static const size_t pieces[] = {1, 2, 7, 100, 5000, 20000};
    const zmtp_bytes_t bytes = all_frames ();
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        connection_t connection; /* whose pool both use */
        connection_t other;
        size_t at = 0;
        size_t other_at = 0;
        size_t count = 0;
        size_t other_count = 0;
        open_connection (&connection, 1 << 20);
        open_connection (&other, 1 << 20);
        while (at < bytes.size || other_at < bytes.size) {
            if (at < bytes.size)
                at += arrive (&connection, bytes.data + at, smaller (pieces[i], bytes.size - at));
            take_frames (&connection, &count);
            other.pool = connection.pool;
            if (other_at < bytes.size)
                other_at += arrive (&other, bytes.data + other_at, smaller (89, bytes.size - other_at));
            connection.pool = other.pool;
            take_frames (&other, &other_count);
        }
        cr_assert (count == FRAMES && other_count == FRAMES);
        other.pool.current = NULL;
        close_connection (&other);
        close_connection (&connection);
    }
    free (bytes.data);
}

/* ---- what is refused ---- */

Test (zmtp_frame, malformed_frames_are_found_out_by_their_head)
{
    static const struct {
        const char *hex;
        size_t seen; /* bytes after which it is found out */
        const char *problem;
    } rows[] = {
        {"08 01 61", 1, "flags that ZMTP does not know"},
        {"10 01 61", 1, "flags that ZMTP does not know"},
        {"84 01 61", 1, "flags that ZMTP does not know"},
        {"0a 00 00 00 00 00 00 00 01 61", 1, "flags that ZMTP does not know"},
        {"01 01 61 00 01 62", 2, "a message of several parts"},
        {"03 00 00 00 00 00 00 00 01 61", 9, "a message of several parts"},
        {"05 05 04 'PONG'", 2, "a command of several frames"},
        {"06 00 00 00 00 00 00 02 01 04", 9, "a command that is too large"},
        {"06 ff ff ff ff ff ff ff ff 04", 9, "a command that is too large"},
        {"02 00 00 00 00 00 00 03 e9 61", 9, "above max_message_size"},
        {"02 ff ff ff ff ff ff ff ff 61", 9, "above max_message_size"},
        {"02 80 00 00 00 00 00 00 00 61", 9, "above max_message_size"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const zmtp_bytes_t bytes = zmtp_unhex (rows[i].hex);
        for (size_t piece = 1; piece <= bytes.size; piece++) {
            connection_t connection;
            godwit__frame_t frame;
            godwit__zmtp_decoded_t decoded = GODWIT__ZMTP_NEED;
            size_t at = 0;
            open_connection (&connection, 1000);
            while (decoded == GODWIT__ZMTP_NEED && at < bytes.size) {
                at += arrive (&connection, bytes.data + at, smaller (piece, bytes.size - at));
                decoded = godwit__zmtp_decoder_next (&connection.decoder, &frame);
            }
            cr_assert_eq (decoded, GODWIT__ZMTP_MALFORMED, "row %zu, pieces of %zu", i, piece);
            cr_assert (piece > 1 || at == rows[i].seen, "row %zu: after %zu bytes", i, at);
            cr_assert (strstr (connection.decoder.problem, rows[i].problem), "row %zu: %s", i,
                       connection.decoder.problem);
            close_connection (&connection);
        }
        free (bytes.data);
    }
}

Test (zmtp_frame, sizes_up_to_the_limits_are_taken)
{
    static uint8_t data[GODWIT__ZMTP_LONG_HEAD + 1001];
    for (int is_command = 0; is_command < 2; is_command++) {
        const size_t limit = is_command ? GODWIT__ZMTP_COMMAND_MAX : 1000;
        for (size_t size = limit; size <= limit + 1; size++) {
            connection_t connection;
            godwit__frame_t frame = {.data = NULL};
            open_connection (&connection, 1000);
            const size_t head = godwit__zmtp_head_write (data, is_command ? GODWIT__ZMTP_COMMAND : 0, size);
            arrive (&connection, data, head + size);
            const godwit__zmtp_decoded_t decoded = godwit__zmtp_decoder_next (&connection.decoder, &frame);
            const godwit__zmtp_decoded_t good = is_command ? GODWIT__ZMTP_CONTROL : GODWIT__ZMTP_MESSAGE;
            cr_assert_eq (decoded, size == limit ? good : GODWIT__ZMTP_MALFORMED);
            godwit__frame_release (&frame);
            close_connection (&connection);
        }
    }
}

/* ---- what it costs ---- */

Test (zmtp_frame, memory_grows_with_what_arrives_and_an_idle_connection_has_none)
{
    static const uint8_t body[32768];
    const size_t size = (size_t) 1 << 30; /* is declared */
    uint8_t head[GODWIT__ZMTP_LONG_HEAD];
    connection_t connection;
    godwit__frame_t frame = {.data = NULL};
    open_connection (&connection, size);
    cr_assert (!connection.decoder.chunk && !connection.decoder.large);
    arrive (&connection, head, godwit__zmtp_head_write (head, 0, size));
    cr_assert_eq (godwit__zmtp_decoder_next (&connection.decoder, &frame), GODWIT__ZMTP_NEED);
    size_t arrived = 0;
    while (arrived < 1 << 20) {
        arrived += arrive (&connection, body, sizeof body);
        cr_assert_eq (godwit__zmtp_decoder_next (&connection.decoder, &frame), GODWIT__ZMTP_NEED);
        cr_assert_leq (connection.decoder.large_capacity, arrived < 65536 ? 65536 : 4 * arrived);
    }
    close_connection (&connection);

    open_connection (&connection, 1000);
    arrive (&connection, (const uint8_t *) "\0\1a", 3);
    cr_assert_eq (godwit__zmtp_decoder_next (&connection.decoder, &frame), GODWIT__ZMTP_MESSAGE);
    cr_assert (!connection.decoder.chunk && !connection.decoder.large, "all was decoded");
    godwit__frame_release (&frame);
    close_connection (&connection);
}
