/* SPDX-License-Identifier: Apache-2.0 */
/* A spool that is an SQLite file (docs/spool.md): the component godwit-spool. Link with -lgodwit-spool.
 *
 * Beside the file PATH stand PATH-wal and PATH-shm, which belong to it, and PATH-lock, which says who owns
 * it. One process owns a spool at a time. When it ends, in whatever way, another one may open it at once.
 *
 * Threads: any thread may call these functions; close when no other thread uses the spool any more. After a
 * fork the child cannot use a spool of its parent, nor open the same file, also when its parent is dead:
 * FORKED. A program that it executes may. A child that opens another file may hang if a thread of its parent
 * used a spool at the fork.
 */
#ifndef GODWIT_SQLITE_SPOOL_H
#define GODWIT_SQLITE_SPOOL_H

#include <godwit/spool.h>

GODWIT_BEGIN_DECLS

/* What an append has survived when it returns. */
typedef enum godwit_spool_level {
    GODWIT_SPOOL_POWER,  /* the death of the process, of the system, and of the power: it is on the disk */
    GODWIT_SPOOL_PROCESS /* the death of the process (kill -9), but not of the system */
} godwit_spool_level_t;

/* How a spool is opened. Zero is the default. */
typedef struct godwit_sqlite_spool_options {
    size_t struct_size;
    godwit_spool_level_t level;
    bool read_only;    /* look at a spool, also beside its owner, as it is at this moment: what changes it is
                          INVALID_ARGUMENT, and the owner's PATH-wal grows until this one is closed */
    uint64_t max_size; /* bytes of all items, each with 8 more: an append beyond is LIMIT_EXCEEDED; 1 GiB */
    int64_t sync_ms;   /* with GODWIT_SPOOL_PROCESS: an item is on the disk after so long; 200, at most an
                          hour */
    const char *vfs;   /* the SQLite VFS to use; SQLite's default */
} godwit_sqlite_spool_options_t;

/* Makes the options of a spool: GODWIT_SQLITE_SPOOL_OPTIONS (.max_size = 1 << 20); see docs/spool.md. The
 * result is a pointer. */
#define GODWIT_SQLITE_SPOOL_OPTIONS(...)                                                                     \
    (&(const godwit_sqlite_spool_options_t){.struct_size = sizeof (godwit_sqlite_spool_options_t),           \
                                            __VA_ARGS__})

/* Opens the spool in a file, which is made (for its user only) unless it is there. options NULL: the
 * defaults. The caller closes it after all that use it were destroyed.
 * SYSTEM: the file cannot be opened, or has two names (hard links), or another process owns it; the text
 * names its pid and host. FORKED: a process that this one was forked from had it open then. MALFORMED: it is
 * damaged, no spool, or of a newer version; `godwit spool repair` saves what can be read. */
GODWIT_EXPORT godwit_status_t godwit_sqlite_spool_open (godwit_spool_t **spool, const char *path,
                                                        const godwit_sqlite_spool_options_t *options,
                                                        godwit_error_t **error);

/* Closes a spool and sets *spool to NULL: what was settled is made safe, and at both levels all of it is
 * brought to the disk. Accepts NULL. If that fails, some items may be read again later;
 * godwit_spool_ops_t.flush before it tells. */
GODWIT_EXPORT void godwit_sqlite_spool_close (godwit_spool_t **spool);

/* What a spool holds, and what it did since it was opened. */
typedef struct godwit_sqlite_spool_stats {
    uint64_t items; /* in the file, also those that are settled and go with others of their segment */
    uint64_t bytes; /* of them, as max_size counts them */
    uint64_t streams;
    uint64_t pools;
    uint64_t file_size; /* bytes of PATH and PATH-wal */
    uint64_t appended;  /* items, since it was opened */
    uint64_t commits;   /* transactions, since it was opened: fewer than appends, if these came together */
    uint64_t failures;  /* transactions that failed */
    int64_t owner_pid;  /* the process that owns it; 0: none */
} godwit_sqlite_spool_stats_t;

/* Reads the figures of a spool; in a child of a fork all are 0. It writes at most `size` bytes, which is
 * sizeof the struct that the caller knows. */
GODWIT_EXPORT void godwit_sqlite_spool_stats (godwit_spool_t *spool, godwit_sqlite_spool_stats_t *stats,
                                              size_t size);

/* Tells who owns the spool in a file: "pid 123 (shop) on host1 since 2026-11-30 12:00:05 UTC". Writes it to
 * text, cut to size bytes, and returns true; false: nobody does. */
GODWIT_EXPORT bool godwit_sqlite_spool_owner (const char *path, char *text, size_t size);

/* What is kept of a stream, or is left of it for a pool. */
typedef struct godwit_sqlite_spool_detail {
    uint64_t items;    /* that the pool has not settled; without a pool: that are kept */
    uint64_t bytes;    /* without a pool: of the stream in the file, as max_size counts them; else 0 */
    uint64_t oldest;   /* the number of the first of these items; 0: there is none */
    int64_t oldest_ms; /* when it was appended, in ms since 1970 */
} godwit_sqlite_spool_detail_t;

/* Reads what is kept of a stream, or, with a pool, what is left for it. pool may be NULL. It writes at most
 * `size` bytes, which is sizeof the struct that the caller knows. NOT_FOUND, MALFORMED, SYSTEM. */
GODWIT_EXPORT godwit_status_t godwit_sqlite_spool_detail (godwit_spool_t *spool, const char *stream,
                                                          const char *pool,
                                                          godwit_sqlite_spool_detail_t *detail, size_t size,
                                                          godwit_error_t **error);

/* What a repair has found and done. */
typedef struct godwit_sqlite_spool_repair {
    bool is_damaged;      /* false: nothing is wrong, and nothing was changed */
    char found[1024];     /* the first thing that is wrong */
    char damaged[4096];   /* where the damaged file is now */
    uint64_t kept;        /* items */
    uint64_t lost;        /* items that could not be read, as far as the numbers tell */
    uint64_t streams_new; /* streams whose rows are damaged or lost, with their names: they are called
                             "recovered-1", ... */
    uint64_t pools_reset; /* pools whose rows are damaged: they get all that is kept, and their names may be
                             wrong */
    uint64_t pools_lost;  /* pools whose names are lost */
} godwit_sqlite_spool_repair_t;

/* Checks a spool that nobody owns, and saves what can be read, if it is damaged: in a new file, which takes
 * its place, while the damaged one is kept beside it as PATH-damaged-1, -2, ... It writes at most `size`
 * bytes of the report, which is sizeof the struct that the caller knows. SYSTEM: another process owns it, or
 * the disk is full. MALFORMED: nothing can be read; the file stays where it is. */
GODWIT_EXPORT godwit_status_t godwit_sqlite_spool_repair (const char *path,
                                                          godwit_sqlite_spool_repair_t *report, size_t size,
                                                          godwit_error_t **error);

GODWIT_END_DECLS

#endif
