/* SPDX-License-Identifier: Apache-2.0 */
/* Every benchmark of Godwit beside its raw libzmq baseline. Each pair runs in a process of its own (this same
 * program), so that one which fails or hangs costs only its own figure, and none inherits another's heap or
 * threads. */
#include "common/child.h"
#include "common/die.h"
#include "common/pair.h"
#include "common/rounds.h"
#include "common/running.h"
#include "common/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <zmq.h>

/* A pair ends in PAIR_... ms if its calls are of any reasonable length, and is killed after PAIR_LIMIT_... s.
 */
enum {
    PAIR_MS = 60000,
    PAIR_QUICK_MS = 2700,
    PAIR_LIMIT_S = 120,
    PAIR_LIMIT_QUICK_S = 15,
    MAX_PAIRS = 32,
    MAX_RATIOS = 64
};

typedef struct {
    bool quick;
    bool no_pin;
    bool same;
    bool peers;
    size_t sittings; /* 0: as quick says */
    size_t rounds;   /* 0: as quick says */
    size_t burst_ms; /* 0: as quick says */
    const char *only[MAX_PAIRS];
    size_t only_count;
    const char *pair; /* run this one, in this process */
    const char *serve;
    const char *client;
    const char *where;
    const char *plain;
    const char *scenario; /* run this one, in this process */
    const char *role;
    char **role_arguments;
    size_t half;
    size_t calls;
} options_t;

static const char usage[] =
    "usage: godwit-bench [--quick] [--only NAME]... [--sittings N] [--rounds N] [--burst-ms N] [--no-pin] "
    "[--same]\n"
    "                    [--scheme SCHEME] [--peers]\n"
    "       godwit-bench --list\n"
    "\n"
    "  --quick       the pairs within 50 s; what takes longer is left out\n"
    "  --only NAME   the benchmark of this name, or with a ratio of this name; may be repeated\n"
    "  --scheme S    of the URLs of Godwit's halves, which chooses the driver; also: GODWIT_BENCH_SCHEME\n"
    "  --sittings N  how often the halves are started anew\n"
    "  --rounds N    rounds of (baseline, godwit) in a sitting\n"
    "  --burst-ms N  how long one burst lasts, about\n"
    "  --no-pin      let the scheduler move the processes between the processors\n"
    "  --same        the first half of each pair against itself: how much the ratios scatter by themselves\n"
    "  --peers       other frameworks instead, as far as they are installed and built\n"
    "  --list        the names\n"
    "\n"
    "Ends with lines `ratio NAME VALUE goal GOAL met|not met`.\n";

static const bench_pair_t *
find_pair (const char *name)
{
    const bench_pair_t *pair = bench_pair_find (name);
    if (pair == NULL)
        bench_die ("no benchmark is called \"%s\"; --list tells the names", name);
    return pair;
}

/* Of a pair or a scenario, which may be known by the name of one of its ratios. */
static const char *
find_name (const char *name)
{
    const bench_scenario_t *scenario = bench_scenario_find (name);
    return scenario != NULL ? scenario->name : find_pair (name)->name;
}

static const char *
next (char **argv, int *i)
{
    if (argv[*i + 1] == NULL)
        bench_die ("%s needs a value", argv[*i]);
    return argv[++*i];
}

static size_t
next_number (char **argv, int *i, size_t lowest)
{
    const char *option = argv[*i];
    char *end = NULL;
    unsigned long value = strtoul (next (argv, i), &end, 10);
    if (*end != '\0' || value < lowest || value > 100000000)
        bench_die ("%s: expected a number of at least %zu", option, lowest);
    return value;
}

/* The index of a half of the pair `name`. */
static size_t
next_half (char **argv, int *i, const char *name)
{
    const size_t index = next_number (argv, i, 0);
    if (index >= BENCH_HALVES_MAX || find_pair (name)->halves[index].half == NULL)
        bench_die ("%s has no half %zu", name, index);
    return index;
}

