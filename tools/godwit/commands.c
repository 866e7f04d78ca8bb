/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/godwit/commands.h"

#include "tools/godwit/near.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const command_t commands[] = {
#define COMMANDS_ROW(group, name, help) {#name, help, GROUP_##group, command_##name, &argp_of_##name},
    COMMANDS (COMMANDS_ROW)
#undef COMMANDS_ROW
};
const size_t command_count = sizeof commands / sizeof *commands;

static const char *const group_titles[GROUP_COUNT] = {
#define COMMAND_GROUP_TITLE(group, title) [GROUP_##group] = title,
    COMMAND_GROUPS (COMMAND_GROUP_TITLE)
#undef COMMAND_GROUP_TITLE
};

const command_t *
commands_find (const char *name)
{
    for (size_t i = 0; i < command_count; i++)
        if (strcmp (commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

char *
commands_help (const char *end)
{
    char *text = NULL;
    size_t size = 0;
    FILE *const to = open_memstream (&text, &size);
    if (!to)
        return NULL;
    for (unsigned group = 0; group < GROUP_COUNT; group++) {
        fprintf (to, "%s:\n\n", group_titles[group]);
        for (size_t i = 0; i < command_count; i++)
            if (commands[i].group == group)
                fprintf (to, "  %-12s %s\n", commands[i].name, commands[i].help);
        fprintf (to, "\n");
    }
    fprintf (to, "%s", end);
    fclose (to);
    return text;
}

/* ---- options ---- */

bool
commands_options (const struct argp *argp, option_look_fn *look, void *user)
{
    for (const struct argp_option *option = argp->options;
         option && (option->name || option->key || option->doc || option->group); option++)
        if (option->name && !(option->flags & OPTION_DOC) && !look (user, option))
            return false;
    for (const struct argp_child *child = argp->children; child && child->argp; child++)
        if (!commands_options (child->argp, look, user))
            return false;
    return true;
}

/* One that is looked for: by its long name, of which `size` bytes were given, or by its key. */
typedef struct search {
    const char *name;
    size_t size;
    int key;
    bool is_found, takes_argument;
    near_t near;
} search_t;

static bool
look_for_name (void *user, const struct argp_option *option)
{
    search_t *const search = user;
    if (strncmp (option->name, search->name, search->size) == 0) { /* getopt lets names be cut short */
        search->is_found = true;
        search->takes_argument = option->arg && !(option->flags & OPTION_ARG_OPTIONAL);
    } else {
        char text[NEAR_NAME_SIZE];
        snprintf (text, sizeof text, "--%s", option->name);
        near_offer (&search->near, text);
    }
    return !search->is_found;
}

static bool
look_for_key (void *user, const struct argp_option *option)
{
    search_t *const search = user;
    if (option->key == search->key)
        search->takes_argument = option->arg && !(option->flags & OPTION_ARG_OPTIONAL);
    return option->key != search->key;
}

/* Those that argp adds. */
static bool
is_usual (const char *name, size_t size)
{
    static const char *const usual[] = {"help", "usage", "version"};
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (strncmp (usual[i], name, size) == 0)
            return true;
    return false;
}

/* Returns how many arguments the option takes up: with its value, 2. */
static int
check_long (const command_t *command, const char *name)
{
    char wanted[NEAR_NAME_SIZE];
    search_t search = {.name = name, .size = strcspn (name, "="), .near = {.wanted = wanted}};
    snprintf (wanted, sizeof wanted, "--%.*s",
              (int) (search.size < sizeof wanted ? search.size : sizeof wanted), name);
    commands_options (command->argp, look_for_name, &search);
    if (search.is_found)
        return search.takes_argument && name[search.size] != '=' ? 2 : 1;
    if (is_usual (name, search.size))
        return 1;
    fprintf (stderr, "godwit %s: unrecognized option '%s'", command->name, wanted);
    near_print_close (stderr, &search.near);
    fprintf (stderr, "\nTry `godwit %s --help' for more information.\n", command->name);
    exit (STATUS_USAGE);
}

/* "-vt TOPIC": the last of them may take what follows. */
static int
check_short (const command_t *command, const char *letters)
{
    for (; *letters; letters++) {
        search_t search = {.key = *letters};
        commands_options (command->argp, look_for_key, &search);
        if (search.takes_argument)
            return letters[1] ? 1 : 2;
    }
    return 1;
}

void
commands_check_options (const command_t *command, int argc, char **argv)
{
    if (!command->argp->options && !command->argp->children)
        return; /* it has commands of its own */
    for (int i = 1; i < argc && strcmp (argv[i], "--") != 0;) {
        if (strncmp (argv[i], "--", 2) == 0)
            i += check_long (command, argv[i] + 2);
        else if (argv[i][0] == '-')
            i += check_short (command, argv[i] + 1);
        else
            i++;
    }
}
