/* SPDX-License-Identifier: Apache-2.0 */
/* The demo: a coordinator and its workers hash every file below a directory, one worker is killed on the way,
 * and the result is what b2sum says. --help tells the options, README.md the rest. */
#include "fleet.h"
#include "job.h"
#include "progress.h"
#include "tree.h"
#include "verify.h"

#include <godwit/godwit.h>

#include <argp.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIND_MS 20000  /* for all workers to be known */
#define CALL_MS 600000 /* for one file; a dead worker is noticed at once */
#define REDRAW_MS 100

enum { EXIT_DIFFERENT = 1, EXIT_UNREAD = 3 };

struct arguments {
    const char *url;
    const char *directory;
    size_t workers;
    size_t in_flight;
    bool no_kill;
};

/* What the coordinator holds; its functions return false when the demo cannot go on, and have said why. */
struct demo {
    struct arguments arguments;
    char *directory; /* absolute */
    demo_tree_t tree;
    demo_fleet_t fleet;
    demo_job_t job;
    bool job_started;
    demo_progress_t progress;
    godwit_transport_t *transport;
    godwit_client_t *client;
    godwit_fanout_report_t opened;
    godwit_fanout_report_t closed;
    unsigned lost; /* workers that ended by themselves */
};

static bool
fail (const char *what, godwit_error_t **error)
{
    fprintf (stderr, "demo: %s: %s\n", what, godwit_error_print (*error));
    godwit_error_destroy (error);
    return false;
}

/* ---- arguments ---- */

static size_t
parse_count (struct argp_state *state, const char *text, size_t least, size_t most)
{
    char *end;
    const unsigned long count = strtoul (text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || count < least || count > most)
        argp_error (state, "not a number from %zu to %zu: %s", least, most, text);
    return count;
}

static error_t
parse (int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case 'u':
        arguments->url = text;
        return 0;
    case 'w':
        arguments->workers = parse_count (state, text, 1, WORKER_MAX - 1);
        return 0;
    case 'f':
        arguments->in_flight = parse_count (state, text, 1, IN_FLIGHT_MAX);
        return 0;
    case 'k':
        arguments->no_kill = true;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0)
            argp_usage (state);
        arguments->directory = text;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- the parts of a run, in their order ---- */

/* The worker's program lies beside this one. */
static char *
worker_program (void)
{
    char here[4096];
    const ssize_t size = readlink ("/proc/self/exe", here, sizeof here - 1);
    if (size < 0)
        return NULL;
    here[size] = '\0';
    char *slash = strrchr (here, '/');
    char *path = NULL;
    if (!slash || asprintf (&path, "%.*s/worker", (int) (slash - here), here) < 0)
        return NULL;
    return path;
}

/* The workers come first: one of them hosts the rendezvous, so that its death is a test of that as well. */
static bool
start_all (struct demo *demo)
{
    godwit_error_t *error = NULL;
    for (size_t at = 0; at < demo->arguments.workers; at++) {
        if (!demo_fleet_start (&demo->fleet, ""))
            return false;
    }
    if (godwit_transport_new (
            &demo->transport, demo->arguments.url,
            GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING),
            &error) != GODWIT_OK ||
        godwit_client_new (&demo->client, demo->transport,
                           GODWIT_TARGET (.topic = "hasher", .version = "1.0"),
                           GODWIT_CLIENT_OPTIONS (.timeout_ms = CALL_MS), &error) != GODWIT_OK ||
        godwit_client_wait_servers (demo->client, demo->arguments.workers, FIND_MS, &error) != GODWIT_OK)
        return fail ("the workers were not found", &error);
    demo_progress_say (&demo->progress, "%zu workers found each other and the coordinator at %s",
                       demo->fleet.count, demo->arguments.url);
    return true;
}

