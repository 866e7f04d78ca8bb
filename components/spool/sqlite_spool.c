/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing a spool, and its figures. */
#include "components/spool/inside.h"
#include "components/spool/swap.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_SIZE_DEFAULT (UINT64_C (1) << 30)
#define SYNC_MS_DEFAULT 200
#define SYNC_MS_MAX 3600000
#define STRUCT_SIZE_MOST 4096            /* a larger struct_size was not set */
#define CHECK_SIZE (UINT64_C (16) << 20) /* a file up to this is checked wholly when it is opened */

static const godwit_spool_ops_t ops = {
    .struct_size = sizeof (godwit_spool_ops_t),
    .streams = godwit__spool_streams,
    .append = godwit__spool_append,
    .read = godwit__spool_read,
    .settle = godwit__spool_settle,
    .set_pool = godwit__spool_set_pool,
    .remove_pool = godwit__spool_remove_pool,
    .flush = godwit__spool_flush,
};

/* ---- what all functions begin with ---- */

godwit_status_t
godwit__spool_enter (const godwit__sqlite_spool_t *self, bool is_change, godwit__problem_t *problem)
{
    if (self->pid != getpid ())
        return godwit__spool_problem (problem, GODWIT_ERR_FORKED,
                                      "the spool %s belongs to the process before fork(), pid %ld: exec a "
                                      "program that opens it, or open "
                                      "it after the fork only",
                                      self->path, (long) self->pid);
    if (is_change && self->options.read_only)
        return godwit__spool_problem (problem, GODWIT_ERR_INVALID_ARGUMENT,
                                      "the spool %s was opened with read_only: it cannot be changed",
                                      self->path);
    return GODWIT_OK;
}

godwit_status_t
godwit__spool_check_name (const char *what, const char *name, godwit__problem_t *problem)
{
    if (!name || !*name)
        return godwit__spool_problem (problem, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected a name, got %s",
                                      what, name ? "\"\"" : "NULL");
    if (strlen (name) > GODWIT__SPOOL_NAME_MAX)
        return godwit__spool_problem (problem, GODWIT_ERR_INVALID_ARGUMENT,
                                      "%s: expected at most %d bytes, got %zu", what, GODWIT__SPOOL_NAME_MAX,
                                      strlen (name));
    return GODWIT_OK;
}

godwit_status_t
godwit__spool_no_memory (const godwit__sqlite_spool_t *self, godwit__problem_t *problem)
{
    return godwit__spool_problem (problem, GODWIT_ERR_OUT_OF_MEMORY, "the spool %s: out of memory",
                                  self->path);
}

godwit_status_t
godwit__spool_look_up (const godwit__sqlite_spool_t *self, const char *stream, const char *pool,
                       godwit__stream_t **found_stream, godwit__pool_t **found_pool,
                       godwit__problem_t *problem)
{
    *found_pool = NULL;
    *found_stream = godwit__spool_stream_find (&self->model, stream);
    if (!*found_stream)
        return godwit__spool_problem (problem, GODWIT_ERR_NOT_FOUND, "the spool %s has no stream %s",
                                      self->path, stream);
    if (!pool)
        return GODWIT_OK;
    *found_pool = godwit__spool_pool_find (*found_stream, pool);
    return *found_pool && !(*found_pool)->is_removed
               ? GODWIT_OK
               : godwit__spool_problem (problem, GODWIT_ERR_NOT_FOUND,
                                        "the stream %s of the spool %s has no pool %s", stream, self->path,
                                        pool);
}

/* ---- options ---- */

static godwit_status_t
check_values (const godwit_sqlite_spool_options_t *options, godwit__problem_t *problem)
{
    if ((unsigned) options->level > GODWIT_SPOOL_PROCESS)
        return godwit__spool_problem (
            problem, GODWIT_ERR_INVALID_ARGUMENT,
            "options.level: expected GODWIT_SPOOL_POWER or GODWIT_SPOOL_PROCESS, got %d",
            (int) options->level);
    if (options->sync_ms < 0 || options->sync_ms > SYNC_MS_MAX)
        return godwit__spool_problem (problem, GODWIT_ERR_INVALID_ARGUMENT,
                                      "options.sync_ms: expected 0 to %d (an hour), got %" PRId64,
                                      SYNC_MS_MAX, options->sync_ms);
    return GODWIT_OK;
}

