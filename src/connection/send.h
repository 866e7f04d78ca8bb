/* SPDX-License-Identifier: Apache-2.0 */
/* What a connection sends besides requests. */
#ifndef GODWIT_SRC_CONNECTION_SEND_H
#define GODWIT_SRC_CONNECTION_SEND_H

#include "src/connection/connection.h"
#include "src/connection/queue.h"

void godwit__connection_say_hello (godwit__connection_t *connection);
/* A server said GOODBYE: nothing is sent to it any more ... */
void godwit__connection_note_goodbye (godwit__connection_t *connection, uint32_t server_id);
/* ... and it is told so if it waits for that. */
void godwit__connection_answer_goodbye (godwit__connection_t *connection, uint32_t server_id);
/* The other process said that it ends: sends what is left, answers, and sends nothing more. */
void godwit__connection_leave (godwit__connection_t *connection);
/* Nothing more is to be sent, but what was sent is still answered. The port is not told: it would give up
 * what runs. Returns false if the connection is not open yet: then nothing was sent. */
bool godwit__connection_retire (godwit__connection_t *connection);
/* Says PING, so that the port does not forget the connection; its PONG tells what the port has read
 * (connection.h says what happens if none comes). Any thread. */
void godwit__connection_ping (godwit__connection_t *connection);
/* Says PING only to hear whether the port is there. False: it could not be said. Any thread. */
bool godwit__connection_ask (godwit__connection_t *connection);
/* Sends the requests that were kept in the batch. Completion reactor. */
void godwit__connection_flush (godwit__connection_t *connection);
/* The same with connection.lock held, until which is released they are only queued. If there is no room for
 * the batch, its calls are UNSENT. */
void godwit__connection_send_batch (godwit__connection_t *connection, godwit__pending_t **finished);

#endif
