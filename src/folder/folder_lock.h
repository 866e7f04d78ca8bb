/* SPDX-License-Identifier: Apache-2.0 */
/* The lock of a private folder. It is held for a moment only, and nobody waits for it. */
#ifndef GODWIT_SRC_FOLDER_FOLDER_LOCK_H
#define GODWIT_SRC_FOLDER_FOLDER_LOCK_H

#include "src/folder/folder.h"

/* Locks an open folder against all threads of all processes. Returns what godwit__folder_unlock takes, or -1:
 * another process has it just now (*is_busy, which may be NULL), or SYSTEM says why it cannot be locked. A
 * child of fork() has no part in it. */
int godwit__folder_lock (const godwit__folder_t *folder, bool *is_busy, godwit_error_t **error);
void godwit__folder_unlock (int lock);

#endif
