/* SPDX-License-Identifier: Apache-2.0 */
/* Breaks clusters of notifiers and listeners that are real processes, in one scenario after the other, and
 * examines what they wrote down (docs/testing.md).
 *
 *     notices [OPTION...]
 *     --only NAME   this scenario
 *     --list        their names, and no run
 *     --seconds N   of each; 15
 *     --soak N      so many seconds of all faults at random instead, and memory must not grow
 *     --seed N      of all that is random; the time
 *     --rate N      notifications a second and thread; 300
 *     --driver NAME of all transports; mixed: zmq and zmq+libzmq in turns; default GODWIT_FAULTS_DRIVER, or
 * zmq
 *     --folder DIR  for the histories; a new one, which is removed if all went well
 *     --tsv FILE    appends a line for each scenario, as history_check does
 *     --no-growth   does not examine memory (sanitizers keep what was freed)
 *
 * Ends with 0: all is well; 1: something was broken, or grows; others: it could not be run. */
#include "tests/faults/check.h"
#include "tests/faults/cluster.h"
#include "tests/faults/growth.h"
#include "tests/support/random.h"

#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SAMPLE_MS 250
#define SETTLE_MS 500
/* Longer than the limit of the heartbeats, so that a silent one is given up. */
#define FREEZE_MIN_MS 2300
#define FREEZE_MAX_MS 4500
#define LONG_LIVED 3
#define WARM_PERCENT 40
/* What comes once, and may come late: malloc's arenas of new threads, pools' memories. */
#define ALLOWED_KB 6144
/* A pool whose listener is slow holds up nobody: so long may one take to come to another pool, on a machine
 * with other work. */
#define FAST_MS 1000

typedef struct run {
    const char *program;
    const char *driver;
    const char *rate;
    const char *folder; /* of this scenario */
    char spool[600];
    int64_t seconds;
    uint64_t seed;
    cluster_t cluster;
    random_t random;
    uint64_t began_ns;
    unsigned faults;
    bool is_soak, checks_growth;
    growth_t growth[LONG_LIVED];
    growth_phase_t phase;
} run_t;

typedef struct scenario {
    const char *name;
    const char *title;
    void (*open) (run_t *run);
    void (*strike) (run_t *run); /* again and again, until the time is over; NULL: nothing is done */
    bool loses;                  /* what was with the notifier may be gone */
    bool marks_nothing;          /* nothing comes again, and nothing is marked */
    bool is_unhurried;           /* a slow pool holds up no other: "first" */
} scenario_t;

static const char *const long_lived[LONG_LIVED] = {"notifier-1", "listener-1", "rendezvous-1"};

/* ---- time ---- */

static int64_t
passed_ms (const run_t *run)
{
    return (int64_t) ((history_now_ns () - run->began_ns) / 1000000);
}

/* Samples meanwhile, in a soak. */
static void
rest (run_t *run, int64_t ms)
{
    while (ms > 0) {
        const int64_t step = ms < SAMPLE_MS ? ms : SAMPLE_MS;
        cluster_rest (&run->cluster, step);
        ms -= step;
        for (int i = 0; i < LONG_LIVED && run->is_soak; i++)
            growth_sample (&run->growth[i], cluster_find (&run->cluster, long_lived[i])->pid, run->phase);
    }
}

static int64_t
between (run_t *run, uint32_t from, uint32_t to)
{
    return from + random_below (&run->random, to - from + 1);
}

/* ---- faults ---- */

static uint64_t
begin (run_t *run, const char *name, history_fault_t fault, const char *what)
{
    run->faults++;
    return history_fault_begin (run->cluster.history, fault, cluster_find (&run->cluster, name)->node, what);
}

static void
start (run_t *run, const char *name)
{
    cluster_member_t *const member = cluster_find (&run->cluster, name);
    cluster_start (&run->cluster, member);
    cluster_expect_ready (member);
}

static void
kill_for_a_while (run_t *run, const char *name)
{
    const uint64_t fault = begin (run, name, HISTORY_FAULT_KILL, "killed");
    cluster_kill (cluster_find (&run->cluster, name));
    rest (run, between (run, 0, 1000));
    start (run, name);
    history_fault_end (run->cluster.history, fault);
    rest (run, between (run, 300, 1500));
}

