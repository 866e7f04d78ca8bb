/* SPDX-License-Identifier: Apache-2.0 */
/* The spool on SQLite, from inside.
 *
 * Who writes. One thread at a time has *the right to write*, and with it the connection `writer`. Threads
 * that append put a request in the queue; if nobody has the right, the first of them takes it, writes what is
 * in the queue as one transaction, and gives the right to the next. So appends that come during a transaction
 * are the next one (group commit).
 *
 *     append --> queue --> [ right to write: plan, BEGIN, settles that are due, items, COMMIT, safe () ] -->
 * done
 *                              ^
 *     flush, set_pool, remove_pool, the keeper
 *
 * Settles only change the model; the transaction that follows writes them if they are old enough, or the
 * keeper does. The keeper is a thread that also copies the WAL into the file, syncs at the level PROCESS, and
 * shrinks the file.
 *
 * Order of the locks: the right to write, then `reading` (the connection `reader`), then `lock`. `lock` is
 * held for moments, never while SQLite works. */
#ifndef GODWIT_SPOOL_INSIDE_H
#define GODWIT_SPOOL_INSIDE_H

#include "components/spool/model.h"
#include "components/spool/owner.h"
#include "components/spool/store.h"

#include <godwit/sqlite_spool.h>

#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

/* How long a settle may be in memory only. */
#define GODWIT__SPOOL_SETTLE_MS 50
/* When the keeper tries again what has failed. */
#define GODWIT__SPOOL_RETRY_MS 1000

/* An append that waits. It lies on the stack of its thread. */
typedef struct godwit__request {
    godwit_spool_item_t *items;
    size_t count;
    uint64_t bytes;
    godwit_spool_safe_fn *safe;
    void *user;
    godwit__problem_t problem;
    bool is_told; /* safe was called */
    bool is_done;
    sem_t woken; /* once for each turn: it is done, or its thread has the right to write */
    struct godwit__request *next;
} godwit__request_t;

/* A file that SQLite has beside the spool, and whose name somebody may take away. */
typedef struct godwit__spool_beside {
    char *path;
    dev_t device;
    ino_t inode; /* 0: not known */
} godwit__spool_beside_t;

typedef struct godwit__sqlite_spool {
    godwit_spool_t spool; /* the first member */
    godwit_sqlite_spool_options_t options;
    char *path; /* without symbolic links */
    char *vfs;
    pid_t pid;
    godwit__spool_owner_t owner;
    bool has_keeper;
    pthread_t keeper;

    pthread_mutex_t lock;
    godwit__model_t model;
    godwit__request_t *head;
    godwit__request_t **tail;
    bool is_writing;       /* somebody has the right to write */
    unsigned role_waiting; /* who wants it without a request; they go first */
    pthread_cond_t role_free;
    pthread_cond_t keeper_wake;
    bool is_closing;
    bool wants_checkpoint;
    int64_t settle_due_ms;              /* by the monotonic clock; 0: nothing was settled */
    int64_t sync_due_ms;                /* 0: all is on the disk, or the level is POWER */
    godwit_sqlite_spool_stats_t counts; /* appended, commits, failures */

    /* Of the thread that has the right to write. */
    godwit__store_t writer;
    godwit__spool_beside_t wal, index; /* PATH-wal, PATH-shm */
    int64_t checked_ms;                /* when they were looked at, by the monotonic clock */
    godwit__stream_t *touched;
    bool is_crowded; /* the last transaction was that of several appends */
    int wal_pages;
    int checkpoint_at;  /* pages of the WAL */
    bool is_suspect;    /* a write or a sync has failed: the file is to be opened anew first */
    bool is_tail_dirty; /* a failed transaction may stand in the WAL */

    pthread_mutex_t reading;
    godwit__store_t reader;
} godwit__sqlite_spool_t;

static inline godwit__sqlite_spool_t *
godwit__sqlite_spool (godwit_spool_t *spool)
{
    return (godwit__sqlite_spool_t *) (void *) spool;
}

int64_t godwit__spool_now_ms (void); /* monotonic */

/* ---- a public function begins ---- */

/* Until the end of the block the thread is not cancelled: SQLite calls write() and fsync(). */
static inline int
godwit__spool_cancel_disable (void)
{
    int before = PTHREAD_CANCEL_ENABLE;
    pthread_setcancelstate (PTHREAD_CANCEL_DISABLE, &before);
    return before;
}

static inline void
godwit__spool_cancel_restore (const int *before)
{
    pthread_setcancelstate (*before, NULL);
}

#define GODWIT__SPOOL_UNCANCELLED                                                                            \
    const int uncancelled_ __attribute__ ((cleanup (godwit__spool_cancel_restore), unused)) =                \
        godwit__spool_cancel_disable ()

/* FORKED, or, for what changes the spool, INVALID_ARGUMENT if it is read only. */
godwit_status_t godwit__spool_enter (const godwit__sqlite_spool_t *self, bool is_change,
                                     godwit__problem_t *problem);
godwit_status_t godwit__spool_check_name (const char *what, const char *name, godwit__problem_t *problem);
godwit_status_t godwit__spool_no_memory (const godwit__sqlite_spool_t *self, godwit__problem_t *problem);
/* With the lock: NOT_FOUND, also for a pool that is being removed. pool NULL: only the stream is looked
 * for. */
godwit_status_t godwit__spool_look_up (const godwit__sqlite_spool_t *self, const char *stream,
                                       const char *pool, godwit__stream_t **found_stream,
                                       godwit__pool_t **found_pool, godwit__problem_t *problem);

/* ---- the right to write (write.c) ---- */

