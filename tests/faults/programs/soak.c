/* SPDX-License-Identifier: Apache-2.0 */
/* Calls, casts and fanouts for a while, with random faults, and at the end the proof that nothing was lost,
 * nothing ran twice, and nothing grew: soak [OPTION...]
 *
 *     --seconds N   how long; 60
 *     --seed N      of the faults and of what the clients do; printed, another one each time
 *     --rate N      calls a second of each of the clients' threads; 100
 *     --threads N   of each of the two clients that live long; 4
 *     --driver NAME of all processes: zmq, zmq+libzmq, or mixed: every second one on libzmq;
 *                   GODWIT_FAULTS_DRIVER, or zmq
 *     --busy N      processes that do nothing but compute; 0
 *     --restarts N  a second, of one more server, by SIGKILL; nothing else is broken then; 0
 *     --folder DIR  for the histories; a new one, which is removed if all went well
 *     --tsv FILE    appends a line, as history_check does
 *     --no-growth   does not examine memory (sanitizers keep what was freed)
 *
 * Two rendezvous, three servers, three clients. server-1, client-1, client-2 and rendezvous-1 live as long
 * as it lasts, frozen at times; the others are also killed. Ends with 0: all is well; 1: something was broken
 * or grows; others: it could not be run. */
#include "tests/faults/check.h"
#include "tests/faults/cluster.h"
#include "tests/faults/growth.h"
#include "tests/support/random.h"

#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAMPLE_MS 250
#define GAP_MIN_MS 200
#define GAP_MAX_MS 1500
#define FREEZE_MIN_MS 50
#define FREEZE_MAX_MS 3500 /* longer than the limit of the heartbeats: half of them are given up */
#define LONG_LIVED 4
#define RESTARTED "server-4"
#define BUSY_MAX 64
#define BUSY_EXTRA_S 30
#define WARM_PERCENT 30 /* of the time: all kinds of faults have happened by then */
#define CALM_MS 2000    /* for what the last fault leaves */
/* What comes once, and may come late: malloc's arenas of new threads, and what is kept for some time of
 * servers that were killed (measured: 2.1 MB once when 100 of them are forgotten, and no more after the next
 * 60). A leak of 32 bytes a call is more in ten minutes. */
#define ALLOWED_KB 6144

typedef struct soak {
    int64_t seconds;
    uint64_t seed;
    const char *rate;
    const char *threads;
    const char *driver;
    FILE *tsv;
    unsigned busy;
    unsigned restarts;
    pid_t busy_pids[BUSY_MAX];
    bool checks_growth;
    bool has_folder;
    char folder[CLUSTER_PATH_MAX];
    cluster_t cluster;
    random_t random;
    uint64_t began_ns;
    growth_t growth[LONG_LIVED];
    growth_phase_t phase;
    unsigned faults;
} soak_t;

static const char *const long_lived[LONG_LIVED] = {"server-1", "client-1", "client-2", "rendezvous-1"};

/* ---- a machine with other work ---- */

static void
begin_busy (soak_t *soak)
{
    for (unsigned i = 0; i < soak->busy; i++) {
        soak->busy_pids[i] = fork ();
        if (soak->busy_pids[i] == 0) {
            prctl (PR_SET_PDEATHSIG, SIGKILL);
            alarm ((unsigned) soak->seconds + BUSY_EXTRA_S); /* also if this process had ended before */
            for (volatile unsigned count = 0;; count++)
                ;
        }
    }
}

static void
end_busy (const soak_t *soak)
{
    for (unsigned i = 0; i < soak->busy; i++)
        if (soak->busy_pids[i] > 0) {
            kill (soak->busy_pids[i], SIGKILL);
            waitpid (soak->busy_pids[i], NULL, 0);
        }
}

/* ---- time ---- */

static int64_t
passed_ms (const soak_t *soak)
{
    return (int64_t) ((history_now_ns () - soak->began_ns) / 1000000);
}

/* Samples meanwhile. */
static void
rest (soak_t *soak, int64_t ms)
{
    while (ms > 0) {
        const int64_t step = ms < SAMPLE_MS ? ms : SAMPLE_MS;
        cluster_rest (&soak->cluster, step);
        ms -= step;
        for (int i = 0; i < LONG_LIVED; i++)
            growth_sample (&soak->growth[i], cluster_find (&soak->cluster, long_lived[i])->pid, soak->phase);
    }
}

/* Nothing is broken for a while, so that the same connections are open each time it is measured. */
static void
measure (soak_t *soak, growth_phase_t phase)
{
    rest (soak, CALM_MS);
    soak->phase = phase;
    rest (soak, CALM_MS / 2);
    soak->phase = GROWTH_OTHER;
}

static int64_t
between (soak_t *soak, uint32_t from, uint32_t to)
{
    return from + random_below (&soak->random, to - from + 1);
}

/* ---- faults ---- */

