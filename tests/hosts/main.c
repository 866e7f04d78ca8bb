/* SPDX-License-Identifier: Apache-2.0 */
/* Breaks clusters of several hosts and says what became of their calls: hosts [OPTION...]
 *
 *     --build DIR     the build folder; the one that this program is in
 *     --only NAME     one scenario (may be said several times); all of them
 *     --seed N        of faults and of calls; another one each time
 *     --seconds N     of load, for each scenario
 *     --rate N        calls a second that each of the two clients tries
 *     --margin-ms N   that detection and recovery may take longer than their limits
 *     --late-ms N     how long after its deadline a call may end, beside stalls of the machine; 100
 *     --report FILE   where the table goes, beside stdout
 *     --also FILE     rows of other runs for the table, as history_check --tsv writes them; up to four files
 *     --keep          the histories also of runs in which nothing was wrong
 *     --list          says which scenarios there are
 *
 * Each scenario is run by a process of its own, this program with --result. 77: not possible on this machine.
 */
#include "tests/hosts/child.h"
#include "tests/hosts/fail.h"
#include "tests/hosts/network.h"
#include "tests/hosts/report.h"
#include "tests/hosts/scenario.h"

#include <errno.h>
#include <ftw.h>
#include <getopt.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SCENARIOS = 32, SKIPPED = 77, EXTRA_S = 180, TEXT_SIZE = 512 };

#define ALSO_MAX 4

typedef struct options {
    scenario_options_t run;
    bool chosen[SCENARIOS];
    const char *report;
    const char *also[ALSO_MAX];
    size_t also_count;
    const char *result; /* this process runs one scenario, and writes its result here */
    bool keeps;
} options_t;

static const struct option table[] = {
    {"build", required_argument, NULL, 'b'},   {"only", required_argument, NULL, 'o'},
    {"seed", required_argument, NULL, 's'},    {"seconds", required_argument, NULL, 't'},
    {"rate", required_argument, NULL, 'r'},    {"margin-ms", required_argument, NULL, 'm'},
    {"late-ms", required_argument, NULL, 'L'}, {"report", required_argument, NULL, 'f'},
    {"keep", no_argument, NULL, 'k'},          {"list", no_argument, NULL, 'l'},
    {"result", required_argument, NULL, 'R'},  {"also", required_argument, NULL, 'a'},
    {"folder", required_argument, NULL, 'F'},  {NULL, 0, NULL, 0},
};

/* --- options
 * ----------------------------------------------------------------------------------------------------- */

static size_t
find (const char *name)
{
    for (size_t i = 0; i < scenario_count; i++)
        if (strcmp (scenarios[i].name, name) == 0)
            return i;
    hosts_fail ("there is no scenario \"%s\" (--list)", name);
}

static uint64_t
some_seed (void)
{
    struct timespec now;
    clock_gettime (CLOCK_REALTIME, &now);
    return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}

/* The folder two above the program's. */
static char *
own_build (void)
{
    char program[TEXT_SIZE];
    const ssize_t length = readlink ("/proc/self/exe", program, sizeof program - 1);
    if (length < 0)
        hosts_fail ("/proc/self/exe: %s", strerror (errno));
    program[length] = '\0';
    return strdup (dirname (dirname (dirname (program))));
}

static void
list (void)
{
    for (size_t i = 0; i < scenario_count; i++)
        printf ("%-12s %s\n", scenarios[i].name, scenarios[i].title);
}

static void
parse (options_t *options, int argc, char **argv)
{
    int option;
    bool has_chosen = false;
    *options = (options_t){
        .run = {
            .seed = some_seed (), .rate = 1000, .seconds = 50, .margin_ms = 1000, .late_ms = CHECK_LATE_MS}};
    while ((option = getopt_long (argc, argv, "", table, NULL)) != -1) {
        switch (option) {
        case 'b':
            options->run.build = optarg;
            break;
        case 'o':
            options->chosen[find (optarg)] = true;
            has_chosen = true;
            break;
        case 's':
            options->run.seed = strtoull (optarg, NULL, 10);
            break;
        case 't':
            options->run.seconds = (unsigned) strtoul (optarg, NULL, 10);
            break;
        case 'r':
            options->run.rate = strtod (optarg, NULL);
            break;
        case 'm':
            options->run.margin_ms = (unsigned) strtoul (optarg, NULL, 10);
            break;
        case 'L':
            options->run.late_ms = (unsigned) strtoul (optarg, NULL, 10);
            break;
        case 'f':
            options->report = optarg;
            break;
        case 'a':
            if (options->also_count < ALSO_MAX)
                options->also[options->also_count++] = optarg;
            break;
        case 'F':
            options->run.folder = optarg;
            break;
        case 'R':
            options->result = optarg;
            break;
        case 'k':
            options->keeps = true;
            break;
        case 'l':
            list ();
            exit (0);
        default:
            exit (2);
        }
    }
    if (!options->run.build)
        options->run.build = own_build ();
    for (size_t i = 0; i < scenario_count && !has_chosen; i++)
        options->chosen[i] = true;
}

/* --- one scenario, in this process
 * ------------------------------------------------------------------------------- */

