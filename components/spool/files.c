/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the files of a spool still have their names. SQLite goes on writing to a file that was deleted, or
 * over whose name another one was moved, and nobody ever reads that. */
#include "components/spool/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A look costs some microseconds, which a small transaction of the level PROCESS would feel. */
#define CHECK_MS 10

static char *
join (const char *path, const char *suffix)
{
    const size_t size = strlen (path) + strlen (suffix) + 1;
    char *const joined = malloc (size);
    if (joined)
        snprintf (joined, size, "%s%s", path, suffix);
    return joined;
}

godwit_status_t
godwit__spool_files_begin (godwit__sqlite_spool_t *self, godwit__problem_t *problem)
{
    self->wal.path = join (self->path, "-wal");
    self->index.path = join (self->path, "-shm");
    return self->wal.path && self->index.path ? GODWIT_OK : godwit__spool_no_memory (self, problem);
}

void
godwit__spool_files_end (godwit__sqlite_spool_t *self)
{
    free (self->wal.path);
    free (self->index.path);
}

/* A VFS of the program may keep them elsewhere: then nothing is known. */
static void
note (godwit__spool_beside_t *beside)
{
    struct stat file;
    const bool is_there = stat (beside->path, &file) == 0;
    beside->device = is_there ? file.st_dev : 0;
    beside->inode = is_there ? file.st_ino : 0;
}

void
godwit__spool_files_note (godwit__sqlite_spool_t *self)
{
    note (&self->wal);
    note (&self->index);
}

static bool
is_there (const char *path, dev_t device, ino_t inode)
{
    struct stat file;
    return !inode || (stat (path, &file) == 0 && file.st_dev == device && file.st_ino == inode);
}

bool
godwit__spool_files_has_main (const godwit__sqlite_spool_t *self)
{
    return is_there (self->path, self->owner.file_device, self->owner.file_inode);
}

static godwit_status_t
tell_lost (const godwit__sqlite_spool_t *self, const char *suffix, const char *advice,
           godwit__problem_t *problem)
{
    return godwit__spool_problem (problem, GODWIT_ERR_SYSTEM,
                                  "the spool %s: %s%s was deleted or replaced while it was open: %s",
                                  self->path, self->path, suffix, advice);
}

static godwit_status_t
check (const godwit__sqlite_spool_t *self, godwit__problem_t *problem)
{
    static const char save[] =
        "nothing can be kept until the spool is closed, which saves what is in it, and "
        "opened again";
    if (!godwit__spool_files_has_main (self))
        return tell_lost (self, "", "put it back, or close the spool and open it again", problem);
    if (!is_there (self->wal.path, self->wal.device, self->wal.inode))
        return tell_lost (self, "-wal", save, problem);
    if (!is_there (self->index.path, self->index.device, self->index.inode))
        return tell_lost (self, "-shm", save, problem);
    if (!godwit__spool_owner_has_lock (&self->owner))
        return tell_lost (self, "-lock", "another process may own it, too: close it, and open it again",
                          problem);
    return GODWIT_OK;
}

godwit_status_t
godwit__spool_files_check (godwit__sqlite_spool_t *self, godwit__problem_t *problem)
{
    const godwit_status_t status = check (self, problem);
    self->checked_ms = status ? 0 : godwit__spool_now_ms ();
    return status;
}

godwit_status_t
godwit__spool_files_check_often (godwit__sqlite_spool_t *self, godwit__problem_t *problem)
{
    return godwit__spool_now_ms () - self->checked_ms < CHECK_MS ? GODWIT_OK
                                                                 : godwit__spool_files_check (self, problem);
}
