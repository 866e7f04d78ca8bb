/* SPDX-License-Identifier: Apache-2.0 */
/* godwit COMMAND ARGUMENT...: finds the command. */
#include "tools/godwit/commands.h"

#include <godwit/version.h>

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char can_name[] = "godwit can";
static char events_name[] = "godwit events";
static char matchmaker_name[] = "godwit matchmaker";
static char notify_name[] = "godwit notify";
static char postmortem_name[] = "godwit postmortem";
static char realm_name[] = "godwit realm";
static char slow_name[] = "godwit slow";
#ifdef GODWIT_HAS_SPOOL
static char spool_name[] = "godwit spool";
#endif
static char tree_name[] = "godwit tree";
static char why_name[] = "godwit why";

static const struct command {
    const char *name;
    char *full_name; /* its argv[0] */
    int (*run) (int argc, char **argv);
} commands[] = {
    {"can", can_name, command_can},
    {"events", events_name, command_events},
    {"matchmaker", matchmaker_name, command_matchmaker},
    {"notify", notify_name, command_notify},
    {"postmortem", postmortem_name, command_postmortem},
    {"realm", realm_name, command_realm},
    {"slow", slow_name, command_slow},
#ifdef GODWIT_HAS_SPOOL
    {"spool", spool_name, command_spool},
#endif
    {"tree", tree_name, command_tree},
    {"why", why_name, command_why},
};

static const struct command *found;
static int arguments_at;

static const struct command *
find (const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp (commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static error_t
on_option (int key, char *text, struct argp_state *state)
{
    switch (key) {
    case ARGP_KEY_ARG:
        found = find (text);
        if (!found)
            argp_error (state, "there is no command %s", text);
        arguments_at = state->next - 1;
        state->next = state->argc; /* the other arguments are the command's */
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error (state, "a command is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Prints the version of the library that is loaded. */
static void
print_version (FILE *stream, struct argp_state *state)
{
    (void) state;
    fprintf (stream, "godwit %s\n", godwit_version_string ());
}

int
main (int argc, char **argv)
{
    static const struct argp argp = {.parser = on_option,
                                     .args_doc = "COMMAND [ARGUMENT...]",
                                     .doc = "Tools for clusters of Godwit.\v"
                                            "Commands:\n\n"
                                            "  can           Say what a certificate allows\n"
                                            "  events        Listen to notifications\n"
                                            "  matchmaker    Host rendezvous points\n"
                                            "  notify        Send a notification\n"
                                            "  postmortem    Say what a process was doing when it died\n"
                                            "  realm         Make a realm, and say who is in it\n"
                                            "  slow          Print the slowest calls of the last minutes\n"
#ifdef GODWIT_HAS_SPOOL
                                            "  spool         Show, export and repair a spool\n"
#endif
                                            "  tree          Print which calls made which\n"
                                            "  why           Say what became of a call\n"
                                            "\n"
                                            "godwit COMMAND --help tells more of one."};
    argp_err_exit_status = STATUS_USAGE;
    argp_program_version_hook = print_version;
    /* In order, so that a command's options are not taken for ours. */
    argp_parse (&argp, argc, argv, ARGP_IN_ORDER, NULL, NULL);
    argv[arguments_at] = found->full_name;
    return found->run (argc - arguments_at, argv + arguments_at);
}
