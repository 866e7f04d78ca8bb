/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/zmtp_ends.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
must (bool good)
{
    if (!good)
        abort ();
}

zmtp_bytes_t
zmtp_bytes_of (const void *data, size_t size)
{
    zmtp_bytes_t bytes = {.data = malloc (size ? size : 1), .size = size};
    must (bytes.data != NULL);
    if (size)
        memcpy (bytes.data, data, size);
    return bytes;
}

zmtp_bytes_t
zmtp_unhex (const char *hex)
{
    uint8_t *const data = malloc (strlen (hex) + 1);
    must (data != NULL);
    size_t size = 0;
    while (*hex) {
        unsigned byte;
        if (*hex == ' ') {
            hex++;
        } else if (*hex == '\'') {
            for (hex++; *hex != '\''; hex++)
                data[size++] = (uint8_t) *hex;
            hex++;
        } else {
            must (sscanf (hex, "%2x", &byte) == 1);
            data[size++] = (uint8_t) byte;
            hex += 2;
        }
    }
    const zmtp_bytes_t bytes = zmtp_bytes_of (data, size);
    free (data);
    return bytes;
}

zmtp_bytes_t
zmtp_join (zmtp_bytes_t first, zmtp_bytes_t second)
{
    const size_t size = first.size + second.size;
    const zmtp_bytes_t both = {.data = malloc (size ? size : 1), .size = size};
    must (both.data != NULL);
    memcpy (both.data, first.data, first.size);
    memcpy (both.data + first.size, second.data, second.size);
    free (first.data);
    free (second.data);
    return both;
}

godwit__zmtp_handshake_state_t
zmtp_feed_pieces (godwit__zmtp_handshake_t *end, const uint8_t *data, size_t size, size_t piece,
                  size_t *given, size_t *left)
{
    *given = *left = 0;
    while (end->state == GODWIT__ZMTP_HANDSHAKE_MORE && *given < size) {
        const size_t now = piece < size - *given ? piece : size - *given;
        const zmtp_bytes_t part = zmtp_bytes_of (data + *given, now);
        size_t consumed = SIZE_MAX;
        godwit__zmtp_handshake_feed (end, part.data, now, &consumed);
        must (consumed <= now);
        must (end->state == GODWIT__ZMTP_HANDSHAKE_DONE || consumed == now);
        free (part.data);
        *given += now;
        *left = now - consumed;
    }
    return end->state;
}

bool
zmtp_move (godwit__zmtp_handshake_t *from, godwit__zmtp_handshake_t *to, size_t piece)
{
    size_t size = 0;
    size_t moved = 0;
    for (;;) {
        const uint8_t *const out = godwit__zmtp_handshake_out (from, &size);
        if (size == 0 || to->state != GODWIT__ZMTP_HANDSHAKE_MORE)
            return moved > 0;
        size_t given = 0;
        size_t left = 0;
        const size_t now = piece < size ? piece : size;
        zmtp_feed_pieces (to, out, now, now, &given, &left);
        must (left == 0);
        godwit__zmtp_handshake_sent (from, given);
        moved += given;
    }
}

void
zmtp_let_speak (godwit__zmtp_handshake_t *a, godwit__zmtp_handshake_t *b, size_t piece)
{
    bool moved = true;
    while (moved) {
        moved = zmtp_move (a, b, piece);
        moved = zmtp_move (b, a, piece) || moved;
    }
}

zmtp_bytes_t
zmtp_take_out (godwit__zmtp_handshake_t *end)
{
    size_t size = 0;
    const uint8_t *const out = godwit__zmtp_handshake_out (end, &size);
    const zmtp_bytes_t bytes = zmtp_bytes_of (out, size);
    godwit__zmtp_handshake_sent (end, size);
    return bytes;
}
