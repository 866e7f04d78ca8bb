/* SPDX-License-Identifier: Apache-2.0 */
/* The frames that arrive over a connection. */
#ifndef GODWIT_SRC_CONNECTION_RECEIVE_H
#define GODWIT_SRC_CONNECTION_RECEIVE_H

#include "src/connection/connection.h"

/* Handles a frame that arrived, and consumes it. The leader's thread, without the lock. own: the leader's own
 * pending call, or NULL.
 */
void godwit__connection_frame (godwit__connection_t *connection, godwit__frame_t *frame,
                               godwit__pending_t *own);

#endif
