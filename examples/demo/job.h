/* SPDX-License-Identifier: Apache-2.0 */
/* The hashing of a tree by asynchronous calls on a topic, with many of them pending at a time. */
#ifndef DEMO_JOB_H
#define DEMO_JOB_H

#include "fleet.h"
#include "tree.h"

#include <godwit/godwit.h>

#include <pthread.h>

#define IN_FLIGHT_MAX 1024
#define ATTEMPT_MAX 5

/* What a worker answered, by the name that it gave itself. */
typedef struct demo_tally {
    char worker[16];
    uint64_t files;
    uint64_t bytes;
} demo_tally_t;

typedef struct demo_job demo_job_t;

/* One call at a time; its callback starts the next. */
typedef struct demo_lane {
    demo_job_t *job;
    demo_file_t *file;
} demo_lane_t;

struct demo_job {
    godwit_client_t *client;
    demo_tree_t *tree;
    pthread_mutex_t lock; /* for all that follows */
    pthread_cond_t changed;
    size_t next;
    size_t done; /* files with an answer or a problem */
    size_t busy; /* lanes that have a call pending */
    bool stopping;
    demo_tally_t tallies[WORKER_MAX];
    uint64_t succeeded;
    uint64_t failed_over;                      /* calls that were made again because their worker had died */
    uint64_t outcomes[GODWIT_OUTCOME_RAN + 1]; /* of calls that failed */
    int64_t *latencies_ns;                     /* of files, from their first call to their answer */
    size_t latency_count;
    int64_t started_ns;
    int64_t ended_ns;
    demo_lane_t lanes[IN_FLIGHT_MAX];
};

int64_t demo_now_ns (void);
/* Starts as many calls as in_flight says. client and tree are borrowed. false: out of memory. */
bool demo_job_start (demo_job_t *job, godwit_client_t *client, demo_tree_t *tree, size_t in_flight);
/* Waits until `done` files are done, all lanes are idle, or timeout_ms passed. Returns how many are done. */
size_t demo_job_wait (demo_job_t *job, size_t done, int64_t timeout_ms);
/* No more calls are made; those that are pending may still come back. */
void demo_job_stop (demo_job_t *job);
/* The client must have been destroyed: no callback comes any more. */
void demo_job_free (demo_job_t *job);
/* Files per second, from the start until now or until the last one was done. */
double demo_job_rate (demo_job_t *job);
/* What stands at the fraction (0.5, 0.99, ...) of the latencies, in milliseconds. After the end of the job.
 */
double demo_job_percentile_ms (demo_job_t *job, double fraction);
const demo_tally_t *demo_job_tally (const demo_job_t *job, const char *worker);

#endif