static void
kill_and_restart (soak_t *soak, const char *name, history_fault_t fault, const char *what)
{
    cluster_member_t *member = cluster_find (&soak->cluster, name);
    const uint64_t id = history_fault_begin (soak->cluster.history, fault, member->node, what);
    cluster_kill (member);
    rest (soak, between (soak, 0, 800));
    cluster_start (&soak->cluster, member);
    cluster_expect_ready (member);
    history_fault_end (soak->cluster.history, id);
}

static void
freeze (soak_t *soak, const char *name, history_fault_t fault, const char *what)
{
    const cluster_member_t *member = cluster_find (&soak->cluster, name);
    const uint64_t id = history_fault_begin (soak->cluster.history, fault, member->node, what);
    kill (member->pid, SIGSTOP);
    rest (soak, between (soak, FREEZE_MIN_MS, FREEZE_MAX_MS));
    kill (member->pid, SIGCONT);
    history_fault_end (soak->cluster.history, id);
}

/* Each in its turn; the others serve meanwhile. */
static void
restart_all (soak_t *soak)
{
    static const char *const names[] = {"server-2", "server-3"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        cluster_member_t *member = cluster_find (&soak->cluster, names[i]);
        const uint64_t id =
            history_fault_begin (soak->cluster.history, HISTORY_FAULT_STOP, member->node, "rolling restart");
        cluster_stop (member);
        cluster_start (&soak->cluster, member);
        cluster_expect_ready (member);
        history_fault_end (soak->cluster.history, id);
    }
}

static void
break_something (soak_t *soak)
{
    static const char *const frozen[] = {"server-1", "server-2", "server-3", "client-1"};
    const char *mortal = random_below (&soak->random, 2) ? "server-2" : "server-3";
    switch (random_below (&soak->random, 8)) {
    case 0:
    case 1:
        kill_and_restart (soak, mortal, HISTORY_FAULT_KILL, "server killed");
        break;
    case 2:
        kill_and_restart (soak, "client-3", HISTORY_FAULT_KILL, "client killed");
        break;
    case 3:
        kill_and_restart (soak, "rendezvous-2", HISTORY_FAULT_NAMES, "rendezvous killed");
        break;
    case 4:
        freeze (soak, random_below (&soak->random, 2) ? "rendezvous-1" : "rendezvous-2", HISTORY_FAULT_NAMES,
                "rendezvous frozen");
        break;
    case 5:
        restart_all (soak);
        break;
    default:
        freeze (soak, frozen[random_below (&soak->random, 4)], HISTORY_FAULT_FREEZE, "frozen");
    }
    soak->faults++;
}

/* A process that was killed before it had made its history has done nothing. */
static void
forget_unborn (const soak_t *soak, const char *name, uint32_t node)
{
    char path[1024], magic[sizeof HISTORY_MAGIC] = "";
    snprintf (path, sizeof path, "%s/%s.%u%s", soak->folder, name, node, HISTORY_SUFFIX);
    FILE *const file = fopen (path, "re");
    if (!file)
        return;
    const bool is_born =
        fread (magic, 1, sizeof magic - 1, file) == sizeof magic - 1 && strcmp (magic, HISTORY_MAGIC) == 0;
    fclose (file);
    if (!is_born)
        unlink (path);
}

/* Kills a server as often as it is told to, ready or not. */
static void
restart_until (soak_t *soak, int64_t end_ms)
{
    cluster_member_t *member = cluster_find (&soak->cluster, RESTARTED);
    while (passed_ms (soak) < end_ms) {
        const uint64_t id =
            history_fault_begin (soak->cluster.history, HISTORY_FAULT_KILL, member->node, "restarted");
        cluster_kill (member);
        forget_unborn (soak, member->name, member->node);
        cluster_start (&soak->cluster, member);
        history_fault_end (soak->cluster.history, id);
        soak->faults++;
        rest (soak, 1000 / soak->restarts);
    }
    cluster_expect_ready (member);
}

static void
break_until (soak_t *soak, int64_t end_ms)
{
    if (soak->restarts > 0) {
        restart_until (soak, end_ms);
        return;
    }
    while (passed_ms (soak) < end_ms) {
        break_something (soak);
        rest (soak, between (soak, GAP_MIN_MS, GAP_MAX_MS));
    }
}

/* ---- the run ---- */

static void
run (soak_t *soak, const char *program)
{
    static const char *server_arguments[] = {"--concurrency", "64", NULL};
    const char *client_arguments[] = {
        "--servers",
        "3",
        "--threads",
        soak->threads,
        "--rate",
        soak->rate,
        "--timeout-ms",
        "6000",
        "--mix",
        "call=40,cast=12,fanout=6,fanout_call=4,idempotent=10,named=10,async=20",
        "--named",
        "server-1,server-2",
        NULL};
    const char *other_arguments[] = {"--servers", "1", "--threads", "2", "--rate", soak->rate, NULL};
    cluster_t *cluster = &soak->cluster;
    cluster_open (cluster, program, soak->folder, soak->seed, 2, soak->driver, "");
    cluster_expect_ready (cluster_add (cluster, "server", "server-1", server_arguments));
    cluster_expect_ready (cluster_add (cluster, "server", "server-2", server_arguments));
    cluster_expect_ready (cluster_add (cluster, "server", "server-3", server_arguments));
    if (soak->restarts > 0)
        cluster_expect_ready (cluster_add (cluster, "server", RESTARTED, server_arguments));
    cluster_expect_ready (cluster_add (cluster, "client", "client-1", client_arguments));
    cluster_expect_ready (cluster_add (cluster, "client", "client-2", client_arguments));
    cluster_expect_ready (cluster_add (cluster, "client", "client-3", other_arguments));
    begin_busy (soak);
    soak->began_ns = history_now_ns ();
    break_until (soak, soak->seconds * 1000 * WARM_PERCENT / 100);
    measure (soak, GROWTH_WARM);
    break_until (soak, soak->seconds * 1000 - CALM_MS * 3 / 2);
    /* libzmq closes sockets on threads of its own, and falls behind when they get little of the processor. */
    end_busy (soak);
    measure (soak, GROWTH_LAST);
    cluster_close (cluster);
}

