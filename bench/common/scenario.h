/* SPDX-License-Identifier: Apache-2.0 */
/* A benchmark that is not a pair of halves that make calls in turn: what grows with the number of
 * connections. And the processes that these need: a role is what the program does when it was started as
 * `godwit-bench --role NAME ARGUMENT...`. */
#ifndef BENCH_SCENARIO_H
#define BENCH_SCENARIO_H

#include <stddef.h>

typedef struct {
    const char *name;
    const char *what;
    const char *names[4]; /* others that it is known by: of its figures; NULL behind the last one */
    void (*run) (void);
    unsigned limit_s; /* it is ended after this time */
} bench_scenario_t;

extern const bench_scenario_t bench_scenarios[];
extern const size_t bench_scenarios_count;

/* The scenario that is known by this name; NULL if there is none. */
const bench_scenario_t *bench_scenario_find (const char *name);

/* Dies if there is no such role. */
int bench_role_run (const char *name, char **arguments);

void bench_scenario_idle (void);
void bench_scenario_many_connections (void);
void bench_scenario_many_servers (void);
void bench_scenario_instructions (void);
void bench_scenario_connect (void);

/* A process with many servers: role "servers FIRST COUNT". */
int bench_many_servers_main (char **arguments);
/* A process with many clients, which connect one after the other: role "clients ADDRESS FOLDER". Each has the
 * member file 0.member, 1.member, ... in the folder; "-": there is no realm. */
int bench_clients_main (char **arguments);

#endif
