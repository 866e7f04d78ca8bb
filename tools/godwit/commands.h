/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of `godwit`. A command is a line of COMMANDS, and a file that defines command_NAME and
 * argp_of_NAME.
 *
 * Each gets its own arguments; argv[0] is its name for messages. It returns the exit status. Its argp says
 * which options there are: `godwit completion` and the check of misspelt options read it. */
#ifndef GODWIT_TOOLS_COMMANDS_H
#define GODWIT_TOOLS_COMMANDS_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>

/* What an exit status says, in all commands; some have more of their own. */
enum {
    STATUS_FAILED = 1,     /* a failure, which was printed */
    STATUS_USAGE = 2,      /* wrong arguments */
    STATUS_NOTHING = 3,    /* nothing of that name was found */
    STATUS_CALL_FAILED = 4 /* a call ended with an error */
};

/* X (GROUP, name, "one line of help"), in the order of the groups, and of their names. */
#define COMMANDS(X)                                                                                          \
    X (SEE, ls, "List servers: names, state, addresses, versions")                                           \
    X (SEE, ping, "Measure how long servers take to answer")                                                 \
    X (SEE, watch, "Tell of servers that come, go and change")                                               \
    X (CALL, call, "Call a method, and print its result")                                                    \
    X (CALL, cast, "Send a request that has no reply")                                                       \
    X (CALL, fanout, "Call a method on all servers of a topic")                                              \
    X (CALL, events, "Listen to notifications")                                                              \
    X (CALL, notify, "Send a notification")                                                                  \
    X (CALL, serve, "Serve a few methods, for trying")                                                       \
    X (WHY, postmortem, "Say what a process was doing when it died")                                         \
    X (WHY, slow, "Print the slowest calls of the last minutes")                                             \
    X (WHY, tree, "Print which calls made which")                                                            \
    X (WHY, why, "Say what became of a call")                                                                \
    X (RUN, can, "Say what a certificate allows")                                                            \
    X (RUN, matchmaker, "Host rendezvous points")                                                            \
    X (RUN, realm, "Make a realm, and say who is in it")                                                     \
    COMMANDS_OF_SPOOL (X)                                                                                    \
    X (SHELL, completion, "Print a script that completes what you type")

#ifdef GODWIT_HAS_SPOOL
#define COMMANDS_OF_SPOOL(X) X (RUN, spool, "Show, export and repair a spool")
#else
#define COMMANDS_OF_SPOOL(X)
#endif

#define COMMANDS_DECLARE(group, name, help)                                                                  \
    int command_##name (int argc, char **argv);                                                              \
    extern const struct argp argp_of_##name;
COMMANDS (COMMANDS_DECLARE)
#undef COMMANDS_DECLARE

/* Not in the table: completion scripts call it (complete.c). */
int command_complete (int argc, char **argv);

/* X (GROUP, "its title in godwit --help") */
#define COMMAND_GROUPS(X)                                                                                    \
    X (SEE, "See the cluster")                                                                               \
    X (CALL, "Call, send and listen")                                                                        \
    X (WHY, "Explain what happened")                                                                         \
    X (RUN, "Run and administer")                                                                            \
    X (SHELL, "For your shell")

typedef enum command_group {
#define COMMAND_GROUP_ENUM(group, title) GROUP_##group,
    COMMAND_GROUPS (COMMAND_GROUP_ENUM)
#undef COMMAND_GROUP_ENUM
        GROUP_COUNT
} command_group_t;

typedef struct command {
    const char *name;
    const char *help; /* one line */
    command_group_t group;
    int (*run) (int argc, char **argv);
    const struct argp *argp;
} command_t;

extern const command_t commands[];
extern const size_t command_count;

/* NULL: there is none. */
const command_t *commands_find (const char *name);
/* The table for godwit --help, and a text behind it. The caller's; NULL when memory is short. */
char *commands_help (const char *end);

/* Ends the program with STATUS_USAGE if there is an option in argv that the command has not, and names those
 * that are near. */
void commands_check_options (const command_t *command, int argc, char **argv);

/* Calls look (user, option) for each option with a long name of an argp and its children, until it returns
 * false. */
typedef bool option_look_fn (void *user, const struct argp_option *option);
bool commands_options (const struct argp *argp, option_look_fn *look, void *user);

#endif
