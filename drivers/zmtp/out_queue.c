/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/out_queue.h"

#include "drivers/zmtp/batch.h"
#include "drivers/zmtp/frame.h"
#include "drivers/zmtp/out_frames.h"

#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>

/* ---- with lock held ---- */

static godwit__io_t
admit (godwit__zmtp_out_t *out, const godwit__zmtp_out_limits_t *limits, size_t size)
{
    if (out->is_closed)
        return GODWIT__IO_CLOSED;
    if (out->count < limits->queue_limit &&
        (size <= GODWIT__ZMTP_LIGHT || out->heavy_size < limits->max_queue_size))
        return GODWIT__IO_OK;
    out->wants_room = true;
    return GODWIT__IO_AGAIN;
}

/* What the flusher has written. */
static void
retire (godwit__zmtp_out_t *out, godwit__zmtp_batch_t *written, bool *room)
{
    while (written) {
        godwit__zmtp_batch_t *next = written->next;
        out->count -= written->count;
        out->heavy_size -= written->heavy_size;
        out->said_size -= written->said_size;
        if (!out->spare && godwit__zmtp_batch_is_small (written)) {
            godwit__zmtp_batch_reset (written);
            out->spare = written;
        } else {
            godwit__zmtp_batch_free (written);
        }
        if (out->wants_room)
            *room = true;
        written = next;
    }
    if (*room)
        out->wants_room = false;
}

/* ---- messages that are written from where they are ---- */

/* Nobody writes, and the socket takes more, as far as is known. */
static bool
may_write (const godwit__zmtp_out_t *out)
{
    return !out->is_flushing && !godwit__zmtp_out_seems_blocked (out);
}

/* With lock held: whether a message, which is accepted, can be the next thing that is written. */
static bool
may_go_at_once (const godwit__zmtp_out_t *out, const godwit__message_t *message, size_t size)
{
    return !out->first && may_write (out) && size <= GODWIT__ZMTP_LIGHT && !message->insert_count;
}

/* With lock held: makes this thread the flusher. What others add waits for it. */
static void
claim (godwit__zmtp_out_t *out)
{
    out->is_flushing = true;
    out->has_sent = true;
}

/* This thread as a number that is not 0. */
static uintptr_t
this_thread (void)
{
    return (uintptr_t) pthread_self ();
}

/* With lock held: the message goes first, but not before this thread flushes. */
static void
keep (godwit__zmtp_out_t *out, const godwit__message_t *message)
{
    claim (out);
    out->kept = message->data;
    out->kept_size = message->size;
    atomic_store_explicit (&out->keeper, this_thread (), memory_order_relaxed);
}

/* ---- adding ---- */

static godwit__io_t
finish_add (const godwit__message_t *message, size_t size, godwit__io_t io)
{
    /* It was copied. */
    if (io == GODWIT__IO_OK && size <= GODWIT__ZMTP_LIGHT && (message->free_fn || message->insert_count))
        godwit__message_release (message);
    return io;
}

godwit__io_t
godwit__zmtp_out_add (godwit__zmtp_out_t *out, const godwit__zmtp_out_limits_t *limits,
                      const godwit__message_t *message)
{
    const size_t size = godwit__message_size (message);
    if (size > limits->max_message_size)
        return GODWIT__IO_REFUSED;
    godwit__light_lock (&out->lock);
    godwit__io_t io = admit (out, limits, size);
    if (io == GODWIT__IO_OK && message->stays && !message->free_fn && may_go_at_once (out, message, size))
        keep (out, message);
    else if (io == GODWIT__IO_OK)
        io = godwit__zmtp_out_append (out, message, size);
    godwit__light_unlock (&out->lock);
    return finish_add (message, size, io);
}

godwit__io_t
godwit__zmtp_out_add_raw (godwit__zmtp_out_t *out, const void *data, size_t size)
{
    godwit__light_lock (&out->lock);
    const godwit__io_t io = godwit__zmtp_out_append_raw (out, data, size);
    godwit__light_unlock (&out->lock);
    return io;
}

