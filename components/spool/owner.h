/* SPDX-License-Identifier: Apache-2.0 */
/* Who owns a spool: a lock of the system on the file PATH-lock, which ends with the process that has it. The
 * file's text says who that is; it is for messages only. It is never deleted: a process that waits for the
 * lock of a deleted file would get one that nobody else sees.
 *
 * The lock belongs to the process: it is not inherited by a fork, but a second lock of the same process
 * succeeds, and closing any descriptor of the file ends it. So the process keeps a list of what it owns. */
#ifndef GODWIT_SPOOL_OWNER_H
#define GODWIT_SPOOL_OWNER_H

#include "components/spool/problem.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct godwit__spool_owner {
    int fd;    /* -1: it owns nothing */
    pid_t pid; /* whose it is: not that of a child of a fork, which has this list, too */
    dev_t device;
    ino_t inode;
    struct godwit__spool_owner *next;
} godwit__spool_owner_t;

/* path is that of the spool, with no symbolic link in it. SYSTEM: somebody else owns it, or the system
 * refuses. */
godwit_status_t godwit__spool_owner_take (godwit__spool_owner_t *owner, const char *path,
                                          godwit__problem_t *problem);
void godwit__spool_owner_release (godwit__spool_owner_t *owner);
/* 0: nobody owns it, or it is not known. text gets "pid 123 (shop) on host1 since ..."; it may be NULL. */
pid_t godwit__spool_owner_find (const char *path, char *text, size_t size);

#endif
