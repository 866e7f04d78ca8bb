/* SPDX-License-Identifier: Apache-2.0 */
/* Heartbeats: a connection over which nothing was sent gets a PING, and a peer that says nothing is given up.
 *
 * All streams are looked at twice in heartbeat_ms, whoever leads on them: on the reactor's thread, or on one
 * of the heart's own if the program runs the reactor (external_loop), because a program that computes for
 * seconds must not seem dead. Nothing on the way of a message reads a clock: it leaves marks, and a look
 * finds them. So a process that was stopped gives nobody up when it goes on.
 *
 * A peer that takes nothing of what is written to it for as long is given up, too, whatever it says.
 *
 * The end that connects sends PINGs; the other end does when its peer has been silent for half of the limit.
 * Between publishers and subscribers that only happens if both are of this engine: libzmq's SUB ends its
 * process over a PING. */
#ifndef GODWIT_DRIVERS_ZMTP_HEART_H
#define GODWIT_DRIVERS_ZMTP_HEART_H

#include "drivers/zmtp/stream.h"

/* OK, OUT_OF_MEMORY, SYSTEM (no thread). The reactor's thread, as all but take_ttl. */
godwit_status_t godwit__zmtp_heart_start (godwit__zmtp_t *driver, godwit_error_t **error);
void godwit__zmtp_heart_stop (godwit__zmtp_t *driver);

/* From now on the stream is looked at; it has a peer. */
void godwit__zmtp_heart_add (godwit__zmtp_stream_t *stream);
/* No longer. Does nothing if it is not. */
void godwit__zmtp_heart_remove (godwit__zmtp_stream_t *stream);

/* A PING of the peer says that it may be given up after so many tenths of seconds; 0: it says nothing. The
 * thread that reads. */
void godwit__zmtp_heart_take_ttl (godwit__zmtp_stream_t *stream, uint16_t ttl_ds);

#endif