/* Tells all workers at once. Each of those that are alive must be reached. */
static bool
announce (struct demo *demo, const char *method, godwit_fanout_report_t *report)
{
    godwit_error_t *error = NULL;
    *report = (godwit_fanout_report_t) GODWIT_FANOUT_REPORT;
    if (godwit_client_fanout (demo->client, NULL, method, GODWIT_NO_ARGS, report, &error) != GODWIT_OK)
        return fail (method, &error);
    if (report->reached != demo->arguments.workers) {
        fprintf (stderr, "demo: %s reached %" PRIu32 " of %zu workers\n", method, report->reached,
                 demo->arguments.workers);
        return false;
    }
    return true;
}

/* Kills the first worker with calls pending, and starts one in its place. */
static bool
replace_worker (struct demo *demo)
{
    demo_worker_t *victim = &demo->fleet.workers[0];
    demo_progress_say (&demo->progress, "half-way: SIGKILL for %s (process %ld), the first that was started",
                       victim->name, (long) victim->pid);
    demo_fleet_kill (victim);
    victim->remark = "killed half-way";
    const demo_worker_t *fresh = demo_fleet_start (&demo->fleet, "started half-way");
    if (fresh)
        demo_progress_say (&demo->progress, "half-way: %s (process %ld) was started", fresh->name,
                           (long) fresh->pid);
    return fresh != NULL;
}

static bool
interrupted (void)
{
    sigset_t signals;
    sigemptyset (&signals);
    sigaddset (&signals, SIGINT);
    sigaddset (&signals, SIGTERM);
    return sigtimedwait (&signals, NULL, &(const struct timespec){0}) > 0;
}

static bool
hash_all (struct demo *demo)
{
    const size_t total = demo->tree.count;
    demo->job_started = true;
    if (!demo_job_start (&demo->job, demo->client, &demo->tree, demo->arguments.in_flight)) {
        fprintf (stderr, "demo: out of memory\n");
        return false;
    }
    bool to_kill = !demo->arguments.no_kill;
    for (size_t done = 0; done < total || to_kill;) {
        /* Wakes up at the next tenth, half-way, and to draw. */
        size_t wanted = total ? ((done * 10 / total + 1) * total + 9) / 10 : 0;
        if (to_kill && wanted > total / 2)
            wanted = total / 2;
        done = demo_job_wait (&demo->job, wanted, REDRAW_MS);
        demo_progress_show (&demo->progress, done, demo_job_rate (&demo->job));
        if (to_kill && done >= total / 2) {
            to_kill = false;
            if (!replace_worker (demo))
                return false;
        }
        demo->lost += demo_fleet_check (&demo->fleet);
        if (interrupted ()) {
            fprintf (stderr, "demo: interrupted\n");
            return false;
        }
    }
    demo_progress_close (&demo->progress);
    return true;
}

/* A direct call: to one worker by name, and no other. It counts as we do. */
static bool
ask_worker (struct demo *demo, const char *name)
{
    godwit_client_t *direct = NULL;
    godwit_value_t *reply = NULL;
    godwit_error_t *error = NULL;
    bool good = false;
    if (godwit_client_prepare (&direct, demo->client, GODWIT_OVERRIDES (.server = name), &error) ==
            GODWIT_OK &&
        godwit_client_call (direct, NULL, "statistics", GODWIT_NO_ARGS, &reply, &error) == GODWIT_OK) {
        const uint64_t counted = demo_job_tally (&demo->job, name)->files;
        const int64_t files = godwit_value_as_int (godwit_value_get (reply, "files"), -1);
        printf ("%s, asked directly: %" PRId64 " files, %" PRId64 " bytes, %" PRId64 " failures\n",
                godwit_value_as_str (godwit_value_get (reply, "worker"), "?"), files,
                godwit_value_as_int (godwit_value_get (reply, "bytes"), -1),
                godwit_value_as_int (godwit_value_get (reply, "failures"), -1));
        good = files >= 0 && (uint64_t) files == counted;
        if (!good)
            fprintf (stderr, "demo: we counted %" PRIu64 " files of %s\n", counted, name);
    } else {
        fail (name, &error);
    }
    godwit_value_unref (&reply);
    godwit_client_destroy (&direct);
    return good;
}

