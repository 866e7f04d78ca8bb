/* Processes of a cluster over several hosts: rendezvous points and servers on the first three, clients on the
 * next two, more servers on hosts that are added. Each start of a process is a node of the history. */
#ifndef GODWIT_TESTS_HOSTS_CLUSTER_H
#define GODWIT_TESTS_HOSTS_CLUSTER_H

#include "tests/faults/history.h"
#include "tests/hosts/child.h"
#include "tests/hosts/network.h"
#include "tests/support/random.h"

enum {
    CLUSTER_RENDEZVOUS = 3,
    CLUSTER_CLIENT_HOSTS = 2,
    CLUSTER_CLIENTS = 3,
    CLUSTER_SERVERS = 8, /* the most */
    CLUSTER_PATH_SIZE = 512
};

typedef struct member {
    child_t child;
    char name[CHILD_NAME_SIZE];
    int host;
    uint32_t node;               /* of its last start */
    char log[CLUSTER_PATH_SIZE]; /* the history of its last start */
} member_t;

typedef struct cluster_options {
    const char *build;  /* the build folder, with the programs */
    const char *folder; /* for histories, and what the processes say */
    uint64_t seed;
    double rate; /* calls and casts a second that each of the first two clients tries */
    int servers; /* to begin with, one a host; at most CLUSTER_RENDEZVOUS + CLUSTER_CLIENT_HOSTS */
    int port;    /* that every server listens on; 0: any */
} cluster_options_t;

typedef struct cluster {
    cluster_options_t options;
    random_t random;    /* of the plan of faults */
    history_t *history; /* the runner's */
    uint32_t nodes;
    member_t rendezvous[CLUSTER_RENDEZVOUS];
    member_t servers[CLUSTER_SERVERS];
    member_t clients[CLUSTER_CLIENTS];
    member_t stranger;
    unsigned stranger_calls; /* of all strangers together */
    int server_count;
} cluster_t;

/* Makes the hosts, starts everybody, and returns when all clients know all servers and call them. */
void cluster_open (cluster_t *cluster, const cluster_options_t *options);
/* Ends the clients in good order, then the others, and removes the hosts. Returns how many of the processes
 * did not end well, and says which. */
int cluster_close (cluster_t *cluster);

void cluster_start_server (cluster_t *cluster, int index);
void cluster_start_rendezvous (cluster_t *cluster, int index);
/* A server of something else, at the same address as servers of the host (options.port). */
void cluster_start_stranger (cluster_t *cluster, int host);
/* Ends it, and counts what it was called. */
void cluster_stop_stranger (cluster_t *cluster);
/* One more server on one more host. Its index. */
int cluster_add_server (cluster_t *cluster);
/* Drained, within 20 s. */
void cluster_stop (member_t *member);

/* What the process has written into its history so far, in records. */
uint64_t cluster_progress (const member_t *member);
/* Waits until every server that runs is called. How long that took, in milliseconds; -1: longer than
 * patience_ms, and says who is not. */
int64_t cluster_await_calls (const cluster_t *cluster, int64_t patience_ms);

/* Writes into the history that every process of the host is hit. The number of the fault. */
uint64_t cluster_hit_host (cluster_t *cluster, history_fault_t fault, int host, const char *what);

#endif
