/* SPDX-License-Identifier: Apache-2.0 */
/* The number of a connection, under which a port remembers what it has seen.
 *
 * A client gives no id twice. So if a port says DUPLICATE, somebody else has stated the identity of this
 * process and the number of this connection, in a HELLO of his own, and made the port count ids as seen. What
 * became of the request is not known then. The connection goes on under another number, which it states in
 * another HELLO over the same link: the port then counts as seen what was sent before, and nothing else. No
 * other link is needed, calls that wait for a reply get it, and the next calls are accepted at once.
 */
#ifndef GODWIT_SRC_CONNECTION_RENUMBER_H
#define GODWIT_SRC_CONNECTION_RENUMBER_H

#include "src/connection/connection.h"

/* Random, never 0. Any thread. */
uint32_t godwit__connection_new_number (godwit_transport_t *transport);
/* A port has refused this request as DUPLICATE. Counts it, warns at most once a minute, and renumbers the
 * connection at most ten times a second: somebody who learns each number at once must not cost more. The
 * thread that leads, without the lock. */
void godwit__connection_renumber (godwit__connection_t *connection, uint64_t id);

#endif