static void
parse (options_t *options, char **argv)
{
    for (int i = 1; argv[i] != NULL; i++) {
        if (strcmp (argv[i], "--quick") == 0) {
            options->quick = true;
        } else if (strcmp (argv[i], "--no-pin") == 0) {
            options->no_pin = true;
        } else if (strcmp (argv[i], "--same") == 0) {
            options->same = true;
        } else if (strcmp (argv[i], "--peers") == 0) {
            options->peers = true;
        } else if (strcmp (argv[i], "--only") == 0) {
            if (options->only_count == MAX_PAIRS)
                bench_die ("too many --only");
            options->only[options->only_count++] = find_name (next (argv, &i));
        } else if (strcmp (argv[i], "--scheme") == 0) {
            bench_check (setenv ("GODWIT_BENCH_SCHEME", next (argv, &i), 1) == 0, "setenv");
        } else if (strcmp (argv[i], "--rounds") == 0) {
            options->rounds = next_number (argv, &i, 1);
        } else if (strcmp (argv[i], "--sittings") == 0) {
            options->sittings = next_number (argv, &i, 1);
        } else if (strcmp (argv[i], "--burst-ms") == 0) {
            options->burst_ms = next_number (argv, &i, 1);
        } else if (strcmp (argv[i], "--pair") == 0) {
            options->pair = next (argv, &i);
        } else if (strcmp (argv[i], "--scenario") == 0) {
            options->scenario = next (argv, &i);
        } else if (strcmp (argv[i], "--role") == 0) {
            options->role = next (argv, &i);
            options->role_arguments = argv + i + 1;
            return;
        } else if (strcmp (argv[i], "--serve") == 0) {
            options->serve = next (argv, &i);
            options->half = next_half (argv, &i, options->serve);
        } else if (strcmp (argv[i], "--client") == 0) {
            options->client = next (argv, &i);
            options->half = next_half (argv, &i, options->client);
            options->where = next (argv, &i);
        } else if (strcmp (argv[i], "--plain") == 0) {
            options->plain = next (argv, &i);
            options->half = next_half (argv, &i, options->plain);
            options->calls = next_number (argv, &i, 1);
        } else if (strcmp (argv[i], "--list") == 0) {
            for (size_t p = 0; p < bench_pairs_count; p++)
                printf ("%-20s %s\n", bench_pairs[p].name, bench_pairs[p].what);
            for (size_t n = 0; n < bench_scenarios_count; n++)
                printf ("%-20s %s\n", bench_scenarios[n].name, bench_scenarios[n].what);
            exit (0);
        } else {
            fputs (usage, strcmp (argv[i], "--help") == 0 ? stdout : stderr);
            exit (strcmp (argv[i], "--help") == 0 ? 0 : 2);
        }
    }
}

static int
limit_s (const options_t *options)
{
    return options->quick ? PAIR_LIMIT_QUICK_S : PAIR_LIMIT_S;
}

/* The lines that begin with "ratio", which are told once more at the end. */
typedef struct {
    char lines[MAX_RATIOS][128];
    size_t count;
} ratios_t;

static void
keep (ratios_t *ratios, const char *line)
{
    if (ratios->count == MAX_RATIOS)
        bench_die ("too many ratios");
    snprintf (ratios->lines[ratios->count], sizeof ratios->lines[0], "%.*s",
              (int) sizeof ratios->lines[0] - 1, line);
    ratios->count++;
}

/* Runs a pair or a scenario in another process, passes its lines on, and keeps those that begin with "ratio".
 */
static bool
run_child (const char *name, const char *const *arguments, int limit, ratios_t *ratios)
{
    const bench_child_options_t options = {.arguments = arguments};
    bench_child_t child;
    char line[1024];

    bench_child_start (&child, &options);
    while (bench_child_line (&child, line, sizeof line) == 0) {
        if (strncmp (line, "ratio ", 6) == 0)
            keep (ratios, line);
        else
            puts (line);
        fflush (stdout);
    }
    const int status = bench_child_stop (&child);
    if (status == -1)
        printf ("%s: did not end within %d s\n", name, limit);
    if (status != 0) {
        snprintf (line, sizeof line, "ratio %s failed", name);
        keep (ratios, line);
    }
    return status == 0;
}

