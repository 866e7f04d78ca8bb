/* SPDX-License-Identifier: Apache-2.0 */
/* Repairing: the damaged file stays as it is under another name, and what was saved takes its place.
 *
 *     PATH-saved-copy    a copy of PATH and PATH-wal, from which is read
 *     PATH-saved         what was read
 *     PATH-damaged-1     the damaged file, when the two have changed places (swap.c)
 *
 * A repair that is killed has lost nothing: the next one begins anew. */
#include "components/spool/check.h"
#include "components/spool/inside.h"
#include "components/spool/salvage.h"
#include "components/spool/swap.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct repair {
    const char *path;
    char copy[PATH_MAX];
    char saved[PATH_MAX];
    godwit_sqlite_spool_repair_t *report;
    godwit__problem_t *problem;
} repair_t;

static godwit_status_t
system_problem (const repair_t *repair, const char *doing, const char *path)
{
    return godwit__spool_problem (repair->problem, GODWIT_ERR_SYSTEM,
                                  "the spool %s: cannot %s %s: %s; nothing was changed", repair->path, doing,
                                  path, strerror (errno));
}

static void
join (char *to, const char *path, const char *suffix)
{
    if (snprintf (to, PATH_MAX, "%s%s", path, suffix) >= PATH_MAX)
        to[0] = '\0'; /* no file has this name */
}

static void
remove_files (const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    char name[PATH_MAX];
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        join (name, path, suffixes[i]);
        unlink (name);
    }
}

/* ---- is anything wrong ---- */

/* Opens it as a program would, and looks at everything. */
static godwit_status_t
look (const char *file, godwit__problem_t *problem)
{
    godwit__sqlite_spool_t model_only = {0};
    godwit__store_t store;
    char path[PATH_MAX];
    snprintf (path, sizeof path, "%s", file);
    model_only.path = path;
    godwit_status_t status = godwit__store_open (&store, path, NULL, GODWIT__STORE_WRITE, true, problem);
    if (status)
        return status;
    status = godwit__store_check (&store, problem);
    if (!status)
        status = godwit__spool_load (&model_only, &store, problem);
    if (!status)
        status = godwit__spool_check (&store, &model_only.model, problem);
    godwit__store_close (&store, !status);
    godwit__spool_model_free (&model_only.model);
    return status;
}

/* ---- a copy to read from ---- */

/* False: errno says why. */
static bool
copy_bytes (int from, int to)
{
    char piece[1 << 15];
    ssize_t count;
    while ((count = read (from, piece, sizeof piece)) > 0)
        for (ssize_t done = 0; done < count;) {
            const ssize_t written = write (to, piece + done, (size_t) (count - done));
            if (written < 0)
                return false;
            done += written;
        }
    return count == 0;
}

