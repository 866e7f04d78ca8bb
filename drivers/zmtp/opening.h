/* SPDX-License-Identifier: Apache-2.0 */
/* The two ends of a stream's life that the reactor sees to: the handshake, with its deadline, and the time in
 * which what is left is written. The reactor's thread. */
#ifndef GODWIT_DRIVERS_ZMTP_OPENING_H
#define GODWIT_DRIVERS_ZMTP_OPENING_H

#include "drivers/zmtp/stream.h"

/* Whether the other end has said its first command, and it was in order: with CURVE, whether it has opened a
 * door. */
bool godwit__zmtp_opening_has_spoken (const godwit__zmtp_stream_t *stream);
/* Ends a handshake without a word. */
void godwit__zmtp_opening_abandon (godwit__zmtp_stream_t *stream);
/* What follows the handshake (stream.c). */
void godwit__zmtp_stream_begin_traffic (godwit__zmtp_stream_t *stream);

/* Takes over a reference to a stream that is watched no more and accepts no messages: writes what it holds,
 * waits until the peer's system has it, and gives the stream back. At most 300 ms. */
void godwit__zmtp_closing_add (godwit__zmtp_stream_t *stream);

void godwit__zmtp_closing_init (godwit__zmtp_t *driver);
/* Forgets those that still tell a peer why it was refused. */
void godwit__zmtp_telling_finish (godwit__zmtp_t *driver);

#endif
