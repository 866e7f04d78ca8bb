/* SPDX-License-Identifier: Apache-2.0 */
/* Connections on which the completion reactor leads: nobody uses them at the moment, or asynchronous calls
 * are pending on them. All on the reactor's thread.
 */
#ifndef GODWIT_SRC_CONNECTION_LED_H
#define GODWIT_SRC_CONNECTION_LED_H

#include "src/connection/completion.h"
#include "src/connection/connection.h"

/* Prepares the tasks of a connection that is being opened. */
void godwit__led_init (godwit__connection_t *connection);

/* The hooks of the completion reactor's timers. */

/* Ends asynchronous calls that are past their deadline. Returns the next deadline; GODWIT__NEVER: there is
 * none. */
int64_t godwit__led_expire (godwit__completion_t *completion, int64_t now_ns);
/* Takes the lead on connections that nobody has used since the last tick. True: the reactor leads on all of
 * them. */
bool godwit__led_tick (godwit__completion_t *completion);

#endif
