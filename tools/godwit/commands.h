/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of `godwit`. Each gets its own arguments; argv[0] is its name for messages. It returns the
 * exit status: 0; 1: a failure, which it has printed; 2: wrong arguments; more is the command's own. */
#ifndef GODWIT_TOOLS_COMMANDS_H
#define GODWIT_TOOLS_COMMANDS_H

enum { STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_NOT_FOUND = 3 };

int command_matchmaker (int argc, char **argv);
int command_notify (int argc, char **argv);
int command_events (int argc, char **argv);
int command_realm (int argc, char **argv);
int command_can (int argc, char **argv);
int command_why (int argc, char **argv);
int command_slow (int argc, char **argv);
int command_tree (int argc, char **argv);
int command_postmortem (int argc, char **argv);
int command_spool (int argc, char **argv); /* with the component godwit-spool */

#endif
