/* SPDX-License-Identifier: Apache-2.0 */
/* The dispatch table: from the names in a request to the handler that answers it (contract 5). It is built
 * when a server is made. Afterwards only measurements change (run times and counters), and what was found
 * last. Any thread. */
#ifndef GODWIT_SRC_SERVER_DISPATCH_H
#define GODWIT_SRC_SERVER_DISPATCH_H

#include <godwit/server.h>

#include "src/address/target_version.h"
#include "src/base/table.h"
#include "src/runtime/metrics.h"
#include "src/server/run_time.h"

#include <stdatomic.h>

/* A method of an endpoint that can be called. */
typedef struct godwit__route {
    godwit_method_t method; /* a copy: the program's may be of another release, and shorter */
    size_t name_size;
    uint32_t endpoint;               /* its index */
    uint64_t number;                 /* not 0; no other route of this process ever has it */
    godwit__table_node_t by_name;    /* of the dispatch, if it is the first one of its name */
    struct godwit__route *next;      /* the same name in a later endpoint */
    atomic_uint_fast32_t average_ns; /* moving average of its run time; 0: it has never run */
    godwit__run_time_t run_time;
    _Atomic (godwit__metric_t *) metrics[2]; /* counters of its requests and of fanouts; NULL: none yet */
} godwit__route_t;

typedef struct godwit__dispatch godwit__dispatch_t;

/* Which methods can be called. */
typedef struct godwit__policy {
    godwit_policy_t kind;
    godwit_allow_fn *allow; /* with CUSTOM */
    void *allow_user;
    const godwit_method_t *extra; /* one more method, in no namespace, version 1.0; NULL: none */
} godwit__policy_t;

/* The sizes of the endpoints were checked. INVALID_ARGUMENT names the endpoint, the method or the policy that
 * is wrong. */
godwit_status_t godwit__dispatch_new (godwit__dispatch_t **dispatch, const godwit_endpoint_t *endpoints,
                                      size_t endpoint_count, const godwit__policy_t *policy,
                                      godwit_error_t **error);
/* Runs no on_destroy. */
void godwit__dispatch_destroy (godwit__dispatch_t **dispatch);
/* Tells the endpoints (on_destroy) that the server is being destroyed. */
void godwit__dispatch_destroy_endpoints (godwit__dispatch_t *dispatch);

/* method is a STR, and not NULL; name_space and version are STR or nil (or NULL). NO_SUCH_METHOD,
 * UNSUPPORTED_VERSION; INVALID_ARGUMENT for a malformed version. */
godwit_status_t godwit__dispatch_find (godwit__dispatch_t *dispatch, const godwit_value_t *method,
                                       const godwit_value_t *name_space, const godwit_value_t *version,
                                       godwit__route_t **route, godwit_error_t **error);
/* The only route of a lane (server.h). */
godwit__route_t *godwit__dispatch_first (godwit__dispatch_t *dispatch);
void *godwit__dispatch_self (const godwit__dispatch_t *dispatch, const godwit__route_t *route);
/* What the route's endpoint serves, human-readable: returns the namespace (NULL: none), and writes the
 * version to `version`.
 */
const char *godwit__dispatch_serves (const godwit__dispatch_t *dispatch, const godwit__route_t *route,
                                     char version[GODWIT__VERSION_TEXT]);
/* True if some method of this name is INLINE: worth a closer look. */
bool godwit__dispatch_may_inline (const godwit__dispatch_t *dispatch, const char *name, size_t size);
/* What all endpoints serve, as a record tells it (src/address/offer.h): empty if that would be too long.
 * Borrowed. */
const char *godwit__dispatch_versions (const godwit__dispatch_t *dispatch);

/* Adds a map for each endpoint to the list that is open: namespace, version, methods with what is said of
 * them. */
void godwit__dispatch_tell (const godwit__dispatch_t *dispatch, godwit_builder_t *builder);

/* Stands for the route and what is done with it, to remember who may (caller.h). */
static inline uint64_t
godwit__route_mark (const godwit__route_t *route, bool is_published)
{
    return route->number * 2 + is_published;
}

/* Adds a run to the average, with the weight of one eighth. Concurrent runs may lose one, which does not
 * matter. A run that took much longer than the average counts only in part: a busy machine may suspend a
 * thread for milliseconds, and a short method must not be taken for a long one, and handed from thread to
 * thread, because of that. A method that has really become long is known after seven runs. */
static inline void
godwit__route_measured (godwit__route_t *route, int64_t duration_ns)
{
    const int64_t longest = UINT32_MAX;
    const int64_t old = (int64_t) atomic_load_explicit (&route->average_ns, memory_order_relaxed);
    const int64_t most = old && old < longest / 16 ? 8 * old + 1000 : longest;
    const int64_t sample = duration_ns < 1 ? 1 : duration_ns > most ? most : duration_ns;
    int64_t average = old ? old + (sample - old) / 8 : sample;
    if (average < 1)
        average = 1;
    atomic_store_explicit (&route->average_ns, (uint_fast32_t) average, memory_order_relaxed);
}

#endif
