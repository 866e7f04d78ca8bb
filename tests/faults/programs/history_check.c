/* SPDX-License-Identifier: Apache-2.0 */
/* Proves a run, or says what was broken: history_check [OPTION...] FOLDER...
 *
 *     --name NAME   what the run is called; the folder's name
 *     --tsv FILE    appends a line for each folder (- for standard output); the first line of a new file
 * names the columns
 *     --shown N     how much of what was broken is printed, with all its events; 20
 *     --explain     prints the worst call of each figure, too
 *
 * Each folder is a run. Ends with 0: all is proved; 1: something was broken; 2: there is nothing to check. */
#include "tests/faults/check.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct wanted {
    const char *name;
    const char *tsv;
    unsigned shown;
    bool explains;
} wanted_t;

static bool
parse (wanted_t *wanted, int argc, char **argv)
{
    static const struct option table[] = {{"name", required_argument, NULL, 'n'},
                                          {"tsv", required_argument, NULL, 't'},
                                          {"shown", required_argument, NULL, 's'},
                                          {"explain", no_argument, NULL, 'e'},
                                          {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long (argc, argv, "", table, NULL)) != -1) {
        if (option == 'n')
            wanted->name = optarg;
        else if (option == 't')
            wanted->tsv = optarg;
        else if (option == 's')
            wanted->shown = (unsigned) strtoul (optarg, NULL, 10);
        else if (option == 'e')
            wanted->explains = true;
        else
            return false;
    }
    return optind < argc;
}

static int
check_one (const char *folder, const wanted_t *wanted, FILE *tsv)
{
    check_summary_t summary;
    const check_options_t options = {.out = stderr, .shown = wanted->shown, .explains = wanted->explains};
    if (!check_run (folder, &options, &summary))
        return 2;
    const char *slash = strrchr (folder, '/');
    const char *name = wanted->name ? wanted->name : slash && slash[1] ? slash + 1 : folder;
    check_print (stderr, name, &summary);
    if (tsv)
        check_print_tsv (tsv, name, &summary);
    return check_broken (&summary) > 0;
}

int
main (int argc, char **argv)
{
    wanted_t wanted = {NULL, NULL, 20, false};
    if (!parse (&wanted, argc, argv)) {
        fprintf (stderr, "history_check [--name NAME] [--tsv FILE] [--shown N] [--explain] FOLDER...\n");
        return 2;
    }
    FILE *tsv = wanted.tsv ? check_open_tsv (wanted.tsv) : NULL;
    if (wanted.tsv && !tsv)
        return 2;
    int worst = 0;
    for (int i = optind; i < argc; i++) {
        const int status = check_one (argv[i], &wanted, tsv);
        worst = status > worst ? status : worst;
    }
    if (tsv && fclose (tsv))
        return 2;
    return worst;
}
