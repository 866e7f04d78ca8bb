/* SPDX-License-Identifier: Apache-2.0 */
/* Runs many simulated clusters of notifiers and listeners, several at a time, and prints what became of the
 * notifications:
 *
 *     notice_seeds [--seeds N] [--first SEED] [--nodes N] [--notices N] [--faults NAME[,NAME...]|all|none]
 *                  [--fault-count N] [--jobs N] [--trace] [--digest] [--tsv FILE]
 *
 * Without --faults: each kind alone in a twentieth of the seeds, and all of them together in the rest. --tsv
 * writes the table to a file, for that of ./scripts/test --faults. Exits with 1 if anything was wrong in any
 * of them, and says how to see that one again.
 */
#include "tests/support/notice_world.h"
#include "tests/support/seeds.h"

#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHOWN 20

typedef struct settings {
    notice_options_t options;
    uint64_t first, seeds;
    unsigned jobs;
    const char *faults;
    FILE *tsv;
    bool digest;
} settings_t;

typedef struct job {
    const char *name;
    notice_options_t options; /* but the seed */
    pthread_mutex_t lock;     /* of what follows */
    notices_summary_t total;
    uint64_t faults, digest, wrong;
} job_t;

static void
add (job_t *job, const notice_result_t *one)
{
    notices_summary_t *const sum = &job->total;
    const notices_summary_t *const of = &one->summary;
    sum->sent += of->sent;
    sum->accepted += of->accepted;
    sum->deliveries += of->deliveries;
    sum->marked += of->marked;
    sum->twice += of->twice;
    sum->requeued += of->requeued;
    sum->gone += of->gone;
    for (int rule = 0; rule < NOTICES_RULE_COUNT; rule++)
        sum->violations[rule] += of->violations[rule];
    job->faults += one->faults;
    job->digest ^= one->digest;
}

static void
run_seed (void *user, uint64_t seed)
{
    job_t *const job = user;
    notice_options_t options = job->options;
    notice_result_t result;
    options.seed = seed;
    const bool right = notice_run (&options, &result);
    pthread_mutex_lock (&job->lock);
    add (job, &result);
    if (!right && ++job->wrong <= SHOWN)
        fprintf (stderr,
                 "%s\nrun it again: notice_seeds --first %llu --seeds 1 --nodes %u --notices %u "
                 "--faults %s --fault-count %u --trace\n",
                 result.wrong, (unsigned long long) options.seed, options.node_count, options.notice_count,
                 job->name, options.fault_count);
    pthread_mutex_unlock (&job->lock);
}

/* The number of clusters in which something was wrong. */
static uint64_t
run_part (void *user, const char *name, uint64_t first, uint64_t count)
{
    const settings_t *const settings = user;
    job_t job = {.name = name, .options = settings->options, .lock = PTHREAD_MUTEX_INITIALIZER};
    const notices_summary_t *const sum = &job.total;
    job.options.faults = seeds_faults (name);
    seeds_run (first, count, settings->jobs, run_seed, &job);
    printf ("%-20s %8llu %9llu %9llu %9llu %9llu %8llu %8llu %8llu %6llu %6llu\n", name,
            (unsigned long long) count, (unsigned long long) job.faults, (unsigned long long) sum->accepted,
            (unsigned long long) sum->deliveries, (unsigned long long) sum->marked,
            (unsigned long long) sum->twice, (unsigned long long) sum->requeued,
            (unsigned long long) sum->gone, (unsigned long long) sum->violations[NOTICES_LOST],
            (unsigned long long) job.wrong);
    if (settings->digest)
        printf ("digest %016llx\n", (unsigned long long) job.digest);
    fflush (stdout);
    if (settings->tsv)
        fprintf (settings->tsv, "simulated notices: %s\t%llu\t%llu\t%llu\t%llu\t%llu\t%llu\t%llu\n", name,
                 (unsigned long long) job.faults, (unsigned long long) sum->accepted,
                 (unsigned long long) sum->deliveries, (unsigned long long) sum->marked,
                 (unsigned long long) sum->twice, (unsigned long long) sum->gone,
                 (unsigned long long) sum->violations[NOTICES_LOST]);
    return job.wrong;
}

static bool
read_settings (settings_t *to, int argc, char **argv)
{
    enum { SEEDS = 1, FIRST, NODES, NOTICES, FAULTS, COUNT, JOBS, TRACE, DIGEST, TSV };
    static const struct option table[] = {{"seeds", required_argument, NULL, SEEDS},
                                          {"first", required_argument, NULL, FIRST},
                                          {"nodes", required_argument, NULL, NODES},
                                          {"notices", required_argument, NULL, NOTICES},
                                          {"faults", required_argument, NULL, FAULTS},
                                          {"fault-count", required_argument, NULL, COUNT},
                                          {"jobs", required_argument, NULL, JOBS},
                                          {"trace", no_argument, NULL, TRACE},
                                          {"digest", no_argument, NULL, DIGEST},
                                          {"tsv", required_argument, NULL, TSV},
                                          {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long (argc, argv, "", table, NULL)) != -1) {
        const uint64_t number = optarg ? strtoull (optarg, NULL, 10) : 0;
        switch (option) {
        case SEEDS:
            to->seeds = number;
            break;
        case FIRST:
            to->first = number;
            break;
        case NODES:
            to->options.node_count = (unsigned) number;
            break;
        case NOTICES:
            to->options.notice_count = (unsigned) number;
            break;
        case FAULTS:
            to->faults = optarg;
            break;
        case COUNT:
            to->options.fault_count = (unsigned) number;
            break;
        case JOBS:
            to->jobs = (unsigned) number;
            break;
        case TRACE:
            to->options.trace = true;
            break;
        case DIGEST:
            to->digest = true;
            break;
        case TSV:
            to->tsv = fopen (optarg, "we");
            if (!to->tsv)
                return false;
            fprintf (to->tsv, "run\tfaults\tnotices\tdelivered\tmarked\tcame_again\tnotices_gone\tlost\n");
            break;
        default:
            return false;
        }
    }
    return optind == argc && to->options.node_count >= 7 && to->options.node_count <= NOTICE_NODES_MAX &&
           to->jobs >= 1 && to->jobs <= SEEDS_JOBS_MAX &&
           seeds_faults (to->faults ? to->faults : "all") != ~0u;
}

int
main (int argc, char **argv)
{
    const long cores = sysconf (_SC_NPROCESSORS_ONLN);
    settings_t settings = {.options = {.node_count = 10, .notice_count = 1000, .fault_count = 8},
                           .first = 1,
                           .seeds = 2000,
                           .jobs = cores > 0 && cores < SEEDS_JOBS_MAX ? (unsigned) cores : 1};
    if (!read_settings (&settings, argc, argv)) {
        fprintf (
            stderr,
            "usage: notice_seeds [--seeds N] [--first SEED] [--nodes 7..%d] [--notices N] "
            "[--faults NAME,...|all|none] [--fault-count N] [--jobs N] [--trace] [--digest] [--tsv FILE]\n",
            NOTICE_NODES_MAX);
        return 2;
    }
    printf ("%-20s %8s %9s %9s %9s %9s %8s %8s %8s %6s %6s\n", "fault (simulated)", "clusters", "faults",
            "accepted", "delivered", "marked", "twice", "requeued", "gone", "lost", "wrong");
    const uint64_t wrong =
        seeds_divide (settings.faults, settings.first, settings.seeds, run_part, &settings);
    if (settings.tsv && fclose (settings.tsv))
        return 2;
    return wrong > 0;
}