static bool
examine (soak_t *soak)
{
    check_summary_t summary;
    bool is_fine = true;
    if (!check_run (soak->folder, &(const check_options_t){.out = stderr, .shown = 20}, &summary))
        return false;
    check_print (stdout, "soak", &summary);
    if (soak->tsv)
        check_print_tsv (soak->tsv, "soak", &summary);
    for (int i = 0; i < LONG_LIVED; i++)
        if (!growth_is_fine (&soak->growth[i], long_lived[i],
                             soak->checks_growth ? ALLOWED_KB : INT64_MAX / 2, stdout))
            is_fine = false;
    return is_fine && check_broken (&summary) == 0;
}

/* ---- how it is called ---- */

static bool
parse (soak_t *soak, int argc, char **argv)
{
    static const struct option table[] = {{"seconds", required_argument, NULL, 's'},
                                          {"seed", required_argument, NULL, 'e'},
                                          {"rate", required_argument, NULL, 'r'},
                                          {"threads", required_argument, NULL, 'p'},
                                          {"folder", required_argument, NULL, 'f'},
                                          {"tsv", required_argument, NULL, 't'},
                                          {"no-growth", no_argument, NULL, 'n'},
                                          {"busy", required_argument, NULL, 'b'},
                                          {"restarts", required_argument, NULL, 'R'},
                                          {"driver", required_argument, NULL, 'd'},
                                          {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long (argc, argv, "", table, NULL)) != -1) {
        if (option == 's')
            soak->seconds = strtoll (optarg, NULL, 10);
        else if (option == 'e')
            soak->seed = strtoull (optarg, NULL, 10);
        else if (option == 'r')
            soak->rate = optarg;
        else if (option == 'p')
            soak->threads = optarg;
        else if (option == 'd')
            soak->driver = optarg;
        else if (option == 'b')
            soak->busy = (unsigned) strtoul (optarg, NULL, 10);
        else if (option == 'R')
            soak->restarts = (unsigned) strtoul (optarg, NULL, 10);
        else if (option == 'n')
            soak->checks_growth = false;
        else if (option == 'f') {
            soak->has_folder = true;
            snprintf (soak->folder, sizeof soak->folder, "%s", optarg);
        } else if (option != 't' || !(soak->tsv = check_open_tsv (optarg)))
            return false;
    }
    return optind == argc && soak->seconds > 0 && soak->busy <= BUSY_MAX && soak->restarts <= 1000;
}

int
main (int argc, char **argv)
{
    static soak_t soak = {.seconds = 60, .rate = "100", .threads = "4", .checks_growth = true};
    char program[CLUSTER_PATH_MAX];
    soak.seed = history_now_ns () % 1000000007;
    if (!parse (&soak, argc, argv)) {
        fprintf (stderr, "soak [--seconds N] [--seed N] [--rate N] [--threads N] [--driver NAME] [--busy N] "
                         "[--restarts N] [--folder DIR] [--tsv FILE] [--no-growth]\n");
        return 2;
    }
    if (!soak.driver)
        soak.driver = getenv (CLUSTER_DRIVER_VARIABLE);
    if (!soak.driver)
        soak.driver = "zmq";
    setvbuf (stdout, NULL, _IOLBF, 0);
    cluster_find_program (program, argv[0]);
    if (!soak.has_folder)
        cluster_make_folder (soak.folder, "soak");
    soak.random = (random_t){soak.seed};
    random_below (&soak.random, 2);
    printf ("soak: driver %s, seed %llu, %lld s, in %s\n", soak.driver, (unsigned long long) soak.seed,
            (long long) soak.seconds, soak.folder);
    run (&soak, program);
    const bool is_fine = examine (&soak);
    if (is_fine && !soak.has_folder)
        cluster_remove_folder (soak.folder);
    printf ("soak: %u faults, %s%s", soak.faults, is_fine ? "all is well" : "BROKEN", is_fine ? "\n" : "");
    if (!is_fine)
        printf ("; the histories are in %s; --seed %llu --seconds %lld repeats the faults\n", soak.folder,
                (unsigned long long) soak.seed, (long long) soak.seconds);
    return is_fine ? 0 : 1;
}
