/* SPDX-License-Identifier: Apache-2.0 */
/* Runs many simulated clusters, several at a time, and prints what became of their work:
 *
 *     cluster_seeds [--seeds N] [--first SEED] [--nodes N] [--work N] [--faults NAME[,NAME...]|all|none]
 *                   [--fault-count N] [--jobs N] [--no-header] [--trace] [--digest] [--tsv FILE] [--secured]
 *
 * Without --faults: each kind alone in a twentieth of the seeds, and all of them together in the rest.
 * --secured: the nodes are of one realm, and there are also the faults expiry and revocation. --tsv writes
 * the table to a file, for that of ./scripts/test --faults. Exits with 1 if anything was wrong in any of
 * them, and says how to see that one again.
 */
#include "tests/support/cluster_world.h"
#include "tests/support/seeds.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct job {
    const char *name;
    world_options_t options; /* but the seed */
    pthread_mutex_t lock;    /* of what follows */
    world_result_t total;
    uint64_t clusters, wrong;
} job_t;

static void
add (job_t *job, const world_result_t *one)
{
    world_result_t *sum = &job->total;
    job->clusters++;
    sum->tried += one->tried;
    sum->calls += one->calls;
    sum->casts += one->casts;
    sum->fanouts += one->fanouts;
    sum->ok += one->ok;
    sum->not_sent += one->not_sent;
    sum->rejected += one->rejected;
    sum->maybe_run += one->maybe_run;
    sum->ran += one->ran;
    sum->ran_twice += one->ran_twice;
    sum->lost += one->lost;
    sum->faults += one->faults;
    sum->detected += one->detected;
    sum->frames += one->frames;
    sum->digest ^= one->digest;
    if (one->worst_detection_ms > sum->worst_detection_ms)
        sum->worst_detection_ms = one->worst_detection_ms;
}

static void
run_seed (void *user, uint64_t seed)
{
    job_t *const job = user;
    world_options_t options = job->options;
    world_result_t result;
    options.seed = seed;
    const bool right = world_run (&options, &result);
    pthread_mutex_lock (&job->lock);
    add (job, &result);
    if (!right && ++job->wrong <= 20)
        fprintf (stderr,
                 "%s\nrun it again: cluster_seeds --first %llu --seeds 1 --nodes %u --work %u "
                 "--faults %s --fault-count %u%s --trace\n",
                 result.wrong, (unsigned long long) options.seed, options.node_count, options.work_count,
                 job->name, options.fault_count, options.secured ? " --secured" : "");
    pthread_mutex_unlock (&job->lock);
}

static void
print_row (const job_t *job)
{
    const world_result_t *sum = &job->total;
    printf ("%-24s %8llu %9u %9u %8u %8u %9u %8u %10lld %9u %8u\n", job->name,
            (unsigned long long) job->clusters, sum->tried, sum->ok, sum->not_sent, sum->rejected,
            sum->maybe_run, sum->ran, (long long) sum->worst_detection_ms, sum->ran_twice, sum->lost);
    fflush (stdout);
}

