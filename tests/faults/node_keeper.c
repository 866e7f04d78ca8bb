/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/faults/node_keeper.h"

#include "tests/faults/history.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

typedef struct kept {
    godwit_request_t *request;
    uint64_t due_ns;
    struct kept *next;
} kept_t;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static kept_t *all; /* the one that is due first comes first */
static bool is_over;
static pthread_t thread;
static node_keeper_fn *answer;

/* With the lock. */
static void
insert (kept_t *kept)
{
    kept_t **at = &all;
    while (*at && (*at)->due_ns <= kept->due_ns)
        at = &(*at)->next;
    kept->next = *at;
    *at = kept;
}

static void *
run (void *user)
{
    (void) user;
    pthread_mutex_lock (&lock);
    while (all || !is_over) {
        if (!all) {
            pthread_cond_wait (&changed, &lock);
            continue;
        }
        if (all->due_ns > history_now_ns ()) {
            const struct timespec due = {(time_t) (all->due_ns / 1000000000),
                                         (long) (all->due_ns % 1000000000)};
            pthread_cond_timedwait (&changed, &lock, &due);
            continue;
        }
        kept_t *kept = all;
        all = kept->next;
        pthread_mutex_unlock (&lock);
        answer (kept->request);
        free (kept);
        pthread_mutex_lock (&lock);
    }
    pthread_mutex_unlock (&lock);
    return NULL;
}

bool
node_keeper_start (node_keeper_fn *answer_)
{
    pthread_condattr_t attributes;
    pthread_condattr_init (&attributes);
    pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
    pthread_cond_init (&changed, &attributes);
    pthread_condattr_destroy (&attributes);
    answer = answer_;
    is_over = false;
    return pthread_create (&thread, NULL, run, NULL) == 0;
}

void
node_keeper_keep (godwit_request_t *request, int64_t ms)
{
    kept_t *kept = calloc (1, sizeof *kept);
    if (!kept)
        abort ();
    kept->request = request;
    kept->due_ns = history_now_ns () + (uint64_t) (ms > 0 ? ms : 0) * 1000000;
    pthread_mutex_lock (&lock);
    insert (kept);
    pthread_cond_signal (&changed);
    pthread_mutex_unlock (&lock);
}

void
node_keeper_stop (void)
{
    pthread_mutex_lock (&lock);
    is_over = true;
    pthread_cond_signal (&changed);
    pthread_mutex_unlock (&lock);
    pthread_join (thread, NULL);
    pthread_cond_destroy (&changed);
}