godwit__io_t
godwit__zmtp_out_add_command (godwit__zmtp_out_t *out, const void *frame, size_t size)
{
    godwit__light_lock (&out->lock);
    const bool has_room = out->said_size < GODWIT__ZMTP_SAID_MAX;
    const godwit__io_t io = has_room ? godwit__zmtp_out_append_raw (out, frame, size) : GODWIT__IO_AGAIN;
    if (io == GODWIT__IO_OK) {
        out->said_size += size;
        out->last->said_size += size;
    }
    godwit__light_unlock (&out->lock);
    return io;
}

godwit__io_t
godwit__zmtp_out_add_sign (godwit__zmtp_out_t *out, const void *data, size_t size)
{
    godwit__light_lock (&out->lock);
    const godwit__io_t io =
        godwit__zmtp_out_seems_blocked (out) ? GODWIT__IO_OK : godwit__zmtp_out_append_raw (out, data, size);
    godwit__light_unlock (&out->lock);
    return io;
}

bool
godwit__zmtp_out_has_room (godwit__zmtp_out_t *out, const godwit__zmtp_out_limits_t *limits, size_t size)
{
    godwit__light_lock (&out->lock);
    const bool has_room = admit (out, limits, size) != GODWIT__IO_AGAIN;
    godwit__light_unlock (&out->lock);
    return has_room;
}

/* ---- flushing ---- */

/* Takes what has been added, to be written behind what is left. */
static void
take_added (godwit__zmtp_out_t *out)
{
    godwit__zmtp_batch_t **end = &out->writing;
    while (*end)
        end = &(*end)->next;
    *end = out->first;
    out->first = out->last = NULL;
}

/* With lock held: frees what a broken queue holds, without the lock, because functions of the program run. */
static void
drop_writing (godwit__zmtp_out_t *out)
{
    take_added (out);
    godwit__zmtp_batch_t *dropped = out->writing;
    out->writing = NULL;
    godwit__light_unlock (&out->lock);
    godwit__zmtp_batches_free (dropped);
    godwit__light_lock (&out->lock);
}

/* With lock held, which is not held while it writes. */
static godwit__zmtp_flushed_t
write_all (godwit__zmtp_out_t *out, int fd, bool *room)
{
    godwit__zmtp_flushed_t flushed = GODWIT__ZMTP_FLUSHED;
    out->is_flushing = true;
    for (take_added (out); out->writing && flushed == GODWIT__ZMTP_FLUSHED; take_added (out)) {
        godwit__zmtp_batch_t *written = NULL, *rest = out->writing;
        uint64_t size = 0;
        int failure = ECANCELED;
        if (!out->drops) {
            godwit__light_unlock (&out->lock);
            failure = godwit__zmtp_batches_write (&rest, fd, out->box, &written, &size);
            godwit__light_lock (&out->lock);
        }
        out->writing = rest;
        out->written_size += size;
        retire (out, written, room);
        if (failure == EAGAIN && !out->drops) {
            atomic_store_explicit (&out->is_blocked, true, memory_order_relaxed);
            flushed = GODWIT__ZMTP_BLOCKED;
        } else if (failure) {
            out->is_closed = true;
            drop_writing (out);
            flushed = GODWIT__ZMTP_BROKEN;
        }
    }
    out->is_flushing = false;
    return flushed;
}

godwit__zmtp_flushed_t
godwit__zmtp_out_writable (godwit__zmtp_out_t *out, int fd, bool *room)
{
    godwit__zmtp_flushed_t flushed = GODWIT__ZMTP_FLUSHED;
    *room = false;
    godwit__light_lock (&out->lock);
    if (godwit__zmtp_out_seems_blocked (out) && !out->is_flushing) {
        atomic_store_explicit (&out->is_blocked, false, memory_order_relaxed);
        flushed = write_all (out, fd, room);
    }
    godwit__light_unlock (&out->lock);
    return flushed;
}