static double
now_s (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

typedef struct settings {
    world_options_t options;
    uint64_t first, seeds;
    unsigned jobs;
    const char *faults;
    FILE *tsv;
    bool header, digest;
} settings_t;

static bool
read_settings (settings_t *to, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        if (!strcmp (name, "--no-header") || !strcmp (name, "--trace") || !strcmp (name, "--digest") ||
            !strcmp (name, "--secured")) {
            to->options.secured = to->options.secured || !strcmp (name, "--secured");
            to->header = to->header && strcmp (name, "--no-header") != 0;
            to->options.trace = to->options.trace || !strcmp (name, "--trace");
            to->digest = to->digest || !strcmp (name, "--digest");
            continue;
        }
        const char *value = ++i < argc ? argv[i] : NULL;
        const uint64_t number = value ? strtoull (value, NULL, 10) : 0;
        if (!value)
            return false;
        if (!strcmp (name, "--seeds"))
            to->seeds = number;
        else if (!strcmp (name, "--first"))
            to->first = number;
        else if (!strcmp (name, "--nodes"))
            to->options.node_count = (unsigned) number;
        else if (!strcmp (name, "--work"))
            to->options.work_count = (unsigned) number;
        else if (!strcmp (name, "--fault-count"))
            to->options.fault_count = (unsigned) number;
        else if (!strcmp (name, "--jobs"))
            to->jobs = (unsigned) number;
        else if (!strcmp (name, "--faults"))
            to->faults = value;
        else if (!strcmp (name, "--tsv") && !to->tsv && (to->tsv = fopen (value, "w")))
            fprintf (to->tsv, "run\tfaults\ttried\tok\tnot_sent\trejected\tmaybe_run\tran\tdetection_ms\t"
                              "ran_twice\tlost\n");
        else
            return false;
    }
    return to->options.node_count >= 4 && to->options.node_count <= WORLD_NODES_MAX && to->jobs >= 1 &&
           to->jobs <= SEEDS_JOBS_MAX && seeds_faults (to->faults ? to->faults : "all") != ~0u;
}

/* The number of clusters in which something was wrong. */
static uint64_t
run_part (void *user, const char *name, uint64_t first, uint64_t count)
{
    const settings_t *const settings = user;
    job_t job = {.name = name, .options = settings->options, .lock = PTHREAD_MUTEX_INITIALIZER};
    job.options.faults = seeds_faults (name);
    seeds_run (first, count, settings->jobs, run_seed, &job);
    print_row (&job);
    if (settings->tsv)
        fprintf (settings->tsv, "simulated: %s\t%u\t%u\t%u\t%u\t%u\t%u\t%u\t%lld\t%u\t%u\n", name,
                 job.total.faults, job.total.tried, job.total.ok, job.total.not_sent, job.total.rejected,
                 job.total.maybe_run, job.total.ran, (long long) job.total.worst_detection_ms,
                 job.total.ran_twice, job.total.lost);
    if (settings->digest)
        printf ("digest %016llx, %llu frames, %u faults, %u calls whose server was lost\n",
                (unsigned long long) job.total.digest, (unsigned long long) job.total.frames,
                job.total.faults, job.total.detected);
    return job.wrong;
}

int
main (int argc, char **argv)
{
    const long cores = sysconf (_SC_NPROCESSORS_ONLN);
    settings_t settings = {.options = {.node_count = 50, .work_count = 500, .fault_count = 10},
                           .first = 1,
                           .seeds = 2000,
                           .jobs = cores > 0 && cores < SEEDS_JOBS_MAX ? (unsigned) cores : 1,
                           .header = true};
    if (!read_settings (&settings, argc, argv)) {
        fprintf (stderr,
                 "usage: cluster_seeds [--seeds N] [--first SEED] [--nodes 4..%d] [--work N] "
                 "[--faults NAME,...|all|none] [--fault-count N] [--jobs N] [--no-header] [--trace] "
                 "[--digest] [--tsv FILE] [--secured]\n",
                 WORLD_NODES_MAX);
        return 2;
    }
    const double begun_s = now_s ();
    if (settings.header)
        printf ("%-24s %8s %9s %9s %8s %8s %9s %8s %10s %9s %8s\n", "fault (simulated)", "clusters", "tried",
                "ok", "NOT_SENT", "REJECTED", "MAYBE_RUN", "RAN", "worst (ms)", "ran twice", "lost");
    const uint64_t wrong =
        seeds_divide (settings.faults, settings.first, settings.seeds, run_part, &settings);
    const double took_s = now_s () - begun_s;
    if (settings.header)
        printf ("%llu clusters of %u nodes in %.1f s, %.0f a minute; wrong: %llu\n",
                (unsigned long long) settings.seeds, settings.options.node_count, took_s,
                60 * (double) settings.seeds / took_s, (unsigned long long) wrong);
    if (settings.tsv && fclose (settings.tsv))
        return 2;
    return wrong > 0;
}
