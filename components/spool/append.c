/* SPDX-License-Identifier: Apache-2.0 */
/* Appending: the queue of requests, and one transaction for all that are in it. */
#include "components/spool/inside.h"

#include <inttypes.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#define BATCH_SIZE (8u << 20) /* bytes of one transaction, unless one append has more */

/* ---- a request's items become segments ---- */

/* With the lock: its streams are there, and have numbers left. */
static godwit_status_t
find_streams (godwit__sqlite_spool_t *self, const godwit__request_t *request, godwit__problem_t *problem)
{
    for (size_t i = 0; i < request->count; i++) {
        const char *const name = request->items[i].stream;
        bool is_full = false;
        if (i > 0 && name == request->items[i - 1].stream)
            continue;
        const godwit__stream_t *stream = godwit__spool_stream_find (&self->model, name);
        if (!stream)
            stream = godwit__spool_stream_add (&self->model, name, 0, &is_full);
        if (!stream && !is_full)
            return godwit__spool_no_memory (self, problem);
        if (!stream)
            return godwit__spool_problem (
                problem, GODWIT_ERR_LIMIT_EXCEEDED,
                "the spool %s has %d streams, and %s would be one more: use fewer topics, "
                "or a second spool",
                self->path, GODWIT__SPOOL_STREAM_MAX, name);
        if ((stream->is_touched ? stream->new_last : stream->last) + request->count >
            GODWIT__SPOOL_NUMBER_MAX)
            return godwit__spool_problem (problem, GODWIT_ERR_LIMIT_EXCEEDED,
                                          "the spool %s: the stream %s has had all numbers", self->path,
                                          name);
    }
    return GODWIT_OK;
}

