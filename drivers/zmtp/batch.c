/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/batch.h"

#include <errno.h>
#include <sys/socket.h>

/* Enough for a call; kept for the next one. */
#define SMALL_SIZE 512
/* For a burst. */
#define LARGE_SIZE (16 * 1024)
/* So that room comes back while a row of heavy messages is written. */
#define HEAVY_MAX 8
/* Pieces of memory in one system call. */
#define IOV_COUNT 64

struct godwit__zmtp_heavy {
    struct godwit__zmtp_heavy *next;
    uint32_t at;             /* it stands before the batch's byte with this index */
    unsigned count, written; /* pieces; those that are wholly written */
    size_t piece_written;    /* bytes of the first piece that is not */
    void *data;
    void (*free_fn) (void *data, void *hint);
    void *hint;
    size_t insert_count;
    godwit__insert_t *inserts; /* behind the pieces */
    struct iovec pieces[];
};

/* ---- heavy messages ---- */

static void
add_piece (godwit__zmtp_heavy_t *heavy, const void *data, size_t size)
{
    if (size)
        heavy->pieces[heavy->count++] = (struct iovec){(void *) (uintptr_t) data, size};
}

godwit__zmtp_heavy_t *
godwit__zmtp_heavy_new (const godwit__message_t *message)
{
    /* Bytes, insert, bytes, insert, ..., bytes. */
    const size_t piece_max = 2 * message->insert_count + 1;
    const size_t pieces_size = piece_max * sizeof (struct iovec);
    const size_t inserts_size = message->insert_count * sizeof (godwit__insert_t);
    const size_t copied = message->free_fn ? 0 : message->size;
    godwit__zmtp_heavy_t *heavy = malloc (sizeof *heavy + pieces_size + inserts_size + copied);
    if (!heavy)
        return NULL;
    *heavy = (godwit__zmtp_heavy_t){.data = message->data,
                                    .free_fn = message->free_fn,
                                    .hint = message->hint,
                                    .insert_count = message->insert_count,
                                    .inserts = (godwit__insert_t *) (heavy->pieces + piece_max)};
    if (inserts_size)
        memcpy (heavy->inserts, message->inserts, inserts_size);
    if (copied)
        heavy->data = memcpy ((uint8_t *) heavy->inserts + inserts_size, message->data, copied);
    const uint8_t *const data = heavy->data;
    size_t at = 0;
    for (size_t i = 0; i < message->insert_count; i++) {
        const godwit__insert_t *insert = &heavy->inserts[i];
        add_piece (heavy, data + at, insert->at - at);
        add_piece (heavy, insert->data, insert->size);
        at = insert->at;
    }
    add_piece (heavy, data + at, message->size - at);
    return heavy;
}

static void
heavy_free (godwit__zmtp_heavy_t *heavy)
{
    if (heavy->free_fn)
        heavy->free_fn (heavy->data, heavy->hint);
    for (size_t i = 0; i < heavy->insert_count; i++)
        if (heavy->inserts[i].free_fn)
            heavy->inserts[i].free_fn ((void *) (uintptr_t) heavy->inserts[i].data, heavy->inserts[i].hint);
    free (heavy);
}

static void
free_first_heavy (godwit__zmtp_batch_t *batch)
{
    godwit__zmtp_heavy_t *heavy = batch->first_heavy;
    batch->first_heavy = heavy->next;
    heavy_free (heavy);
}

/* ---- batches ---- */

godwit__zmtp_batch_t *
godwit__zmtp_batch_new (size_t size, bool large)
{
    const size_t usual = large ? LARGE_SIZE : SMALL_SIZE;
    const size_t capacity = size > usual ? size : usual;
    godwit__zmtp_batch_t *batch = malloc (sizeof *batch + capacity);
    if (!batch)
        return NULL;
    batch->capacity = (uint32_t) capacity;
    godwit__zmtp_batch_reset (batch);
    return batch;
}

void
godwit__zmtp_batch_free (godwit__zmtp_batch_t *batch)
{
    while (batch->first_heavy)
        free_first_heavy (batch);
    free (batch);
}

void
godwit__zmtp_batches_free (godwit__zmtp_batch_t *first)
{
    while (first) {
        godwit__zmtp_batch_t *next = first->next;
        godwit__zmtp_batch_free (first);
        first = next;
    }
}

bool
godwit__zmtp_batch_fits (const godwit__zmtp_batch_t *batch, size_t size)
{
    return batch->capacity - batch->used >= size && batch->heavy_count < HEAVY_MAX;
}

