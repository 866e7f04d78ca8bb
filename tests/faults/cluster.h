/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster of node processes on the loopback, which its owner breaks, in one folder with their histories.
 * What fails here ends the program with a text: no run can be decided after it. */
#ifndef GODWIT_TESTS_FAULTS_CLUSTER_H
#define GODWIT_TESTS_FAULTS_CLUSTER_H

#include "tests/faults/history.h"

#include <sys/types.h>

#define CLUSTER_MEMBERS 32
#define CLUSTER_RENDEZVOUS 7
#define CLUSTER_ARGUMENTS 24
#define CLUSTER_WAIT_LIMIT_MS 30000
#define CLUSTER_PATH_MAX 512
/* Every second member has the driver on libzmq, the others have the engine. */
#define CLUSTER_MIXED "mixed"
/* Names the driver, or CLUSTER_MIXED, where nothing else does. */
#define CLUSTER_DRIVER_VARIABLE "GODWIT_FAULTS_DRIVER"

typedef struct cluster_member {
    char name[32];
    char role[16];
    char url[512];
    const char *arguments[CLUSTER_ARGUMENTS]; /* more of them, up to a NULL; borrowed */
    uint32_t node;                            /* of its present process */
    pid_t pid;                                /* 0: it does not run */
    int output;
    uint64_t started_ns;
} cluster_member_t;

typedef struct cluster {
    char program[CLUSTER_PATH_MAX]; /* node */
    char folder[CLUSTER_PATH_MAX];
    const char *driver;
    char place[512]; /* of the URLs, behind the driver: all rendezvous */
    uint64_t seed;
    uint32_t next_node;
    history_t *history; /* the runner's */
    cluster_member_t members[CLUSTER_MEMBERS];
    size_t member_count;
} cluster_t;

/* The program node, which lies beside the one that was called like this. */
void cluster_find_program (char path[CLUSTER_PATH_MAX], const char *called);
/* A new folder below $TMPDIR, for histories. */
void cluster_make_folder (char path[CLUSTER_PATH_MAX], const char *name);
/* With all that is in it. */
void cluster_remove_folder (const char *path);

/* The driver of a URL for the member with this number. driver: its name, CLUSTER_MIXED, or NULL: what the
 * variable says, or zmq. */
const char *cluster_driver (const char *driver, unsigned number);
/* The rendezvous are members with the first names; they have been started when it returns. driver: as
 * for cluster_driver, and static text. query: of these URLs, without a '?', or "". */
void cluster_open (cluster_t *cluster, const char *program, const char *folder, uint64_t seed,
                   unsigned rendezvous_count, const char *driver, const char *query);
/* Adds a member with a role (node_options.h), and starts it. arguments up to a NULL, borrowed for the
 * cluster's life. */
cluster_member_t *cluster_add (cluster_t *cluster, const char *role, const char *name,
                               const char *const *arguments);
cluster_member_t *cluster_find (cluster_t *cluster, const char *name);
void cluster_start (cluster_t *cluster, cluster_member_t *member);
/* Waits until it says so. */
void cluster_expect_ready (cluster_member_t *member);
/* Asks it to end in good order, and waits for that. */
void cluster_stop (cluster_member_t *member);
void cluster_kill (cluster_member_t *member);
/* Rests, unless a process ends meanwhile that nobody has asked to. */
void cluster_rest (cluster_t *cluster, int64_t ms);
/* Stops notifiers and clients first, then listeners and servers, then the rendezvous, and gives everything
 * back. */
void cluster_close (cluster_t *cluster);

#endif
