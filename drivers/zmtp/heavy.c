/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/heavy.h"

#include <stdlib.h>
#include <string.h>

static void
add_piece (godwit__zmtp_heavy_t *heavy, const void *data, size_t size)
{
    if (size)
        heavy->pieces[heavy->count++] = (struct iovec){(void *) (uintptr_t) data, size};
}

/* Bytes, insert, bytes, insert, ..., bytes. */
static void
add_pieces (godwit__zmtp_heavy_t *heavy, const uint8_t *data, size_t size)
{
    size_t at = 0;
    for (size_t i = 0; i < heavy->insert_count; i++) {
        const godwit__insert_t *insert = &heavy->inserts[i];
        add_piece (heavy, data + at, insert->at - at);
        add_piece (heavy, insert->data, insert->size);
        at = insert->at;
    }
    add_piece (heavy, data + at, size - at);
}

godwit__zmtp_heavy_t *
godwit__zmtp_heavy_new (const godwit__message_t *message, bool in_boxes)
{
    const size_t piece_max = 2 * message->insert_count + 1;
    const size_t pieces_size = piece_max * sizeof (struct iovec);
    const size_t inserts_size = message->insert_count * sizeof (godwit__insert_t);
    const size_t copied = message->free_fn ? 0 : message->size;
    godwit__zmtp_heavy_t *heavy = malloc (sizeof *heavy + pieces_size + inserts_size + copied);
    if (!heavy)
        return NULL;
    *heavy = (godwit__zmtp_heavy_t){.in_boxes = in_boxes,
                                    .unsealed = in_boxes ? godwit__message_size (message) : 0,
                                    .data = message->data,
                                    .free_fn = message->free_fn,
                                    .hint = message->hint,
                                    .insert_count = message->insert_count,
                                    .inserts = (godwit__insert_t *) (heavy->pieces + piece_max)};
    if (inserts_size)
        memcpy (heavy->inserts, message->inserts, inserts_size);
    if (copied)
        heavy->data = memcpy ((uint8_t *) heavy->inserts + inserts_size, message->data, copied);
    add_pieces (heavy, heavy->data, message->size);
    return heavy;
}

/* What the message has taken over. */
static void
give_back (godwit__zmtp_heavy_t *heavy)
{
    if (heavy->free_fn)
        heavy->free_fn (heavy->data, heavy->hint);
    for (size_t i = 0; i < heavy->insert_count; i++)
        if (heavy->inserts[i].free_fn)
            heavy->inserts[i].free_fn ((void *) (uintptr_t) heavy->inserts[i].data, heavy->inserts[i].hint);
    heavy->free_fn = NULL;
    heavy->insert_count = 0;
}

void
godwit__zmtp_heavy_free (godwit__zmtp_heavy_t *heavy)
{
    give_back (heavy);
    free (heavy->part);
    free (heavy);
}

/* ---- the pieces, from the first byte that is not taken ---- */

/* Returns what is left of `size` behind the last piece. */
static size_t
take_pieces (godwit__zmtp_heavy_t *heavy, uint8_t *to, size_t size)
{
    for (; heavy->taken < heavy->count; heavy->taken++, heavy->piece_taken = 0) {
        const struct iovec *const piece = &heavy->pieces[heavy->taken];
        const size_t left = piece->iov_len - heavy->piece_taken;
        const size_t now = size < left ? size : left;
        if (to)
            to = (uint8_t *) memcpy (to, (const uint8_t *) piece->iov_base + heavy->piece_taken, now) + now;
        size -= now;
        if (now < left) {
            heavy->piece_taken += now;
            break;
        }
    }
    return size;
}

/* ---- boxes ---- */

size_t
godwit__zmtp_heavy_seal (godwit__zmtp_heavy_t *heavy, godwit__zmtp_box_t *box)
{
    const bool is_last = heavy->unsealed <= GODWIT__ZMTP_PART_SIZE;
    const size_t size = is_last ? heavy->unsealed : GODWIT__ZMTP_PART_SIZE;
    const size_t body_size = GODWIT__ZMTP_BOX_OVERHEAD + size;
    if (!heavy->part) /* the first one is the largest */
        heavy->part = malloc (GODWIT__ZMTP_LONG_HEAD + body_size);
    if (!heavy->part)
        return 0;
    uint8_t head[GODWIT__ZMTP_LONG_HEAD];
    const size_t head_size = godwit__zmtp_head_write (head, 0, body_size);
    uint8_t *const body = heavy->part + head_size;
    memcpy (heavy->part, head, head_size);
    take_pieces (heavy, body + GODWIT__ZMTP_BOX_OVERHEAD, size);
    if (is_last)
        godwit__zmtp_box_seal (box, body, size, false);
    else
        godwit__zmtp_box_seal_part (box, body, size);
    heavy->unsealed -= size;
    heavy->part_at = 0;
    heavy->part_end = head_size + body_size;
    if (is_last)
        give_back (heavy);
    return heavy->part_end;
}

/* ---- writing ---- */

unsigned
godwit__zmtp_heavy_gather (const godwit__zmtp_heavy_t *heavy, struct iovec *iov, unsigned room)
{
    unsigned added = 0;
    if (heavy->in_boxes) {
        if (godwit__zmtp_heavy_has_part (heavy))
            iov[added++] = (struct iovec){heavy->part + heavy->part_at, heavy->part_end - heavy->part_at};
        return added;
    }
    for (unsigned i = heavy->taken; i < heavy->count && added < room; i++) {
        const size_t skip = i == heavy->taken ? heavy->piece_taken : 0;
        iov[added++] =
            (struct iovec){(uint8_t *) heavy->pieces[i].iov_base + skip, heavy->pieces[i].iov_len - skip};
    }
    return added;
}

bool
godwit__zmtp_heavy_advance (godwit__zmtp_heavy_t *heavy, size_t *size)
{
    if (!heavy->in_boxes) {
        *size = take_pieces (heavy, NULL, *size);
        return heavy->taken == heavy->count;
    }
    const size_t left = heavy->part_end - heavy->part_at;
    const size_t now = *size < left ? *size : left;
    heavy->part_at += now;
    *size -= now;
    return !godwit__zmtp_heavy_has_part (heavy) && godwit__zmtp_heavy_is_sealed (heavy);
}