void godwit__spool_role_take (godwit__sqlite_spool_t *self);
void godwit__spool_role_give (godwit__sqlite_spool_t *self);
/* With the lock: who has the right to write hands it to whoever waits for it, before all others to those of
 * role_take. */
void godwit__spool_role_pass (godwit__sqlite_spool_t *self);

/* Begins a transaction; after a failure of the disk it opens the file anew first. */
godwit_status_t godwit__spool_write_begin (godwit__sqlite_spool_t *self, godwit__problem_t *problem);
/* Commits, if status is OK, else rolls back. The model follows what is in the file. */
godwit_status_t godwit__spool_write_end (godwit__sqlite_spool_t *self, godwit_status_t status,
                                         godwit__problem_t *problem);
/* With the right to write: a whole transaction. What it writes is written by a function, which is called
 * twice if the disk was full and the WAL could be copied into the file, which may make room. */
typedef godwit_status_t godwit__spool_body_fn (godwit__sqlite_spool_t *self, void *user,
                                               godwit__problem_t *problem);
godwit_status_t godwit__spool_transact (godwit__sqlite_spool_t *self, godwit__spool_body_fn *body, void *user,
                                        godwit__problem_t *problem);
/* With the right to write, after a transaction: the streams that it did not write are not there. */
void godwit__spool_forget_made (godwit__sqlite_spool_t *self);
/* The stream is part of the transaction. */
void godwit__spool_touch (godwit__sqlite_spool_t *self, godwit__stream_t *stream);

/* ---- the files' names (files.c) ---- */

/* OUT_OF_MEMORY. */
godwit_status_t godwit__spool_files_begin (godwit__sqlite_spool_t *self, godwit__problem_t *problem);
void godwit__spool_files_end (godwit__sqlite_spool_t *self);
/* When SQLite has opened them. */
void godwit__spool_files_note (godwit__sqlite_spool_t *self);
/* PATH itself is what was opened. */
bool godwit__spool_files_has_main (const godwit__sqlite_spool_t *self);
/* With the right to write. SYSTEM: one of them was deleted or replaced since then. What is written into it
 * would be lost. */
godwit_status_t godwit__spool_files_check (godwit__sqlite_spool_t *self, godwit__problem_t *problem);
/* The same, unless it was looked at a moment ago, and all was well. */
godwit_status_t godwit__spool_files_check_often (godwit__sqlite_spool_t *self, godwit__problem_t *problem);

/* ---- settles (settle.c) ---- */

/* In a transaction: writes the pools that have changed, and deletes what all have settled. */
godwit_status_t godwit__spool_write_settles (godwit__sqlite_spool_t *self, godwit__problem_t *problem);
/* The same for one stream, whether it has changed or not. */
godwit_status_t godwit__spool_write_stream (godwit__sqlite_spool_t *self, godwit__stream_t *stream,
                                            godwit__problem_t *problem);
godwit_status_t godwit__spool_flush (godwit_spool_t *spool, godwit_error_t **error);

/* ---- the keeper (keeper.c) ---- */

/* SYSTEM: the thread cannot be started. */
godwit_status_t godwit__spool_keeper_start (godwit__sqlite_spool_t *self, godwit__problem_t *problem);
void godwit__spool_keeper_stop (godwit__sqlite_spool_t *self);
/* Afterwards: syncs what it had not synced yet. Closing alone does so only if nobody else has the file open.
 */
void godwit__spool_sync_rest (godwit__sqlite_spool_t *self);
/* With the right to write, after a failure of the disk. */
godwit_status_t godwit__spool_recover (godwit__sqlite_spool_t *self, godwit__problem_t *problem);
/* With the right to write: copies the WAL into the file. */
godwit_status_t godwit__spool_checkpoint (godwit__sqlite_spool_t *self, godwit__problem_t *problem);
/* With the right to write: gives pages back to the system, if most of the file is not in use. */
void godwit__spool_shrink (godwit__sqlite_spool_t *self);
/* Opens `writer` and `reader`. */
godwit_status_t godwit__spool_connect (godwit__sqlite_spool_t *self, godwit__problem_t *problem);
/* Closes both. with_checkpoint: the file has all, and its WAL is deleted. */
void godwit__spool_disconnect (godwit__sqlite_spool_t *self, bool with_checkpoint);

/* ---- functions of the interface (append.c, settle.c, pools.c, read.c) ---- */

godwit_status_t godwit__spool_append (godwit_spool_t *spool, godwit_spool_item_t *items, size_t count,
                                      godwit_spool_safe_fn *safe, void *user, godwit_error_t **error);
godwit_status_t godwit__spool_settle (godwit_spool_t *spool, const char *stream, const char *pool,
                                      uint64_t first, uint64_t count, godwit_error_t **error);
godwit_status_t godwit__spool_set_pool (godwit_spool_t *spool, const char *stream, const char *pool,
                                        uint64_t settled, int64_t seen_ms, godwit_error_t **error);
godwit_status_t godwit__spool_remove_pool (godwit_spool_t *spool, const char *stream, const char *pool,
                                           uint64_t until, godwit_error_t **error);
godwit_status_t godwit__spool_streams (godwit_spool_t *spool, godwit_spool_stream_fn *tell, void *user,
                                       godwit_error_t **error);
godwit_status_t godwit__spool_read (godwit_spool_t *spool, const char *stream, const char *pool,
                                    uint64_t from, size_t limit, size_t max_size, godwit_spool_item_fn *take,
                                    void *user, godwit_error_t **error);
/* Reads the tables into the model, and counts what was appended since they were written. */
godwit_status_t godwit__spool_load (godwit__sqlite_spool_t *self, godwit__store_t *store,
                                    godwit__problem_t *problem);

#endif
