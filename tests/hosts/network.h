/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts of one machine: network namespaces whose cables all end in a hub, where the wire forwards their
 * frames.
 *
 *     godwit-PID-1 eth0 10.91.0.1 ===veth=== v1 \
 *     godwit-PID-2 eth0 10.91.0.2 ===veth=== v2  } godwit-PID-hub: wire
 *     godwit-PID-3 eth0 10.91.0.3 ===veth=== v3 /
 *
 * Nothing of the machine's own network is touched. Processes of a host reach the other hosts and themselves,
 * and nothing else. What a killed run left behind is removed by the next one. */
#ifndef GODWIT_TESTS_HOSTS_NETWORK_H
#define GODWIT_TESTS_HOSTS_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NETWORK_HOSTS = 8, NETWORK_NAME_SIZE = 48, NETWORK_ADDRESS_SIZE = 16 };

/* What becomes of frames on one way; zero: nothing. */
typedef struct network_fault {
    unsigned loss_permille;
    unsigned delay_ms;
    bool is_cut;
} network_fault_t;

#define NETWORK_ALL 0 /* for a host: all of them */

/* Whether this machine lets us make namespaces and raw sockets; why gets what is missing. Removes what dead
 * runs left. */
bool network_is_possible (char *why, size_t size);

/* Makes the hub and starts the wire, a program at that path. There is one network at a time. */
void network_open (const char *wire_program, uint64_t seed);
/* Adds a host, and returns its number, from 1. */
int network_add_host (void);
/* Ends all processes (child_kill_all) and removes all hosts. Is also done at the end of the program. */
void network_close (void);

/* Static text until the next call. */
const char *network_name (int host);
const char *network_address (int host);

/* A socket (AF_INET) of ours that is on that host; the caller closes it. */
int network_socket (int host, int type);

/* Of frames from one host to another, from now on; not of those that are on their way. */
void network_set (int from, int to, network_fault_t fault);
/* Both ways of one host, to and from all others. */
void network_set_host (int host, network_fault_t fault);
/* Pulls the cable out of the host, or puts it back. */
void network_link (int host, bool is_up);
/* No fault anywhere, all cables in. */
void network_heal (void);
/* What the wire counted: "forwarded=... lost=...", one line. */
void network_stats (char *line, size_t size);

#endif
