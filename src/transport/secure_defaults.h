/* SPDX-License-Identifier: Apache-2.0 */
/* What a transport's settings may ask for without a realm: this machine's private folders alone, unless the
 * option insecure says otherwise. */
#ifndef GODWIT_SRC_TRANSPORT_SECURE_DEFAULTS_H
#define GODWIT_SRC_TRANSPORT_SECURE_DEFAULTS_H

#include "src/config/options.h"
#include "src/runtime/transport.h"

/* INVALID_ARGUMENT: a setting asks for tcp, and transport->refuses_tcp. The error names the setting, where it
 * was said, and what to do. url_where says where the URL comes from. The lists of servers are the
 * matchmaker's. */
godwit_status_t godwit__secure_defaults_check (const godwit_transport_t *transport,
                                               const godwit__settings_t *settings, const char *url_where,
                                               godwit_error_t **error);

/* INVALID_ARGUMENT: a rendezvous at this host may not be used. name: what asks for it, human-readable. */
godwit_status_t godwit__secure_defaults_check_host (const godwit_transport_t *transport,
                                                    const godwit_url_host_t *host, const char *name,
                                                    godwit_error_t **error);

#endif
