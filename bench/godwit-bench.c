/* SPDX-License-Identifier: Apache-2.0 */
/* Every benchmark of Godwit beside its raw libzmq baseline. Each pair runs in a process of its own (this same
 * program), so that one which fails or hangs costs only its own figure, and none inherits another's heap or
 * threads. */
#include "common/child.h"
#include "common/die.h"
#include "common/pair.h"
#include "common/rounds.h"
#include "common/running.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <zmq.h>

/* A pair ends in PAIR_... ms if its calls are of any reasonable length, and is killed after PAIR_LIMIT_... s.
 */
enum { PAIR_MS = 60000, PAIR_QUICK_MS = 5200, PAIR_LIMIT_S = 120, PAIR_LIMIT_QUICK_S = 15, MAX_PAIRS = 32 };

typedef struct {
    bool quick;
    bool no_pin;
    bool same;
    size_t sittings; /* 0: as quick says */
    size_t rounds;   /* 0: as quick says */
    size_t burst_ms; /* 0: as quick says */
    const char *only[MAX_PAIRS];
    size_t only_count;
    const char *pair; /* run this one, in this process */
    const char *serve;
    const char *plain;
    size_t half;
    size_t calls;
} options_t;

static const char usage[] =
    "usage: godwit-bench [--quick] [--only NAME]... [--sittings N] [--rounds N] [--burst-ms N] [--no-pin] "
    "[--same]\n"
    "       godwit-bench --list\n"
    "\n"
    "  --quick       the whole set within 50 s\n"
    "  --only NAME   this benchmark only; may be repeated\n"
    "  --sittings N  how often both halves are started anew\n"
    "  --rounds N    rounds of (baseline, godwit) in a sitting\n"
    "  --burst-ms N  how long one burst lasts, about\n"
    "  --no-pin      let the scheduler move the processes between the processors\n"
    "  --same        the first half of each pair against itself: how much the ratios scatter by themselves\n"
    "  --list        the names\n"
    "\n"
    "Ends with a line `ratio NAME VALUE` a benchmark.\n";

static const bench_pair_t *
find_pair (const char *name)
{
    const bench_pair_t *pair = bench_pair_find (name);
    if (pair == NULL)
        bench_die ("no benchmark is called \"%s\"; --list tells the names", name);
    return pair;
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
        } else if (strcmp (argv[i], "--only") == 0) {
            if (options->only_count == MAX_PAIRS)
                bench_die ("too many --only");
            options->only[options->only_count++] = find_pair (next (argv, &i))->name;
        } else if (strcmp (argv[i], "--rounds") == 0) {
            options->rounds = next_number (argv, &i, 1);
        } else if (strcmp (argv[i], "--sittings") == 0) {
            options->sittings = next_number (argv, &i, 1);
        } else if (strcmp (argv[i], "--burst-ms") == 0) {
            options->burst_ms = next_number (argv, &i, 1);
        } else if (strcmp (argv[i], "--pair") == 0) {
            options->pair = next (argv, &i);
        } else if (strcmp (argv[i], "--serve") == 0) {
            options->serve = next (argv, &i);
            options->half = next_number (argv, &i, 0) != 0;
        } else if (strcmp (argv[i], "--plain") == 0) {
            options->plain = next (argv, &i);
            options->half = next_number (argv, &i, 0) != 0;
            options->calls = next_number (argv, &i, 1);
        } else if (strcmp (argv[i], "--list") == 0) {
            for (size_t p = 0; p < bench_pairs_count; p++)
                printf ("%-20s %s\n", bench_pairs[p].name, bench_pairs[p].what);
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

/* Runs a pair in another process, passes its lines on, and keeps the one that begins with "ratio". */
static bool
run_pair (const options_t *options, const char *name, char *ratio, size_t size)
{
    char sittings[24], rounds[24], burst_ms[24], line[1024];
    const char *arguments[12] = {"--pair",   name,   "--sittings", sittings,
                                 "--rounds", rounds, "--burst-ms", burst_ms};
    size_t count = 8;
    bench_child_t child;

    snprintf (sittings, sizeof sittings, "%zu", options->sittings);
    snprintf (rounds, sizeof rounds, "%zu", options->rounds);
    snprintf (burst_ms, sizeof burst_ms, "%zu", options->burst_ms);
    if (options->quick)
        arguments[count++] = "--quick";
    if (options->no_pin)
        arguments[count++] = "--no-pin";
    if (options->same)
        arguments[count++] = "--same";

    snprintf (ratio, size, "ratio %s failed", name);
    bench_child_start (&child, arguments, NULL, 0);
    while (bench_child_line (&child, line, sizeof line) == 0) {
        if (strncmp (line, "ratio ", 6) == 0)
            snprintf (ratio, size, "%.*s", (int) size - 1, line);
        else
            puts (line);
        fflush (stdout);
    }
    int status = bench_child_stop (&child);
    if (status == -1)
        printf ("%s: did not end within %d s\n", name, limit_s (options));
    return status == 0;
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
    char ratios[MAX_PAIRS][128];
    size_t ratios_count = 0;
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
        if (!wanted (options, bench_pairs[i].name))
            continue;
        puts ("");
        if (!run_pair (options, bench_pairs[i].name, ratios[ratios_count++], sizeof ratios[0]))
            status = 1;
    }
    puts ("");
    for (size_t i = 0; i < ratios_count; i++)
        puts (ratios[i]);
    return status;
}

int
main (int argc, char **argv)
{
    options_t options = {0};
    (void) argc;

    parse (&options, argv);
    if (options.sittings == 0)
        options.sittings = options.quick ? 4 : 8;
    if (options.rounds == 0)
        options.rounds = options.quick ? 5 : 8;
    if (options.burst_ms == 0)
        options.burst_ms = options.quick ? 80 : 150;

    if (options.serve != NULL) {
        bench_running_serve (find_pair (options.serve), options.half);
        return 0;
    }
    if (options.plain != NULL) {
        bench_rounds_plain (find_pair (options.plain), options.half, options.calls);
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