static void
freeze (run_t *run, const char *name)
{
    const uint64_t fault = begin (run, name, HISTORY_FAULT_FREEZE, "frozen");
    kill (cluster_find (&run->cluster, name)->pid, SIGSTOP);
    rest (run, between (run, FREEZE_MIN_MS, FREEZE_MAX_MS));
    kill (cluster_find (&run->cluster, name)->pid, SIGCONT);
    history_fault_end (run->cluster.history, fault);
    rest (run, between (run, 300, 1500));
}

static void
restart (run_t *run, const char *name)
{
    const uint64_t fault = begin (run, name, HISTORY_FAULT_STOP, "restarted");
    cluster_stop (cluster_find (&run->cluster, name));
    start (run, name);
    history_fault_end (run->cluster.history, fault);
    rest (run, between (run, 0, 300));
}

static const char *
any_listener (run_t *run)
{
    static const char *const names[] = {"listener-1", "listener-2"};
    return names[random_below (&run->random, 2)];
}

static void
kill_one (run_t *run)
{
    kill_for_a_while (run, "listener-1");
}

static void
kill_any (run_t *run)
{
    kill_for_a_while (run, any_listener (run));
}

static void
freeze_one (run_t *run)
{
    freeze (run, "listener-1");
}

static void
freeze_any (run_t *run)
{
    freeze (run, any_listener (run));
}

static void
restart_any (run_t *run)
{
    restart (run, any_listener (run));
}

static void
kill_notifier (run_t *run)
{
    kill_for_a_while (run, "notifier-1");
}

static void
freeze_notifier (run_t *run)
{
    freeze (run, "notifier-1");
}

static void
strike_durable (run_t *run)
{
    switch (random_below (&run->random, 4)) {
    case 0:
        kill_for_a_while (run, "notifier-1");
        break;
    case 1:
        freeze (run, any_listener (run));
        break;
    case 2:
        restart (run, any_listener (run));
        break;
    default:
        kill_for_a_while (run, any_listener (run));
    }
}

static void
kill_both (run_t *run)
{
    const uint64_t fault = begin (run, "listener-1", HISTORY_FAULT_KILL, "killed");
    cluster_kill (cluster_find (&run->cluster, "listener-1"));
    rest (run, between (run, 0, 1000));
    kill_for_a_while (run, "notifier-1");
    start (run, "listener-1");
    history_fault_end (run->cluster.history, fault);
    rest (run, between (run, 300, 1500));
}

/* ---- clusters ---- */

static void
add (run_t *run, const char *role, const char *name, const char *const *arguments)
{
    cluster_expect_ready (cluster_add (&run->cluster, role, name, arguments));
}

static void
add_notifier (run_t *run, const char *name, const char *pools)
{
    /* The cluster borrows them for its life. */
    static const char *arguments[2][10];
    const char **const list = arguments[name[strlen (name) - 1] == '2'];
    const char *const all[] = {"--threads", "3", "--rate", run->rate, pools ? "--pools" : NULL, pools, NULL};
    memcpy (list, all, sizeof all);
    add (run, "notifier", name, list);
}

static void
add_listener (run_t *run, const char *name, const char *pool)
{
    static const char *first[] = {"--pool", "first", "--requeue", "5", "--concurrency", "4", NULL};
    static const char *second[] = {"--pool", "second", "--batch", "10", NULL};
    add (run, "listener", name, strcmp (pool, "first") == 0 ? first : second);
}

/* Listener 1 is the only one of its pool. */
static void
open_one (run_t *run)
{
    add_listener (run, "listener-1", "first");
    add_notifier (run, "notifier-1", "first");
    add_notifier (run, "notifier-2", NULL);
}

static void
open_two (run_t *run)
{
    add_listener (run, "listener-1", "first");
    add_listener (run, "listener-2", "first");
    add_listener (run, "listener-3", "second");
    add_notifier (run, "notifier-1", "first,second");
    add_notifier (run, "notifier-2", NULL);
}

