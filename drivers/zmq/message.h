/* SPDX-License-Identifier: Apache-2.0 */
/* Sends Godwit's messages and receives frames as libzmq messages. */
#ifndef GODWIT_DRIVERS_ZMQ_MESSAGE_H
#define GODWIT_DRIVERS_ZMQ_MESSAGE_H

#include "drivers/zmq/load.h"

#include <zmq.h>

/* A libzmq message that is to be sent, and what is needed to take it back. */
typedef struct godwit__outgoing {
    zmq_msg_t message;
    struct godwit__lent *lent; /* the caller's bytes, passed without a copy */
} godwit__outgoing_t;

/* A message above GODWIT__LIGHT counts in `load` until libzmq has released it. For smaller ones load may be
 * NULL. False when memory is short. */
bool godwit__outgoing_init (godwit__outgoing_t *outgoing, const godwit__message_t *message,
                            godwit__load_t *load);
/* Sends it as the last part, without waiting. Returns 0, or an errno; then it is unchanged. */
int godwit__outgoing_send (godwit__outgoing_t *outgoing, void *socket);
/* Call it after the message was sent: frees the caller's bytes if they were copied. */
void godwit__outgoing_sent (godwit__outgoing_t *outgoing, const godwit__message_t *message);
/* Call it if the message was not sent: the bytes stay the caller's. */
void godwit__outgoing_cancel (godwit__outgoing_t *outgoing);

/* Receives one part into an uninitialised frame; flags: ZMQ_DONTWAIT, or 0 to wait for the socket's
 * ZMQ_RCVTIMEO. Returns 0, or an errno; then there is nothing to release. */
int godwit__frame_receive (godwit__frame_t *frame, void *socket, int flags);
/* Whether the message has another part. */
bool godwit__frame_has_more (const godwit__frame_t *frame);
/* The descriptor of the connection that it came over; -1: it came over none. */
int godwit__frame_source (const godwit__frame_t *frame);
/* Releases the frame and throws away the other parts of its message. */
void godwit__frame_discard (godwit__frame_t *frame, void *socket);

#endif
