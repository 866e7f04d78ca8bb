/* SPDX-License-Identifier: Apache-2.0 */
/* The streams and pools of a spool, in memory. The items are in the file only.
 *
 * Threads: the spool's `lock` guards them. Who has the right to write (inside.h) may read, without the lock,
 * what nobody else changes: which streams and pools there are, and all of a stream but its pools' `settled`,
 * `seen_ms` and the marks of change. */
#ifndef GODWIT_SPOOL_MODEL_H
#define GODWIT_SPOOL_MODEL_H

#include "components/spool/segment.h"
#include "components/spool/spans.h"

typedef struct godwit__pool {
    char *name;
    uint32_t id;
    godwit__spans_t settled; /* and all of the stream's `gone` */
    int64_t seen_ms;
    bool is_changed; /* its row is not up to date */
    bool is_removed; /* by a transaction under way: it wants nothing, as what it wanted may be deleted */
    uint64_t removed_until; /* if it is the stream's last, items above this number are kept */
    /* Of a transaction under way. */
    bool is_written;
} godwit__pool_t;

typedef struct godwit__stream {
    char *name;
    uint32_t id;
    bool is_kept; /* it has a row in the file */
    uint64_t last;
    uint64_t items, bytes; /* in the file */
    godwit__spans_t gone;  /* what is deleted */
    godwit__pool_t *pools;
    size_t pool_count;
    size_t pool_capacity;
    bool is_changed; /* a pool of it is */
    /* Of a transaction under way: what is appended and deleted by it. */
    struct godwit__stream *next_touched;
    bool is_touched;
    uint64_t new_last, new_items, new_bytes;
    godwit__segment_t segment;
    bool has_new_gone;
    godwit__spans_t new_gone;
    uint64_t items_less, bytes_less;
} godwit__stream_t;

typedef struct godwit__model {
    godwit__stream_t **streams; /* by name */
    size_t count;
    size_t capacity;
    godwit__stream_t **by_id; /* NULL: there is none of this number */
    size_t by_id_count;
    uint32_t last_stream_id;
    uint32_t last_pool_id;
    size_t changed; /* streams that are */
    size_t made;    /* streams that are not kept yet, as they were made for a transaction under way */
    uint64_t items, bytes, pools;
} godwit__model_t;

void godwit__spool_model_free (godwit__model_t *model);

godwit__stream_t *godwit__spool_stream_find (const godwit__model_t *model, const char *name);
godwit__stream_t *godwit__spool_stream_by_id (const godwit__model_t *model, uint32_t id);
/* id 0: a new one. NULL: out of memory, or there are too many streams (then *is_full). */
godwit__stream_t *godwit__spool_stream_add (godwit__model_t *model, const char *name, uint32_t id,
                                            bool *is_full);
/* Forgets the streams that were made for what was not written. Nobody may have a pointer to one. */
void godwit__spool_streams_forget_made (godwit__model_t *model);
void godwit__spool_stream_mark (godwit__model_t *model, godwit__stream_t *stream, bool is_changed);

godwit__pool_t *godwit__spool_pool_find (const godwit__stream_t *stream, const char *name);
/* NULL: out of memory. */
godwit__pool_t *godwit__spool_pool_add (godwit__model_t *model, godwit__stream_t *stream, const char *name);
void godwit__spool_pool_remove (godwit__model_t *model, godwit__stream_t *stream, godwit__pool_t *pool);

/* What all pools have settled, and so can be deleted; also what is deleted. Empty if no pool is known. False:
 * out of memory. */
bool godwit__spool_stream_done (const godwit__stream_t *stream, godwit__spans_t *done);
/* The next number that is for this pool; pool NULL: that some pool has not settled. */
uint64_t godwit__spool_stream_next (const godwit__stream_t *stream, const godwit__pool_t *pool,
                                    uint64_t from);

#endif
