/* SPDX-License-Identifier: Apache-2.0 */
/* A simulated cluster, to test services with (docs/testing.md).
 *
 * Many transports run in one thread, on a network that loses, delays, repeats and reorders frames, cuts hosts
 * off and kills them. One seed decides all of that, so the same seed gives the same run. Time is virtual, and
 * nothing sleeps: a minute of a cluster of fifty nodes takes a fraction of a second.
 *
 *     godwit_cluster_new (&cluster, seed, &error);
 *     godwit_cluster_add (&store, cluster, "store-1", NULL, &error);  // a transport for a server
 *     godwit_cluster_add (&shop, cluster, "shop-1", NULL, &error);    // and one for a client of it
 *     godwit_cluster_set_faults (cluster, NULL, NULL, GODWIT_FAULTS (.drop = 0.01), &error);
 *     ...  // servers and clients, as on any transport
 *     godwit_cluster_run (cluster, 60000);
 *
 * The core that runs is the real one, with its matchmaker and protocol; only the sockets and the clock are
 * simulated. The transports are made with external_loop. So handlers and callbacks run inside
 * godwit_cluster_run, and inside calls that wait: a synchronous call lets the cluster run until its reply is
 * there.
 *
 * Threads: a cluster, with all that is made on it, belongs to one thread at a time. Several clusters may run
 * in several threads. */
#ifndef GODWIT_TESTING_H
#define GODWIT_TESTING_H

#include <godwit/transport.h>

GODWIT_BEGIN_DECLS

typedef struct godwit_cluster godwit_cluster_t;

/* Makes a simulated cluster without nodes, at time 0. Its network takes 100 us one way and has no faults.
 * *cluster belongs to the caller. OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_cluster_new (godwit_cluster_t **cluster, uint64_t seed,
                                                  godwit_error_t **error);
/* Destroys a cluster and sets *cluster to NULL. All its transports must have been destroyed before. Accepts
 * NULL and a pointer to NULL. */
GODWIT_EXPORT void godwit_cluster_destroy (godwit_cluster_t **cluster);

/* Adds a node with a transport to a cluster. *transport belongs to the caller, and is destroyed like any
 * other: with godwit_transport_destroy, which says goodbye and may let the cluster run. options may be NULL.
 * external_loop is set, but there is nothing to poll: godwit_transport_fd is -1. The first three nodes host
 * rendezvous points, which all nodes are told of. With the option realm a node is a member of that realm, and
 * the first three nodes need the right `host`; the dates of certificates are compared with the cluster's
 * clock, which begins at 2026-01-01 00:00:00 UTC. INVALID_ARGUMENT: a name that is not of letters, digits,
 * '-' and '.', or that a live node has. Otherwise the statuses of godwit_transport_new. */
GODWIT_EXPORT godwit_status_t godwit_cluster_add (godwit_transport_t **transport, godwit_cluster_t *cluster,
                                                  const char *node, const godwit_transport_options_t *options,
                                                  godwit_error_t **error);

/* ---- time ---- */

/* Returns the virtual time: milliseconds since the cluster was made. */
GODWIT_EXPORT int64_t godwit_cluster_now_ms (const godwit_cluster_t *cluster);
/* Lets virtual time pass: ms milliseconds. Not from a handler or a callback. */
GODWIT_EXPORT void godwit_cluster_run (godwit_cluster_t *cluster, int64_t ms);
/* Lets virtual time pass until done returns true, or for at_most_ms. done is asked after every step. Returns
 * whether it returned true. Not from a handler or a callback. */
GODWIT_EXPORT bool godwit_cluster_run_until (godwit_cluster_t *cluster, bool (*done) (void *user), void *user,
                                             int64_t at_most_ms);
/* Returns a random number below limit (not 0), by the cluster's seed: for plans of the test's own. */
GODWIT_EXPORT uint64_t godwit_cluster_random (godwit_cluster_t *cluster, uint64_t limit);
/* Runs a function once, at a later virtual time: ms milliseconds from now (at least 0). It runs between two
 * steps of the nodes, inside of whatever lets the time pass. It may do all that the test may, with one
 * exception. If a node's synchronous call (or start, stop, wait, destroy) is what lets the time pass, it must
 * leave that node alone. A function that is still due when the cluster is destroyed never runs.
 * OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_cluster_at (godwit_cluster_t *cluster, int64_t ms,
                                                 void (*fn) (void *user), void *user, godwit_error_t **error);

/* ---- faults ---- */

