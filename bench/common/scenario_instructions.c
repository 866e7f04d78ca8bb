/* SPDX-License-Identifier: Apache-2.0 */
/* instructions: what bench/counts counts, with goals. */
#include "die.h"
#include "figures.h"
#include "scenario.h"

#include <stdio.h>
#include <string.h>

enum { CLIENT_GOAL = 3500, SERVER_GOAL = 4000 };

void
bench_scenario_instructions (void)
{
    double client = 0, server = 0;
    char line[256];

    puts ("instructions: user-space instructions of a call over tcp, by thread");
    fflush (stdout);
    FILE *counts = popen (GODWIT_BENCH_COUNTS, "r");
    bench_check (counts != NULL, GODWIT_BENCH_COUNTS);
    while (fgets (line, sizeof line, counts) != NULL)
        if (sscanf (line, "sum client %lf", &client) != 1 && sscanf (line, "sum server %lf", &server) != 1)
            fputs (line, stdout);
    if (pclose (counts) != 0 || client == 0 || server == 0)
        bench_die ("instructions: bench/counts failed");
    bench_figures_print_goal ("instructions_client", client, CLIENT_GOAL, false);
    bench_figures_print_goal ("instructions_server", server, SERVER_GOAL, false);
}
