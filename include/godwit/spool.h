/* SPDX-License-Identifier: Apache-2.0 */
/* A spool keeps what was accepted until it is acknowledged (docs/spool.md). It is given to a notifier, or to
 * a client with durable casts. The component godwit-spool opens one that is an SQLite file
 * (godwit/sqlite_spool.h); a program may bring one of its own, as a struct of functions.
 *
 * A spool holds *streams*. A stream is what is sent to one name: the notifications of a topic and priority,
 * or the durable casts to a topic. The spool gives the items of a stream numbers, from 1 on, without gaps. A
 * stream has *pools*, each of which settles every item once; when all have, the item is deleted. An item that
 * no pool is known for is kept. Names are of 1 to 4096 bytes, which may be any but 0: topics and pools of
 * others are among them.
 *
 * A function that fails says what failed and what to do: SYSTEM (the disk is full, or fails), LIMIT_EXCEEDED
 * (the spool's own limit), MALFORMED (what was stored is damaged), NOT_FOUND (no such stream or pool),
 * INVALID_ARGUMENT, OUT_OF_MEMORY, FORKED. error may be NULL.
 *
 * Threads: several threads may call at once. A callback must not call the spool.
 */
#ifndef GODWIT_SPOOL_H
#define GODWIT_SPOOL_H

#include <godwit/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

GODWIT_BEGIN_DECLS

typedef struct godwit_spool godwit_spool_t;

/* A pool of a stream. Items above `settled` may be settled, too: read leaves them out. */
typedef struct godwit_spool_pool {
    const char *name;
    uint64_t settled; /* all items up to this number are settled */
    int64_t seen_ms;  /* when a listener of it was seen last, in ms since 1970 */
} godwit_spool_pool_t;

/* Tells of a stream that the spool holds. last_number is that of its last item, deleted or not; 0: it never
 * had one. name and pools are borrowed for the call. False: stop. */
typedef bool godwit_spool_stream_fn (void *user, const char *name, uint64_t last_number,
                                     const godwit_spool_pool_t *pools, size_t pool_count);

/* Gets an item that was read; data is borrowed for the call. False: stop. */
typedef bool godwit_spool_item_fn (void *user, uint64_t number, const void *data, size_t size);

/* What is appended. */
typedef struct godwit_spool_item {
    const char *stream; /* made if it is not there */
    const void *data;   /* borrowed for the call; may be NULL if size is 0 */
    size_t size;
    uint64_t number; /* set by append: the next one of the stream */
} godwit_spool_item_t;

/* Tells that items are safe, with their numbers. Called once for a successful append, before it returns, by
 * any thread that appends; one call at a time. Of each stream the numbers come in order. So a log in memory
 * that is filled here has the order of the spool. */
typedef void godwit_spool_safe_fn (void *user, const godwit_spool_item_t *items, size_t count);

/* The functions of a spool. A spool begins with a pointer to them. */
typedef struct godwit_spool_ops {
    size_t struct_size;
    /* Tells of all streams. */
    godwit_status_t (*streams) (godwit_spool_t *spool, godwit_spool_stream_fn *tell, void *user,
                                godwit_error_t **error);
    /* Keeps items, all or none, and sets their numbers. Returns when they are safe, at the level that the
     * spool was opened with. Items of several threads are made safe together. safe may be NULL. */
    godwit_status_t (*append) (godwit_spool_t *spool, godwit_spool_item_t *items, size_t count,
                               godwit_spool_safe_fn *safe, void *user, godwit_error_t **error);
    /* Reads the items of a stream from a number on that this pool has not settled, in order; at most `limit`
     * items (0: all), and no more once max_size bytes (0: any) were read. pool NULL: all that are kept. */
    godwit_status_t (*read) (godwit_spool_t *spool, const char *stream, const char *pool, uint64_t from,
                             size_t limit, size_t max_size, godwit_spool_item_fn *take, void *user,
                             godwit_error_t **error);
    /* The pool is done with the items first to first + count - 1, in any order, as often as one likes.
     * Returns before that is safe: after a crash some may be read again. */
    godwit_status_t (*settle) (godwit_spool_t *spool, const char *stream, const char *pool, uint64_t first,
                               uint64_t count, godwit_error_t **error);
    /* Adds a pool to a stream, which is made if it is not there: items up to `settled` are not for it
     * (UINT64_MAX: none of those that are there). What is deleted already is not for it either. Safe when it
     * returns. If the pool is there already, only seen_ms is changed, and safe later. */
    godwit_status_t (*set_pool) (godwit_spool_t *spool, const char *stream, const char *pool,
                                 uint64_t settled, int64_t seen_ms, godwit_error_t **error);
    /* Takes a pool away: what only it had not settled is deleted. Of the last pool of a stream only that up
     * to the number `until` (UINT64_MAX: all): what came later is kept for pools to come, and so may be what
     * was appended together with it, also if this pool has settled it. Safe when it returns. */
    godwit_status_t (*remove_pool) (godwit_spool_t *spool, const char *stream, const char *pool,
                                    uint64_t until, godwit_error_t **error);
    /* Makes all that was settled so far safe, at the level that the spool was opened with, and deletes what
     * can be. */
    godwit_status_t (*flush) (godwit_spool_t *spool, godwit_error_t **error);
} godwit_spool_ops_t;

struct godwit_spool {
    const godwit_spool_ops_t *ops;
};

GODWIT_END_DECLS

#endif
