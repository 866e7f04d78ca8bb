/* SPDX-License-Identifier: Apache-2.0 */
/* What dead processes have left behind in a private folder: names that lead to no socket any more. */
#ifndef GODWIT_SRC_FOLDER_FOLDER_SWEEP_H
#define GODWIT_SRC_FOLDER_FOLDER_SWEEP_H

#include "src/folder/folder.h"

/* How the names of sockets begin; those that only one process can have begin with neither. */
#define GODWIT__FOLDER_SOCKET "socket-"
#define GODWIT__FOLDER_TEMPORARY ".socket-"
#define GODWIT__FOLDER_MEET "meet-"

/* True if a living process listens there; also if that cannot be found out. Connects to nobody. */
bool godwit__folder_is_alive (const godwit__folder_t *folder, const char *name);

/* Removes names of sockets whose processes are gone, in an open folder: looks at 256 entries at most, the
 * next time at others. Does nothing while another process does it. Returns how many it removed. */
size_t godwit__folder_sweep (godwit__folder_t *folder);

#endif