/* ---- the table ---- */

static void
print_workers (struct demo *demo)
{
    printf ("\n%-12s %10s %10s %12s  %s\n", "worker", "process", "calls", "MB", "");
    for (size_t at = 0; at < demo->fleet.count; at++) {
        const demo_worker_t *worker = &demo->fleet.workers[at];
        const demo_tally_t *tally = demo_job_tally (&demo->job, worker->name);
        printf ("%-12s %10ld %10" PRIu64 " %12.1f  %s\n", worker->name, (long) worker->was, tally->files,
                (double) tally->bytes / 1e6, worker->remark);
    }
}

static void
print_calls (struct demo *demo)
{
    demo_job_t *job = &demo->job;
    godwit_transport_stats_t stats = {0};
    godwit_transport_stats (demo->transport, &stats, sizeof stats);

    printf ("\n%-24s %10" PRIu64 "\n", "calls answered", job->succeeded);
    printf ("%-24s %10" PRIu64 "  made again by the coordinator, after MAYBE_RUN\n", "calls failed over",
            job->failed_over);
    printf ("%-24s %10" PRIu64 "  by the library, after NOT_SENT or REJECTED\n", "calls retried",
            stats.calls_retried);
    for (int outcome = GODWIT_OUTCOME_NONE; outcome <= GODWIT_OUTCOME_RAN; outcome++)
        printf ("failed, %-16s %10" PRIu64 "\n", godwit_outcome_name ((godwit_outcome_t) outcome),
                job->outcomes[outcome]);
    printf ("%-24s %10.3f  from a file's first call to its answer, %zu in flight\n", "p50, ms",
            demo_job_percentile_ms (job, 0.5), demo->arguments.in_flight);
    printf ("%-24s %10.3f\n", "p99, ms", demo_job_percentile_ms (job, 0.99));
    printf ("%-24s %10.3f\n", "p99.9, ms", demo_job_percentile_ms (job, 0.999));
    printf ("%-24s %10.3f\n", "max, ms", demo_job_percentile_ms (job, 1));
    printf ("%-24s %10.0f  in %.2f s, files read and hashed\n", "calls per second", demo_job_rate (job),
            (double) (job->ended_ns - job->started_ns) / 1e9);
    printf ("%-24s %10" PRIu32 "  %" PRIu32 " missing\n", "fanout run_opened", demo->opened.reached,
            demo->opened.missing);
    printf ("%-24s %10" PRIu32 "  %" PRIu32 " missing\n", "fanout run_closed", demo->closed.reached,
            demo->closed.missing);
}

static void
print_problems (const demo_tree_t *tree)
{
    size_t shown = 0;
    for (size_t at = 0; at < tree->count; at++) {
        if (!tree->files[at].problem)
            continue;
        if (shown++ < 10) {
            printf ("no hash: ");
            demo_print_path (tree->files[at].path);
            printf (": %s\n", tree->files[at].problem);
        }
    }
    if (shown > 10)
        printf ("no hash: ... and %zu more\n", shown - 10);
}

static int
verify (struct demo *demo)
{
    demo_result_t result;
    printf ("\ncomparing with b2sum ...\n");
    fflush (stdout);
    if (!demo_verify (&demo->tree, demo->directory, &result))
        return EXIT_DIFFERENT;
    printf ("%-24s %10zu\n", "files that b2sum lists", result.listed);
    printf ("%-24s %10zu\n", "equal", result.equal);
    printf ("%-24s %10zu\n", "different", result.different);
    printf ("%-24s %10zu\n", "missing", result.missing);
    printf ("%-24s %10zu\n", "not known to b2sum", result.extra);
    printf ("%-24s %10zu\n", "twice", result.twice);
    if (result.equal != result.listed || result.missing + result.different + result.extra + result.twice) {
        printf ("\nDIFFERENT from what b2sum prints\n");
        return EXIT_DIFFERENT;
    }
    if (result.unread + demo->tree.skipped) {
        printf ("\nequal as far as it could be read: %zu files and %zu directories could not\n",
                result.unread, demo->tree.skipped);
        return EXIT_UNREAD;
    }
    printf ("\nequal to what b2sum prints: nothing is missing, nothing is there twice\n");
    return EXIT_SUCCESS;
}

