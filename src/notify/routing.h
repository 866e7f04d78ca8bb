/* SPDX-License-Identifier: Apache-2.0 */
/* The driver `routing`: where its rules come from. The rules are read by a component, which the library is
 * not linked with (components/routing). */
#ifndef GODWIT_SRC_NOTIFY_ROUTING_H
#define GODWIT_SRC_NOTIFY_ROUTING_H

#include <godwit/notify.h>

/* Reads the rules of a file. *rules belongs to the caller, who frees it by (*routing)->close; both are
 * written on success only. DRIVER_LOAD: there is no component. INVALID_ARGUMENT: no file is named. The
 * statuses of open. */
godwit_status_t godwit__routing_open (const godwit_routing_t **routing, void **rules, const char *path,
                                      godwit_error_t **error);

#endif
