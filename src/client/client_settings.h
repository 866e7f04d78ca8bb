/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of a client: the program's options, or a parent's settings with overrides; all checked. */
#ifndef GODWIT_SRC_CLIENT_CLIENT_SETTINGS_H
#define GODWIT_SRC_CLIENT_CLIENT_SETTINGS_H

#include "src/client/client.h"

/* The strings are the program's, or the parent's. */
typedef struct godwit__client_settings {
    godwit_target_t target;
    const char *version_cap;
    int64_t timeout_ms;
    int64_t retry;
    int64_t call_monitor_timeout_ms;
    const godwit_serializer_t *serializer;
    bool mandatory;
    bool idempotent;
    bool is_durable;
    godwit_spool_t *spool; /* of a root; NULL: none */
    bool may_send;
    bool backs_off;
    godwit__group_t *group; /* NULL without a topic */
} godwit__client_settings_t;

/* The settings of a new client. target and options may be NULL. */
godwit_status_t godwit__client_settings_new (godwit__client_settings_t *settings,
                                             godwit_transport_t *transport, const godwit_target_t *target,
                                             const godwit_client_options_t *options, godwit_error_t **error);
/* The settings of a client that is prepared from a parent. overrides may be NULL. */
godwit_status_t godwit__client_settings_prepare (godwit__client_settings_t *settings,
                                                 const godwit_client_t *parent,
                                                 const godwit_overrides_t *overrides, godwit_error_t **error);

/* Makes a root. *spool: of the options, to be used by the caller; NULL: none. As godwit_client_new. */
godwit_status_t godwit__client_make (godwit_client_t **client, godwit_transport_t *transport,
                                     const godwit_target_t *target, const godwit_client_options_t *options,
                                     godwit_spool_t **spool, godwit_error_t **error);

/* Contract 3: true if a server that implements the cap would accept a request for the version. Without a cap
 * everything is allowed; with a cap, a version must be given. */
bool godwit__version_cap_allows (const char *version_cap, const char *version);

#endif
