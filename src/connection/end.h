/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a connection, and the GOODBYE that it says. */
#ifndef GODWIT_SRC_CONNECTION_END_H
#define GODWIT_SRC_CONNECTION_END_H

#include "src/connection/connection.h"

/* Says that nothing more will be sent, to one server or (0) to all. With connection.lock held, which is
 * released by godwit__connection_unlock. */
void godwit__connection_say_goodbye (godwit__connection_t *connection, uint32_t server_id);

#endif
