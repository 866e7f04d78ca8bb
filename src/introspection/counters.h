/* SPDX-License-Identifier: Apache-2.0 */
/* The counters of a transport, for others than its own program. */
#ifndef GODWIT_SRC_INTROSPECTION_COUNTERS_H
#define GODWIT_SRC_INTROSPECTION_COUNTERS_H

#include <godwit/transport.h>

/* Adds the fields of godwit_transport_stats_t, by their names, to the map that is open. */
void godwit__counters_build (const godwit_transport_t *transport, godwit_builder_t *builder);

#endif
