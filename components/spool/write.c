/* SPDX-License-Identifier: Apache-2.0 */
/* The right to write, and what becomes of the model when a transaction ends. */
#include "components/spool/inside.h"

#define CHECKPOINT_MAX_PAGES                                                                                 \
    4096 /* of the WAL: from here on whoever writes does not leave it to the keeper */

void
godwit__spool_role_take (godwit__sqlite_spool_t *self)
{
    pthread_mutex_lock (&self->lock);
    self->role_waiting++;
    while (self->is_writing)
        pthread_cond_wait (&self->role_free, &self->lock);
    self->role_waiting--;
    self->is_writing = true;
    pthread_mutex_unlock (&self->lock);
}

void
godwit__spool_role_pass (godwit__sqlite_spool_t *self)
{
    if (!self->role_waiting && self->head) {
        sem_post (&self->head->woken); /* its thread has it from now on */
        return;
    }
    self->is_writing = false;
    if (self->role_waiting)
        pthread_cond_signal (&self->role_free);
}

void
godwit__spool_role_give (godwit__sqlite_spool_t *self)
{
    pthread_mutex_lock (&self->lock);
    godwit__spool_role_pass (self);
    pthread_mutex_unlock (&self->lock);
}

void
godwit__spool_touch (godwit__sqlite_spool_t *self, godwit__stream_t *stream)
{
    if (stream->is_touched)
        return;
    stream->is_touched = true;
    stream->next_touched = self->touched;
    self->touched = stream;
    stream->new_last = stream->last;
    stream->new_items = stream->new_bytes = 0;
    stream->items_less = stream->bytes_less = 0;
    stream->has_new_gone = false;
}

godwit_status_t
godwit__spool_write_begin (godwit__sqlite_spool_t *self, godwit__problem_t *problem)
{
    godwit_status_t status = GODWIT_OK;
    if (self->is_suspect) {
        status = godwit__spool_files_check (self, problem); /* else it would open other ones */
        if (!status)
            status = godwit__spool_recover (self, problem);
    }
    return status ? status : godwit__store_begin (&self->writer, problem);
}

/* With the lock: the file has what the transaction wrote. */
static void
apply (godwit__model_t *model, godwit__stream_t *stream)
{
    if (!stream->is_kept)
        model->made--;
    stream->is_kept = true;
    stream->last = stream->new_last;
    stream->items += stream->new_items - stream->items_less;
    stream->bytes += stream->new_bytes - stream->bytes_less;
    model->items += stream->new_items - stream->items_less;
    model->bytes += stream->new_bytes - stream->bytes_less;
    if (stream->has_new_gone) {
        godwit__spool_spans_free (&stream->gone);
        stream->gone = stream->new_gone;
        stream->new_gone = (godwit__spans_t){0};
    }
    for (size_t i = 0; i < stream->pool_count; i++)
        stream->pools[i].is_written = false;
    if (stream->new_items) /* its row is behind; it is written with the next settles, at the latest at the end
                            */
        godwit__spool_stream_mark (model, stream, true);
}

/* With the lock: the file is as before. */
static void
undo (godwit__sqlite_spool_t *self, godwit__stream_t *stream)
{
    godwit__spool_spans_free (&stream->new_gone);
    for (size_t i = 0; i < stream->pool_count; i++) {
        if (stream->pools[i].is_written)
            stream->pools[i].is_changed = true;
        stream->pools[i].is_written = false;
        if (stream->pools[i].is_changed)
            godwit__spool_stream_mark (&self->model, stream, true);
    }
}

static void
end_touched (godwit__sqlite_spool_t *self, bool is_good)
{
    pthread_mutex_lock (&self->lock);
    while (self->touched) {
        godwit__stream_t *const stream = self->touched;
        self->touched = stream->next_touched;
        if (is_good) {
            self->counts.appended += stream->new_items;
            apply (&self->model, stream);
        } else
            undo (self, stream);
        stream->is_touched = false;
        godwit__spool_segment_clear (&stream->segment);
    }
    if (is_good) {
        self->counts.commits++;
        if (self->options.level == GODWIT_SPOOL_PROCESS && !self->sync_due_ms) {
            self->sync_due_ms = godwit__spool_now_ms () + self->options.sync_ms;
            pthread_cond_signal (&self->keeper_wake);
        }
    } else {
        self->counts.failures++;
        if (self->model.changed && !self->settle_due_ms) {
            self->settle_due_ms = godwit__spool_now_ms () + GODWIT__SPOOL_RETRY_MS;
            pthread_cond_signal (&self->keeper_wake); /* nobody else wakes it while something is due */
        }
    }
    if (self->wal_pages >= self->checkpoint_at && !self->wants_checkpoint) {
        self->wants_checkpoint = true;
        pthread_cond_signal (&self->keeper_wake);
    }
    pthread_mutex_unlock (&self->lock);
}

/* A sync that fails may leave a whole transaction in the WAL: what reads the WAL after a crash would take it,
 * though its append failed. So its place is written over at once, and until that succeeds nothing else is
 * written. Moreover the system may have dropped what it could not write, and call the next sync a success:
 * before the next transaction everything is written anew (keeper.c). */
static void
suspect (godwit__sqlite_spool_t *self)
{
    godwit__problem_t ignored = {0};
    self->is_suspect = true;
    self->is_tail_dirty = godwit__store_count_failure (&self->writer, &ignored) != GODWIT_OK;
}

godwit_status_t
godwit__spool_write_end (godwit__sqlite_spool_t *self, godwit_status_t status, godwit__problem_t *problem)
{
    if (!status)
        status = godwit__spool_files_check_often (self, problem);
    if (status)
        godwit__store_rollback (&self->writer);
    else
        status = godwit__store_commit (&self->writer, problem);
    end_touched (self, !status);
    if (status && (problem->code & 0xff) == SQLITE_IOERR)
        suspect (self);
    if (!status && self->wal_pages >= CHECKPOINT_MAX_PAGES && self->wal_pages >= self->checkpoint_at) {
        godwit__problem_t ignored = {0}; /* the transaction is safe; the next one tells of the disk */
        godwit__spool_checkpoint (self, &ignored);
    }
    return status;
}

void
godwit__spool_forget_made (godwit__sqlite_spool_t *self)
{
    if (!self->model.made)
        return;
    pthread_mutex_lock (&self->lock);
    godwit__spool_streams_forget_made (&self->model);
    pthread_mutex_unlock (&self->lock);
}

static godwit_status_t
transact_once (godwit__sqlite_spool_t *self, godwit__spool_body_fn *body, void *user,
               godwit__problem_t *problem)
{
    const godwit_status_t status = godwit__spool_write_begin (self, problem);
    return status ? status : godwit__spool_write_end (self, body (self, user, problem), problem);
}

godwit_status_t
godwit__spool_transact (godwit__sqlite_spool_t *self, godwit__spool_body_fn *body, void *user,
                        godwit__problem_t *problem)
{
    godwit__problem_t ignored = {0};
    const godwit_status_t status = transact_once (self, body, user, problem);
    if (!status || (problem->code & 0xff) != SQLITE_FULL || godwit__spool_checkpoint (self, &ignored))
        return status;
    *problem = (godwit__problem_t){0};
    return transact_once (self, body, user, problem);
}
