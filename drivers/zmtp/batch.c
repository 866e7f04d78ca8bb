/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/batch.h"

#include "drivers/zmtp/frame.h"

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
/* So many bytes are sealed at a time: the peer opens them while the next ones are sealed. */
#define SEALED_SIZE GODWIT__ZMTP_PART_SIZE

static void
free_first_heavy (godwit__zmtp_batch_t *batch)
{
    godwit__zmtp_heavy_t *heavy = batch->first_heavy;
    batch->first_heavy = heavy->next;
    godwit__zmtp_heavy_free (heavy);
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
    batch->said_size = 0;
    batch->used = batch->written = batch->sealed = 0;
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

/* ---- boxes ---- */

/* Something of it is sealed that is not written. */
static bool
has_sealed (const godwit__zmtp_batch_t *batch)
{
    return batch->written < batch->sealed ||
           (batch->first_heavy && godwit__zmtp_heavy_has_part (batch->first_heavy));
}

/* Seals the first frame of `bytes` that is not. Returns its size. */
static size_t
seal_frame (godwit__zmtp_batch_t *batch, godwit__zmtp_box_t *box)
{
    godwit__zmtp_head_t head = {0};
    godwit__zmtp_head_read (&head, batch->bytes + batch->sealed, batch->used - batch->sealed);
    uint8_t *const body = batch->bytes + batch->sealed + head.head_size;
    const size_t size = (size_t) head.body_size;
    godwit__zmtp_box_seal (box, body, size - GODWIT__ZMTP_BOX_OVERHEAD,
                           body[GODWIT__ZMTP_BOX_HEAD] & GODWIT__ZMTP_BOX_COMMAND);
    batch->sealed += (uint32_t) (head.head_size + size);
    return head.head_size + size;
}

/* Seals what comes next in a batch of which nothing is sealed that is not written, until *sealed is
 * SEALED_SIZE. A part behind which others come has so many bytes: nothing is sealed between them. False:
 * memory is short. */
static bool
seal_batch (godwit__zmtp_batch_t *batch, godwit__zmtp_box_t *box, size_t *sealed)
{
    godwit__zmtp_heavy_t *heavy = batch->first_heavy;
    while (*sealed < SEALED_SIZE && (heavy || batch->sealed < batch->used)) {
        if (!heavy || batch->sealed < heavy->at) {
            *sealed += seal_frame (batch, box);
            continue;
        }
        const size_t size = godwit__zmtp_heavy_seal (heavy, box);
        if (!size)
            return false;
        *sealed += size;
        heavy = heavy->next;
    }
    return true;
}

/* Makes sure that something is sealed, if there is anything. False: memory is short. */
static bool
seal_some (godwit__zmtp_batch_t *rest, godwit__zmtp_box_t *box)
{
    size_t sealed = 0;
    if (has_sealed (rest))
        return true;
    for (; rest && sealed < SEALED_SIZE; rest = rest->next)
        if (!seal_batch (rest, box, &sealed))
            return false;
    return true;
}

/* ---- writing ---- */

/* Adds what can be written of a batch behind the *count pieces that are there. True: that is all of it. */
static bool
gather (const godwit__zmtp_batch_t *batch, bool in_boxes, struct iovec *iov, unsigned *count)
{
    uint32_t at = batch->written;
    const uint32_t limit = in_boxes ? batch->sealed : batch->used;
    const godwit__zmtp_heavy_t *heavy = batch->first_heavy;
    while (*count < IOV_COUNT && (heavy || at < limit)) {
        const uint32_t end = heavy && heavy->at < limit ? heavy->at : limit;
        if (at < end) {
            iov[(*count)++] = (struct iovec){(void *) (uintptr_t) (batch->bytes + at), end - at};
            at = end;
        } else {
            *count += godwit__zmtp_heavy_gather (heavy, iov + *count, IOV_COUNT - *count);
            if (!godwit__zmtp_heavy_is_sealed (heavy))
                return false;
            heavy = heavy->next;
        }
    }
    return at == batch->used;
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
        if (!godwit__zmtp_heavy_advance (batch->first_heavy, &size))
            break;
        free_first_heavy (batch);
    }
    return size;
}

static bool
is_written (const godwit__zmtp_batch_t *batch)
{
    return batch->written == batch->used && !batch->first_heavy;
}

static ssize_t
write_some (const godwit__zmtp_batch_t *rest, int fd, bool in_boxes)
{
    struct iovec iov[IOV_COUNT];
    unsigned count = 0;
    for (const godwit__zmtp_batch_t *at = rest; at && count < IOV_COUNT; at = at->next)
        if (!gather (at, in_boxes, iov, &count))
            break;
    if (count == 1)
        return send (fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
    const struct msghdr message = {.msg_iov = iov, .msg_iovlen = count};
    return sendmsg (fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* `size` bytes of the row were written: batches that are wholly written move to the end of the other one,
 * which is returned. */
static godwit__zmtp_batch_t **
move_written (godwit__zmtp_batch_t **rest, godwit__zmtp_batch_t **end, size_t size)
{
    do {
        size = advance (*rest, size);
        if (!is_written (*rest))
            break;
        *end = *rest;
        end = &(*end)->next;
        *rest = (*rest)->next;
        *end = NULL;
    } while (*rest && size);
    return end;
}

int
godwit__zmtp_batches_write (godwit__zmtp_batch_t **rest, int fd, godwit__zmtp_box_t *box,
                            godwit__zmtp_batch_t **written, uint64_t *size)
{
    while (*written)
        written = &(*written)->next;
    while (*rest) {
        if (box && !seal_some (*rest, box))
            return ENOMEM;
        const ssize_t result = write_some (*rest, fd, box);
        if (result < 0 && errno == EINTR)
            continue;
        if (result < 0)
            return errno == EWOULDBLOCK ? EAGAIN : errno;
        *size += (uint64_t) result;
        written = move_written (rest, written, (size_t) result);
    }
    return 0;
}
