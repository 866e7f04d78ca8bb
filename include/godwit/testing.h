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
 * Threads: a cluster and all that is made on it belong to one thread at a time; several clusters may run in
 * several threads.
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
 * external_loop is set (but there is nothing to poll: godwit_transport_fd is -1). The first three nodes host
 * rendezvous points, which all nodes are told of. INVALID_ARGUMENT: a name that is not of letters, digits,
 * '-' and '.', or that a live node has; the statuses of godwit_transport_new. */
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
/* Runs fn in so many ms of virtual time (at least 0), once: between two steps of the nodes, inside of
 * whatever lets time pass then. It may do anything that the test may, but nothing to a node whose synchronous
 * call (or start, stop, wait, destroy) is letting that time pass. What is destroyed with the cluster never
 * runs. OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_cluster_at (godwit_cluster_t *cluster, int64_t ms,
                                                 void (*fn) (void *user), void *user, godwit_error_t **error);

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
/* Cuts a set of nodes from all others, in both directions, or heals it: one call with true, one with the same
 * set and false. Nodes that come later under these names belong to the set. Partitions and cuts overlap as
 * they like. OUT_OF_MEMORY, INVALID_ARGUMENT (a name that is none). */
GODWIT_EXPORT godwit_status_t godwit_cluster_partition (godwit_cluster_t *cluster, const char *const *nodes,
                                                        size_t node_count, bool cut, godwit_error_t **error);
/* Stops a node as SIGSTOP does, or lets it go on: it runs nothing, what is sent to it waits, its timers are
 * late, and whoever is connected to it hears nothing. Its clients and servers are asked nothing meanwhile;
 * destroying its transport lets it go on. */
GODWIT_EXPORT void godwit_cluster_pause (godwit_cluster_t *cluster, const char *node, bool paused);
/* Ends all faults: set_faults, cuts, partitions and pauses. The dead stay dead. */
GODWIT_EXPORT void godwit_cluster_heal (godwit_cluster_t *cluster);

/* ---- a plan of faults by the seed ---- */

typedef enum godwit_fault {
    GODWIT_FAULT_LOSS = 1 << 0,      /* frames are dropped, up to a third of them */
    GODWIT_FAULT_DELAY = 1 << 1,     /* up to 200 ms */
    GODWIT_FAULT_DUPLICATE = 1 << 2, /* up to a third of the frames */
    GODWIT_FAULT_REORDER = 1 << 3,   /* up to a third of the frames */
    GODWIT_FAULT_CUT = 1 << 4,       /* one node from all others, in one direction or both */
    GODWIT_FAULT_PARTITION = 1 << 5, /* a set of nodes from all others */
    GODWIT_FAULT_PAUSE = 1 << 6,     /* a node is stopped */
    GODWIT_FAULT_KILL = 1 << 7,      /* a node is killed, and another takes its name later */
    GODWIT_FAULT_POWER = 1 << 8,     /* the same, and nobody is told */
    GODWIT_FAULT_RESTART = 1 << 9,   /* a node is asked to restart, in its own way */
    GODWIT_FAULT_ALL = (1 << 10) - 1
} godwit_fault_t;

/* Told when a fault of a plan has begun, and when it is over. node: whom it struck; NULL: frames, or a set of
 * nodes. What is on the nodes is the test's, so for three kinds it has something to do. KILL and POWER: the
 * node has just been killed: destroy what is on it. RESTART: stop and destroy what is on it. When these are
 * over: make the node anew. They never strike a node that is letting time pass (see godwit_cluster_at), but
 * wait until it is not. */
typedef void godwit_cluster_fault_fn (void *user, godwit_fault_t fault, const char *node, bool over);

typedef struct godwit_cluster_plan {
    size_t struct_size;
    unsigned faults;          /* GODWIT_FAULT_..., any of them; 0: all */
    unsigned fault_count;     /* how many there will be; 0: 10 */
    int64_t duration_ms;      /* they begin, and are over, within so long; 0: 10000 */
    int64_t longest_ms;       /* of one; 0: a quarter of the duration */
    const char *const *nodes; /* that can be struck; copied; NULL: those that there are now */
    size_t node_count;
    godwit_cluster_fault_fn *on_fault; /* NULL: no KILL, POWER and RESTART */
    void *user;
} godwit_cluster_plan_t;

#define GODWIT_CLUSTER_PLAN(...)                                                                             \
    (&(const godwit_cluster_plan_t){.struct_size = sizeof (godwit_cluster_plan_t), __VA_ARGS__})

/* Begins a plan: faults of random kinds strike random nodes at random times for random lengths, and overlap.
 * It is drawn by the seed now, and happens as time passes. When it is over, every fault of it is. plan may be
 * NULL. OUT_OF_MEMORY, INVALID_ARGUMENT (no node, a name that is none, a number below 0). */
GODWIT_EXPORT godwit_status_t godwit_cluster_begin_plan (godwit_cluster_t *cluster,
                                                         const godwit_cluster_plan_t *plan,
                                                         godwit_error_t **error);

/* ---- what happened ---- */

typedef struct godwit_cluster_stats {
    size_t struct_size;
    uint64_t frames;     /* that nodes sent, publications once for each subscriber */
    uint64_t dropped;    /* of those: by the faults */
    uint64_t repeated;   /* by the faults */
    uint64_t overtaking; /* they did not have to wait for those before them */
    uint64_t lost;       /* they arrived where nobody was any more */
    uint64_t delivered;
    uint64_t connections; /* that came up */
    uint64_t broken;      /* that went down by a fault, or because the other side closed them */
    uint64_t faults;      /* cuts, partitions, pauses, kills, and changes of what happens to frames */
    /* Of all that happened, with its time and every byte: two runs that have the same one were the same. */
    uint64_t digest;
} godwit_cluster_stats_t;

/* stats->struct_size says how much of it to write (with 0: nothing); set it to sizeof. */
GODWIT_EXPORT void godwit_cluster_stats (const godwit_cluster_t *cluster, godwit_cluster_stats_t *stats);

/* A line for each frame, connection and fault, without a newline; borrowed. It must not touch the cluster. */
typedef void godwit_cluster_trace_fn (void *user, int64_t now_us, const char *line);
/* Shows everything that happens from now on to trace; NULL: no more. */
GODWIT_EXPORT void godwit_cluster_set_trace (godwit_cluster_t *cluster, godwit_cluster_trace_fn *trace,
                                             void *user);

GODWIT_END_DECLS

#endif
