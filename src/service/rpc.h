/* SPDX-License-Identifier: Apache-2.0 */
/* The apmec module (contract 11): the program's one transport, from init to cleanup, and the clients and
 * servers of it.
 */
#ifndef GODWIT_SRC_SERVICE_RPC_H
#define GODWIT_SRC_SERVICE_RPC_H

#include "src/service/rpc_context.h"
#include "src/service/rpc_notify.h"

/* The state of the module, copied for one function that works with it. */
typedef struct godwit__rpc {
    godwit_transport_t *transport; /* a reference */
    char *host;                    /* the name of servers without a name of their own; the caller's copy */
    bool is_disabled;              /* rpc_workers = 0 */
    godwit_context_hooks_t hooks;  /* of its RequestContextSerializers, as of init */
    godwit__rpc_notify_t notify;   /* without a notifier: init_action, not init */
} godwit__rpc_t;

/* INVALID_ARGUMENT: the function, which is named, was called before init. */
godwit_status_t godwit__rpc_enter (godwit__rpc_t *rpc, const char *function, godwit_error_t **error);
/* Gives back what enter gave. */
void godwit__rpc_leave (godwit__rpc_t *rpc);

/* A server of its transport: default access policy, serializer wrapped. */
godwit_status_t godwit__rpc_server_new (godwit_server_t **server, const godwit__rpc_t *rpc,
                                        const godwit_target_t *target, const godwit_endpoint_t *endpoints,
                                        size_t endpoint_count, const godwit_serializer_t *serializer,
                                        godwit_error_t **error);

#endif
