/* SPDX-License-Identifier: Apache-2.0 */
/* A worker: a thread that leads on a port, or runs requests (src/server/pool.h draws it). (L): guarded by
 * pool.lock. */
#ifndef GODWIT_SRC_SERVER_WORKER_H
#define GODWIT_SRC_SERVER_WORKER_H

#include "src/server/pool.h"

#include <stdalign.h>
#include <sys/types.h>
#include <time.h>

/* busy_since of a leader is 0, the time when its handler began, or this. */
#define GODWIT__LEAD_STOLEN INT64_C (-1)

struct godwit__worker {
    /* Says whether the lead can be taken away:
     *
     *     0 --the leader starts a handler--> time --the handler ends--> 0: it leads on
     *                                         |
     *                                         +--the watchdog, after 1 ms--> STOLEN: another one leads
     *                                                                          |
     *                                                                          +--the handler ends--> 0
     *
     * The leader ends with an exchange, the watchdog uses a compare-and-swap, so exactly one of them wins. */
    alignas (64) _Atomic (int64_t) busy_since;
    _Atomic (uint64_t) run_count;      /* handlers that it has run with the lead, for the watchdog */
    _Atomic (godwit_request_t *) runs; /* whose handler it runs; NULL: none. For src/server/inspect.h */

    godwit__pool_t *pool;
    unsigned number; /* of those that the pool has started, for the name of its thread */
    pthread_t thread;
    pid_t id;             /* the system's number of that thread. Both are set by itself, before it leads */
    clockid_t used_clock; /* of the processor time that it uses */
    pthread_cond_t wake;
    bool woken;                     /* (L) taken from the idle list by whoever woke it */
    godwit__list_node_t in_list;    /* (L) of the idle ones, or of those that ended */
    godwit__list_node_t in_workers; /* (L) from its start to its end */
    /* The watchdog's: the start of the run that it suspected last, and what processor time the thread had
     * used when it was looked at first. */
    int64_t suspect_since;
    int64_t suspect_used_ns;
    int64_t told_start_ns; /* the control thread's: the start of the run that was logged last ... */
    int64_t told_ns;       /* ... and when */
};

void godwit__worker_free (godwit__worker_t *worker);
/* What a worker's thread runs until the pool stops, or it has been idle for some time. */
void *godwit__worker_main (void *worker);

#endif