/* A struct of another release: what is missing is zero, and what is unknown must be. */
static godwit_status_t
read_options (godwit_sqlite_spool_options_t *to, const godwit_sqlite_spool_options_t *from,
              godwit__problem_t *problem)
{
    *to = (godwit_sqlite_spool_options_t){0};
    const size_t known = sizeof *to, size = from ? from->struct_size : known;
    bool good =
        size >= known && size <= STRUCT_SIZE_MOST && size % _Alignof(godwit_sqlite_spool_options_t) == 0;
    for (size_t at = known; good && at < size; at++)
        good = ((const char *) from)[at] == 0;
    if (!good)
        return godwit__spool_problem (
            problem, GODWIT_ERR_INVALID_ARGUMENT,
            "options.struct_size is %zu, and this library knows %zu bytes: make them "
            "with GODWIT_SQLITE_SPOOL_OPTIONS (...), and use no option that is newer",
            size, known);
    if (from)
        *to = *from;
    if (!to->max_size)
        to->max_size = MAX_SIZE_DEFAULT;
    if (!to->sync_ms)
        to->sync_ms = SYNC_MS_DEFAULT;
    return check_values (to, problem);
}

/* ---- opening ---- */

static godwit_status_t
system_problem (const char *path, const char *doing, godwit__problem_t *problem)
{
    return godwit__spool_problem (problem, GODWIT_ERR_SYSTEM, "the spool %s: cannot %s it: %s", path, doing,
                                  strerror (errno));
}