/* With lock held by the flusher: the rest of a frame that was partly written, before all others. */
static bool
keep_rest (godwit__zmtp_out_t *out, const struct iovec frame[2], size_t written)
{
    const size_t size = frame[0].iov_len + frame[1].iov_len;
    godwit__zmtp_batch_t *batch = godwit__zmtp_batch_new (size - written, false);
    if (!batch)
        return false;
    for (int i = 0; i < 2; i++) {
        const size_t skip = written < frame[i].iov_len ? written : frame[i].iov_len;
        const size_t left = frame[i].iov_len - skip;
        memcpy (godwit__zmtp_batch_extend (batch, left), (uint8_t *) frame[i].iov_base + skip, left);
        written -= skip;
    }
    batch->sealed = batch->used;
    batch->count = 1;
    out->count++;
    batch->next = out->writing;
    out->writing = batch;
    return true;
}

/* Without the lock. Returns 0 when all was written, EAGAIN when only *written bytes were, another errno. */
static int
write_frame (int fd, struct iovec frame[2], size_t *written)
{
    const struct msghdr message = {.msg_iov = frame, .msg_iovlen = 2};
    ssize_t result;
    do
        result = sendmsg (fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (result < 0 && errno == EINTR);
    *written = result < 0 ? 0 : (size_t) result;
    if (result < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
        return errno;
    return *written < frame[0].iov_len + frame[1].iov_len ? EAGAIN : 0;
}

/* With lock held, by the flusher, after it has written a frame, or a part of it. */
static godwit__zmtp_flushed_t
end_write (godwit__zmtp_out_t *out, int fd, const struct iovec frame[2], int failure, size_t written,
           bool *room)
{
    if (!failure && !out->first) {
        out->is_flushing = false;
        return GODWIT__ZMTP_FLUSHED;
    }
    if (failure && (failure != EAGAIN || !keep_rest (out, frame, written)))
        out->drops = true; /* write_all ends it */
    if (out->drops && !out->first && !out->writing) {
        out->is_closed = true;
        out->is_flushing = false;
        return GODWIT__ZMTP_BROKEN;
    }
    if (failure == EAGAIN && !out->drops) {
        out->is_flushing = false;
        atomic_store_explicit (&out->is_blocked, true, memory_order_relaxed);
        return GODWIT__ZMTP_BLOCKED;
    }
    return write_all (out, fd, room);
}

/* Without the lock, by the flusher: writes a frame, and then what others have added. */
static inline godwit__zmtp_flushed_t
write_first (godwit__zmtp_out_t *out, int fd, const void *body, size_t size, bool *room)
{
    uint8_t head[GODWIT__ZMTP_LONG_HEAD];
    struct iovec frame[2] = {{head, godwit__zmtp_head_write (head, 0, size)},
                             {(void *) (uintptr_t) body, size}};
    size_t written;
    const int failure = write_frame (fd, frame, &written);
    godwit__light_lock (&out->lock);
    const godwit__zmtp_flushed_t flushed = end_write (out, fd, frame, failure, written, room);
    godwit__light_unlock (&out->lock);
    return flushed;
}

static godwit__zmtp_flushed_t
write_box_first (godwit__zmtp_out_t *out, int fd, const void *data, size_t size, bool *room)
{
    uint8_t body[GODWIT__ZMTP_BOX_OVERHEAD + GODWIT__ZMTP_LIGHT];
    if (size)
        memcpy (body + GODWIT__ZMTP_BOX_OVERHEAD, data, size);
    godwit__zmtp_box_seal (out->box, body, size, false);
    return write_first (out, fd, body, GODWIT__ZMTP_BOX_OVERHEAD + size, room);
}

/* The same for a small message, from where it is. */
static godwit__zmtp_flushed_t
write_at_once (godwit__zmtp_out_t *out, int fd, const void *data, size_t size, bool *room)
{
    return out->box ? write_box_first (out, fd, data, size, room) : write_first (out, fd, data, size, room);
}

/* The keeper's number is looked at without the lock: it can be this thread's only if this thread has written
 * it, and no other thread clears it. */
godwit__zmtp_flushed_t
godwit__zmtp_out_flush (godwit__zmtp_out_t *out, int fd, bool *room)
{
    godwit__zmtp_flushed_t flushed = GODWIT__ZMTP_FLUSHED;
    *room = false;
    if (atomic_load_explicit (&out->keeper, memory_order_relaxed) == this_thread ()) {
        atomic_store_explicit (&out->keeper, 0, memory_order_relaxed);
        return write_at_once (out, fd, out->kept, out->kept_size, room);
    }
    godwit__light_lock (&out->lock);
    if (out->first && may_write (out))
        flushed = write_all (out, fd, room);
    godwit__light_unlock (&out->lock);
    return flushed;
}

/* ---- add and flush in one ---- */

godwit__io_t
godwit__zmtp_out_send (godwit__zmtp_out_t *out, int fd, const godwit__zmtp_out_limits_t *limits,
                       const godwit__message_t *message, godwit__zmtp_flushed_t *flushed, bool *room)
{
    const size_t size = godwit__message_size (message);
    *flushed = GODWIT__ZMTP_FLUSHED;
    *room = false;
    if (size > limits->max_message_size)
        return GODWIT__IO_REFUSED;
    godwit__light_lock (&out->lock);
    godwit__io_t io = admit (out, limits, size);
    const bool goes_at_once = io == GODWIT__IO_OK && may_go_at_once (out, message, size);
    if (goes_at_once) {
        claim (out);
    } else if (io == GODWIT__IO_OK) {
        io = godwit__zmtp_out_append (out, message, size);
        if (io == GODWIT__IO_OK && may_write (out)) /* with what others have queued, and not flushed yet */
            *flushed = write_all (out, fd, room);
    }
    godwit__light_unlock (&out->lock);
    if (goes_at_once)
        *flushed = write_at_once (out, fd, message->data, message->size, room);
    return finish_add (message, size, io);
}

/* ---- life ---- */

void
godwit__zmtp_out_init (godwit__zmtp_out_t *out)
{
    *out = (godwit__zmtp_out_t){.first = NULL};
}

static void
leave_unsealed (godwit__zmtp_batch_t *batch)
{
    for (; batch; batch = batch->next)
        batch->sealed = batch->used;
}

void
godwit__zmtp_out_use_box (godwit__zmtp_out_t *out, godwit__zmtp_box_t *box)
{
    godwit__light_lock (&out->lock);
    leave_unsealed (out->writing);
    leave_unsealed (out->first);
    out->box = box;
    godwit__light_unlock (&out->lock);
}

void
godwit__zmtp_out_release (godwit__zmtp_out_t *out)
{
    godwit__zmtp_batches_free (out->first);
    godwit__zmtp_batches_free (out->writing);
    godwit__zmtp_batches_free (out->spare);
}

void
godwit__zmtp_out_close (godwit__zmtp_out_t *out, bool drop)
{
    godwit__light_lock (&out->lock);
    out->is_closed = true;
    if (drop) {
        out->drops = true;
        if (!out->is_flushing)
            drop_writing (out);
    }
    godwit__light_unlock (&out->lock);
}

bool
godwit__zmtp_out_is_empty (godwit__zmtp_out_t *out)
{
    godwit__light_lock (&out->lock);
    const bool is_empty = !out->first && !out->writing && !out->is_flushing;
    godwit__light_unlock (&out->lock);
    return is_empty;
}

bool
godwit__zmtp_out_is_blocked (godwit__zmtp_out_t *out, uint64_t *written)
{
    godwit__light_lock (&out->lock);
    const bool is_blocked = godwit__zmtp_out_seems_blocked (out);
    *written = out->written_size;
    godwit__light_unlock (&out->lock);
    return is_blocked;
}

bool
godwit__zmtp_out_take_sent (godwit__zmtp_out_t *out)
{
    godwit__light_lock (&out->lock);
    const bool has_sent = out->has_sent;
    out->has_sent = false;
    godwit__light_unlock (&out->lock);
    return has_sent;
}
