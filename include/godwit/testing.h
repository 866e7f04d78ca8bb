/* A simulated cluster, to test services with (docs/architecture.md 7): many transports in one thread, on a
 * network that loses, delays, repeats and reorders frames, cuts hosts off and kills them, all by one seed, in
 * virtual time. Nothing sleeps: a minute of a cluster of fifty nodes takes a fraction of a second, and the
 * same seed gives the same run.
 *
 *     godwit_cluster_new (&cluster, seed, &error);
 *     godwit_cluster_add (&store, cluster, "store-1", NULL, &error);     a transport for a server ...
 *     godwit_cluster_add (&shop, cluster, "shop-1", NULL, &error);       ... and one for a client of it
 *     godwit_cluster_set_faults (cluster, NULL, NULL, GODWIT_FAULTS (.drop = 0.01, .delay_max_us = 2000));
 *     ... servers and clients on them, as on any transport ...
 *     godwit_cluster_run (cluster, 60000);
 *
 * The core that runs is the real one, matchmaker and protocol included; only the sockets and the clock are
 * not. The transports are made with external_loop, so handlers and callbacks run inside godwit_cluster_run,
 * and inside calls of the thread that wait: a synchronous call lets the cluster run until its reply is there.
 *
 * Threads: a cluster and all that is made on it belong to one thread at a time.
 */
#ifndef GODWIT_TESTING_H
#define GODWIT_TESTING_H

#include <godwit/transport.h>

GODWIT_BEGIN_DECLS

typedef struct godwit_cluster godwit_cluster_t;

/* A cluster with no node, at time 0, with a network of 100 us one way and no faults. *cluster belongs to the
 * caller. OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_cluster_new (godwit_cluster_t **cluster, uint64_t seed,
                                                  godwit_error_t **error);
/* Every transport of it must have been destroyed. Accepts NULL and a pointer to NULL. */
GODWIT_EXPORT void godwit_cluster_destroy (godwit_cluster_t **cluster);

/* A node with a transport, which belongs to the caller and is destroyed as any other
 * (godwit_transport_destroy, which says goodbye; it may let the cluster run). options may be NULL;
 * external_loop is set. The first three nodes host rendezvous points, which all nodes are told of.
 * INVALID_ARGUMENT: a name that is not of letters, digits, '-' and '.', or that a live node has; the statuses
 * of godwit_transport_new. */
GODWIT_EXPORT godwit_status_t godwit_cluster_add (godwit_transport_t **transport, godwit_cluster_t *cluster,
                                                  const char *node, const godwit_transport_options_t *options,
                                                  godwit_error_t **error);

/* ---- time ---- */

/* Milliseconds since the cluster was made, virtual. */
GODWIT_EXPORT int64_t godwit_cluster_now_ms (const godwit_cluster_t *cluster);
/* Lets so much time pass. Not from a handler or a callback. */
GODWIT_EXPORT void godwit_cluster_run (godwit_cluster_t *cluster, int64_t ms);
/* The same, but ends as soon as done says so; it is asked after every step. True if it did. */
GODWIT_EXPORT bool godwit_cluster_run_until (godwit_cluster_t *cluster, bool (*done) (void *user), void *user,
                                             int64_t at_most_ms);
/* A number below limit (which is not 0) by the cluster's seed: for plans of a test's own. */
GODWIT_EXPORT uint64_t godwit_cluster_random (godwit_cluster_t *cluster, uint64_t limit);

/* ---- faults ---- */

/* What happens to each frame on its way. Probabilities are from 0 to 1. */
typedef struct godwit_faults {
    size_t struct_size;
    double drop;          /* it is lost */
    double duplicate;     /* it arrives twice */
    double reorder;       /* it does not wait for those sent before it */
    int64_t delay_min_us; /* its way takes from so long ... */
    int64_t delay_max_us; /* ... to so long; both 0: 100 */
} godwit_faults_t;

#define GODWIT_FAULTS(...) (&(const godwit_faults_t){.struct_size = sizeof (godwit_faults_t), __VA_ARGS__})

/* From one node to another; NULL: from or to all. The latest that fits a frame counts; faults NULL: none.
 * OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_cluster_set_faults (godwit_cluster_t *cluster, const char *from,
                                                         const char *to, const godwit_faults_t *faults,
                                                         godwit_error_t **error);
/* Cuts the way from one node to another (NULL: from or to all others), or heals it: frames wait meanwhile,
 * connections that hear nothing for the heartbeat timeout go down, and new ones cannot be made. One direction
 * only. */
GODWIT_EXPORT void godwit_cluster_cut (godwit_cluster_t *cluster, const char *from, const char *to, bool cut);
/* Kills a node without a goodbye, as SIGKILL does (its connections go down at once), or, silent, as a power
 * failure (nobody is told, heartbeats find out). Its transport, clients and servers only have to be destroyed
 * then, and may be asked nothing more; a new node may have its name. Not from a handler or a callback. */
GODWIT_EXPORT void godwit_cluster_kill (godwit_cluster_t *cluster, const char *node, bool silent);

GODWIT_END_DECLS

#endif