/* ---- */

static int
run (struct demo *demo)
{
    demo->directory = realpath (demo->arguments.directory, NULL);
    demo->fleet.program = worker_program ();
    demo->fleet.url = demo->arguments.url;
    if (!demo->directory || !demo->fleet.program) {
        perror (demo->arguments.directory);
        return EXIT_DIFFERENT;
    }
    if (!demo_tree_walk (&demo->tree, demo->directory))
        return EXIT_DIFFERENT;
    demo_progress_open (&demo->progress, demo->tree.count);
    printf ("%zu regular files below %s\n", demo->tree.count, demo->directory);
    fflush (stdout);

    godwit_error_t *error = NULL;
    if (!start_all (demo) || !announce (demo, "run_opened", &demo->opened) || !hash_all (demo))
        return EXIT_DIFFERENT;
    if (godwit_client_wait_servers (demo->client, demo->arguments.workers, FIND_MS, &error) != GODWIT_OK) {
        fail ("the workers were not found", &error);
        return EXIT_DIFFERENT;
    }
    if (!announce (demo, "run_closed", &demo->closed))
        return EXIT_DIFFERENT;
    print_problems (&demo->tree);
    if (!ask_worker (demo, demo->fleet.workers[demo->fleet.count - 1].name))
        return EXIT_DIFFERENT;
    print_workers (demo);
    print_calls (demo);
    return demo->lost ? EXIT_DIFFERENT : verify (demo);
}

int
main (int argc, char **argv)
{
    static const struct argp_option options[] = {
        {.name = "url", .key = 'u', .arg = "URL", .doc = "Transport URL (GODWIT_URL, or zmq://)"},
        {.name = "workers", .key = 'w', .arg = "COUNT", .doc = "Worker processes (3)"},
        {.name = "in-flight", .key = 'f', .arg = "COUNT", .doc = "Calls pending at a time (32)"},
        {.name = "no-kill", .key = 'k', .doc = "Let all workers live"},
        {0},
    };
    static const struct argp parser = {
        .options = options,
        .parser = parse,
        .args_doc = "[DIRECTORY]",
        .doc =
            "Hashes every regular file below DIRECTORY (/usr/include) by calls to worker processes, of which "
            "one is killed half-way, and compares the result with what b2sum prints.\v"
            "Exit status: 0 if every hash is equal, with none missing and none twice; 3 if that is so, but "
            "some "
            "files could not be read, by b2sum neither; 1 otherwise."};
    static struct demo demo = {.opened = GODWIT_FANOUT_REPORT, .closed = GODWIT_FANOUT_REPORT};
    demo.arguments = (struct arguments){
        .url = getenv ("GODWIT_URL"), .directory = "/usr/include", .workers = 3, .in_flight = 32};
    argp_parse (&parser, argc, argv, 0, NULL, &demo.arguments);
    if (!demo.arguments.url)
        demo.arguments.url = "zmq://";

    sigset_t signals;
    sigemptyset (&signals);
    sigaddset (&signals, SIGINT);
    sigaddset (&signals, SIGTERM);
    pthread_sigmask (SIG_BLOCK, &signals, NULL);

    int result = run (&demo);
    if (demo.job_started)
        demo_job_stop (&demo.job);
    godwit_client_destroy (&demo.client);
    if (demo.job_started)
        demo_job_free (&demo.job);
    if (!demo_fleet_end (&demo.fleet) && result == EXIT_SUCCESS)
        result = EXIT_DIFFERENT;
    godwit_transport_destroy (&demo.transport);
    demo_tree_free (&demo.tree);
    free (demo.fleet.program);
    free (demo.directory);
    return result;
}
