/* SPDX-License-Identifier: Apache-2.0 */
/* Three steps, of which the last one decides:
 *
 *     1  link    PATH        -> PATH-damaged-1       one file with two names: a swap has begun
 *     2  rename  PATH-wal    -> PATH-damaged-1-wal
 *     3  rename  PATH-saved  -> PATH                 the damaged file has one name again: the swap has ended
 *
 * Whoever finds one that has begun and not ended (its process was killed) undoes 2 and 1, before SQLite sees
 * PATH without its WAL. */
#include "components/spool/swap.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAMES_MAX 10000 /* damaged files beside each other */

static void
join (char *to, const char *path, const char *suffix)
{
    if (snprintf (to, PATH_MAX, "%s%s", path, suffix) >= PATH_MAX)
        to[0] = '\0'; /* no file has this name */
}

static void
name_damaged (char *to, const char *path, int number)
{
    char suffix[32];
    snprintf (suffix, sizeof suffix, "-damaged-%d", number);
    join (to, path, suffix);
}

static bool
is_there (const char *name)
{
    struct stat file;
    return lstat (name, &file) == 0;
}

/* The names survive a power failure, in the order of the steps. */
static void
sync_folder (const char *path)
{
    char folder[PATH_MAX];
    snprintf (folder, sizeof folder, "%s", path);
    char *const slash = strrchr (folder, '/');
    if (slash)
        slash[1] = '\0';
    const int fd = open (slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync (fd);
        close (fd);
    }
}

/* ---- one that was begun ---- */

/* name: the second one of the file. */
static bool
find_begun (const char *path, char *name)
{
    struct stat file, other;
    if (stat (path, &file) < 0 || file.st_nlink < 2)
        return false;
    for (int i = 1; i < NAMES_MAX; i++) {
        name_damaged (name, path, i);
        if (lstat (name, &other) == 0 && other.st_dev == file.st_dev && other.st_ino == file.st_ino)
            return true;
    }
    return false;
}

bool
godwit__spool_swap_is_begun (const char *path)
{
    char name[PATH_MAX];
    return find_begun (path, name);
}

/* False: errno says why. A WAL that SQLite has made since then is empty, or somebody has written to PATH
 * without looking for its WAL: then neither of the two is thrown away (EEXIST). */
static bool
undo (const char *path, const char *name)
{
    char wal[PATH_MAX], from[PATH_MAX];
    struct stat file;
    join (wal, path, "-wal");
    join (from, name, "-wal");
    if (is_there (from)) {
        if (lstat (wal, &file) == 0 && file.st_size > 0) {
            errno = EEXIST;
            return false;
        }
        if (rename (from, wal) < 0)
            return false;
        sync_folder (path);
    }
    if (unlink (name) < 0)
        return false;
    sync_folder (path);
    return true;
}

godwit_status_t
godwit__spool_swap_undo (const char *path, godwit__problem_t *problem)
{
    char name[PATH_MAX];
    if (!find_begun (path, name) || undo (path, name))
        return GODWIT_OK;
    if (errno == EEXIST)
        return godwit__spool_problem (problem, GODWIT_ERR_SYSTEM,
                                      "the spool %s: a repair of it was broken off, and another program has "
                                      "written to it since then: %s-wal is what it had, and %s-wal what that "
                                      "program wrote: move one of them away",
                                      path, name, path);
    return godwit__spool_problem (problem, GODWIT_ERR_SYSTEM,
                                  "the spool %s: a repair of it was broken off, and cannot be undone: "
                                  "cannot rename %s-wal and remove %s: %s",
                                  path, name, name, strerror (errno));
}

/* PATH-lock and PATH-wal are named after the path: with two names of a file, two processes would own it, and
 * each would write over what the other one had kept. */
godwit_status_t
godwit__spool_one_name (const char *path, godwit__problem_t *problem)
{
    struct stat file;
    if (stat (path, &file) < 0 || file.st_nlink <= 1)
        return GODWIT_OK;
    return godwit__spool_problem (
        problem, GODWIT_ERR_SYSTEM,
        "the spool %s: its file has %lu names (hard links), each with a journal of its own: find the others "
        "(`find / -xdev -samefile %s`), and delete those that nobody uses",
        path, (unsigned long) file.st_nlink, path);
}

/* ---- a new one ---- */

/* Step 1. False: errno says why. */
static bool
give_name (const char *path, char *name)
{
    char wal[PATH_MAX];
    for (int i = 1; i < NAMES_MAX; i++) {
        name_damaged (name, path, i);
        join (wal, name, "-wal");
        if (is_there (wal)) /* that of a file that somebody deleted */
            continue;
        if (link (path, name) == 0)
            return true;
        if (errno != EEXIST)
            return false;
    }
    return false;
}

/* Steps 2 and 3. NULL: all is done; else what failed, and errno. */
static const char *
exchange (const char *path, const char *saved, const char *name)
{
    char wal[PATH_MAX], shm[PATH_MAX], to[PATH_MAX];
    join (wal, path, "-wal");
    join (shm, path, "-shm");
    join (to, name, "-wal");
    sync_folder (path);
    if (rename (wal, to) < 0 && errno != ENOENT)
        return "rename its WAL";
    sync_folder (path);
    unlink (shm);
    if (rename (saved, path) < 0)
        return "rename the repaired file";
    sync_folder (path);
    return NULL;
}

godwit_status_t
godwit__spool_swap (const char *path, const char *saved, char *damaged, godwit__problem_t *problem)
{
    const char *doing = "give the damaged file a second name";
    bool is_undone = true;
    if (give_name (path, damaged)) {
        doing = exchange (path, saved, damaged);
        if (!doing)
            return GODWIT_OK;
        const int number = errno;
        is_undone = undo (path, damaged);
        errno = number;
    }
    return godwit__spool_problem (problem, GODWIT_ERR_SYSTEM, "the spool %s: cannot %s: %s; %s", path, doing,
                                  strerror (errno),
                                  is_undone ? "nothing was changed"
                                            : "the next repair undoes what was begun, and so does the next "
                                              "program that opens it");
}
