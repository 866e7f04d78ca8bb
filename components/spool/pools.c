/* SPDX-License-Identifier: Apache-2.0 */
/* Pools that come and go, each in a transaction of its own. */
#include "components/spool/inside.h"

/* With the lock. True: the pool is there, and was seen. False also while it is being removed. */
static bool
note_seen (godwit__sqlite_spool_t *self, const char *stream_name, const char *pool_name, int64_t seen_ms)
{
    godwit__stream_t *const stream = godwit__spool_stream_find (&self->model, stream_name);
    godwit__pool_t *const pool = stream ? godwit__spool_pool_find (stream, pool_name) : NULL;
    if (!pool || pool->is_removed)
        return false;
    if (pool->seen_ms != seen_ms) {
        pool->seen_ms = seen_ms;
        pool->is_changed = true;
        godwit__spool_stream_mark (&self->model, stream, true);
        if (!self->settle_due_ms) {
            self->settle_due_ms = godwit__spool_now_ms () + GODWIT__SPOOL_SETTLE_MS;
            pthread_cond_signal (&self->keeper_wake);
        }
    }
    return true;
}

/* With the lock and the right to write: the pool as it begins. What the others are done with is deleted, or
 * will be. */
static bool
begin_pool (godwit__stream_t *stream, godwit__pool_t *pool, const godwit__spans_t *done, uint64_t settled,
            int64_t seen_ms)
{
    pool->seen_ms = seen_ms;
    pool->is_changed = true;
    return godwit__spool_spans_add (&pool->settled, 1, settled < stream->last ? settled : stream->last) &&
           godwit__spool_spans_add_all (&pool->settled, &stream->gone) &&
           godwit__spool_spans_add_all (&pool->settled, done);
}

/* With the right to write. NULL: it cannot be made. */
static godwit__pool_t *
make_pool (godwit__sqlite_spool_t *self, const char *stream_name, const char *pool_name, uint64_t settled,
           int64_t seen_ms, godwit__stream_t **found_stream, godwit__problem_t *problem)
{
    bool is_full = false;
    godwit__spans_t done = {0};
    godwit__pool_t *pool = NULL;
    godwit__stream_t *stream = godwit__spool_stream_find (&self->model, stream_name);
    if (!stream)
        stream = godwit__spool_stream_add (&self->model, stream_name, 0, &is_full);
    const bool has_done = stream && godwit__spool_stream_done (stream, &done);
    if (has_done)
        pool = godwit__spool_pool_add (&self->model, stream, pool_name);
    if (pool && !begin_pool (stream, pool, &done, settled, seen_ms)) {
        godwit__spool_pool_remove (&self->model, stream, pool);
        pool = NULL;
    }
    godwit__spool_spans_free (&done);
    if (is_full)
        godwit__spool_problem (problem, GODWIT_ERR_LIMIT_EXCEEDED,
                               "the spool %s has %d streams: use a second spool", self->path,
                               GODWIT__SPOOL_STREAM_MAX);
    else if (!pool)
        godwit__spool_no_memory (self, problem);
    *found_stream = stream;
    return pool;
}

/* A pool that could not be kept; nothing of it is written later. */
static void
forget_pool (godwit__sqlite_spool_t *self, godwit__stream_t *stream, godwit__pool_t *pool)
{
    bool is_changed = false;
    pthread_mutex_lock (&self->lock);
    godwit__spool_pool_remove (&self->model, stream, pool);
    for (size_t i = 0; i < stream->pool_count; i++)
        is_changed = is_changed || stream->pools[i].is_changed;
    godwit__spool_stream_mark (&self->model, stream, is_changed);
    pthread_mutex_unlock (&self->lock);
}

static godwit_status_t
write_stream (godwit__sqlite_spool_t *self, void *user, godwit__problem_t *problem)
{
    return godwit__spool_write_stream (self, user, problem);
}

