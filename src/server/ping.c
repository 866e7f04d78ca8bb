/* SPDX-License-Identifier: Apache-2.0 */
/* The method oslo_rpc_server_ping. */
#include "src/server/ping.h"

#include "src/server/endpoints.h"

#include <string.h>

#define PING_METHOD "oslo_rpc_server_ping"

static godwit_status_t
answer_ping (godwit_request_t *request, void *self)
{
    (void) self;
    return godwit_request_reply (request, GODWIT_STR (NULL, "pong"));
}

const godwit_method_t godwit__ping_method = GODWIT_METHOD (PING_METHOD, answer_ping, 0);

bool
godwit__ping_is_served (const godwit_endpoint_t *endpoints, size_t endpoint_count)
{
    for (size_t i = 0; endpoints && i < endpoint_count; i++) {
        const godwit_endpoint_t endpoint = godwit__endpoint_at (endpoints, i);
        for (size_t j = 0; endpoint.methods && j < endpoint.method_count; j++) {
            const char *const name = godwit__method_row (&endpoint, j)->name;
            if (name && strcmp (name, PING_METHOD) == 0)
                return true;
        }
    }
    return false;
}
