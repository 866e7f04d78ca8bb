/* SPDX-License-Identifier: Apache-2.0 */
/* Durable casts: a client's spool, and a thread ("godwit-casts") that sends what is in it until a server has
 * acknowledged that it ran.
 *
 *     cast --> spool --read--> waiting --> sent as an asynchronous call --> it ran: settled
 *                                 ^                   |
 *                                 +----- back-off <---+  not sent; refused; or it may have run: marked
 *
 * A spool has a stream for each exchange and topic, "cast/EXCHANGE/TOPIC", with one pool, "servers". An item
 * is the name of the server that it is for, with its NUL ("": any), and the body of the request. */
#ifndef GODWIT_SRC_CLIENT_DURABLE_H
#define GODWIT_SRC_CLIENT_DURABLE_H

#include "src/client/client.h"

typedef struct godwit__durable godwit__durable_t;

/* Takes over what is in the spool, and begins to send it. The statuses of the spool; SYSTEM, OUT_OF_MEMORY.
 */
godwit_status_t godwit__durable_open (godwit__durable_t **durable, godwit_transport_t *transport,
                                      godwit_spool_t *spool, godwit_error_t **error);
/* Ends it: what did not run stays in the spool. Accepts a pointer to NULL. Not on the completion thread. */
void godwit__durable_close (godwit__durable_t **durable, bool forked);

/* Keeps a cast of a client that is durable. */
godwit_status_t godwit__durable_cast (godwit_client_t *client, const godwit_value_t *context,
                                      const char *method, const godwit_fields_t *args,
                                      godwit_error_t **error);

#endif