static bool
run_pair (const options_t *options, const char *name, ratios_t *ratios)
{
    char sittings[24], rounds[24], burst_ms[24];
    const char *arguments[12] = {"--pair",   name,   "--sittings", sittings,
                                 "--rounds", rounds, "--burst-ms", burst_ms};
    size_t count = 8;

    snprintf (sittings, sizeof sittings, "%zu", options->sittings);
    snprintf (rounds, sizeof rounds, "%zu", options->rounds);
    snprintf (burst_ms, sizeof burst_ms, "%zu", options->burst_ms);
    if (options->quick)
        arguments[count++] = "--quick";
    if (options->no_pin)
        arguments[count++] = "--no-pin";
    if (options->same)
        arguments[count++] = "--same";
    return run_child (name, arguments, limit_s (options), ratios);
}

static bool
run_scenario (const bench_scenario_t *scenario, ratios_t *ratios)
{
    const char *arguments[] = {"--scenario", scenario->name, NULL};
    return run_child (scenario->name, arguments, (int) scenario->limit_s, ratios);
}

static bool
wanted (const options_t *options, const char *name)
{
    for (size_t i = 0; i < options->only_count; i++)
        if (strcmp (options->only[i], name) == 0)
            return true;
    return options->only_count == 0;
}

static int
run_all (const options_t *options)
{
    static ratios_t ratios;
    struct utsname system;
    double load;
    int major, minor, patch, status = 0;

    uname (&system);
    zmq_version (&major, &minor, &patch);
    printf ("%s %s, %ld processors, libzmq %d.%d.%d\n", system.sysname, system.release,
            sysconf (_SC_NPROCESSORS_ONLN), major, minor, patch);
    if (getloadavg (&load, 1) == 1 && load > 0.3)
        printf ("load average %.2f: other work runs here, expect ratios to scatter\n", load);
    for (size_t i = 0; i < bench_pairs_count; i++) {
        if (!wanted (options, bench_pairs[i].name) ||
            (options->only_count == 0 && bench_pairs[i].peers != options->peers))
            continue;
        puts ("");
        if (!run_pair (options, bench_pairs[i].name, &ratios))
            status = 1;
    }
    for (size_t i = 0; i < bench_scenarios_count; i++) {
        /* They take their time, and show nothing about two equal halves. */
        if (!wanted (options, bench_scenarios[i].name) ||
            (options->only_count == 0 && (options->quick || options->same || options->peers)))
            continue;
        puts ("");
        if (!run_scenario (&bench_scenarios[i], &ratios))
            status = 1;
    }
    puts ("");
    for (size_t i = 0; i < ratios.count; i++)
        puts (ratios.lines[i]);
    return status;
}

int
main (int argc, char **argv)
{
    options_t options = {0};
    (void) argc;

    parse (&options, argv);
    if (options.serve != NULL || options.client != NULL || options.pair != NULL || options.scenario != NULL ||
        options.role != NULL)
        bench_child_begin ();
    if (options.sittings == 0)
        options.sittings = options.quick ? 3 : 8;
    if (options.rounds == 0)
        options.rounds = options.quick ? 5 : 8;
    if (options.burst_ms == 0)
        options.burst_ms = options.quick ? 60 : 150;

    if (options.role != NULL)
        return bench_role_run (options.role, options.role_arguments);
    if (options.scenario != NULL) {
        const bench_scenario_t *scenario = bench_scenario_find (options.scenario);
        if (scenario == NULL)
            bench_die ("there is no scenario %s", options.scenario);
        alarm (scenario->limit_s);
        scenario->run ();
        return 0;
    }
    if (options.serve != NULL) {
        bench_running_serve (find_pair (options.serve), options.half, NULL);
        return 0;
    }
    if (options.client != NULL) {
        bench_running_call (find_pair (options.client), options.half, NULL, options.where);
        return 0;
    }
    if (options.plain != NULL) {
        bench_running_plain (find_pair (options.plain), options.half, options.calls);
        return 0;
    }
    if (options.pair != NULL) {
        const bench_plan_t plan = {.sittings = options.sittings,
                                   .limit_ms = options.quick ? PAIR_QUICK_MS : PAIR_MS,
                                   .rounds = options.rounds,
                                   .burst_ms = (unsigned) options.burst_ms,
                                   .pin = !options.no_pin,
                                   .same = options.same};
        /* A lost message would leave somebody waiting for ever. The default action ends this process, and its
         * children see the end of their input. */
        alarm ((unsigned) limit_s (&options));
        bench_rounds_run (find_pair (options.pair), &plan);
        return 0;
    }
    return run_all (&options);
}