/* Nothing is requeued. */
static void
open_rolling (run_t *run)
{
    static const char *plain[] = {"--pool", "first", "--work-us", "100", NULL};
    add (run, "listener", "listener-1", plain);
    add (run, "listener", "listener-2", plain);
    add_listener (run, "listener-3", "second");
    add_notifier (run, "notifier-1", "first,second");
    add_notifier (run, "notifier-2", NULL);
}

static void
open_spool (run_t *run)
{
    static const char *arguments[] = {"--threads", "3",       "--rate", NULL, "--pools",
                                      "first",     "--spool", NULL,     NULL};
    arguments[3] = run->rate;
    arguments[7] = run->spool;
    add_listener (run, "listener-1", "first");
    add_listener (run, "listener-2", "second");
    add (run, "notifier", "notifier-1", arguments);
}

static void
open_durable (run_t *run)
{
    static const char *arguments[] = {"--threads", "2", "--rate", NULL, "--spool", NULL, NULL};
    static const char *worker[] = {"--work-us", "200", NULL};
    arguments[3] = run->rate;
    arguments[5] = run->spool;
    add (run, "worker", "listener-1", worker);
    add (run, "worker", "listener-2", worker);
    add (run, "caster", "notifier-1", arguments);
}

/* The slow one handles 200 a second of each priority: fewer than come, and as many in the end. */
static void
open_slow (run_t *run)
{
    static const char *plain[] = {"--pool", "first", NULL};
    static const char *slow[] = {"--pool", "slow", "--work-us", "5000", NULL};
    static const char *notifier[] = {"--threads", "3", "--rate", "250", "--pools", "first,slow", NULL};
    add (run, "listener", "listener-1", plain);
    add (run, "listener", "listener-2", slow);
    add (run, "notifier", "notifier-1", notifier);
}

static const scenario_t scenarios[] = {
    {.name = "calm", .title = "nothing", .open = open_rolling, .marks_nothing = true},
    {.name = "replaced",
     .title = "the only listener killed, and replaced",
     .open = open_one,
     .strike = kill_one},
    {.name = "killed", .title = "one of two listeners killed", .open = open_two, .strike = kill_any},
    {.name = "silent", .title = "the only listener silent", .open = open_one, .strike = freeze_one},
    {.name = "silent-two", .title = "one of two listeners silent", .open = open_two, .strike = freeze_any},
    {.name = "notifier-silent", .title = "a notifier silent", .open = open_two, .strike = freeze_notifier},
    {.name = "notifier",
     .title = "a notifier killed",
     .open = open_two,
     .strike = kill_notifier,
     .loses = true},
    {.name = "rolling",
     .title = "rolling restart",
     .open = open_rolling,
     .strike = restart_any,
     .marks_nothing = true},
    {.name = "slow", .title = "a slow pool beside another", .open = open_slow, .is_unhurried = true},
    {.name = "spool", .title = "a notifier with a spool killed", .open = open_spool, .strike = kill_notifier},
    {.name = "both",
     .title = "listener and notifier with a spool killed",
     .open = open_spool,
     .strike = kill_both},
    {.name = "durable",
     .title = "durable casts: client or server killed",
     .open = open_durable,
     .strike = strike_durable},
};

#define SCENARIOS (sizeof scenarios / sizeof *scenarios)

/* ---- all at random ---- */

static void
strike_at_random (run_t *run)
{
    switch (random_below (&run->random, 6)) {
    case 0:
        freeze (run, "listener-1");
        break;
    case 1:
        kill_for_a_while (run, "notifier-2");
        break;
    case 2:
        restart (run, "listener-2");
        break;
    case 3:
        freeze_notifier (run);
        break;
    default:
        kill_for_a_while (run, random_below (&run->random, 2) ? "listener-2" : "listener-3");
    }
}

static const scenario_t soak = {
    .name = "soak", .title = "all at random", .open = open_two, .strike = strike_at_random, .loses = true};

/* ---- a run ---- */

