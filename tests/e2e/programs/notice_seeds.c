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

#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KINDS 10
#define JOBS_MAX 64
#define SHOWN 20

static const char *const kinds[KINDS] = {"loss",      "delay", "duplicate", "reorder", "cut",
                                         "partition", "pause", "kill",      "power",   "restart"};

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
    uint64_t first, count;
    atomic_uint_fast64_t next;
    pthread_mutex_t lock; /* of what follows */
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

static void *
run_seeds (void *user)
{
    job_t *const job = user;
    for (uint64_t at; (at = atomic_fetch_add (&job->next, 1)) < job->count;) {
        notice_options_t options = job->options;
        notice_result_t result;
        options.seed = job->first + at;
        const bool right = notice_run (&options, &result);
        pthread_mutex_lock (&job->lock);
        add (job, &result);
        if (!right && ++job->wrong <= SHOWN)
            fprintf (stderr,
                     "%s\nrun it again: notice_seeds --first %llu --seeds 1 --nodes %u --notices %u "
                     "--faults %s --fault-count %u --trace\n",
                     result.wrong, (unsigned long long) options.seed, options.node_count,
                     options.notice_count, job->name, options.fault_count);
        pthread_mutex_unlock (&job->lock);
    }
    return NULL;
}

static void
run_job (job_t *job, unsigned threads)
{
    pthread_t ids[JOBS_MAX];
    unsigned started = 0;
    pthread_mutex_init (&job->lock, NULL);
    while (started + 1 < threads && pthread_create (&ids[started], NULL, run_seeds, job) == 0)
        started++;
    run_seeds (job);
    while (started)
        pthread_join (ids[--started], NULL);
    pthread_mutex_destroy (&job->lock);
}

/* A list of kinds; 0 is none of them, all ones if there is an unknown name. */
static unsigned
read_faults (const char *names)
{
    unsigned faults = 0;
    if (!strcmp (names, "all"))
        return GODWIT_FAULT_ALL;
    if (!strcmp (names, "none"))
        return 0;
    while (*names) {
        const size_t size = strcspn (names, ",");
        unsigned kind = 0;
        while (kind < KINDS && (strlen (kinds[kind]) != size || strncmp (kinds[kind], names, size) != 0))
            kind++;
        if (kind == KINDS)
            return ~0u;
        faults |= 1u << kind;
        names += size + (names[size] == ',');
    }
    return faults;
}

/* The number of clusters in which something was wrong. */
static uint64_t
run_one (const settings_t *settings, const char *name, uint64_t first, uint64_t count)
{
    job_t job = {.name = name, .options = settings->options, .first = first, .count = count};
    const notices_summary_t *const sum = &job.total;
    job.options.faults = read_faults (name);
    run_job (&job, settings->jobs);
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
           to->jobs >= 1 && to->jobs <= JOBS_MAX && read_faults (to->faults ? to->faults : "all") != ~0u;
}

int
main (int argc, char **argv)
{
    const long cores = sysconf (_SC_NPROCESSORS_ONLN);
    settings_t settings = {.options = {.node_count = 10, .notice_count = 1000, .fault_count = 8},
                           .first = 1,
                           .seeds = 2000,
                           .jobs = cores > 0 && cores < JOBS_MAX ? (unsigned) cores : 1};
    if (!read_settings (&settings, argc, argv)) {
        fprintf (
            stderr,
            "usage: notice_seeds [--seeds N] [--first SEED] [--nodes 7..%d] [--notices N] "
            "[--faults NAME,...|all|none] [--fault-count N] [--jobs N] [--trace] [--digest] [--tsv FILE]\n",
            NOTICE_NODES_MAX);
        return 2;
    }
    uint64_t wrong = 0, done = 0;
    printf ("%-20s %8s %9s %9s %9s %9s %8s %8s %8s %6s %6s\n", "fault (simulated)", "clusters", "faults",
            "accepted", "delivered", "marked", "twice", "requeued", "gone", "lost", "wrong");
    for (unsigned kind = 0; kind < KINDS && !settings.faults; kind++, done += settings.seeds / 20)
        wrong += run_one (&settings, kinds[kind], settings.first + done, settings.seeds / 20);
    wrong += run_one (&settings, settings.faults ? settings.faults : "all", settings.first + done,
                      settings.seeds - done);
    if (settings.tsv && fclose (settings.tsv))
        return 2;
    return wrong > 0;
}
