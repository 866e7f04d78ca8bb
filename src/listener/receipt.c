/* SPDX-License-Identifier: Apache-2.0 */
#include "src/listener/receipt.h"

#include "src/server/reply.h"

#include <stdlib.h>
#include <string.h>

/* ---- the register ---- */

godwit__register_t *
godwit__register_new (size_t drop_duplicates, size_t limit)
{
    godwit__register_t *const receipts = calloc (1, sizeof *receipts);
    if (receipts && drop_duplicates)
        receipts->seen = godwit__seen_ids_new (drop_duplicates);
    if (!receipts || (drop_duplicates && !receipts->seen)) {
        free (receipts);
        return NULL;
    }
    receipts->limit = limit;
    atomic_init (&receipts->refs, 1);
    pthread_mutex_init (&receipts->lock, NULL);
    godwit__list_init (&receipts->receipts);
    return receipts;
}

void
godwit__register_unref (godwit__register_t **receipts)
{
    godwit__register_t *const self = *receipts;
    *receipts = NULL;
    if (!self || atomic_fetch_sub_explicit (&self->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (godwit__kept_name_t *at; (at = self->names);) {
        self->names = at->next;
        free (at);
    }
    godwit__seen_ids_destroy (&self->seen);
    pthread_mutex_destroy (&self->lock);
    free (self);
}

const char *
godwit__register_name (godwit__register_t *receipts, const char *text)
{
    const size_t size = strlen (text) + 1;
    godwit__kept_name_t *const name = malloc (sizeof *name + size);
    if (!name)
        return NULL;
    memcpy (name->text, text, size);
    name->next = receipts->names;
    receipts->names = name;
    return name->text;
}

/* ---- answering ---- */

/* Without the lock: nobody else has the request any more. */
static void
answer (godwit__receipt_t *receipt, godwit_request_t *request)
{
    uint8_t small[GODWIT__HEADER_SIZE + 16 * GODWIT__UNSETTLED_SIZE];
    const size_t size = GODWIT__HEADER_SIZE + receipt->unsettled * (size_t) GODWIT__UNSETTLED_SIZE;
    uint8_t *const data = size <= sizeof small ? small : malloc (size);
    if (data) { /* without memory the request fails: all are delivered again */
        const godwit__header_t header = {.type = GODWIT__SETTLED, .id = request->id, .aux = receipt->credit};
        godwit__header_write (data, &header);
        uint8_t *to = data + GODWIT__HEADER_SIZE;
        for (uint32_t i = 0; i < receipt->count; i++) {
            if (!receipt->what[i])
                continue;
            godwit__put_u32 (to, i);
            godwit__put_u32 (to + 4, receipt->what[i]);
            to += GODWIT__UNSETTLED_SIZE;
        }
        godwit__request_answer (
            request, &(godwit__message_t){
                         .data = data, .size = size, .free_fn = data == small ? NULL : godwit__message_free});
    }
    godwit_request_destroy (&request);
}

/* With the lock: the receipt is answered by whoever takes this. */
static godwit_request_t *
take_request (godwit__receipt_t *receipt)
{
    godwit_request_t *const request = receipt->request;
    receipt->request = NULL;
    if (request) {
        godwit__list_remove (&receipt->in_register);
        receipt->receipts->held -= receipt->held;
    }
    return request;
}

void
godwit__register_end (godwit__register_t *receipts)
{
    pthread_mutex_lock (&receipts->lock);
    for (godwit__receipt_t *at; (at = GODWIT__FIRST (&receipts->receipts, godwit__receipt_t, in_register));) {
        godwit_request_t *const request = take_request (at);
        atomic_fetch_add_explicit (&at->refs, 1, memory_order_relaxed);
        at->unsettled += at->open;
        pthread_mutex_unlock (&receipts->lock);
        answer (at, request);
        godwit__receipt_unref (at);
        pthread_mutex_lock (&receipts->lock);
    }
    pthread_mutex_unlock (&receipts->lock);
}

/* ---- one receipt ---- */

/* Keeps the request, and takes its frame, if there is room: from then on the listener's end may answer. */
static bool
enter (godwit__receipt_t *receipt, godwit_request_t *request)
{
    godwit__register_t *const receipts = receipt->receipts;
    pthread_mutex_lock (&receipts->lock);
    const bool has_room = !receipts->limit || receipts->held < receipts->limit;
    if (has_room) {
        receipt->request = godwit_request_keep (request);
        godwit__frame_move (&receipt->frame, godwit__request_frame (request));
        godwit__list_append (&receipts->receipts, &receipt->in_register);
        receipts->held += receipt->held;
        atomic_fetch_add_explicit (&receipts->refs, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock (&receipts->lock);
    return has_room;
}

godwit__receipt_t *
godwit__receipt_new (godwit__register_t *receipts, godwit_request_t *request, uint32_t count, uint32_t credit)
{
    godwit__receipt_t *const receipt = malloc (sizeof *receipt + count);
    if (!receipt)
        return NULL;
    atomic_init (&receipt->refs, 1 + count);
    receipt->receipts = receipts;
    receipt->open = receipt->count = count;
    receipt->unsettled = 0;
    receipt->credit = credit;
    receipt->held = sizeof *request + sizeof *receipt + count + godwit__request_frame (request)->size;
    memset (receipt->what, GODWIT__UNSETTLED_LOST, count);
    if (enter (receipt, request))
        return receipt;
    free (receipt);
    return NULL;
}

void
godwit__receipt_hold (godwit__receipt_t *receipt, size_t size)
{
    pthread_mutex_lock (&receipt->receipts->lock);
    if (receipt->request) { /* otherwise the listener's end has answered */
        receipt->held += size;
        receipt->receipts->held += size;
    }
    pthread_mutex_unlock (&receipt->receipts->lock);
}

void
godwit__receipt_unref (godwit__receipt_t *receipt)
{
    if (atomic_fetch_sub_explicit (&receipt->refs, 1, memory_order_acq_rel) != 1)
        return;
    godwit__frame_release (&receipt->frame);
    godwit__register_unref (&receipt->receipts);
    free (receipt);
}

static void
release_part (godwit__frame_t *frame)
{
    godwit__receipt_unref (frame->storage.pointer);
}

void
godwit__receipt_frame (godwit__receipt_t *receipt, const godwit__item_t *item, godwit__frame_t *frame)
{
    atomic_fetch_add_explicit (&receipt->refs, 1, memory_order_relaxed);
    *frame = (godwit__frame_t){.data = receipt->frame.data + item->offset,
                               .size = item->size,
                               .release = release_part,
                               .storage.pointer = receipt};
}

void
godwit__receipt_settle (godwit__receipt_t *receipt, uint32_t index, unsigned what)
{
    godwit_request_t *request = NULL;
    pthread_mutex_lock (&receipt->receipts->lock);
    if (receipt->request) { /* otherwise the listener's end has answered */
        receipt->what[index] = (uint8_t) what;
        receipt->unsettled += what != 0;
        if (--receipt->open == 0)
            request = take_request (receipt);
    }
    pthread_mutex_unlock (&receipt->receipts->lock);
    if (request)
        answer (receipt, request);
    godwit__receipt_unref (receipt);
}