/* What happens to each frame on its way. Probabilities are from 0 to 1. */
typedef struct godwit_faults {
    size_t struct_size;
    double drop;          /* probability that it is lost */
    double duplicate;     /* probability that it arrives twice */
    double reorder;       /* probability that it does not wait for frames that were sent before it */
    int64_t delay_min_us; /* the way takes at least this long ... */
    int64_t delay_max_us; /* ... and at most this long; both 0: 100 */
} godwit_faults_t;

/* Makes faults for godwit_cluster_set_faults: GODWIT_FAULTS (.drop = 0.01, .delay_max_us = 2000). */
#define GODWIT_FAULTS(...) (&(const godwit_faults_t){.struct_size = sizeof (godwit_faults_t), __VA_ARGS__})

/* Sets the faults of frames from one node to another. from NULL: from all nodes; to NULL: to all. If several
 * settings fit a frame, the latest counts. faults NULL: no faults. OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_cluster_set_faults (godwit_cluster_t *cluster, const char *from,
                                                         const char *to, const godwit_faults_t *faults,
                                                         godwit_error_t **error);
/* Cuts the way from one node to another, or heals it (cut false). Only that direction is cut. from NULL: from
 * all others; to NULL: to all others. While it is cut, frames wait, connections that hear nothing for the
 * heartbeat timeout go down, and new ones cannot be made. */
GODWIT_EXPORT void godwit_cluster_cut (godwit_cluster_t *cluster, const char *from, const char *to, bool cut);
/* Kills a node without a goodbye. This is like SIGKILL: its connections go down at once. silent makes it like
 * a power failure: nobody is told, and heartbeats find out. After that its transport, clients and servers may
 * only be destroyed. A new node may have its name. Not from a handler or a callback. */
GODWIT_EXPORT void godwit_cluster_kill (godwit_cluster_t *cluster, const char *node, bool silent);
/* Cuts a set of nodes from all others, in both directions, or heals that: a call with cut true, and later one
 * with the same set and cut false. Nodes that come later under these names belong to the set. Partitions and
 * cuts may overlap. OUT_OF_MEMORY, INVALID_ARGUMENT (an invalid name). */
GODWIT_EXPORT godwit_status_t godwit_cluster_partition (godwit_cluster_t *cluster, const char *const *nodes,
                                                        size_t node_count, bool cut, godwit_error_t **error);
/* Pauses a node as SIGSTOP does, or lets it go on. A paused node runs nothing, its timers are late, what is
 * sent to it waits, and its peers hear nothing. Meanwhile the test must not use its clients and servers.
 * Destroying its transport lets it go on. */
GODWIT_EXPORT void godwit_cluster_pause (godwit_cluster_t *cluster, const char *node, bool paused);
/* Ends all faults of a cluster: set_faults, cuts, partitions and pauses. Killed nodes stay dead. */
GODWIT_EXPORT void godwit_cluster_heal (godwit_cluster_t *cluster);

/* ---- a plan of faults by the seed ---- */

/* The kinds of faults in a plan. */
typedef enum godwit_fault {
    GODWIT_FAULT_LOSS = 1 << 0,      /* frames are dropped, up to a third of them */
    GODWIT_FAULT_DELAY = 1 << 1,     /* frames are delayed, up to 200 ms */
    GODWIT_FAULT_DUPLICATE = 1 << 2, /* frames arrive twice, up to a third of them */
    GODWIT_FAULT_REORDER = 1 << 3,   /* frames overtake others, up to a third of them */
    GODWIT_FAULT_CUT = 1 << 4,       /* one node is cut from all others, in one direction or both */
    GODWIT_FAULT_PARTITION = 1 << 5, /* a set of nodes is cut from all others */
    GODWIT_FAULT_PAUSE = 1 << 6,     /* a node is paused */
    GODWIT_FAULT_KILL = 1 << 7,      /* a node is killed, and another takes its name later */
    GODWIT_FAULT_POWER = 1 << 8,     /* the same, but nobody is told */
    GODWIT_FAULT_RESTART = 1 << 9,   /* the test is asked to restart a node */
    GODWIT_FAULT_EXPIRY = 1 << 10,   /* a node's certificate ends, and it gets another one later */
    /* A node's certificate is revoked, of which one node reads first; it gets another one later. */
    GODWIT_FAULT_REVOCATION = 1 << 11,
    GODWIT_FAULT_ALL = (1 << 12) - 1
} godwit_fault_t;

