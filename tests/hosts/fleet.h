/* SPDX-License-Identifier: Apache-2.0 */
/* Processes of a fleet over several hosts: rendezvous points, servers and listeners on the first three,
 * clients and a notifier on the next two, more servers on hosts that are added. Each start of a process is a
 * node of the history. */
#ifndef GODWIT_TESTS_HOSTS_FLEET_H
#define GODWIT_TESTS_HOSTS_FLEET_H

#include "tests/faults/history.h"
#include "tests/hosts/child.h"
#include "tests/hosts/network.h"
#include "tests/support/random.h"

enum {
    FLEET_RENDEZVOUS = 3,
    FLEET_CLIENT_HOSTS = 2,
    FLEET_CLIENTS = 3,
    FLEET_LISTENERS = 3, /* two are a pool, and the third */
    FLEET_SERVERS = 8,   /* the most */
    FLEET_MEMBERS = FLEET_RENDEZVOUS + FLEET_SERVERS + FLEET_CLIENTS + FLEET_LISTENERS + 1,
    FLEET_PATH_SIZE = 512
};

typedef struct member {
    child_t child;
    char name[CHILD_NAME_SIZE];
    int host;
    uint32_t node;             /* of its last start */
    char log[FLEET_PATH_SIZE]; /* the history of its last start */
} member_t;

typedef struct fleet_options {
    const char *build;  /* the build folder, with the programs */
    const char *folder; /* for histories, and what the processes say */
    uint64_t seed;
    double rate;     /* calls and casts a second that each of the first two clients tries */
    int servers;     /* to begin with, one a host; at most FLEET_RENDEZVOUS + FLEET_CLIENT_HOSTS */
    bool is_patient; /* clients always try again what has certainly not run, as they do unless told otherwise
                      */
    int port;        /* that every server listens on; 0: any */
    bool is_secured; /* in a realm (fleet_realm.h); false: without one, insecure */
} fleet_options_t;

typedef struct fleet {
    fleet_options_t options;
    random_t random;    /* of the plan of faults */
    history_t *history; /* the runner's */
    uint32_t nodes;
    member_t rendezvous[FLEET_RENDEZVOUS];
    member_t servers[FLEET_SERVERS];
    member_t clients[FLEET_CLIENTS];
    member_t listeners[FLEET_LISTENERS];
    member_t notifier;
    member_t stranger;
    unsigned stranger_calls; /* of all strangers together */
    int server_count;
    unsigned rotations; /* that were begun */
} fleet_t;

/* Makes the hosts, starts everybody, and returns when all clients know all servers and call them. */
void fleet_open (fleet_t *fleet, const fleet_options_t *options);
/* Ends the clients in good order, then the others, and removes the hosts. Returns how many of the processes
 * did not end well, and says which. */
int fleet_close (fleet_t *fleet);

void fleet_start_server (fleet_t *fleet, int index);
void fleet_start_rendezvous (fleet_t *fleet, int index);
/* A server of something else, at the same address as servers of the host (options.port). */
void fleet_start_stranger (fleet_t *fleet, int host);
/* Ends it, and counts what it was called. */
void fleet_stop_stranger (fleet_t *fleet);
/* One more server on one more host. Its index. */
int fleet_add_server (fleet_t *fleet);
/* Drained, within 20 s. */
void fleet_stop (member_t *member);

/* All processes but strangers. Returns how many. */
int fleet_members (fleet_t *fleet, member_t *members[FLEET_MEMBERS]);

/* What the process has written into its history so far, in records. */
uint64_t fleet_progress (const member_t *member);
/* Waits until every server that runs is called. How long that took, in milliseconds; -1: longer than
 * wait_limit_ms, and says who is not. */
int64_t fleet_await_calls (const fleet_t *fleet, int64_t wait_limit_ms);

/* Writes into the history that every process of the host is hit. The number of the fault. */
uint64_t fleet_hit_host (fleet_t *fleet, history_fault_t fault, int host, const char *what);

#endif