static void
strike_until (run_t *run, const scenario_t *scenario, int64_t end_ms)
{
    while (passed_ms (run) < end_ms)
        if (scenario->strike)
            scenario->strike (run);
        else
            rest (run, SAMPLE_MS);
}

/* Nothing is broken for a while, so that as much is kept each time it is measured. */
static void
measure (run_t *run, growth_phase_t phase)
{
    rest (run, (int64_t) 4 * SETTLE_MS);
    run->phase = phase;
    rest (run, (int64_t) 2 * SETTLE_MS);
    run->phase = GROWTH_OTHER;
}

static void
live (run_t *run, const scenario_t *scenario)
{
    const int64_t all_ms = run->seconds * 1000;
    cluster_open (&run->cluster, run->program, run->folder, run->seed, 2, run->driver, "");
    scenario->open (run);
    run->began_ns = history_now_ns ();
    rest (run, SETTLE_MS);
    if (run->is_soak) {
        strike_until (run, scenario, all_ms * WARM_PERCENT / 100);
        measure (run, GROWTH_WARM);
    }
    strike_until (run, scenario, all_ms);
    if (run->is_soak)
        measure (run, GROWTH_LAST);
    cluster_close (&run->cluster);
}

static bool
expect (bool holds, const scenario_t *scenario, const char *what)
{
    if (!holds)
        printf ("%s: %s\n", scenario->name, what);
    return holds;
}

static bool
examine (run_t *run, const scenario_t *scenario, FILE *tsv)
{
    check_summary_t summary;
    char name[64];
    snprintf (name, sizeof name, "notices: %s", scenario->name);
    if (!check_run (run->folder, &(const check_options_t){.out = stdout, .shown = 10}, &summary))
        return false;
    check_print (stdout, name, &summary);
    if (tsv)
        check_print_tsv (tsv, name, &summary);
    const notices_summary_t *const notices = &summary.notices;
    bool is_fine = expect (check_broken (&summary) == 0, scenario, "BROKEN");
    is_fine &= expect (notices->accepted > 0, scenario, "nothing was accepted");
    is_fine &= expect (scenario->loses || notices->gone == 0, scenario, "something is gone");
    /* A machine that stands still may cost a connection, which the checker allows for. */
    is_fine &= expect (!scenario->marks_nothing || summary.stall_ns > UINT64_C (500000000) ||
                           (notices->marked == 0 && notices->twice == 0),
                       scenario, "something came again");
    const uint64_t allowed_ns = FAST_MS * UINT64_C (1000000) + 2 * summary.stall_ns;
    is_fine &= expect (!scenario->is_unhurried || notices->slowest[0] < allowed_ns, scenario,
                       "a slow pool held up another");
    for (int i = 0; i < LONG_LIVED && run->is_soak; i++)
        is_fine &= growth_is_fine (&run->growth[i], long_lived[i],
                                   run->checks_growth ? ALLOWED_KB : INT64_MAX / 2, stdout);
    return is_fine;
}

/* ---- how it is called ---- */

typedef struct settings {
    run_t run;
    const char *only;
    const char *folder;
    FILE *tsv;
    int64_t soak_seconds;
    bool lists;
} settings_t;

static bool
run_one (const settings_t *settings, const scenario_t *scenario)
{
    static run_t run;
    char folder[CLUSTER_PATH_MAX];
    snprintf (folder, sizeof folder, "%s/%s", settings->folder, scenario->name);
    run = settings->run;
    run.folder = folder;
    run.random = (random_t){run.seed};
    random_below (&run.random, 2);
    snprintf (run.spool, sizeof run.spool, "%s/spool", folder);
    if (mkdir (folder, 0777)) {
        perror (folder);
        exit (2);
    }
    live (&run, scenario);
    const bool is_fine = examine (&run, scenario, settings->tsv);
    printf ("notices: %s (%s): %u faults, %s\n", scenario->name, scenario->title, run.faults,
            is_fine ? "all is well" : "BROKEN");
    if (is_fine)
        cluster_remove_folder (folder);
    else
        printf ("the histories are in %s; notices --only %s --seed %llu --seconds %lld repeats the faults\n",
                folder, scenario->name, (unsigned long long) run.seed, (long long) run.seconds);
    return is_fine;
}

