/* SPDX-License-Identifier: Apache-2.0 */
/* A server process that is attacked over plain sockets (tests/e2e/programs/hostile_server.c), an honest
 * client of it in this process, and what has to hold whatever attackers do: the server lives, it does little
 * else before it answers the client's calls, and it gives back memory and descriptors. What does not hold
 * fails the test. */
#ifndef GODWIT_TESTS_VICTIM_H
#define GODWIT_TESTS_VICTIM_H

#include <godwit/client.h>

#include <stdint.h>
#include <sys/types.h>

#define VICTIM_WAIT_LIMIT_MS 20000

typedef struct victim {
    pid_t pid;
    int input;
    char tcp[256], ipc[256], fanout[256]; /* where it listens */
    char rendezvous[64];                  /* in a realm: where it hosts that */
    char url[64], client_url[256];
    const char *member; /* its member file; NULL: it has no realm */
    godwit_transport_t *transport;
    godwit_client_t *client;
    int64_t descriptors, resident; /* before the attack */
    double ahead_us;               /* before the attack: the server's work before a call */
} victim_t;

/* descriptor_limit: of the server; 0: as this process's. */
void victim_start (victim_t *victim, unsigned descriptor_limit);
/* The same over tcp alone, in a realm, with these member files, which stay the caller's: the server's, and
 * the client's. */
void victim_start_in_realm (victim_t *victim, unsigned descriptor_limit, const char *member,
                            const char *client_member);
/* After the attack, whose sockets are closed: all that is said above, and the server ends well. */
void victim_finish (victim_t *victim);

void victim_call (const victim_t *victim);
/* A client that comes now. It calls, and goes. */
void victim_call_anew (const victim_t *victim);
/* During the attack: nine of ten of the client's calls wait for at most ten times the work that they waited
 * for before it. Work is the processor time of the server between the sending of a call and its handler: so
 * it does not matter what else the machine does. */
void victim_expect_pace (const victim_t *victim);
/* The same for attacks that never let the server rest: the calls wait for at most 10 ms of its work. */
void victim_expect_turns (const victim_t *victim);
/* Microseconds: of a hundred calls ninety-nine take the thread that serves them at most so much processor
 * time, with all that it does between one and the next. Other threads of the server do not count. */
double victim_serving_us (const victim_t *victim);
/* Bytes more than before the attack, now. */
int64_t victim_growth (const victim_t *victim);
int64_t victim_descriptors (const victim_t *victim);
/* CPU time that the server has used so far. */
int64_t victim_cpu_ns (const victim_t *victim);

/* With a sanitizer, sizes and times say nothing. */
_Bool victim_is_sanitized (void);

#endif
