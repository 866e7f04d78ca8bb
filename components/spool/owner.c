/* SPDX-License-Identifier: Apache-2.0 */
#include "components/spool/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NAME_MAX_SIZE 128
#define LOCK_TRIES 10

static pthread_mutex_t owned_lock =
    PTHREAD_MUTEX_INITIALIZER; /* fork() waits for it: a child finds it free */
static pthread_once_t is_prepared = PTHREAD_ONCE_INIT;
static godwit__spool_owner_t *owned; /* by this process, or looked at; in a child also by its parents */

static void
before_fork (void)
{
    pthread_mutex_lock (&owned_lock);
}

static void
after_fork (void)
{
    pthread_mutex_unlock (&owned_lock);
}

static void
prepare (void)
{
    pthread_atfork (before_fork, after_fork, after_fork);
}

static void
lock_list (void)
{
    pthread_once (&is_prepared, prepare);
    pthread_mutex_lock (&owned_lock);
}

static bool
lock_path (char *to, const char *path)
{
    return snprintf (to, PATH_MAX, "%s-lock", path) < PATH_MAX;
}

static const godwit__spool_owner_t *
find_own (const struct stat *file)
{
    for (const godwit__spool_owner_t *owner = owned; owner; owner = owner->next)
        if (owner->fd >= 0 && owner->pid == getpid () && owner->device == file->st_dev &&
            owner->inode == file->st_ino)
            return owner;
    return NULL;
}

/* Whether a parent had it open at the fork. */
static const godwit__spool_owner_t *
find_inherited (const struct stat *file)
{
    for (const godwit__spool_owner_t *owner = owned; owner; owner = owner->next)
        if (owner->pid != getpid () && owner->file_device == file->st_dev &&
            owner->file_inode == file->st_ino)
            return owner;
    return NULL;
}

/* What the owner wrote about itself; "" if there is nothing that can be printed. */
static void
read_text (int fd, char *text, size_t size)
{
    const ssize_t count = pread (fd, text, size - 1, 0);
    text[count > 0 ? count : 0] = '\0';
    text[strcspn (text, "\n")] = '\0';
    for (char *at = text; *at; at++)
        if ((unsigned char) *at < ' ' || *at == 0x7f)
            *at = '?';
}