/* Gets the beginning of each fault of a plan and, with over true, its end. node is the node that it strikes;
 * NULL: it strikes frames, or a set of nodes. The test made the objects on the nodes, so for three kinds it
 * has to do something. KILL and POWER: the node has just been killed; destroy what is on it. RESTART: stop
 * and destroy what is on it. At the end of these three: make the node anew. They never strike a node that is
 * letting time pass (godwit_cluster_at); they wait until it is not. */
typedef void godwit_cluster_fault_fn (void *user, godwit_fault_t fault, const char *node, bool over);

/* A plan has no key of the realm, so the test signs for it (docs/testing.md). Both are called at the
 * beginning and at the end of EXPIRY and REVOCATION, before on_fault is told; then the plan lets the node
 * read its files again. They write files, and leave the cluster alone. Nodes are named as in
 * godwit_cluster_add.
 *
 * certify: writes a new certificate into the node's member file. The dates are seconds of Unix's clock.
 * revoke: revokes the node's newest certificate, and writes the bulletin beside the member file of reader (it
 * may be the same node). */
typedef void godwit_cluster_certify_fn (void *user, const char *node, int64_t from_s, int64_t until_s);
typedef void godwit_cluster_revoke_fn (void *user, const char *node, const char *reader);

/* Which faults a plan has. */
typedef struct godwit_cluster_plan {
    size_t struct_size;
    unsigned faults;          /* GODWIT_FAULT_..., joined with |; 0: all */
    unsigned fault_count;     /* how many faults; 0: 10 */
    int64_t duration_ms;      /* they begin and end within this time; 0: 10000 */
    int64_t longest_ms;       /* the longest time of one fault; 0: a quarter of the duration */
    const char *const *nodes; /* nodes that can be struck; copied; NULL: all that exist now */
    size_t node_count;
    godwit_cluster_fault_fn *on_fault; /* NULL: there are no KILL, POWER and RESTART */
    void *user;
    godwit_cluster_certify_fn *certify; /* NULL: there are no EXPIRY and REVOCATION */
    godwit_cluster_revoke_fn *revoke;   /* NULL: there is no REVOCATION */
} godwit_cluster_plan_t;

/* Makes a plan for godwit_cluster_begin_plan: GODWIT_CLUSTER_PLAN (.fault_count = 12). */
#define GODWIT_CLUSTER_PLAN(...)                                                                             \
    (&(const godwit_cluster_plan_t){.struct_size = sizeof (godwit_cluster_plan_t), __VA_ARGS__})

/* Begins a plan of faults in a cluster: random kinds strike random nodes, at random times and for random
 * lengths, and overlap. The seed decides them now; they happen as time passes. When the plan is over, all its
 * faults are. plan may be NULL. OUT_OF_MEMORY, INVALID_ARGUMENT (no node, an invalid name, a negative
 * number). */
GODWIT_EXPORT godwit_status_t godwit_cluster_begin_plan (godwit_cluster_t *cluster,
                                                         const godwit_cluster_plan_t *plan,
                                                         godwit_error_t **error);

/* ---- what happened ---- */

/* What happened in a cluster since it was made. */
typedef struct godwit_cluster_stats {
    size_t struct_size;
    uint64_t frames;     /* frames that nodes sent; a publication counts once for each subscriber */
    uint64_t dropped;    /* of these: frames that the faults dropped */
    uint64_t repeated;   /* frames that the faults repeated */
    uint64_t overtaking; /* frames that did not have to wait for those before them */
    uint64_t lost;       /* frames that arrived where nobody was any more */
    uint64_t delivered;
    uint64_t connections; /* connections that came up */
    uint64_t broken;      /* connections that a fault or the other side closed */
    uint64_t faults;      /* cuts, partitions, pauses, kills, and settings of set_faults */
    /* A digest of all that happened, with its time and every byte: two runs with the same digest were the
     * same. */
    uint64_t digest;
} godwit_cluster_stats_t;

/* Reads the statistics of a cluster. Set stats->struct_size to sizeof before. INVALID_ARGUMENT. */
GODWIT_EXPORT godwit_status_t godwit_cluster_stats (const godwit_cluster_t *cluster,
                                                    godwit_cluster_stats_t *stats, godwit_error_t **error);

/* Gets a line for each frame, connection and fault, without a newline; borrowed. It must not touch the
 * cluster. */
typedef void godwit_cluster_trace_fn (void *user, int64_t now_us, const char *line);
/* Traces all that happens in a cluster from now on; trace NULL: no more. */
GODWIT_EXPORT void godwit_cluster_set_trace (godwit_cluster_t *cluster, godwit_cluster_trace_fn *trace,
                                             void *user);

GODWIT_END_DECLS

#endif
