/* SPDX-License-Identifier: Apache-2.0 */
#include "job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void run_lane (demo_lane_t *lane);

int64_t
demo_now_ns (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C (1000000000) + now.tv_nsec;
}

/* ---- what a reply does; all with the lock held ---- */

static demo_tally_t *
find_tally (demo_tally_t *tallies, const char *worker)
{
    size_t at = 0;
    while (at < WORKER_MAX - 1 && tallies[at].worker[0] != '\0' && strcmp (tallies[at].worker, worker) != 0)
        at++;
    return &tallies[at];
}

static void
end_file (demo_job_t *job, demo_lane_t *lane, const char *problem)
{
    if (problem && !lane->file->problem)
        lane->file->problem = strdup (problem);
    lane->file = NULL;
    job->done++;
    job->ended_ns = demo_now_ns ();
    pthread_cond_signal (&job->changed);
}

static void
take_answer (demo_job_t *job, demo_lane_t *lane, const godwit_value_t *result)
{
    demo_file_t *file = lane->file;
    const void *hash;
    size_t size;
    const char *worker = godwit_value_as_str (godwit_value_get (result, "worker"), "");
    if (godwit_value_get_bin (godwit_value_get (result, "hash"), &hash, &size, NULL) != GODWIT_OK ||
        size != HASH_SIZE || worker[0] == '\0') {
        end_file (job, lane, "a malformed answer");
        return;
    }
    memcpy (file->hash, hash, HASH_SIZE);
    file->answers++;
    job->succeeded++;
    demo_tally_t *tally = find_tally (job->tallies, worker);
    snprintf (tally->worker, sizeof tally->worker, "%s", worker);
    tally->files++;
    tally->bytes += (uint64_t) godwit_value_as_int (godwit_value_get (result, "bytes"), 0);
    job->latencies_ns[job->latency_count++] = demo_now_ns () - file->started_ns;
    end_file (job, lane, NULL);
}

static void
take_failure (demo_job_t *job, demo_lane_t *lane, const godwit_error_t *error)
{
    const godwit_outcome_t outcome = godwit_error_outcome (error);
    job->outcomes[outcome]++;
    /* Nobody can know whether it ran. To hash a file twice does no harm, so this caller may try again; the
     * library, which does not know that, may not. */
    if (outcome == GODWIT_OUTCOME_MAYBE_RUN && lane->file->attempts < ATTEMPT_MAX && !job->stopping)
        job->failed_over++;
    else
        end_file (job, lane, godwit_error_print (error));
}

static void
on_reply (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    demo_lane_t *lane = user;
    demo_job_t *job = lane->job;
    pthread_mutex_lock (&job->lock);
    if (status == GODWIT_OK)
        take_answer (job, lane, result);
    else
        take_failure (job, lane, error);
    pthread_mutex_unlock (&job->lock);
    run_lane (lane);
}

/* ---- making calls ---- */

/* The file that a lane is to call for: the same again, or the next; NULL if there is nothing more to do. */
static demo_file_t *
next_file (demo_job_t *job, demo_lane_t *lane)
{
    pthread_mutex_lock (&job->lock);
    if (!lane->file && !job->stopping && job->next < job->tree->count) {
        lane->file = &job->tree->files[job->next++];
        lane->file->started_ns = demo_now_ns ();
    }
    demo_file_t *file = lane->file;
    if (file) {
        file->attempts++;
    } else {
        job->busy--;
        pthread_cond_signal (&job->changed);
    }
    pthread_mutex_unlock (&job->lock);
    return file;
}

static void
run_lane (demo_lane_t *lane)
{
    demo_job_t *job = lane->job;
    demo_file_t *file;
    while ((file = next_file (job, lane))) {
        godwit_error_t *error = NULL;
        if (godwit_client_call_async (job->client, NULL, "hash",
                                      GODWIT_ARGS (GODWIT_BIN ("path", file->path, strlen (file->path))),
                                      on_reply, lane, &error) == GODWIT_OK)
            return;
        pthread_mutex_lock (&job->lock);
        job->outcomes[godwit_error_outcome (error)]++;
        end_file (job, lane, godwit_error_print (error));
        pthread_mutex_unlock (&job->lock);
        godwit_error_destroy (&error);
    }
}

bool
demo_job_start (demo_job_t *job, godwit_client_t *client, demo_tree_t *tree, size_t in_flight)
{
    memset (job, 0, sizeof *job);
    pthread_condattr_t attributes;
    pthread_condattr_init (&attributes);
    pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
    pthread_cond_init (&job->changed, &attributes);
    pthread_condattr_destroy (&attributes);
    pthread_mutex_init (&job->lock, NULL);
    job->client = client;
    job->tree = tree;
    job->latencies_ns = calloc (tree->count + 1, sizeof *job->latencies_ns);
    if (!job->latencies_ns)
        return false;
    job->started_ns = job->ended_ns = demo_now_ns ();
    job->busy = in_flight;
    for (size_t at = 0; at < in_flight; at++) {
        job->lanes[at].job = job;
        run_lane (&job->lanes[at]);
    }
    return true;
}

size_t
demo_job_wait (demo_job_t *job, size_t done, int64_t timeout_ms)
{
    const int64_t deadline_ns = demo_now_ns () + timeout_ms * 1000000;
    const struct timespec deadline = {.tv_sec = deadline_ns / 1000000000,
                                      .tv_nsec = deadline_ns % 1000000000};
    int status = 0;
    pthread_mutex_lock (&job->lock);
    while (job->done < done && job->busy > 0 && status == 0)
        status = pthread_cond_timedwait (&job->changed, &job->lock, &deadline);
    const size_t result = job->done;
    pthread_mutex_unlock (&job->lock);
    return result;
}

void
demo_job_stop (demo_job_t *job)
{
    pthread_mutex_lock (&job->lock);
    job->stopping = true;
    pthread_mutex_unlock (&job->lock);
}

void
demo_job_free (demo_job_t *job)
{
    free (job->latencies_ns);
    pthread_cond_destroy (&job->changed);
    pthread_mutex_destroy (&job->lock);
}

/* ---- what came of it ---- */

static int
compare (const void *a, const void *b)
{
    const int64_t first = *(const int64_t *) a;
    const int64_t second = *(const int64_t *) b;
    return (first > second) - (first < second);
}

double
demo_job_rate (demo_job_t *job)
{
    pthread_mutex_lock (&job->lock);
    const int64_t until_ns = job->done < job->tree->count ? demo_now_ns () : job->ended_ns;
    const double seconds = (double) (until_ns - job->started_ns) / 1e9;
    const double rate = seconds > 0 ? (double) job->done / seconds : 0;
    pthread_mutex_unlock (&job->lock);
    return rate;
}

double
demo_job_percentile_ms (demo_job_t *job, double fraction)
{
    if (job->latency_count == 0)
        return 0;
    qsort (job->latencies_ns, job->latency_count, sizeof *job->latencies_ns, compare);
    const size_t at = (size_t) (fraction * (double) (job->latency_count - 1) + 0.5);
    return (double) job->latencies_ns[at] / 1e6;
}

const demo_tally_t *
demo_job_tally (const demo_job_t *job, const char *worker)
{
    for (size_t at = 0; at < WORKER_MAX; at++) {
        if (strcmp (job->tallies[at].worker, worker) == 0)
            return &job->tallies[at];
    }
    static const demo_tally_t nothing = {0};
    return &nothing;
}