/* A new file is for its user only, and its name survives a power failure. */
static godwit_status_t
make_file (const char *path, godwit__problem_t *problem)
{
    const int fd = open (path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST ? GODWIT_OK : system_problem (path, "make", problem);
    close (fd);
    char folder[PATH_MAX];
    const char *const slash = strrchr (path, '/');
    const int length = slash ? (int) (slash - path) + 1 : 1;
    if (snprintf (folder, sizeof folder, "%.*s", length, slash ? path : ".") >= (int) sizeof folder)
        return GODWIT_OK; /* open() took it, so it is not that long */
    const int folder_fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool good = folder_fd >= 0 && fsync (folder_fd) == 0;
    godwit_status_t status = good ? GODWIT_OK : system_problem (folder, "sync the folder of", problem);
    if (folder_fd >= 0)
        close (folder_fd);
    return status;
}

/* The other files are named after the one that a symbolic link leads to. */
static godwit_status_t
find_path (godwit__sqlite_spool_t *self, const char *path, godwit__problem_t *problem)
{
    struct stat file;
    char real[PATH_MAX];
    godwit_status_t status = self->options.read_only ? GODWIT_OK : make_file (path, problem);
    if (status)
        return status;
    if (!realpath (path, real))
        return system_problem (path, "find", problem);
    self->path = strdup (real);
    if (!self->path)
        return godwit__spool_problem (problem, GODWIT_ERR_OUT_OF_MEMORY, "the spool %s: out of memory", path);
    if (stat (self->path, &file) < 0)
        return system_problem (path, "find", problem);
    return S_ISREG (file.st_mode) ? GODWIT_OK
                                  : godwit__spool_problem (problem, GODWIT_ERR_INVALID_ARGUMENT,
                                                           "path: expected a file, and %s is none", path);
}

static uint64_t
size_of (const char *path, const char *suffix)
{
    char name[PATH_MAX];
    struct stat file;
    if (snprintf (name, sizeof name, "%s%s", path, suffix) >= (int) sizeof name || stat (name, &file) < 0)
        return 0;
    return (uint64_t) file.st_size;
}

/* A moment of the file is kept until it is closed. */
static godwit_status_t
open_to_read (godwit__sqlite_spool_t *self, godwit__problem_t *problem)
{
    if (godwit__spool_swap_is_begun (self->path))
        return godwit__spool_problem (problem, GODWIT_ERR_SYSTEM,
                                      "the spool %s: a repair of it is under way, or was broken off: "
                                      "`godwit spool repair %s` ends it",
                                      self->path, self->path);
    godwit_status_t status = godwit__spool_one_name (self->path, problem);
    if (!status)
        status = godwit__spool_owner_look (&self->owner, self->path, problem);
    if (!status)
        status =
            godwit__store_open (&self->reader, self->path, self->vfs, GODWIT__STORE_READ, false, problem);
    if (!status)
        status = godwit__store_run (&self->reader, "BEGIN", "read it", problem);
    return status ? status : godwit__spool_load (self, &self->reader, problem);
}

static godwit_status_t
open_to_write (godwit__sqlite_spool_t *self, godwit__problem_t *problem)
{
    godwit_status_t status = godwit__spool_owner_take (&self->owner, self->path, problem);
    if (!status)
        status = godwit__spool_swap_undo (self->path, problem);
    if (!status)
        status = godwit__spool_one_name (self->path, problem);
    if (!status)
        status = godwit__spool_files_begin (self, problem);
    if (!status)
        status = godwit__spool_connect (self, problem);
    if (!status && size_of (self->path, "") <= CHECK_SIZE)
        status = godwit__store_check (&self->writer, problem);
    if (!status)
        status = godwit__spool_load (self, &self->writer, problem);
    if (status)
        return status;
    godwit__spool_shrink (self);
    return godwit__spool_keeper_start (self, problem);
}

static void
init_locks (godwit__sqlite_spool_t *self)
{
    pthread_condattr_t attributes;
    pthread_condattr_init (&attributes);
    pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init (&self->lock, NULL);
    pthread_mutex_init (&self->reading, NULL);
    pthread_cond_init (&self->role_free, NULL);
    pthread_cond_init (&self->keeper_wake, &attributes);
    pthread_condattr_destroy (&attributes);
}

/* Whatever of it is there. */
static void
destroy (godwit__sqlite_spool_t *self)
{
    pthread_cond_destroy (&self->keeper_wake);
    pthread_cond_destroy (&self->role_free);
    pthread_mutex_destroy (&self->reading);
    pthread_mutex_destroy (&self->lock);
    godwit__spool_model_free (&self->model);
    godwit__spool_owner_release (&self->owner);
    godwit__spool_files_end (self);
    free (self->vfs);
    free (self->path);
    free (self);
}

static godwit_status_t
open_spool (godwit__sqlite_spool_t **spool, const char *path, const godwit_sqlite_spool_options_t *options,
            godwit__problem_t *problem)
{
    godwit__sqlite_spool_t *const self = calloc (1, sizeof *self);
    if (!self)
        return godwit__spool_problem (problem, GODWIT_ERR_OUT_OF_MEMORY, "the spool %s: out of memory", path);
    self->spool.ops = &ops;
    self->options = *options;
    self->pid = getpid ();
    self->owner.fd = -1;
    self->tail = &self->head;
    init_locks (self);
    godwit_status_t status = find_path (self, path, problem);
    if (!status && options->vfs && !(self->vfs = strdup (options->vfs)))
        status = godwit__spool_no_memory (self, problem);
    if (!status)
        status = options->read_only ? open_to_read (self, problem) : open_to_write (self, problem);
    if (status) {
        godwit__spool_disconnect (self, false);
        destroy (self);
        return status;
    }
    *spool = self;
    return GODWIT_OK;
}

godwit_status_t
godwit_sqlite_spool_open (godwit_spool_t **spool, const char *path,
                          const godwit_sqlite_spool_options_t *options, godwit_error_t **error)
{
    GODWIT__SPOOL_UNCANCELLED;
    godwit__problem_t problem = {0};
    godwit_sqlite_spool_options_t known;
    godwit__sqlite_spool_t *self = NULL;
    if (!spool || !path || !*path)
        godwit__spool_problem (&problem, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected %s",
                               spool ? "path" : "spool",
                               spool ? "the path of a file" : "a pointer to a pointer");
    else if (!read_options (&known, options, &problem) && !open_spool (&self, path, &known, &problem))
        *spool = &self->spool;
    return godwit__spool_tell (&problem, error);
}

/* A child of a fork leaves it alone: closing the file would end what its parent has of SQLite. */
void
godwit_sqlite_spool_close (godwit_spool_t **spool)
{
    GODWIT__SPOOL_UNCANCELLED;
    if (!spool || !*spool)
        return;
    godwit__sqlite_spool_t *const self = godwit__sqlite_spool (*spool);
    *spool = NULL;
    if (self->pid != getpid ())
        return;
    godwit__spool_keeper_stop (self);
    if (!self->options.read_only) {
        godwit__spool_flush (&self->spool, NULL);
        godwit__spool_sync_rest (self);
    }
    godwit__spool_disconnect (self, !self->options.read_only && !self->is_suspect &&
                                        godwit__spool_files_has_main (self));
    destroy (self);
}

/* ---- figures ---- */

void
godwit_sqlite_spool_stats (godwit_spool_t *spool, godwit_sqlite_spool_stats_t *stats, size_t size)
{
    if (!spool || !stats)
        return;
    godwit__sqlite_spool_t *const self = godwit__sqlite_spool (spool);
    memset (stats, 0, size);
    if (self->pid != getpid ()) /* another thread may have had the lock at the fork */
        return;
    pthread_mutex_lock (&self->lock);
    godwit_sqlite_spool_stats_t now = self->counts;
    now.items = self->model.items;
    now.bytes = self->model.bytes;
    now.streams = self->model.count;
    now.pools = self->model.pools;
    pthread_mutex_unlock (&self->lock);
    now.file_size = size_of (self->path, "") + size_of (self->path, "-wal");
    now.owner_pid = godwit__spool_owner_find (self->path, NULL, 0);
    memcpy (stats, &now, size < sizeof now ? size : sizeof now);
}

bool
godwit_sqlite_spool_owner (const char *path, char *text, size_t size)
{
    char real[PATH_MAX];
    return path && realpath (path, real) && godwit__spool_owner_find (real, text, size) != 0;
}