/* The process that has the lock; 0: none; -1: one that cannot be seen from here. */
static pid_t
find_holder (int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl (fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
        return 0;
    return lock.l_pid > 0 ? lock.l_pid : -1;
}

static void
describe (int fd, pid_t pid, char *text, size_t size)
{
    char own[32];
    const int length = snprintf (own, sizeof own, "pid %ld ", (long) pid);
    read_text (fd, text, size);
    /* It has the lock, and has not written yet who it is; or it is in another namespace. */
    if (pid > 0 && (length < 0 || strncmp (text, own, (size_t) length) != 0))
        snprintf (text, size, "pid %ld", (long) pid);
    else if (!*text)
        snprintf (text, size, "a process that cannot be seen from here");
}

static void
write_text (int fd)
{
    char host[NAME_MAX_SIZE] = "?", when[64] = "?", text[512];
    gethostname (host, sizeof host - 1);
    const time_t now = time (NULL);
    struct tm parts;
    if (gmtime_r (&now, &parts))
        strftime (when, sizeof when, "%Y-%m-%d %H:%M:%S", &parts);
    const int size = snprintf (text, sizeof text, "pid %ld (%s) on %s since %s UTC\n", (long) getpid (),
                               program_invocation_short_name, host, when);
    /* A full disk does not matter: the lock counts, and tells the pid. */
    if (ftruncate (fd, 0) < 0 || pwrite (fd, text, (size_t) size, 0) < 0)
        return;
}

static godwit_status_t
refuse_other (int fd, const char *path, godwit__problem_t *problem)
{
    char text[512];
    describe (fd, find_holder (fd), text, sizeof text);
    return godwit__spool_problem (
        problem, GODWIT_ERR_SYSTEM,
        "the spool %s is owned by %s: end that process, or give this one a spool of "
        "its own",
        path, text);
}

static godwit_status_t
refuse_system (const char *path, const char *doing, godwit__problem_t *problem)
{
    return godwit__spool_problem (problem, GODWIT_ERR_SYSTEM, "the spool %s: cannot %s %s-lock: %s", path,
                                  doing, path, strerror (errno));
}

/* The lock that root makes is its owner's who has the spool, or a service could not open its own one after a
 * `sudo godwit spool repair`. -1: errno says why. */
static int
open_lock (const char *path, const char *file)
{
    struct stat spool;
    int fd = open (file, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 || errno != ENOENT)
        return fd;
    fd = open (file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == EEXIST) /* made meanwhile */
        return open (file, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || geteuid () != 0 || stat (path, &spool) < 0)
        return fd;
    if (fchown (fd, spool.st_uid, spool.st_gid) == 0)
        return fd;
    const int number = errno;
    close (fd);
    unlink (file);
    errno = number;
    return -1;
}

/* With the list locked: which file it is, and whether this process may open it. */
static godwit_status_t
look (godwit__spool_owner_t *owner, const char *path, godwit__problem_t *problem)
{
    struct stat file;
    if (stat (path, &file) < 0)
        return godwit__spool_problem (problem, GODWIT_ERR_SYSTEM, "the spool %s: cannot find it: %s", path,
                                      strerror (errno));
    const godwit__spool_owner_t *const inherited = find_inherited (&file);
    if (inherited)
        return godwit__spool_problem (problem, GODWIT_ERR_FORKED,
                                      "the spool %s was open in pid %ld when that forked this process, which "
                                      "SQLite does not allow: open "
                                      "it after the fork only, or exec a program that opens it",
                                      path, (long) inherited->pid);
    owner->pid = getpid ();
    owner->file_device = file.st_dev;
    owner->file_inode = file.st_ino;
    return GODWIT_OK;
}

static void
list (godwit__spool_owner_t *owner)
{
    owner->next = owned;
    owned = owner;
}

/* Opens and locks PATH-lock. If it was deleted in between, it is not the one that others see: *is_gone. */
static godwit_status_t
lock_once (const char *path, const char *file, int *opened, struct stat *seen, bool *is_gone,
           godwit__problem_t *problem)
{
    struct stat named;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    godwit_status_t status = GODWIT_OK;
    const int fd = open_lock (path, file);
    if (fd < 0)
        return refuse_system (path, "open", problem);
    if (fcntl (fd, F_SETLK, &lock) < 0)
        status = errno == EACCES || errno == EAGAIN ? refuse_other (fd, path, problem)
                                                    : refuse_system (path, "lock", problem);
    else if (fstat (fd, seen) < 0)
        status = refuse_system (path, "look at", problem);
    *is_gone =
        !status && (stat (file, &named) < 0 || named.st_dev != seen->st_dev || named.st_ino != seen->st_ino);
    if (status || *is_gone)
        close (fd);
    else
        *opened = fd;
    return status;
}

static godwit_status_t
lock_file (const char *path, const char *file, int *opened, struct stat *seen, godwit__problem_t *problem)
{
    for (int i = 0; i < LOCK_TRIES; i++) {
        bool is_gone = false;
        const godwit_status_t status = lock_once (path, file, opened, seen, &is_gone, problem);
        if (status || !is_gone)
            return status;
    }
    return godwit__spool_problem (
        problem, GODWIT_ERR_SYSTEM,
        "the spool %s: %s-lock is deleted again and again: end what deletes it, as it "
        "says who owns the spool",
        path, path);
}

/* With the list locked. */
static godwit_status_t
take (godwit__spool_owner_t *owner, const char *path, const char *file, godwit__problem_t *problem)
{
    struct stat seen;
    if (stat (file, &seen) == 0 && find_own (&seen))
        return godwit__spool_problem (
            problem, GODWIT_ERR_SYSTEM,
            "the spool %s is open in this process (pid %ld) already: use that one, or "
            "close it first",
            path, (long) getpid ());
    int fd = -1;
    const godwit_status_t status = lock_file (path, file, &fd, &seen, problem);
    if (status)
        return status;
    write_text (fd);
    owner->fd = fd;
    owner->device = seen.st_dev;
    owner->inode = seen.st_ino;
    list (owner);
    return GODWIT_OK;
}

godwit_status_t
godwit__spool_owner_take (godwit__spool_owner_t *owner, const char *path, godwit__problem_t *problem)
{
    char file[PATH_MAX];
    owner->fd = -1;
    if (!lock_path (file, path))
        return godwit__spool_problem (problem, GODWIT_ERR_INVALID_ARGUMENT, "path: it is too long: %s", path);
    lock_list ();
    godwit_status_t status = look (owner, path, problem);
    if (!status)
        status = take (owner, path, file, problem);
    pthread_mutex_unlock (&owned_lock);
    return status;
}

godwit_status_t
godwit__spool_owner_look (godwit__spool_owner_t *owner, const char *path, godwit__problem_t *problem)
{
    owner->fd = -1;
    lock_list ();
    const godwit_status_t status = look (owner, path, problem);
    if (!status)
        list (owner);
    pthread_mutex_unlock (&owned_lock);
    return status;
}

bool
godwit__spool_owner_has_lock (const godwit__spool_owner_t *owner)
{
    struct stat file;
    return fstat (owner->fd, &file) == 0 && file.st_nlink > 0;
}

void
godwit__spool_owner_release (godwit__spool_owner_t *owner)
{
    lock_list ();
    for (godwit__spool_owner_t **at = &owned; *at; at = &(*at)->next)
        if (*at == owner) {
            *at = owner->next;
            break;
        }
    if (owner->fd >= 0)
        close (owner->fd); /* ends the lock */
    owner->fd = -1;
    pthread_mutex_unlock (&owned_lock);
}

pid_t
godwit__spool_owner_find (const char *path, char *text, size_t size)
{
    char file[PATH_MAX], found[512];
    struct stat seen;
    pid_t pid = 0;
    if (!lock_path (file, path) || stat (file, &seen) < 0)
        return 0;
    lock_list ();
    const godwit__spool_owner_t *const own = find_own (&seen);
    if (own) { /* no descriptor of it may be opened here and closed again */
        pid = getpid ();
        describe (own->fd, pid, found, sizeof found);
    } else {
        const int fd = open (file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        pid = fd < 0 ? 0 : find_holder (fd);
        if (pid)
            describe (fd, pid, found, sizeof found);
        if (fd >= 0)
            close (fd);
    }
    pthread_mutex_unlock (&owned_lock);
    if (pid && text && size)
        snprintf (text, size, "%s", found);
    return pid;
}