static bool
parse (settings_t *settings, int argc, char **argv)
{
    static const struct option table[] = {{"only", required_argument, NULL, 'o'},
                                          {"list", no_argument, NULL, 'l'},
                                          {"seconds", required_argument, NULL, 's'},
                                          {"soak", required_argument, NULL, 'S'},
                                          {"seed", required_argument, NULL, 'e'},
                                          {"rate", required_argument, NULL, 'r'},
                                          {"driver", required_argument, NULL, 'd'},
                                          {"folder", required_argument, NULL, 'f'},
                                          {"tsv", required_argument, NULL, 't'},
                                          {"no-growth", no_argument, NULL, 'n'},
                                          {NULL, 0, NULL, 0}};
    run_t *const run = &settings->run;
    int option;
    while ((option = getopt_long (argc, argv, "", table, NULL)) != -1) {
        if (option == 'o')
            settings->only = optarg;
        else if (option == 'l')
            settings->lists = true;
        else if (option == 's')
            run->seconds = strtoll (optarg, NULL, 10);
        else if (option == 'S')
            settings->soak_seconds = strtoll (optarg, NULL, 10);
        else if (option == 'e')
            run->seed = strtoull (optarg, NULL, 10);
        else if (option == 'r')
            run->rate = optarg;
        else if (option == 'd')
            run->driver = optarg;
        else if (option == 'f')
            settings->folder = optarg;
        else if (option == 'n')
            run->checks_growth = false;
        else if (option != 't' || !(settings->tsv = check_open_tsv (optarg)))
            return false;
    }
    return optind == argc && run->seconds > 0 && settings->soak_seconds >= 0;
}

static unsigned
run_all (const settings_t *settings)
{
    unsigned broken = 0, found = 0;
    for (size_t i = 0; i < SCENARIOS; i++) {
        if (settings->only && strcmp (settings->only, scenarios[i].name) != 0)
            continue;
        found++;
#ifndef GODWIT_HAS_SPOOL
        if (scenarios[i].open == open_spool || scenarios[i].open == open_durable) {
            printf ("notices: %s: skipped, the spool is not built\n", scenarios[i].name);
            continue;
        }
#endif
        broken += !run_one (settings, &scenarios[i]);
    }
    if (!found) {
        fprintf (stderr, "notices: there is no scenario %s\n", settings->only);
        exit (2);
    }
    return broken;
}

int
main (int argc, char **argv)
{
    static settings_t settings = {.run = {.seconds = 15, .rate = "300", .checks_growth = true}};
    static char program[CLUSTER_PATH_MAX], folder[CLUSTER_PATH_MAX];
    settings.run.seed = history_now_ns () % 1000000007;
    if (!parse (&settings, argc, argv)) {
        fprintf (stderr, "notices [--only NAME] [--list] [--seconds N] [--soak N] [--seed N] [--rate N] "
                         "[--driver NAME] [--folder DIR] [--tsv FILE] [--no-growth]\n");
        return 2;
    }
    for (size_t i = 0; i < SCENARIOS && settings.lists; i++)
        printf ("%-16s %s\n", scenarios[i].name, scenarios[i].title);
    if (settings.lists)
        return 0;
    setvbuf (stdout, NULL, _IOLBF, 0);
    cluster_find_program (program, argv[0]);
    settings.run.program = program;
    if (!settings.folder) {
        cluster_make_folder (folder, "notices");
        settings.folder = folder;
    }
    printf ("notices: driver %s, seed %llu, in %s\n", cluster_driver (settings.run.driver, 0),
            (unsigned long long) settings.run.seed, settings.folder);
    unsigned broken;
    if (settings.soak_seconds) {
        settings.run.is_soak = true;
        settings.run.seconds = settings.soak_seconds;
        broken = !run_one (&settings, &soak);
    } else {
        broken = run_all (&settings);
    }
    if (!broken && settings.folder == folder)
        rmdir (folder);
    return broken > 0;
}