static godwit_status_t
copy_file (const repair_t *repair, const char *suffix)
{
    char from[PATH_MAX], to[PATH_MAX];
    join (from, repair->path, suffix);
    join (to, repair->copy, suffix);
    const int in = open (from, O_RDONLY | O_CLOEXEC);
    if (in < 0)
        return errno == ENOENT && *suffix ? GODWIT_OK : system_problem (repair, "open", from);
    const int out = open (to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    const godwit_status_t status =
        out >= 0 && copy_bytes (in, out) ? GODWIT_OK : system_problem (repair, "copy", from);
    close (in);
    if (out >= 0)
        close (out);
    return status;
}

/* The first page is nearly the same in all spools: SQLite's head, and where the tables begin. Where it is
 * damaged, all would be lost, so the copy gets that of a new spool. Its list of unused pages is not needed to
 * read. */
static void
mend_first_page (const repair_t *repair)
{
    uint8_t page[GODWIT__SPOOL_PAGE_SIZE];
    struct stat file;
    const int from = open (repair->saved, O_RDONLY | O_CLOEXEC),
              to = open (repair->copy, O_WRONLY | O_CLOEXEC);
    if (from >= 0 && to >= 0 && fstat (to, &file) == 0 && pread (from, page, sizeof page, 0) == sizeof page) {
        const uint32_t pages = htobe32 ((uint32_t) ((uint64_t) file.st_size / sizeof page));
        memcpy (page + 28, &pages, 4);
        memset (page + 32, 0, 8);
        /* If it is still damaged, that is found out later. */
        const ssize_t ignored = pwrite (to, page, sizeof page, 0);
        (void) ignored;
    }
    if (from >= 0)
        close (from);
    if (to >= 0)
        close (to);
}

/* ---- all of it ---- */

/* A file is whose the damaged one is, who will go on using it. False: errno says why. */
static bool
give_to_owner (const repair_t *repair, int fd)
{
    struct stat damaged;
    if (stat (repair->path, &damaged) < 0)
        return false;
    mode_t mode = damaged.st_mode & 0777;
    if (fchown (fd, damaged.st_uid, damaged.st_gid) < 0) {
        if (fchown (fd, damaged.st_uid, (gid_t) -1) < 0)
            return false;
        mode &= (mode_t) ~070; /* its group is another one */
    }
    return fchmod (fd, mode) == 0;
}

/* A new spool, with nothing in it. */
static godwit_status_t
make_saved (const repair_t *repair)
{
    godwit__store_t store;
    const int fd = open (repair->saved, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return system_problem (repair, "make", repair->saved);
    const bool good = give_to_owner (repair, fd);
    const godwit_status_t given =
        good ? GODWIT_OK : system_problem (repair, "give to the owner of the damaged file", repair->saved);
    close (fd);
    if (given)
        return given;
    const godwit_status_t status =
        godwit__store_open (&store, repair->saved, NULL, GODWIT__STORE_WRITE, true, repair->problem);
    if (!status)
        godwit__store_close (&store, true);
    return status;
}

static bool
is_empty (const char *path)
{
    struct stat file;
    return stat (path, &file) == 0 && file.st_size == 0;
}

/* Of an empty file SQLite would delete the WAL. */
static godwit_status_t
open_copy (const repair_t *repair, godwit__store_t *store)
{
    if (is_empty (repair->copy))
        mend_first_page (repair);
    godwit_status_t status =
        godwit__store_open (store, repair->copy, NULL, GODWIT__STORE_SALVAGE, false, repair->problem);
    if (!status && godwit__store_has_tables (store))
        return GODWIT_OK;
    godwit__store_close (store, false);
    mend_first_page (repair);
    status = godwit__store_open (store, repair->copy, NULL, GODWIT__STORE_SALVAGE, false, repair->problem);
    if (status || godwit__store_has_tables (store))
        return status;
    godwit__store_close (store, false);
    return godwit__store_damaged (repair->path, "nothing can be read", repair->problem);
}

static godwit_status_t
salvage (const repair_t *repair)
{
    godwit__store_t from, to;
    godwit_status_t status = make_saved (repair);
    if (!status)
        status = open_copy (repair, &from);
    if (status)
        return status;
    status = godwit__store_open (&to, repair->saved, NULL, GODWIT__STORE_WRITE, true, repair->problem);
    if (!status) {
        status = godwit__spool_salvage (&from, &to, repair->report, repair->problem);
        godwit__store_close (&to, true);
    }
    godwit__store_close (&from, false);
    return status;
}

/* It opens, and all of it is on the disk, in one file. */
static godwit_status_t
check_saved (const repair_t *repair)
{
    char wal[PATH_MAX];
    const godwit_status_t status = look (repair->saved, repair->problem);
    if (status)
        return status;
    join (wal, repair->saved, "-wal");
    const int fd = open (repair->saved, O_RDONLY | O_CLOEXEC);
    const bool good = fd >= 0 && fsync (fd) == 0;
    const godwit_status_t synced = good ? GODWIT_OK : system_problem (repair, "sync", repair->saved);
    if (fd >= 0)
        close (fd);
    if (synced || access (wal, F_OK) < 0)
        return synced;
    errno = EIO;
    return system_problem (repair, "write", repair->saved);
}

static godwit_status_t
repair_owned (repair_t *repair)
{
    godwit_status_t status = godwit__spool_swap_undo (repair->path, repair->problem);
    if (!status)
        status = godwit__spool_one_name (repair->path, repair->problem);
    if (!status)
        status = look (repair->path, repair->problem);
    if (status != GODWIT_ERR_MALFORMED)
        return status;
    if (repair->problem->code == GODWIT__STORE_FOREIGN)
        return status;
    repair->report->is_damaged = true;
    snprintf (repair->report->found, sizeof repair->report->found, "%s", repair->problem->text);
    *repair->problem = (godwit__problem_t){0};
    remove_files (repair->copy);
    remove_files (repair->saved);
    status = copy_file (repair, "");
    if (!status)
        status = copy_file (repair, "-wal");
    if (!status)
        status = salvage (repair);
    remove_files (repair->copy);
    if (!status)
        status = check_saved (repair);
    if (!status)
        status = godwit__spool_swap (repair->path, repair->saved, repair->report->damaged, repair->problem);
    if (status)
        remove_files (repair->saved);
    if (status == GODWIT_ERR_MALFORMED)
        return godwit__spool_problem (
            repair->problem, status,
            "the spool %s is damaged, and nothing can be read of it; it stays as it is. %s", repair->path,
            repair->report->found);
    if (status)
        return status;
    *repair->problem = (godwit__problem_t){0}; /* what could not be read */
    return GODWIT_OK;
}

static godwit_status_t
repair_path (const char *path, godwit_sqlite_spool_repair_t *report, godwit__problem_t *problem)
{
    repair_t repair = {.report = report, .problem = problem};
    godwit__spool_owner_t owner;
    char real[PATH_MAX];
    if (!realpath (path, real))
        return godwit__spool_problem (problem, GODWIT_ERR_SYSTEM, "the spool %s: cannot find it: %s", path,
                                      strerror (errno));
    _Static_assert(sizeof report->damaged >= PATH_MAX, "a path fits");
    repair.path = real;
    join (repair.copy, real, "-saved-copy");
    join (repair.saved, real, "-saved");
    godwit_status_t status = godwit__spool_owner_take (&owner, real, problem);
    if (!status) {
        status = repair_owned (&repair);
        godwit__spool_owner_release (&owner);
    }
    return status;
}

godwit_status_t
godwit_sqlite_spool_repair (const char *path, godwit_sqlite_spool_repair_t *report, size_t size,
                            godwit_error_t **error)
{
    GODWIT__SPOOL_UNCANCELLED;
    godwit__problem_t problem = {0};
    godwit_sqlite_spool_repair_t made = {0};
    if (!path || !report)
        godwit__spool_problem (&problem, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected a pointer, got NULL",
                               path ? "report" : "path");
    else if (!repair_path (path, &made, &problem)) {
        memset (report, 0, size);
        memcpy (report, &made, size < sizeof made ? size : sizeof made);
    }
    return godwit__spool_tell (&problem, error);
}
