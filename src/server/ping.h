/* SPDX-License-Identifier: Apache-2.0 */
/* The method oslo_rpc_server_ping, which any server answers if its transport's options say so. (The frame
 * PING is another thing: port.c answers it.) */
#ifndef GODWIT_SRC_SERVER_PING_H
#define GODWIT_SRC_SERVER_PING_H

#include <godwit/server.h>

extern const godwit_method_t godwit__ping_method;

/* True if an endpoint has a method of that name itself. */
bool godwit__ping_is_served (const godwit_endpoint_t *endpoints, size_t endpoint_count);

#endif
