/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of the notification driver `routing`: YAML (docs/notifications.md). The component godwit-routing;
 * link with -lgodwit-routing, and say once, before notifiers are made:
 *
 *     godwit_notify_use_routing (godwit_routing_yaml (), &error);
 *
 * After that notifiers may name the driver `routing` and its file: .drivers = (const char *[]){"routing"},
 * .driver_count = 1, .routing_config = "routes.yaml". The same holds for the options driver and
 * routing_config of godwit_rpc_init. The file:
 *
 *     dashboard:                                 # a group, of any name
 *       messaging:                               # a driver
 *         accepted_events: ["compute.*", "disk.full"]
 *         accepted_priorities: [warn, error, critical]
 *     auditor:
 *       log: {}                                  # an empty rule accepts all
 *
 * A rule accepts a notification if its event and its priority are accepted. A driver gets a notification,
 * once, if its rule in some group accepts it. Events are patterns of the shell (*, ?, [a-z], [!a-z]) for the
 * whole of an event; a pattern has at most 255 bytes, and a file 1 MiB. One that begins with * stands in
 * quotes, because to YAML that is the beginning of an alias.
 *
 * Threads: any thread may call these functions.
 */
#ifndef GODWIT_ROUTING_H
#define GODWIT_ROUTING_H

#include <godwit/notify.h>

GODWIT_BEGIN_DECLS

/* Returns what reads rules from a file of YAML. Static. Its open: SYSTEM (the file cannot be read), MALFORMED
 * ("routes.yaml:7: expected a list of patterns, got a map"), LIMIT_EXCEEDED, OUT_OF_MEMORY. */
GODWIT_EXPORT const godwit_routing_t *godwit_routing_yaml (void);

GODWIT_END_DECLS

#endif