/* With the right to write. */
static void
add_pool (godwit__sqlite_spool_t *self, const char *stream_name, const char *pool_name, uint64_t settled,
          int64_t seen_ms, godwit__problem_t *problem)
{
    godwit__stream_t *stream = NULL;
    godwit__pool_t *pool = NULL;
    pthread_mutex_lock (&self->lock);
    const bool is_there = note_seen (self, stream_name, pool_name, seen_ms);
    if (!is_there)
        pool = make_pool (self, stream_name, pool_name, settled, seen_ms, &stream, problem);
    pthread_mutex_unlock (&self->lock);
    if (pool && godwit__spool_transact (self, write_stream, stream, problem))
        forget_pool (self, stream, pool);
    godwit__spool_forget_made (self);
}

static bool
check_names (const char *stream, const char *pool, godwit__problem_t *problem)
{
    return !godwit__spool_check_name ("stream", stream, problem) &&
           !godwit__spool_check_name ("pool", pool, problem);
}

godwit_status_t
godwit__spool_set_pool (godwit_spool_t *spool, const char *stream, const char *pool, uint64_t settled,
                        int64_t seen_ms, godwit_error_t **error)
{
    GODWIT__SPOOL_UNCANCELLED;
    godwit__sqlite_spool_t *const self = godwit__sqlite_spool (spool);
    godwit__problem_t problem = {0};
    if (godwit__spool_enter (self, true, &problem) || !check_names (stream, pool, &problem))
        return godwit__spool_tell (&problem, error);
    pthread_mutex_lock (&self->lock);
    const bool is_there = note_seen (self, stream, pool, seen_ms);
    pthread_mutex_unlock (&self->lock);
    if (!is_there) {
        godwit__spool_role_take (self);
        add_pool (self, stream, pool, settled, seen_ms, &problem);
        godwit__spool_role_give (self);
    }
    return godwit__spool_tell (&problem, error);
}

typedef struct removal {
    godwit__stream_t *stream;
    godwit__pool_t *pool;
} removal_t;

static godwit_status_t
write_removal (godwit__sqlite_spool_t *self, void *user, godwit__problem_t *problem)
{
    const removal_t *const removal = user;
    const godwit_status_t status = godwit__store_delete_pool (&self->writer, removal->pool->id, problem);
    return status ? status : godwit__spool_write_stream (self, removal->stream, problem);
}

/* With the right to write. */
static void
remove_pool (godwit__sqlite_spool_t *self, const char *stream_name, const char *pool_name, uint64_t until,
             godwit__problem_t *problem)
{
    removal_t removal;
    pthread_mutex_lock (&self->lock);
    godwit_status_t status =
        godwit__spool_look_up (self, stream_name, pool_name, &removal.stream, &removal.pool, problem);
    if (!status) {
        removal.pool->is_removed = true;
        removal.pool->removed_until = until;
    }
    pthread_mutex_unlock (&self->lock);
    if (status)
        return;
    status = godwit__spool_transact (self, write_removal, &removal, problem);
    pthread_mutex_lock (&self->lock);
    removal.pool->is_removed = false;
    if (!status)
        godwit__spool_pool_remove (&self->model, removal.stream, removal.pool);
    pthread_mutex_unlock (&self->lock);
}

godwit_status_t
godwit__spool_remove_pool (godwit_spool_t *spool, const char *stream, const char *pool, uint64_t until,
                           godwit_error_t **error)
{
    GODWIT__SPOOL_UNCANCELLED;
    godwit__sqlite_spool_t *const self = godwit__sqlite_spool (spool);
    godwit__problem_t problem = {0};
    if (godwit__spool_enter (self, true, &problem) || !check_names (stream, pool, &problem))
        return godwit__spool_tell (&problem, error);
    godwit__spool_role_take (self);
    remove_pool (self, stream, pool, until, &problem);
    godwit__spool_role_give (self);
    return godwit__spool_tell (&problem, error);
}
