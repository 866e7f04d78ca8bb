/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of `godwit`. Each gets its own arguments, argv[0] being the name to speak of itself with, and
 * returns the exit status: 0, 1 for a failure that it has told of, 2 for arguments that make no sense. */
#ifndef GODWIT_TOOLS_COMMANDS_H
#define GODWIT_TOOLS_COMMANDS_H

enum { STATUS_FAILED = 1, STATUS_USAGE = 2 };

int command_matchmaker (int argc, char **argv);

#endif
