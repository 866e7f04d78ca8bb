/* SPDX-License-Identifier: Apache-2.0 */
/* godwit COMMAND ARGUMENT...: finds the command. */
#include "tools/godwit/commands.h"
#include "tools/godwit/near.h"

#include <godwit/version.h>

#include <argp.h>
#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *command_name;
static int arguments_at;

static error_t
on_option (int key, char *text, struct argp_state *state)
{
    switch (key) {
    case ARGP_KEY_ARG:
        command_name = text;
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

static char *
help_filter (int key, const char *text, void *input)
{
    (void) input;
    char *const help = key == ARGP_KEY_HELP_POST_DOC ? commands_help (text) : NULL;
    return help ? help : (char *) (uintptr_t) text;
}

/* Prints the version of the library that is loaded. */
static void
print_version (FILE *stream, struct argp_state *state)
{
    (void) state;
    fprintf (stream, "godwit %s\n", godwit_version_string ());
}

/* A command may have an option --version of its own, for the version of a target. */
static bool
is_not_version (void *user, const struct argp_option *option)
{
    (void) user;
    return strcmp (option->name, "version") != 0;
}

static int
run (const command_t *command, int argc, char **argv)
{
    static char full_name[64]; /* argp's messages begin with it */
    snprintf (full_name, sizeof full_name, "godwit %s", command->name);
    if (!commands_options (command->argp, is_not_version, NULL))
        argp_program_version_hook = NULL;
    commands_check_options (command, argc, argv);
    argv[0] = full_name;
    return command->run (argc, argv);
}

static int
fail_unknown (void)
{
    near_t near = {.wanted = command_name};
    for (size_t i = 0; i < command_count; i++)
        near_offer (&near, commands[i].name);
    fprintf (stderr, "godwit: there is no command %s", command_name);
    near_print_close (stderr, &near);
    fprintf (stderr, "\nTry `godwit --help' for more information.\n");
    return STATUS_USAGE;
}

int
main (int argc, char **argv)
{
    static const struct argp argp = {.parser = on_option,
                                     .args_doc = "COMMAND [ARGUMENT...]",
                                     .doc = "See, call and run clusters of Godwit.\v"
                                            "godwit COMMAND --help tells more of one, with examples.\n",
                                     .help_filter = help_filter};
    setlocale (LC_CTYPE, ""); /* how wide the characters of a name are */
    argp_err_exit_status = STATUS_USAGE;
    argp_program_version_hook = print_version;
    /* In order, so that a command's options are not taken for ours. */
    argp_parse (&argp, argc, argv, ARGP_IN_ORDER, NULL, NULL);
    argc -= arguments_at;
    argv += arguments_at;
    if (strcmp (command_name, "__complete") == 0)
        return command_complete (argc, argv);
    const command_t *const command = commands_find (command_name);
    return command ? run (command, argc, argv) : fail_unknown ();
}
