/* SPDX-License-Identifier: Apache-2.0 */
/* A spool: keeps what a notifier, or a client with durable casts, has accepted, until it is acknowledged
 * (docs/notifications.md). The component godwit-spool opens one that is an SQLite file
 * (godwit/sqlite_spool.h); a program may bring one of its own, as a struct of functions.
 *
 * A spool holds *streams*. A stream is what is sent to one name: the notifications of a topic and priority,
 * or the durable casts to a topic. Its items have numbers, from 1 on, without gaps. It has *pools*, each of
 * which settles every item once; when all have, the item is deleted. An item that no pool is known for is
 * kept.
 *
 * A function that fails says what failed and what to do: SYSTEM (the disk is full, or fails), LIMIT_EXCEEDED
 * (the spool's own limit), MALFORMED (what was stored is corrupt), OUT_OF_MEMORY. error may be NULL. Several
 * threads may call at once.
 */
#ifndef GODWIT_SPOOL_H
#define GODWIT_SPOOL_H

#include <godwit/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

GODWIT_BEGIN_DECLS

typedef struct godwit_spool godwit_spool_t;

/* Tells of a stream that the spool holds. name and pools are borrowed for the call. False: stop. */
typedef struct godwit_spool_pool {
    const char *name;
    uint64_t settled; /* all items up to this number are settled */
    int64_t seen_ms;  /* when a listener of it was seen last, in ms since 1970 */
} godwit_spool_pool_t;

typedef bool godwit_spool_stream_fn (void *user, const char *name, uint64_t last_number,
                                     const godwit_spool_pool_t *pools, size_t pool_count);

/* Gets an item that was read; data is borrowed for the call. False: stop. */
typedef bool godwit_spool_item_fn (void *user, uint64_t number, const void *data, size_t size);

/* What an item is appended as. */
typedef struct godwit_spool_item {
    const char *stream; /* made if it is not there */
    uint64_t number;    /* larger than the last one of the stream */
    const void *data;   /* borrowed for the call */
    size_t size;
} godwit_spool_item_t;

/* The functions of a spool. A spool begins with a pointer to them. */
typedef struct godwit_spool_ops {
    size_t struct_size;
    /* Tells of all streams. */
    godwit_status_t (*streams) (godwit_spool_t *spool, godwit_spool_stream_fn *tell, void *user,
                                godwit_error_t **error);
    /* Keeps items, all or none. Returns when they are safe, at the level that the spool was opened with.
     * Items of several threads are made safe together. */
    godwit_status_t (*append) (godwit_spool_t *spool, const godwit_spool_item_t *items, size_t count,
                               godwit_error_t **error);
    /* Reads the items of a stream from a number on that this pool has not settled, in order; at most `limit`
     * items, and no more once max_size bytes were read. */
    godwit_status_t (*read) (godwit_spool_t *spool, const char *stream, const char *pool, uint64_t from,
                             size_t limit, size_t max_size, godwit_spool_item_fn *take, void *user,
                             godwit_error_t **error);
    /* The pool is done with the items first to first + count - 1. Returns before that is safe: after a crash
     * some may be read again. */
    godwit_status_t (*settle) (godwit_spool_t *spool, const char *stream, const char *pool, uint64_t first,
                               uint64_t count, godwit_error_t **error);
    /* Adds a pool to a stream, which is made if it is not there: items up to `settled` are not for it. If the
     * pool is there already, only seen_ms is changed. */
    godwit_status_t (*set_pool) (godwit_spool_t *spool, const char *stream, const char *pool,
                                 uint64_t settled, int64_t seen_ms, godwit_error_t **error);
    /* Takes a pool away: what only it had not settled is deleted. */
    godwit_status_t (*remove_pool) (godwit_spool_t *spool, const char *stream, const char *pool,
                                    godwit_error_t **error);
    /* Makes all that was settled so far safe. */
    godwit_status_t (*flush) (godwit_spool_t *spool, godwit_error_t **error);
} godwit_spool_ops_t;

struct godwit_spool {
    const godwit_spool_ops_t *ops;
};

GODWIT_END_DECLS

#endif
