/* SPDX-License-Identifier: Apache-2.0 */
/* Who owns a spool: a lock of the system on the file PATH-lock, which ends with the process that has it. The
 * file's text says who that is; it is for messages only. It is never deleted: a process that waits for the
 * lock of a deleted file would get one that nobody else sees.
 *
 * The lock belongs to the process: it is not inherited by a fork, but a second lock of the same process
 * succeeds, and closing any descriptor of the file ends it. So the process keeps a list of what it owns.
 *
 * The list also has what is only looked at, for the child of a fork: SQLite knows by a list of its own which
 * files this process has locked, and a child inherits that list, but no lock. In it SQLite would take none,
 * and another process would delete the WAL under it. So a child may not open what is on its parent's list. */
#ifndef GODWIT_SPOOL_OWNER_H
#define GODWIT_SPOOL_OWNER_H

#include "components/spool/problem.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct godwit__spool_owner {
    int fd;    /* of PATH-lock; -1: it owns nothing */
    pid_t pid; /* whose it is: not that of a child of a fork, which has this list, too */
    dev_t device, file_device;
    ino_t inode, file_inode; /* of PATH-lock, and of PATH */
    struct godwit__spool_owner *next;
} godwit__spool_owner_t;

/* Call it before SQLite opens the file. path is that of the spool, with no symbolic link in it. SYSTEM:
 * somebody else owns it, or the system refuses. FORKED: a parent of this process had it open at the fork. */
godwit_status_t godwit__spool_owner_take (godwit__spool_owner_t *owner, const char *path,
                                          godwit__problem_t *problem);
/* The same for one that is only looked at, beside its owner. */
godwit_status_t godwit__spool_owner_look (godwit__spool_owner_t *owner, const char *path,
                                          godwit__problem_t *problem);
/* False: PATH-lock was deleted or replaced, so that somebody else may have it, too. */
bool godwit__spool_owner_has_lock (const godwit__spool_owner_t *owner);
/* Call it when SQLite has closed the file. */
void godwit__spool_owner_release (godwit__spool_owner_t *owner);
/* 0: nobody owns it, or it is not known. text gets "pid 123 (shop) on host1 since ..."; it may be NULL. */
pid_t godwit__spool_owner_find (const char *path, char *text, size_t size);

#endif
