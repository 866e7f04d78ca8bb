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
godwit__zmtp_heavy_new (const godwit__message_t *message)
{
    const size_t piece_max = 2 * message->insert_count + 1;
    const size_t pieces_size = piece_max * sizeof (struct iovec);
    const size_t inserts_size = message->insert_count * sizeof (godwit__insert_t);
    const size_t copied = message->free_fn ? 0 : GODWIT__ZMTP_BOX_OVERHEAD + message->size;
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
    if (copied) {
        heavy->body = (uint8_t *) heavy->inserts + inserts_size;
        heavy->data = memcpy (heavy->body + GODWIT__ZMTP_BOX_OVERHEAD, message->data, message->size);
    }
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
    free (heavy);
}

/* ---- boxes ---- */

static size_t
size_of (const godwit__zmtp_heavy_t *heavy)
{
    size_t size = 0;
    for (unsigned i = 0; i < heavy->count; i++)
        size += heavy->pieces[i].iov_len;
    return size;
}

/* Copies all pieces, with room for a box around them. False: memory is short. */
static bool
copy_pieces (godwit__zmtp_heavy_t *heavy, size_t size)
{
    uint8_t *const body = malloc (GODWIT__ZMTP_BOX_OVERHEAD + size);
    if (!body)
        return false;
    uint8_t *to = body + GODWIT__ZMTP_BOX_OVERHEAD;
    for (unsigned i = 0; i < heavy->count; i++) {
        memcpy (to, heavy->pieces[i].iov_base, heavy->pieces[i].iov_len);
        to += heavy->pieces[i].iov_len;
    }
    give_back (heavy);
    heavy->data = heavy->body = body;
    heavy->free_fn = godwit__message_free;
    return true;
}

bool
godwit__zmtp_heavy_seal (godwit__zmtp_heavy_t *heavy, godwit__zmtp_box_t *box)
{
    const size_t size = size_of (heavy);
    const bool is_ready = heavy->body && heavy->insert_count == 0;
    if (!is_ready && !copy_pieces (heavy, size))
        return false;
    godwit__zmtp_box_seal (box, heavy->body, size, false);
    heavy->count = 0;
    add_piece (heavy, heavy->body, GODWIT__ZMTP_BOX_OVERHEAD + size);
    return true;
}

/* ---- writing ---- */

unsigned
godwit__zmtp_heavy_gather (const godwit__zmtp_heavy_t *heavy, struct iovec *iov, unsigned room)
{
    unsigned added = 0;
    for (unsigned i = heavy->written; i < heavy->count && added < room; i++) {
        const size_t skip = i == heavy->written ? heavy->piece_written : 0;
        iov[added++] =
            (struct iovec){(uint8_t *) heavy->pieces[i].iov_base + skip, heavy->pieces[i].iov_len - skip};
    }
    return added;
}

bool
godwit__zmtp_heavy_advance (godwit__zmtp_heavy_t *heavy, size_t *size)
{
    for (; heavy->written < heavy->count; heavy->written++, heavy->piece_written = 0) {
        const size_t left = heavy->pieces[heavy->written].iov_len - heavy->piece_written;
        if (*size < left) {
            heavy->piece_written += *size;
            *size = 0;
            return false;
        }
        *size -= left;
    }
    return true;
}
