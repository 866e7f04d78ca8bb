/* SPDX-License-Identifier: Apache-2.0 */
/* How contexts of the program's own type travel with the apmec module: the hooks of its
 * RequestContextSerializers (contract 11). */
#ifndef GODWIT_SRC_SERVICE_RPC_CONTEXT_H
#define GODWIT_SRC_SERVICE_RPC_CONTEXT_H

#include <godwit/serializer.h>

/* The hooks that the next init takes. With the process's lock. */
godwit_context_hooks_t godwit__rpc_next_hooks (void);

/* Wraps a serializer in a RequestContextSerializer. *wrapped is the caller's; NULL: neither a serializer nor
 * a hook is there, and so a wrapper would do nothing. */
godwit_status_t godwit__rpc_wrap (godwit_serializer_t **wrapped, const godwit_serializer_t *serializer,
                                  const godwit_context_hooks_t *hooks, godwit_error_t **error);

#endif
