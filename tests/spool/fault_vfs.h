/* SPDX-License-Identifier: Apache-2.0 */
/* A VFS of SQLite that stands before the system's: it knows what was not synced, and what a power failure
 * would leave; and it lets writes and syncs fail. Its name is "fault". One at a time in a process.
 *
 *     write ---> the real file, and a list of what was not synced
 *     sync ----> that list becomes part of the durable image; the real file is not synced (it is faster)
 *     a sync that fails: the list is dropped, as Linux drops it: no later sync makes it durable
 *     power failure: the durable image, and, by the seed, parts of the list, in sectors of 512 bytes */
#ifndef GODWIT_TESTS_FAULT_VFS_H
#define GODWIT_TESTS_FAULT_VFS_H

#include <stdbool.h>
#include <stdint.h>

typedef enum fault_keeps {
    FAULT_KEEPS_NOTHING, /* of what was not synced */
    FAULT_KEEPS_PREFIX,  /* what was written first */
    FAULT_KEEPS_PARTS    /* any sectors of any write */
} fault_keeps_t;

void fault_vfs_begin (void);
void fault_vfs_end (void);

/* At the at-th write, sync or truncation from now on, what a power failure would leave is written to a
 * folder. */
void fault_vfs_crash_at (long at, const char *folder, fault_keeps_t keeps, uint64_t seed);
/* The same, now. */
void fault_vfs_crash (const char *folder, fault_keeps_t keeps, uint64_t seed);
bool fault_vfs_has_crashed (void);
/* How many writes, syncs and truncations there were since the beginning. */
long fault_vfs_count (void);

/* From the after-th write (0: the next one) on, so many fail with this code of SQLite. It may be
 * SQLITE_IOERR_SHORT_READ: then reads fail, with SQLITE_IOERR_READ. */
void fault_vfs_fail_writes (long after, long count, int code);
/* The same for syncs; wal: of the WAL only, or of the file only. */
void fault_vfs_fail_syncs (long after, long count, bool of_wal);
/* The WAL cannot grow beyond so many bytes (0: it can): SQLITE_FULL. */
void fault_vfs_limit_wal (long size);
/* Calls a function whenever the file itself is written, not its WAL: somebody copies the WAL. NULL: no more.
 */
void fault_vfs_at_copy (void function (void));
/* Calls a function once: when the next transaction has become visible to others, and the thread that wrote
 * it does not know that yet. */
void fault_vfs_at_commit (void function (void));

#endif
