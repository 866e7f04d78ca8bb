/* SPDX-License-Identifier: Apache-2.0 */
/* Reading endpoints and methods as a program gives them, whatever release it was built for, and copying them,
 * for servers that are made later. */
#ifndef GODWIT_SRC_SERVER_ENDPOINTS_H
#define GODWIT_SRC_SERVER_ENDPOINTS_H

#include <godwit/server.h>

#include "src/error/struct_size.h"

/* Checks the sizes that endpoints, their methods and these methods' slots say, as godwit_server_new takes
 * them. The functions below rely on it. INVALID_ARGUMENT. */
godwit_status_t godwit__endpoints_check (const godwit_endpoint_t *endpoints, size_t count,
                                         godwit_error_t **error);

static inline godwit_endpoint_t
godwit__endpoint_at (const godwit_endpoint_t *endpoints, size_t index)
{
    godwit_endpoint_t endpoint;
    const size_t stride = endpoints->struct_size;
    godwit__struct_copy (&godwit__struct_endpoint, &endpoint, (const char *) endpoints + index * stride,
                         stride);
    return endpoint;
}

/* The row of the program's table. What an older release does not have must not be read. */
static inline const godwit_method_t *
godwit__method_row (const godwit_endpoint_t *endpoint, size_t index)
{
    return (const godwit_method_t *) (const void *) ((const char *) endpoint->methods +
                                                     index * endpoint->method_size);
}

static inline godwit_method_t
godwit__method_at (const godwit_endpoint_t *endpoint, size_t index)
{
    godwit_method_t method;
    godwit__struct_copy (&godwit__struct_method, &method, godwit__method_row (endpoint, index),
                         endpoint->method_size);
    return method;
}

/* As godwit_server_new takes them: the structs, of whatever size, and their strings are copied; tables of
 * methods are borrowed. *copies is NULL for none. INVALID_ARGUMENT, OUT_OF_MEMORY. */
godwit_status_t godwit__endpoints_copy (godwit_endpoint_t **copies, const godwit_endpoint_t *endpoints,
                                        size_t count, godwit_error_t **error);
/* Accepts NULL. on_destroy is not called. */
void godwit__endpoints_free (godwit_endpoint_t *copies, size_t count);

#endif
