/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster that a command has joined as a client, and the servers that are in it. */
#ifndef GODWIT_TOOLS_CLUSTER_H
#define GODWIT_TOOLS_CLUSTER_H

#include "tools/godwit/common.h"
#include "tools/godwit/pattern.h"

#include <godwit/client.h>
#include <godwit/transport.h>

/* The namespace of what every server tells of itself. */
#define INTROSPECTION "godwit.introspection"
#define INTROSPECTION_VERSION "1.0"

/* A server; everything is borrowed from the list. */
typedef struct server {
    const godwit_value_t *map; /* as godwit_transport_servers tells it */
    const char *exchange, *topic, *name, *state;
} server_t;

/* The servers that were meant, in the order of their names. */
typedef struct servers {
    godwit_value_t *list;
    server_t *items;
    size_t count;
    size_t total; /* with those that were not meant */
} servers_t;

typedef struct cluster {
    const common_t *common;
    godwit_transport_t *transport;
} cluster_t;

/* Joins, and waits until it is told which servers there are. Returns an exit status: 0, or what was printed.
 * Ends with cluster_leave in any case. */
int cluster_join (cluster_t *cluster, const common_t *common);
void cluster_leave (cluster_t *cluster);

/* Lists the servers of this pattern. Returns an exit status: 0, also if there are none, or what was printed.
 * Ends with servers_free in any case. */
int cluster_list (servers_t *servers, const cluster_t *cluster, const pattern_t *pattern);
void servers_free (servers_t *servers);
/* The same; none is printed, with names that are near: STATUS_NOTHING. */
int cluster_find (servers_t *servers, const cluster_t *cluster, const pattern_t *pattern);

/* What a server of a target tells of its methods: the result of godwit.introspection's `describe`. NULL: it
 * tells nothing. The caller's. */
godwit_value_t *cluster_describe (const cluster_t *cluster, const godwit_target_t *target,
                                  int64_t timeout_ms);

/* Prints an error of the library, with all that it says, and destroys it. Returns status. */
int cluster_fail (const common_t *common, godwit_error_t **error, int status);

/* What stands in the map of a server; "" and 0 without it. */
const char *server_text (const server_t *server, const char *key);
/* "1.3, billing 2.0": what it serves. The caller's; NULL when memory is short. */
char *server_versions (const server_t *server);
/* The address by which it can be reached best from here; "" without one. */
const char *server_address (const server_t *server);
/* Prints "godwit/stock/one", cleaned. The caller's; NULL when memory is short. */
char *server_names (const server_t *server);
/* How its state is shown. */
style_t server_style (const char *state);

#endif
