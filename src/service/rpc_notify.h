/* SPDX-License-Identifier: Apache-2.0 */
/* The apmec module's notifications: its notification transport and its notifier, from the configuration's
 * [oslo_messaging_notifications] (contract 11).
 */
#ifndef GODWIT_SRC_SERVICE_RPC_NOTIFY_H
#define GODWIT_SRC_SERVICE_RPC_NOTIFY_H

#include <godwit/service.h>

typedef struct godwit__rpc_notify {
    godwit_notifier_t *notifier;   /* all others are prepared from it; NULL: there are none */
    godwit_transport_t *transport; /* one of its own; NULL: the program's serves */
} godwit__rpc_notify_t;

/* transport, modules, hooks: the program's. config may be NULL: no driver. The statuses of
 * godwit_notifier_new and of godwit_transport_new; a failure leaves nothing behind. */
godwit_status_t godwit__rpc_notify_open (godwit__rpc_notify_t *notify, const godwit_config_t *config,
                                         godwit_transport_t *transport, const char *modules,
                                         const godwit_context_hooks_t *hooks, godwit_error_t **error);
/* What the notifier has accepted is waited for, for up to a second. */
void godwit__rpc_notify_close (godwit__rpc_notify_t *notify);

#endif
