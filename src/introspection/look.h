/* SPDX-License-Identifier: Apache-2.0 */
/* What can be asked: the methods of the namespace godwit.introspection, version 1.0. */
#ifndef GODWIT_SRC_INTROSPECTION_LOOK_H
#define GODWIT_SRC_INTROSPECTION_LOOK_H

#include "src/server/server.h"

/* One question. */
typedef struct godwit__look {
    godwit_transport_t *transport;
    godwit_server_t *server;    /* who is asked about, held; NULL: the process itself asks */
    godwit__caller_t *caller;   /* who asks; NULL: there is no realm, or the process itself asks */
    const godwit_value_t *args; /* a map, or NULL */
    const void *params;         /* what the method's slots made of them */
} godwit__look_t;

/* Whether who asks may see what belongs to a topic. */
bool godwit__look_may (const godwit__look_t *look, const char *exchange, const char *topic);
/* Whether who asks may see what belongs to no topic, too: there is a right for all of them. */
bool godwit__look_may_all (const godwit__look_t *look);

/* Whether version 1.0 serves whoever wants this one. UNSUPPORTED_VERSION; INVALID_ARGUMENT: it is malformed.
 */
godwit_status_t godwit__look_check_version (const char *version, const char *method, godwit_error_t **error);
/* Answers. *value belongs to the caller. NO_SUCH_METHOD (naming those that there are), the statuses of slots,
 * OUT_OF_MEMORY. */
godwit_status_t godwit__look (const godwit__look_t *look, const char *method, godwit_value_t **value,
                              godwit_error_t **error);

/* ---- the methods: each adds its answer, a map that is open ---- */

typedef godwit_status_t godwit__look_fn (const godwit__look_t *look, godwit_builder_t *builder,
                                         godwit_error_t **error);

godwit__look_fn godwit__look_describe, godwit__look_ping, godwit__look_stats, godwit__look_view,
    godwit__look_calls, godwit__look_connections;

/* The arguments of `calls`. */
typedef struct godwit__calls_params {
    uint64_t after;
    int64_t limit, last_ms;
    const char *id, *exchange, *topic, *method, *server;
    bool failed, running, slowest;
} godwit__calls_params_t;

/* The map "process": who this is. */
void godwit__look_process (const godwit__look_t *look, godwit_builder_t *builder);

#endif
