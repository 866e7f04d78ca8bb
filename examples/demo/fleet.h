/* SPDX-License-Identifier: Apache-2.0 */
/* The worker processes: started, killed, ended and watched by process id. */
#ifndef DEMO_FLEET_H
#define DEMO_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define WORKER_MAX 64

typedef struct demo_worker {
    char name[16];
    pid_t pid;          /* 0 when it has ended */
    pid_t was;          /* the same, for the table */
    const char *remark; /* for the table */
} demo_worker_t;

typedef struct demo_fleet {
    char *program; /* path of the worker */
    const char *url;
    size_t count;
    demo_worker_t workers[WORKER_MAX];
} demo_fleet_t;

/* Starts one more worker and waits until it says that it is ready. NULL: said why on stderr. */
demo_worker_t *demo_fleet_start (demo_fleet_t *fleet, const char *remark);
/* SIGKILL, and waits until it is gone. */
void demo_fleet_kill (demo_worker_t *worker);
/* The number of workers that ended although nobody asked them to; said on stderr. Does not wait. */
unsigned demo_fleet_check (demo_fleet_t *fleet);
/* Asks all of them to end, and waits; who does not within seconds is killed. false if one did not end well.
 */
bool demo_fleet_end (demo_fleet_t *fleet);

#endif