bool
godwit__zmtp_batch_is_small (const godwit__zmtp_batch_t *batch)
{
    return batch->capacity <= SMALL_SIZE;
}

void
godwit__zmtp_batch_reset (godwit__zmtp_batch_t *batch)
{
    batch->next = NULL;
    batch->count = 0;
    batch->heavy_size = 0;
    batch->used = batch->written = 0;
    batch->first_heavy = batch->last_heavy = NULL;
    batch->heavy_count = 0;
}

void
godwit__zmtp_batch_attach (godwit__zmtp_batch_t *batch, godwit__zmtp_heavy_t *heavy)
{
    heavy->at = batch->used;
    if (batch->first_heavy)
        batch->last_heavy->next = heavy;
    else
        batch->first_heavy = heavy;
    batch->last_heavy = heavy;
    batch->heavy_count++;
}

/* ---- writing ---- */

static unsigned
gather_heavy (const godwit__zmtp_heavy_t *heavy, struct iovec *iov, unsigned count)
{
    unsigned added = 0;
    for (unsigned i = heavy->written; i < heavy->count && count + added < IOV_COUNT; i++) {
        const size_t skip = i == heavy->written ? heavy->piece_written : 0;
        iov[count + added++] =
            (struct iovec){(uint8_t *) heavy->pieces[i].iov_base + skip, heavy->pieces[i].iov_len - skip};
    }
    return added;
}

/* What is not written of a batch, behind the `count` pieces that are there. Returns how many there are. */
static unsigned
gather (const godwit__zmtp_batch_t *batch, struct iovec *iov, unsigned count)
{
    uint32_t at = batch->written;
    const godwit__zmtp_heavy_t *heavy = batch->first_heavy;
    while (count < IOV_COUNT && (heavy || at < batch->used)) {
        const uint32_t end = heavy ? heavy->at : batch->used;
        if (at < end) {
            iov[count++] = (struct iovec){(void *) (uintptr_t) (batch->bytes + at), end - at};
            at = end;
        } else {
            count += gather_heavy (heavy, iov, count);
            heavy = heavy->next;
        }
    }
    return count;
}

/* `size` bytes of the first heavy message were written, or more. Returns how many more. */
static size_t
advance_heavy (godwit__zmtp_batch_t *batch, size_t size)
{
    godwit__zmtp_heavy_t *heavy = batch->first_heavy;
    while (heavy->written < heavy->count) {
        const size_t left = heavy->pieces[heavy->written].iov_len - heavy->piece_written;
        if (size < left) {
            heavy->piece_written += size;
            return 0;
        }
        size -= left;
        heavy->written++;
        heavy->piece_written = 0;
    }
    free_first_heavy (batch);
    return size;
}

/* `size` bytes of a batch were written, or more. Returns how many more. */
static size_t
advance (godwit__zmtp_batch_t *batch, size_t size)
{
    while (size || batch->first_heavy) {
        const uint32_t end = batch->first_heavy ? batch->first_heavy->at : batch->used;
        const size_t left = end - batch->written;
        const size_t step = size < left ? size : left;
        batch->written += (uint32_t) step;
        size -= step;
        if (batch->written < end || !batch->first_heavy)
            break;
        if (!size)
            break;
        size = advance_heavy (batch, size);
    }
    return size;
}

static bool
is_written (const godwit__zmtp_batch_t *batch)
{
    return batch->written == batch->used && !batch->first_heavy;
}

static ssize_t
write_some (const godwit__zmtp_batch_t *rest, int fd)
{
    struct iovec iov[IOV_COUNT];
    unsigned count = 0;
    for (const godwit__zmtp_batch_t *at = rest; at && count < IOV_COUNT; at = at->next)
        count = gather (at, iov, count);
    if (count == 1)
        return send (fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
    const struct msghdr message = {.msg_iov = iov, .msg_iovlen = count};
    return sendmsg (fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int
godwit__zmtp_batches_write (godwit__zmtp_batch_t **rest, int fd, godwit__zmtp_batch_t **written,
                            uint64_t *size)
{
    while (*written)
        written = &(*written)->next;
    while (*rest) {
        const ssize_t result = write_some (*rest, fd);
        if (result < 0 && errno == EINTR)
            continue;
        if (result < 0)
            return errno == EWOULDBLOCK ? EAGAIN : errno;
        size_t left = (size_t) result;
        *size += left;
        do {
            left = advance (*rest, left);
            if (!is_written (*rest))
                break;
            *written = *rest;
            written = &(*written)->next;
            *rest = (*rest)->next;
            *written = NULL;
        } while (*rest && left);
    }
    return 0;
}
