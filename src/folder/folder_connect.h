/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting to a socket of this user. */
#ifndef GODWIT_SRC_FOLDER_FOLDER_CONNECT_H
#define GODWIT_SRC_FOLDER_FOLDER_CONNECT_H

#include "src/folder/folder.h"

/* True if folders_connect would try this address: "ipc://PATH/NAME" inside one of the folders, or a name in
 * Linux's abstract namespace ("ipc://@NAME"), which others use. */
bool godwit__folders_speak (const godwit__folders_t *folders, const char *address);
/* Connects to such an address, and checks whose process listens there before a byte is sent. Never waits. *fd
 * is the caller's: connected, non-blocking, close-on-exec. SYSTEM with the cause; *failure (may be NULL): the
 * errno, ECONNREFUSED or ENOENT if nobody listens, EAGAIN if too many connections wait there, EPERM if the
 * process is another user's. */
godwit_status_t godwit__folders_connect (godwit__folders_t *folders, const char *address, int *fd,
                                         int *failure, godwit_error_t **error);
/* Writes the path under which an address can be connected to, of any length; false: it is inside none of the
 * folders, or its folder cannot be used (SYSTEM says why). */
bool godwit__folders_short_path (godwit__folders_t *folders, const char *address,
                                 char path[GODWIT__FOLDER_SHORT_SIZE], godwit_error_t **error);

#endif
