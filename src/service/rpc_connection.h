/* SPDX-License-Identifier: Apache-2.0 */
/* Connections of the apmec module: servers that start and stop together (contract 11). They are no
 * connections between processes; those are src/connection.
 */
#ifndef GODWIT_SRC_SERVICE_RPC_CONNECTION_H
#define GODWIT_SRC_SERVICE_RPC_CONNECTION_H

#include <godwit/service.h>

/* Stops all servers; waits for their handlers if graceful. The connection is closed then. */
godwit_status_t godwit__rpc_connection_stop (godwit_rpc_connection_t *connection, bool graceful,
                                             godwit_error_t **error);
/* Its transport, borrowed; NULL: a VoidConnection. */
godwit_transport_t *godwit__rpc_connection_transport (const godwit_rpc_connection_t *connection);

#endif
