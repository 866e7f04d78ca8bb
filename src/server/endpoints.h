/* SPDX-License-Identifier: Apache-2.0 */
/* Reading endpoints as a program gives them (an older program may have a shorter struct), and copying them,
 * for servers that are made later. */
#ifndef GODWIT_SRC_SERVER_ENDPOINTS_H
#define GODWIT_SRC_SERVER_ENDPOINTS_H

#include <godwit/server.h>

#include <string.h>

static inline godwit_endpoint_t
godwit__endpoint_at (const godwit_endpoint_t *endpoints, size_t index)
{
    godwit_endpoint_t endpoint = {0};
    const size_t stride = endpoints->struct_size ? endpoints->struct_size : sizeof endpoint;
    const char *const at = (const char *) endpoints + index * stride;
    memcpy (&endpoint, at, stride < sizeof endpoint ? stride : sizeof endpoint);
    return endpoint;
}

/* As godwit_server_new takes them: the structs, of whatever size, and their strings are copied; tables of
 * methods are borrowed. *copies is NULL for none. INVALID_ARGUMENT, OUT_OF_MEMORY. */
godwit_status_t godwit__endpoints_copy (godwit_endpoint_t **copies, const godwit_endpoint_t *endpoints,
                                        size_t count, godwit_error_t **error);
/* Accepts NULL. on_destroy is not called. */
void godwit__endpoints_free (godwit_endpoint_t *copies, size_t count);

#endif
