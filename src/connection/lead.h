/* SPDX-License-Identifier: Apache-2.0 */
/* Which thread leads, that is, receives on a connection (connection.h has the drawing). With connection.lock
 * held. */
#ifndef GODWIT_SRC_CONNECTION_LEAD_H
#define GODWIT_SRC_CONNECTION_LEAD_H

#include "src/connection/connection.h"

/* Lets the completion reactor receive. Not after the retire task, which is the last one of a connection. */
void godwit__lead_post (godwit__connection_t *connection);
/* Gives the lead away: to the reactor while asynchronous calls are pending, else to a caller that waits, else
 * to `otherwise`, NOBODY or REACTOR. */
void godwit__lead_release (godwit__connection_t *connection, godwit__lead_t otherwise);
/* Takes the lead for a caller, unless another one has it. */
void godwit__lead_claim (godwit__connection_t *connection, godwit__pending_t *pending);

#endif
