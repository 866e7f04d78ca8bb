/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets that listen in a private folder. A name leads to a socket only once it listens: it is bound under
 * another name, and renamed. */
#ifndef GODWIT_SRC_FOLDER_FOLDER_LISTEN_H
#define GODWIT_SRC_FOLDER_FOLDER_LISTEN_H

#include "src/folder/folder.h"

#include <sys/types.h>

/* A name in a folder, and what it led to. */
typedef struct godwit__folder_name {
    char name[GODWIT__FOLDER_NAME_SIZE];
    char address[GODWIT__FOLDER_ADDRESS_SIZE]; /* "ipc://PATH/NAME", for records */
    dev_t device;
    ino_t inode;
} godwit__folder_name_t;

/* Listens under a name in an open folder. wanted NULL: a new random name. Otherwise this name, if no living
 * socket has it: of all processes that try, one gets it. *fd is the caller's: non-blocking, close-on-exec.
 * SYSTEM with the cause; *is_taken: another process listens there, or is about to (may be NULL). */
godwit_status_t godwit__folder_listen (const godwit__folder_t *folder, const char *wanted, int backlog,
                                       godwit__folder_name_t *name, int *fd, bool *is_taken,
                                       godwit_error_t **error);
/* Says what a name in an open folder leads to now. */
void godwit__folder_remember (const godwit__folder_t *folder, const char *name, godwit__folder_name_t *it);
/* True if the name still leads to the socket: it, or the folder, may have been removed. */
bool godwit__folder_has (const godwit__folder_t *folder, const godwit__folder_name_t *name);
/* Removes the name if it still leads to the socket. What cannot be removed now is left to a sweep. */
void godwit__folder_remove (const godwit__folder_t *folder, const godwit__folder_name_t *name);

#endif
