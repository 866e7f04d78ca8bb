/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a process is of this user. In a user namespace one number, the overflow uid, stands for all users
 * that the namespace does not know: it is nobody's. */
#ifndef GODWIT_SRC_FOLDER_FOLDER_UID_H
#define GODWIT_SRC_FOLDER_FOLDER_UID_H

#include <stdbool.h>

/* False: this process runs as a user that its user namespace does not know. */
bool godwit__own_uid_is_known (void);
/* True if the other end of a connected Unix socket is a process of this user (geteuid). */
bool godwit__peer_is_own_user (int fd);

#endif
