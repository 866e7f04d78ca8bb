/* SPDX-License-Identifier: Apache-2.0 */
/* The private folders of this user on this machine. Sockets in them are out of reach for other users: a
 * folder is the user's own, with mode 0700, and nobody else can rename or replace it. One thread uses a
 * struct at a time. */
#ifndef GODWIT_SRC_FOLDER_FOLDER_H
#define GODWIT_SRC_FOLDER_FOLDER_H

#include <godwit/error.h>

#include <stdbool.h>
#include <stddef.h>

#define GODWIT__FOLDER_MAX 2
/* With the '\0'. Longer ones would not fit into an address, with the name of a socket behind it. */
#define GODWIT__FOLDER_PATH_SIZE 192
#define GODWIT__FOLDER_NAME_SIZE 48
#define GODWIT__FOLDER_ADDRESS_SIZE 256
/* "/proc/self/fd/N/NAME" */
#define GODWIT__FOLDER_SHORT_SIZE (32 + GODWIT__FOLDER_NAME_SIZE)

typedef struct godwit__folder {
    char path[GODWIT__FOLDER_PATH_SIZE]; /* absolute */
    int fd;                              /* keeps its number while the folder is open; -1: it is not open */
    long sweep_at;                       /* where the next sweep goes on */
} godwit__folder_t;

typedef struct godwit__folders {
    size_t count;
    godwit__folder_t list[GODWIT__FOLDER_MAX];
} godwit__folders_t;

/* Says which folders there are, and opens none. With runtime_dir, or else the variable GODWIT_DIR: this one
 * alone. Otherwise /run/user/EUID/godwit and /tmp/godwit-EUID. The variable is ignored in setuid programs
 * (secure_getenv). INVALID_ARGUMENT: the name that was given cannot be used. */
godwit_status_t godwit__folders_init (godwit__folders_t *folders, const char *runtime_dir,
                                      godwit_error_t **error);
/* Closes them. Accepts a struct of zeros, and one that was closed. */
void godwit__folders_close (godwit__folders_t *folders);
/* The first folder that is usable, open; or SYSTEM, with what is wrong with each. */
godwit_status_t godwit__folders_first (godwit__folders_t *folders, godwit__folder_t **folder,
                                       godwit_error_t **error);

/* True if there is no place for the folder, which is in order: /run/user/EUID is there while the user is
 * logged in. */
bool godwit__folder_is_absent (const godwit__folder_t *folder);
/* Makes the folder if it is missing, checks and opens it. If it is open already: the same, and a folder that
 * was replaced or removed meanwhile is opened anew. SYSTEM: says what is wrong, and what to do. */
godwit_status_t godwit__folder_open (godwit__folder_t *folder, godwit_error_t **error);

/* True if the path does not lead to the open folder any more: somebody has removed or replaced it. */
bool godwit__folder_is_replaced (const godwit__folder_t *folder);

/* The folder of an address "ipc://PATH/NAME", and the name in it; NULL: it is inside none of them. */
const godwit__folder_t *godwit__folders_find (const godwit__folders_t *folders, const char *address,
                                              const char **name);
/* Writes a path that leads to a name in an open folder, and fits into any socket address. */
void godwit__folder_short_path (const godwit__folder_t *folder, const char *name,
                                char path[GODWIT__FOLDER_SHORT_SIZE]);

#endif
