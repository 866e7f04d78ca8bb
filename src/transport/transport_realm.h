/* SPDX-License-Identifier: Apache-2.0 */
/* A transport's realm: which member file, when its files are looked at again, and of what a person is
 * reminded. */
#ifndef GODWIT_SRC_TRANSPORT_TRANSPORT_REALM_H
#define GODWIT_SRC_TRANSPORT_TRANSPORT_REALM_H

#include "src/config/options.h"
#include "src/runtime/environment.h"
#include "src/runtime/transport.h"

/* Finds the realm's member file, opens it, and settles whether settings may ask for tcp. The transport logs
 * already, and nothing of it runs. INVALID_ARGUMENT: the driver, or the option insecure, cannot go with the
 * realm; or what is wrong with the file: it is never taken for none. */
godwit_status_t godwit__transport_open_realm (godwit_transport_t *transport,
                                              const godwit__settings_t *settings,
                                              const godwit__driver_ops_t *driver,
                                              const godwit__environment_t *environment,
                                              godwit_error_t **error);

/* From now on the realm's files are looked at every refresh_ms. Control thread. */
void godwit__transport_watch_realm (godwit_transport_t *transport);

/* Warns, when that is due: every hour that everybody is let in, and once a day that the certificate ends
 * soon. The first time at once. Control thread. */
void godwit__transport_remind (godwit_transport_t *transport);

#endif