static godwit_status_t
write_segment (godwit__sqlite_spool_t *self, godwit__stream_t *stream, godwit__problem_t *problem)
{
    struct timespec now;
    clock_gettime (CLOCK_REALTIME, &now);
    const godwit__segment_row_t row = {
        .first = stream->segment.first,
        .count = stream->segment.count,
        .size = stream->segment.size,
        .at_ms = (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000,
        .data = stream->segment.data,
    };
    const godwit_status_t status = godwit__store_insert (&self->writer, stream->id, &row, problem);
    godwit__spool_segment_clear (&stream->segment);
    return status;
}

static godwit_status_t
add_item (godwit__sqlite_spool_t *self, godwit__stream_t *stream, godwit_spool_item_t *item,
          godwit__problem_t *problem)
{
    godwit_status_t status = GODWIT_OK;
    godwit__spool_touch (self, stream);
    if (godwit__spool_segment_is_full (&stream->segment, item->size))
        status = write_segment (self, stream, problem);
    if (status)
        return status;
    if (!godwit__spool_segment_add (&stream->segment, stream->id, stream->new_last + 1, item->data,
                                    item->size))
        return godwit__spool_no_memory (self, problem);
    item->number = ++stream->new_last;
    stream->new_items++;
    stream->new_bytes += GODWIT__SPOOL_ITEM_HEAD + item->size;
    return GODWIT_OK;
}

static godwit_status_t
add_request (godwit__sqlite_spool_t *self, const godwit__request_t *request, godwit__problem_t *problem)
{
    godwit_status_t status = GODWIT_OK;
    godwit__stream_t *stream = NULL;
    for (size_t i = 0; i < request->count && !status; i++) {
        if (!stream || request->items[i].stream != request->items[i - 1].stream)
            stream = godwit__spool_stream_find (&self->model, request->items[i].stream);
        status = add_item (self, stream, &request->items[i], problem);
    }
    return status;
}

/* What is left in the segments, and the rows of new streams. */
static godwit_status_t
write_rest (godwit__sqlite_spool_t *self, godwit__problem_t *problem)
{
    godwit_status_t status = GODWIT_OK;
    for (godwit__stream_t *stream = self->touched; stream && !status; stream = stream->next_touched) {
        const godwit__stream_row_t row = {.id = stream->id, .name = stream->name};
        if (!stream->is_kept && !stream->has_new_gone)
            status = godwit__store_put_stream (&self->writer, &row, problem);
        if (!status && stream->segment.count)
            status = write_segment (self, stream, problem);
    }
    return status;
}

/* ---- a batch ---- */

/* With the right to write. What the transaction has freed so far counts as free. */
static uint64_t
room (const godwit__sqlite_spool_t *self)
{
    uint64_t used = self->model.bytes;
    for (const godwit__stream_t *stream = self->touched; stream; stream = stream->next_touched)
        used += stream->new_bytes - stream->bytes_less;
    return used < self->options.max_size ? self->options.max_size - used : 0;
}

/* Settles that are old enough go with the batch, and all of them if there is no room without them. */
static godwit_status_t
write_settles (godwit__sqlite_spool_t *self, const godwit__request_t *batch, godwit__problem_t *problem)
{
    uint64_t bytes = 0;
    for (const godwit__request_t *request = batch; request; request = request->next)
        bytes += request->bytes;
    pthread_mutex_lock (&self->lock);
    const bool is_due =
        self->settle_due_ms && (self->settle_due_ms <= godwit__spool_now_ms () || bytes > room (self));
    pthread_mutex_unlock (&self->lock);
    return is_due ? godwit__spool_write_settles (self, problem) : GODWIT_OK;
}

/* Requests that cannot be fulfilled get an error of their own, and are left out. */
static void
admit (godwit__sqlite_spool_t *self, godwit__request_t *request, uint64_t *free_bytes)
{
    if (request->bytes > *free_bytes) {
        godwit__spool_problem (&request->problem, GODWIT_ERR_LIMIT_EXCEEDED,
                               "the spool %s is full: it keeps %" PRIu64 " items and has room for %" PRIu64
                               " of max_size %" PRIu64 " bytes, and %zu items of %" PRIu64
                               " bytes were to be "
                               "kept: let its pools settle what is there, or give it a larger max_size",
                               self->path, self->model.items, *free_bytes, self->options.max_size,
                               request->count, request->bytes);
        return;
    }
    if (!find_streams (self, request, &request->problem))
        *free_bytes -= request->bytes;
}

static godwit_status_t
write_items (godwit__sqlite_spool_t *self, godwit__request_t *batch, godwit__problem_t *problem)
{
    pthread_mutex_lock (&self->lock);
    uint64_t free_bytes = room (self);
    for (godwit__request_t *request = batch; request; request = request->next)
        admit (self, request, &free_bytes);
    pthread_mutex_unlock (&self->lock);
    godwit_status_t status = GODWIT_OK;
    for (godwit__request_t *request = batch; request && !status; request = request->next)
        if (!request->problem.status)
            status = add_request (self, request, problem);
    return status ? status : write_rest (self, problem);
}

/* One transaction for all of them. Requests that were not refused for themselves get its failure. */
static void
write_batch (godwit__sqlite_spool_t *self, godwit__request_t *batch)
{
    godwit__problem_t problem = {0};
    godwit_status_t status = godwit__spool_write_begin (self, &problem);
    if (!status) {
        status = write_settles (self, batch, &problem);
        if (!status)
            status = write_items (self, batch, &problem);
        status = godwit__spool_write_end (self, status, &problem);
    }
    godwit__spool_forget_made (self);
    for (godwit__request_t *request = batch; request; request = request->next)
        if (status && !request->problem.status)
            request->problem = problem;
}

/* Tells of those that were written now. It is done before anything else is written, so that each stream's
 * numbers are told in order. */
static void
tell_safe (godwit__request_t *batch)
{
    for (godwit__request_t *request = batch; request; request = request->next) {
        if (request->problem.status || request->is_told)
            continue;
        request->is_told = true;
        if (request->safe)
            request->safe (request->user, request->items, request->count);
    }
}

static bool
met_full_disk (const godwit__request_t *request)
{
    return (request->problem.code & 0xff) == SQLITE_FULL;
}

/* What is too large for the memory or the disk must not take the others with it. And a disk that is full may
 * have room in the WAL, once that was copied. */
static bool
may_fit_alone (godwit__sqlite_spool_t *self, const godwit__request_t *batch)
{
    godwit__problem_t ignored = {0};
    bool is_short = false;
    for (const godwit__request_t *request = batch; request; request = request->next) {
        if (met_full_disk (request))
            return godwit__spool_checkpoint (self, &ignored) == GODWIT_OK || batch->next;
        is_short = is_short || request->problem.status == GODWIT_ERR_OUT_OF_MEMORY;
    }
    return is_short && batch->next;
}

static void
write_requests (godwit__sqlite_spool_t *self, godwit__request_t *batch)
{
    write_batch (self, batch);
    tell_safe (batch);
    if (!may_fit_alone (self, batch))
        return;
    for (godwit__request_t *request = batch; request; request = request->next) {
        godwit__request_t *const next = request->next;
        if (!met_full_disk (request) && request->problem.status != GODWIT_ERR_OUT_OF_MEMORY)
            continue;
        request->problem = (godwit__problem_t){0};
        request->next = NULL;
        write_batch (self, request);
        tell_safe (request);
        request->next = next;
    }
}

/* ---- the queue ---- */

/* With the lock: takes requests out of the queue, at least one. */
static godwit__request_t *
take_batch (godwit__sqlite_spool_t *self)
{
    godwit__request_t *const batch = self->head, **end = &self->head;
    for (uint64_t bytes = 0; *end && (end == &self->head || bytes + (*end)->bytes <= BATCH_SIZE);) {
        bytes += (*end)->bytes;
        end = &(*end)->next;
    }
    self->head = *end;
    if (!self->head)
        self->tail = &self->head;
    *end = NULL;
    return batch;
}

/* With the lock and the right to write; the lock is open meanwhile. Those whose requests were in the batch
 * are woken without the lock: they do not need it any more. */
static void
lead (godwit__sqlite_spool_t *self, const godwit__request_t *own)
{
    if (self->is_crowded) { /* those that were woken together are about to append again */
        pthread_mutex_unlock (&self->lock);
        sched_yield ();
        pthread_mutex_lock (&self->lock);
    }
    godwit__request_t *const batch = take_batch (self);
    self->is_crowded = batch->next != NULL;
    pthread_mutex_unlock (&self->lock);
    write_requests (self, batch);
    for (godwit__request_t *request = batch, *next; request; request = next) {
        next = request->next; /* it may be gone once it is woken */
        request->is_done = true;
        if (request != own)
            sem_post (&request->woken);
    }
    pthread_mutex_lock (&self->lock);
}

static void
wait_for_turn (godwit__request_t *request)
{
    while (sem_wait (&request->woken) < 0) /* a signal */
        ;
}

static void
wait_until_done (godwit__sqlite_spool_t *self, godwit__request_t *request)
{
    pthread_mutex_lock (&self->lock);
    *self->tail = request;
    self->tail = &request->next;
    bool leads = !self->is_writing && !self->role_waiting;
    self->is_writing |= leads;
    pthread_mutex_unlock (&self->lock);
    for (bool is_done = false; !is_done; leads = false) {
        if (!leads) {
            wait_for_turn (request);
            if (request->is_done)
                return;
        }
        pthread_mutex_lock (&self->lock);
        lead (self, request);
        is_done = request->is_done; /* it may not have been among those that fit */
        godwit__spool_role_pass (self);
        pthread_mutex_unlock (&self->lock);
    }
}

static godwit_status_t
check_items (const godwit__sqlite_spool_t *self, godwit__request_t *request)
{
    godwit__problem_t *const problem = &request->problem;
    godwit_status_t status = godwit__spool_enter (self, true, problem);
    if (!status && !request->items && request->count)
        status = godwit__spool_problem (problem, GODWIT_ERR_INVALID_ARGUMENT,
                                        "items: expected an array, got NULL");
    for (size_t i = 0; i < request->count && !status; i++) {
        const godwit_spool_item_t *const item = &request->items[i];
        if (i == 0 || item->stream != item[-1].stream)
            status = godwit__spool_check_name ("items[].stream", item->stream, problem);
        if (!status && item->size && !item->data)
            status = godwit__spool_problem (problem, GODWIT_ERR_INVALID_ARGUMENT,
                                            "items[%zu].data: expected %zu bytes, got NULL", i, item->size);
        if (!status && item->size > GODWIT__SPOOL_ITEM_MAX)
            status = godwit__spool_problem (problem, GODWIT_ERR_LIMIT_EXCEEDED,
                                            "items[%zu] has %zu bytes: an item may have %u", i, item->size,
                                            GODWIT__SPOOL_ITEM_MAX);
        request->bytes += GODWIT__SPOOL_ITEM_HEAD + item->size;
    }
    return status;
}

godwit_status_t
godwit__spool_append (godwit_spool_t *spool, godwit_spool_item_t *items, size_t count,
                      godwit_spool_safe_fn *safe, void *user, godwit_error_t **error)
{
    GODWIT__SPOOL_UNCANCELLED;
    godwit__sqlite_spool_t *const self = godwit__sqlite_spool (spool);
    godwit__request_t request = {.items = items, .count = count, .safe = safe, .user = user};
    if (!check_items (self, &request) && count) {
        sem_init (&request.woken, 0, 0);
        wait_until_done (self, &request);
        sem_destroy (&request.woken);
    }
    return godwit__spool_tell (&request.problem, error);
}
