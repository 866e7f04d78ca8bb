/* SPDX-License-Identifier: Apache-2.0 */
/* Whether tcp may be used: in a realm, whose members alone get in, or because of the option insecure; and
 * names in Linux's abstract namespace: because of the option alone. A transport asks for its settings, so
 * that a program hears of it at once; a driver asks for each address, because addresses come from others,
 * too. */
#ifndef GODWIT_SRC_INTERFACE_TCP_PERMISSION_H
#define GODWIT_SRC_INTERFACE_TCP_PERMISSION_H

#include "src/interface/driver.h"

/* True if only processes of this machine reach the host: "127.0.0.1", "::1", "[::1]", "localhost". */
bool godwit__host_is_loopback (const char *host);
/* The same for the host of "tcp://HOST:PORT". */
bool godwit__address_is_loopback (const char *address);

/* Why tcp is refused, and what to do, for the end of an error: "tcp beyond this host needs a realm: ...".
 * Static text. */
const char *godwit__tcp_refusal (bool is_loopback);

/* True for a name in Linux's abstract namespace, "ipc://@NAME": any user can have it. Processes of Godwit
 * 0.1.0 do, which need insecure=true in any case. */
bool godwit__address_is_abstract (const char *address);
/* Why such a name is refused, and what to do, for the end of an error. */
#define GODWIT__ABSTRACT_REFUSAL                                                                             \
    "every user of this machine can have such a name: it is not connected to without insecure=true"

/* OK: this address may be listened at, or connected to. SYSTEM: it may not. Sockets with paths always may. */
godwit_status_t godwit__driver_permits (const godwit__driver_options_t *options, const char *address,
                                        godwit_error_t **error);

/* A port finds no private folder (why, which is consumed) to listen in. OK: it listens with tcp alone, and
 * the program is warned. SYSTEM: tcp is not permitted. The reactor's thread. */
godwit_status_t godwit__driver_without_folder (const godwit__driver_options_t *options, godwit_error_t *why,
                                               godwit_error_t **error);

#endif
