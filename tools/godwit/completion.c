/* SPDX-License-Identifier: Apache-2.0 */
/* godwit completion: prints scripts for shells. Commands are those of the table, and options those of each
 * command's argp. What depends on the cluster the scripts ask of `godwit __complete` (complete.c). Names come
 * from others: the scripts never let a shell expand them. */
#include "tools/godwit/commands.h"
#include "tools/godwit/output.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct completion {
    const char *shell;
} completion_t;

static error_t
on_option (int key, char *text, struct argp_state *state)
{
    completion_t *self = state->input;
    switch (key) {
    case ARGP_KEY_ARG:
        if (self->shell)
            argp_error (state, "unexpected argument %s", text);
        self->shell = text;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error (state, "a shell is missing: bash, zsh or fish");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* In single quotes, as a POSIX shell and zsh read them; fish has a way of its own. */
static void
print_quoted (const char *text, const char *for_quote)
{
    putchar ('\'');
    for (; *text; text++)
        if (*text == '\'')
            fputs (for_quote, stdout);
        else
            putchar (*text);
    putchar ('\'');
}

/* ---- bash and zsh ---- */

static bool
print_option (void *user, const struct argp_option *option)
{
    (void) user;
    if (!(option->flags & OPTION_HIDDEN))
        printf (" --%s%s", option->name, option->arg && !(option->flags & OPTION_ARG_OPTIONAL) ? "=" : "");
    return true;
}

/* "ls) candidates=(--url= --json --help) ;;" for each command. */
static void
print_cases (void)
{
    for (size_t i = 0; i < command_count; i++) {
        printf ("        %s) candidates=(", commands[i].name);
        printf ("--help");
        commands_options (commands[i].argp, print_option, NULL);
        printf (") ;;\n");
    }
}

static void
print_bash (void)
{
    printf ("# Completion of godwit for bash: eval \"$(godwit completion bash)\"\n"
            "_godwit() {\n"
            "    local words=() candidates=() candidate last part\n"
            "    read -ra words <<<\"${COMP_LINE:0:COMP_POINT}\"\n"
            "    if [[ ${COMP_LINE:0:COMP_POINT} == *[[:space:]] ]]; then words+=(''); fi\n"
            "    last=${words[-1]}\n"
            "    part=${COMP_WORDS[COMP_CWORD]}\n"
            "    COMPREPLY=()\n"
            "    if ((${#words[@]} == 2)); then\n"
            "        candidates=(");
    for (size_t i = 0; i < command_count; i++)
        printf ("%s%s", i ? " " : "", commands[i].name);
    printf (")\n"
            "    elif [[ $last == -* && $last != *=* ]]; then\n"
            "        case ${words[1]} in\n");
    print_cases ();
    printf ("        esac\n"
            "    else\n"
            "        mapfile -t candidates < <(\"$1\" __complete \"${words[@]:1}\" 2>/dev/null)\n"
            "        if [[ $part == '=' ]]; then part=''; fi\n"
            "    fi\n"
            "    for candidate in \"${candidates[@]}\"; do\n"
            "        if [[ $candidate == \"$part\"* ]]; then COMPREPLY+=(\"$candidate\"); fi\n"
            "    done\n"
            "    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]]; then compopt -o nospace; fi\n"
            "}\n"
            "complete -o default -F _godwit godwit\n");
}

static void
print_zsh (void)
{
    printf ("#compdef godwit\n"
            "# Completion of godwit for zsh: eval \"$(godwit completion zsh)\" after compinit, or a file "
            "_godwit in "
            "$fpath\n"
            "_godwit() {\n"
            "    local -a candidates\n"
            "    if ((CURRENT == 2)); then\n"
            "        candidates=(");
    for (size_t i = 0; i < command_count; i++) {
        char line[256];
        snprintf (line, sizeof line, "%s:%s", commands[i].name, commands[i].help);
        printf ("\n            ");
        print_quoted (line, "'\\''");
    }
    printf (")\n"
            "        _describe command candidates\n"
            "    elif [[ ${words[CURRENT]} == -* && ${words[CURRENT]} != *=* ]]; then\n"
            "        case ${words[2]} in\n");
    print_cases ();
    printf (
        "        esac\n"
        "        compadd -S '' -- ${(M)candidates:#*=}\n"
        "        compadd -- ${candidates:#*=}\n"
        "    else\n"
        "        candidates=(\"${(@f)$(${words[1]} __complete \"${(@)words[2,CURRENT]}\" 2>/dev/null)}\")\n"
        "        compset -P '--*='\n"
        "        compadd -- ${candidates:#}\n"
        "    fi\n"
        "}\n"
        "if [[ ${funcstack[1]} == _godwit ]]; then _godwit \"$@\"; else compdef _godwit godwit; fi\n");
}

/* ---- fish ---- */

static bool
print_fish_option (void *user, const struct argp_option *option)
{
    const command_t *const command = user;
    if (option->flags & OPTION_HIDDEN)
        return true;
    printf ("complete -c godwit -n '__fish_seen_subcommand_from %s' -l %s%s -d ", command->name, option->name,
            option->arg && !(option->flags & OPTION_ARG_OPTIONAL) ? " -r" : "");
    print_quoted (option->doc ? option->doc : "", "\\'");
    putchar ('\n');
    return true;
}

static void
print_fish (void)
{
    printf ("# Completion of godwit for fish: godwit completion fish | source\n"
            "function __godwit_names\n"
            "    set -l words (commandline -opc) (commandline -ct)\n"
            "    $words[1] __complete $words[2..-1] 2>/dev/null\n"
            "end\n"
            "complete -c godwit -f\n"
            "complete -c godwit -n 'not __fish_use_subcommand' -a '(__godwit_names)'\n");
    for (size_t i = 0; i < command_count; i++) {
        printf ("complete -c godwit -n __fish_use_subcommand -a %s -d ", commands[i].name);
        print_quoted (commands[i].help, "\\'");
        putchar ('\n');
        commands_options (commands[i].argp, print_fish_option, (void *) (uintptr_t) &commands[i]);
    }
}

const struct argp argp_of_completion = {
    .parser = on_option,
    .args_doc = "bash|zsh|fish",
    .doc =
        "Print a script with which a shell completes commands, options, topics, servers and methods.\v"
        "Topics, servers and methods are those of the cluster: of --url, if it was typed, or $GODWIT_URL.\n\n"
        "Examples:\n\n"
        "  eval \"$(godwit completion bash)\"\n"
        "  godwit completion zsh >_godwit\n"
        "  godwit completion fish >godwit.fish\n\n"
        "Exit status: 0; 1 for a failure; 2 for arguments that make no sense.\n"};

int
command_completion (int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*print) (void);
    } shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
    completion_t self = {0};
    argp_err_exit_status = STATUS_USAGE;
    argp_parse (&argp_of_completion, argc, argv, 0, NULL, &self);
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        if (strcmp (shells[i].name, self.shell) == 0) {
            shells[i].print ();
            return output_end ("completion", EXIT_SUCCESS);
        }
    fprintf (stderr, "godwit completion: expected bash, zsh or fish, got \"%s\"\n", self.shell);
    return STATUS_USAGE;
}
