/* SPDX-License-Identifier: Apache-2.0 */
/* What arrives over a connection. */
#ifndef GODWIT_SRC_CONNECTION_RECEIVE_H
#define GODWIT_SRC_CONNECTION_RECEIVE_H

#include "src/connection/connection.h"

/* A frame that arrived, which is consumed. The leader, without lock. own: the leader's own pending, or NULL.
 */
void godwit__connection_frame (godwit__connection_t *connection, godwit__frame_t *frame,
                               godwit__pending_t *own);

#endif
