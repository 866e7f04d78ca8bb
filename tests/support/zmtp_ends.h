/* SPDX-License-Identifier: Apache-2.0 */
/* Two ends of a handshake of the engine, without a socket between them, and bytes as hexadecimal text. What
 * cannot be ends the process. */
#ifndef GODWIT_TESTS_SUPPORT_ZMTP_ENDS_H
#define GODWIT_TESTS_SUPPORT_ZMTP_ENDS_H

#include "drivers/zmtp/handshake.h"

typedef struct zmtp_bytes {
    uint8_t *data; /* a block of exactly this size, so that AddressSanitizer sees a read past its end */
    size_t size;
} zmtp_bytes_t;

zmtp_bytes_t zmtp_bytes_of (const void *data, size_t size);
/* Of hexadecimal digits, with or without spaces, and of text in single quotes. */
zmtp_bytes_t zmtp_unhex (const char *hex);
/* Takes both over. */
zmtp_bytes_t zmtp_join (zmtp_bytes_t first, zmtp_bytes_t second);

/* Feeds the bytes in pieces of `piece` bytes, each in a block of its own, until it is done, fails or has all.
 * Writes how many bytes it was given, and how many of these it left. */
godwit__zmtp_handshake_state_t zmtp_feed_pieces (godwit__zmtp_handshake_t *end, const uint8_t *data,
                                                 size_t size, size_t piece, size_t *given, size_t *left);
/* Moves what waits in `from` to `to`, in pieces, until nothing waits or `to` takes no more. False: nothing
 * moved. */
bool zmtp_move (godwit__zmtp_handshake_t *from, godwit__zmtp_handshake_t *to, size_t piece);
/* Lets both ends speak until neither has anything to say. */
void zmtp_let_speak (godwit__zmtp_handshake_t *a, godwit__zmtp_handshake_t *b, size_t piece);
/* Takes what waits. */
zmtp_bytes_t zmtp_take_out (godwit__zmtp_handshake_t *end);

#endif
