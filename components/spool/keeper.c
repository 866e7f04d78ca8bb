/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper: a thread that writes settles, syncs at the level PROCESS, copies the WAL into the file, and
 * shrinks the file. And what is done after the disk has failed. */
#include "components/spool/inside.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#define CHECKPOINT_PAGES 1024            /* of the WAL: 4 MiB */
#define SHRINK_SIZE (INT64_C (16) << 20) /* a smaller file stays as it is */
#define SHRINK_PART 8                    /* one that is in use for more than an eighth, too */

int64_t
godwit__spool_now_ms (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- connections ---- */

static int
note_wal (void *user, sqlite3 *db, const char *name, int pages)
{
    (void) db;
    (void) name;
    ((godwit__sqlite_spool_t *) user)->wal_pages = pages;
    return SQLITE_OK;
}

godwit_status_t
godwit__spool_connect (godwit__sqlite_spool_t *self, godwit__problem_t *problem)
{
    const bool is_full = self->options.level == GODWIT_SPOOL_POWER;
    godwit_status_t status =
        godwit__store_open (&self->writer, self->path, self->vfs, GODWIT__STORE_WRITE, is_full, problem);
    if (!status)
        status =
            godwit__store_open (&self->reader, self->path, self->vfs, GODWIT__STORE_WRITE, is_full, problem);
    if (status) {
        godwit__store_close (&self->writer, false);
        return status;
    }
    godwit__spool_files_note (self);
    sqlite3_wal_hook (self->writer.db, note_wal, self);
    self->checkpoint_at = CHECKPOINT_PAGES;
    return GODWIT_OK;
}

void
godwit__spool_disconnect (godwit__sqlite_spool_t *self, bool with_checkpoint)
{
    godwit__store_close (&self->reader, with_checkpoint);
    godwit__store_close (&self->writer, with_checkpoint);
}

/* ---- after a failure of the disk ---- */

/* Copies all of the WAL into the file, by a connection that is alone and has read the WAL anew: it does not
 * rely on what was copied before. */
static godwit_status_t
copy_anew (godwit__sqlite_spool_t *self, godwit__problem_t *problem)
{
    godwit__store_t store;
    int pages = 0, copied = 0;
    godwit_status_t status =
        godwit__store_open (&store, self->path, self->vfs, GODWIT__STORE_EXCLUSIVE, true, problem);
    if (!status) {
        if (sqlite3_wal_checkpoint_v2 (store.db, NULL, SQLITE_CHECKPOINT_TRUNCATE, &pages, &copied) !=
            SQLITE_OK)
            status =
                godwit__store_problem (&store, "write all of it anew, after the disk has failed", problem);
        godwit__store_close (&store, false);
    }
    if ((problem->code & 0xff) == SQLITE_BUSY)
        return godwit__spool_problem (
            problem, GODWIT_ERR_SYSTEM,
            "the spool %s: the disk has failed, so all of it has to be written anew, and "
            "another program has the file open: end that one, then try again",
            self->path);
    return status;
}

godwit_status_t
godwit__spool_recover (godwit__sqlite_spool_t *self, godwit__problem_t *problem)
{
    godwit_status_t status = GODWIT_OK;
    if (self->is_tail_dirty && self->writer.db) {
        status = godwit__store_count_failure (&self->writer, problem);
        if (status)
            return status;
        self->is_tail_dirty = false;
    }
    pthread_mutex_lock (&self->reading);
    godwit__spool_disconnect (self, false);
    status = copy_anew (self, problem);
    godwit__problem_t ignored = {0}; /* in any case it can be read */
    const godwit_status_t connected = godwit__spool_connect (self, status ? &ignored : problem);
    pthread_mutex_unlock (&self->reading);
    self->is_suspect = status || connected;
    return status ? status : connected;
}

/* ---- the WAL and the file ---- */

godwit_status_t
godwit__spool_checkpoint (godwit__sqlite_spool_t *self, godwit__problem_t *problem)
{
    int pages = 0, copied = 0;
    if (!self->writer.db)
        return GODWIT_OK;
    if (sqlite3_wal_checkpoint_v2 (self->writer.db, NULL, SQLITE_CHECKPOINT_PASSIVE, &pages, &copied) !=
        SQLITE_OK) {
        godwit__store_problem (&self->writer, "copy the WAL into the file", problem);
        if ((problem->code & 0xff) == SQLITE_IOERR)
            self->is_suspect = true;
        self->checkpoint_at = self->wal_pages + CHECKPOINT_PAGES;
        return problem->status;
    }
    /* The rest is in use by a reader. */
    self->checkpoint_at = copied == pages ? CHECKPOINT_PAGES : pages + CHECKPOINT_PAGES;
    return GODWIT_OK;
}

void
godwit__spool_shrink (godwit__sqlite_spool_t *self)
{
    godwit__problem_t problem = {0};
    if (!self->writer.db)
        return;
    int64_t pages, unused;
    if (godwit__store_number (&self->writer, "PRAGMA page_count", &pages, &problem) ||
        godwit__store_number (&self->writer, "PRAGMA freelist_count", &unused, &problem) ||
        pages * GODWIT__SPOOL_PAGE_SIZE < SHRINK_SIZE || (pages - unused) * SHRINK_PART > pages)
        return;
    if (!godwit__store_run (&self->writer, "VACUUM", "make the file smaller", &problem))
        godwit__spool_checkpoint (self, &problem);
    else if ((problem.code & 0xff) == SQLITE_IOERR)
        self->is_suspect = true;
}

/* With the right to write, though appends wait meanwhile: of a WAL that is begun anew while another
 * connection copies it, SQLite before 3.51.3 may never copy the beginning
 * (https://sqlite.org/wal.html#walresetbug). */
static void
keep_wal_short (godwit__sqlite_spool_t *self)
{
    godwit__problem_t ignored = {0}; /* the next append tells of a disk that fails */
    godwit__spool_role_take (self);
    if (!self->is_suspect && !godwit__spool_checkpoint (self, &ignored))
        godwit__spool_shrink (self);
    godwit__spool_role_give (self);
}

/* ---- what is due ---- */

static bool
sync_wal (godwit__sqlite_spool_t *self)
{
    sqlite3_file *file = NULL;
    bool is_good = true;
    pthread_mutex_lock (&self->reading);
    if (self->reader.db &&
        sqlite3_file_control (self->reader.db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file) == SQLITE_OK &&
        file && file->pMethods)
        is_good = file->pMethods->xSync (file, SQLITE_SYNC_NORMAL) == SQLITE_OK;
    pthread_mutex_unlock (&self->reading);
    return is_good;
}

static void
sync_file (godwit__sqlite_spool_t *self)
{
    godwit__problem_t ignored = {0};
    if (sync_wal (self))
        return;
    godwit__spool_role_take (self);
    self->is_suspect = true;
    const bool is_good = !godwit__spool_recover (self, &ignored);
    godwit__spool_role_give (self);
    pthread_mutex_lock (&self->lock);
    if (!is_good)
        self->sync_due_ms = godwit__spool_now_ms () + GODWIT__SPOOL_RETRY_MS;
    pthread_mutex_unlock (&self->lock);
}

static void
write_settles (godwit__sqlite_spool_t *self)
{
    godwit_error_t *error = NULL;
    if (godwit__spool_flush (&self->spool, &error) == GODWIT_OK)
        return;
    godwit_error_destroy (&error); /* they are tried again, and the next append tells of the disk */
    pthread_mutex_lock (&self->lock);
    self->settle_due_ms = godwit__spool_now_ms () + GODWIT__SPOOL_RETRY_MS;
    pthread_mutex_unlock (&self->lock);
}

/* With the lock, which is open meanwhile. False: nothing is due. */
static bool
do_what_is_due (godwit__sqlite_spool_t *self, int64_t now_ms)
{
    const bool wants_checkpoint = self->wants_checkpoint;
    const bool wants_settles = self->settle_due_ms && self->settle_due_ms <= now_ms;
    const bool wants_sync = self->sync_due_ms && self->sync_due_ms <= now_ms;
    if (!wants_checkpoint && !wants_settles && !wants_sync)
        return false;
    if (wants_sync)
        self->sync_due_ms = 0; /* what is written from now on is due later */
    pthread_mutex_unlock (&self->lock);
    if (wants_settles)
        write_settles (self);
    if (wants_sync)
        sync_file (self);
    if (wants_checkpoint)
        keep_wal_short (self);
    pthread_mutex_lock (&self->lock);
    if (wants_checkpoint)
        self->wants_checkpoint = false;
    return true;
}

static void
wait_until (godwit__sqlite_spool_t *self, int64_t due_ms)
{
    const struct timespec due = {.tv_sec = due_ms / 1000, .tv_nsec = due_ms % 1000 * 1000000};
    pthread_cond_timedwait (&self->keeper_wake, &self->lock, &due);
}

static void *
run (void *user)
{
    godwit__sqlite_spool_t *const self = user;
    pthread_setname_np (pthread_self (), "godwit-spool");
    pthread_setcancelstate (PTHREAD_CANCEL_DISABLE, NULL);
    pthread_mutex_lock (&self->lock);
    while (!self->is_closing) {
        if (do_what_is_due (self, godwit__spool_now_ms ()))
            continue;
        const int64_t settle_ms = self->settle_due_ms, sync_ms = self->sync_due_ms;
        if (!settle_ms && !sync_ms)
            pthread_cond_wait (&self->keeper_wake, &self->lock);
        else
            wait_until (self, !sync_ms || (settle_ms && settle_ms < sync_ms) ? settle_ms : sync_ms);
    }
    pthread_mutex_unlock (&self->lock);
    return NULL;
}

/* The signals that come from outside are for the program's threads; those that an instruction causes, and
 * SIGPROF, are not blocked (as in all threads of Godwit). */
static void
choose_signals (sigset_t *blocked)
{
    static const int open[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT, SIGPROF};
    sigfillset (blocked);
    for (size_t i = 0; i < sizeof open / sizeof *open; i++)
        sigdelset (blocked, open[i]);
}

godwit_status_t
godwit__spool_keeper_start (godwit__sqlite_spool_t *self, godwit__problem_t *problem)
{
    sigset_t blocked, before;
    choose_signals (&blocked);
    pthread_sigmask (SIG_SETMASK, &blocked, &before);
    const int number = pthread_create (&self->keeper, NULL, run, self);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    self->has_keeper = number == 0;
    return number
               ? godwit__spool_problem (problem, GODWIT_ERR_SYSTEM, "the spool %s: cannot start a thread: %s",
                                        self->path, strerror (number))
               : GODWIT_OK;
}

void
godwit__spool_keeper_stop (godwit__sqlite_spool_t *self)
{
    if (!self->has_keeper)
        return;
    pthread_mutex_lock (&self->lock);
    self->is_closing = true;
    pthread_cond_signal (&self->keeper_wake);
    pthread_mutex_unlock (&self->lock);
    pthread_join (self->keeper, NULL);
    self->has_keeper = false;
}

void
godwit__spool_sync_rest (godwit__sqlite_spool_t *self)
{
    if (!self->sync_due_ms)
        return;
    self->sync_due_ms = 0;
    sync_file (self);
}
