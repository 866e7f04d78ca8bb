/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of several pieces. */
#include "src/base/frame.h"

void
godwit__message_gather (const godwit__message_t *message, uint8_t *to)
{
    size_t done = 0;
    for (size_t i = 0; i < message->insert_count; i++) {
        const godwit__insert_t *insert = &message->inserts[i];
        if (insert->at > done)
            memcpy (to, (const uint8_t *) message->data + done, insert->at - done);
        to += insert->at - done;
        done = insert->at;
        if (insert->size)
            memcpy (to, insert->data, insert->size);
        to += insert->size;
    }
    if (message->size > done)
        memcpy (to, (const uint8_t *) message->data + done, message->size - done);
}

void
godwit__message_release (const godwit__message_t *message)
{
    if (message->free_fn)
        message->free_fn (message->data, message->hint);
    for (size_t i = 0; i < message->insert_count; i++) {
        const godwit__insert_t *insert = &message->inserts[i];
        insert->free_fn ((void *) (uintptr_t) insert->data,
                         insert->hint); /* whose they are may write to them */
    }
}

void
godwit__message_free (void *data, void *hint)
{
    (void) hint;
    free (data);
}

bool
godwit__message_join (godwit__message_t *joined, const godwit__message_t *message)
{
    const size_t size = godwit__message_size (message);
    uint8_t *data = malloc (size ? size : 1);
    if (!data)
        return false;
    godwit__message_gather (message, data);
    *joined = (godwit__message_t){.data = data, .size = size, .free_fn = godwit__message_free};
    return true;
}

bool
godwit__frame_gather (godwit__frame_t *frame, const godwit__message_t *message)
{
    godwit__message_t joined;
    if (!message->insert_count)
        return godwit__frame_copy (frame, message->data, message->size);
    *frame = (godwit__frame_t){.data = NULL};
    if (!godwit__message_join (&joined, message))
        return false;
    godwit__frame_adopt (frame, joined.data, joined.size);
    return true;
}