static int
run_here (const options_t *options)
{
    scenario_result_t result;
    for (size_t i = 0; i < scenario_count; i++)
        if (options->chosen[i])
            scenario_run (&scenarios[i], &options->run, &result);
    FILE *file = fopen (options->result, "wb");
    if (!file || fwrite (&result, sizeof result, 1, file) != 1 || fclose (file) != 0)
        hosts_fail ("%s: %s", options->result, strerror (errno));
    return result.broken > 0;
}

/* --- all of them, each in a process of its own
 * ------------------------------------------------------------------- */

static int
remove_one (const char *path, const struct stat *status, int type, struct FTW *at)
{
    (void) status, (void) type, (void) at;
    return remove (path);
}

static void
remove_folder (const char *path)
{
    nftw (path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static bool
read_result (const char *path, scenario_result_t *result)
{
    FILE *file = fopen (path, "rb");
    const bool is_read = file && fread (result, sizeof *result, 1, file) == 1;
    if (file)
        fclose (file);
    unlink (path);
    return is_read;
}

static void
copy_output (child_t *child)
{
    char line[CHILD_TEXT_SIZE];
    while (child_line (child, line, sizeof line, INT32_MAX)) {
        puts (line);
        fflush (stdout);
    }
}

/* False: something did not hold, or it did not come to its end (then there is no result). */
static bool
run_scenario (const options_t *options, const char *program, const scenario_t *scenario,
              scenario_result_t *result, bool *has_result)
{
    const scenario_options_t *run = &options->run;
    char folder[TEXT_SIZE], path[TEXT_SIZE], seed[32], seconds[16], rate[32], margin[16], late[16];
    child_t child;
    snprintf (seed, sizeof seed, "%llu", (unsigned long long) run->seed);
    snprintf (seconds, sizeof seconds, "%u", run->seconds);
    snprintf (rate, sizeof rate, "%g", run->rate);
    snprintf (margin, sizeof margin, "%u", run->margin_ms);
    snprintf (late, sizeof late, "%u", run->late_ms);
    snprintf (folder, sizeof folder, "%s/faults", run->build);
    mkdir (folder, 0755);
    snprintf (folder, sizeof folder, "%s/faults/%s", run->build, scenario->name);
    snprintf (path, sizeof path, "%s/faults/%s.result", run->build, scenario->name);
    remove_folder (folder);
    if (mkdir (folder, 0755) != 0)
        hosts_fail ("%s: %s", folder, strerror (errno));
    child_start (&child, &(child_options_t){
                             .name = scenario->name,
                             .arguments = {program, "--build", run->build, "--only", scenario->name, "--seed",
                                           seed, "--seconds", seconds, "--rate", rate, "--margin-ms", margin,
                                           "--late-ms", late, "--folder", folder, "--result", path}});
    copy_output (&child);
    const int status = child_end (&child, INT32_MAX);
    *has_result = read_result (path, result);
    if (status == 0 && !options->keeps)
        remove_folder (folder);
    if (status != 0)
        printf ("%s: FAILED; again with the same seed: %s --only %s --seed %s --seconds %s --rate %s; the "
                "histories "
                "are in %s\n",
                scenario->name, program, scenario->name, seed, seconds, rate, folder);
    return status == 0;
}

/* After child_kill_all, at the end of the program: what a scenario that was cut off could not remove. */
static void
clean_up (void)
{
    char why[TEXT_SIZE];
    hosts_stop_watching ();
    child_kill_all ();
    network_is_possible (why, sizeof why);
}

static void
print_report (const options_t *options, const report_t *report)
{
    putchar ('\n');
    report_print (stdout, report);
    if (!options->report)
        return;
    FILE *file = fopen (options->report, "w");
    if (!file)
        hosts_fail ("%s: %s", options->report, strerror (errno));
    report_print (file, report);
    fclose (file);
}

static int
run_all (const options_t *options, const char *program)
{
    static report_t report;
    scenario_result_t result;
    bool has_result = false;
    unsigned passed = 0;
    unsigned failed = 0;
    atexit (clean_up);
    report.seed = options->run.seed;
    printf ("hosts: seed %llu\n", (unsigned long long) options->run.seed);
    for (size_t i = 0; i < scenario_count; i++) {
        if (!options->chosen[i])
            continue;
        if (run_scenario (options, program, &scenarios[i], &result, &has_result))
            passed++;
        else
            failed++;
        report_add (&report, &scenarios[i], has_result ? &result : NULL);
    }
    for (size_t i = 0; i < options->also_count; i++)
        if (!report_add_tsv (&report, options->also[i]))
            printf ("hosts: %s is no table\n", options->also[i]);
    print_report (options, &report);
    printf ("\n%u passed, %u failed\n", passed, failed);
    return failed > 0;
}

int
main (int argc, char **argv)
{
    static options_t options;
    char why[TEXT_SIZE];
    setvbuf (stdout, NULL, _IOLBF, 0);
    parse (&options, argc, argv);
    if (options.result) {
        hosts_watch (options.run.seconds + EXTRA_S);
        return run_here (&options);
    }
    hosts_watch ((options.run.seconds + EXTRA_S) * (unsigned) scenario_count);
    if (!network_is_possible (why, sizeof why)) {
        printf ("skipped: %s\n", why);
        return SKIPPED;
    }
    return run_all (&options, argv[0]);
}
