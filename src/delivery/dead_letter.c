/* SPDX-License-Identifier: Apache-2.0 */
#include "src/delivery/dead_letter.h"

#include "src/delivery/outbox_inside.h"

bool
godwit__dead_letter (const godwit__stream_t *stream, const godwit__entry_t *entry)
{
    godwit__outbox_t *const outbox = stream->outbox;
    const char *const topic = outbox->options.dead_letter_topic;
    godwit__stream_t *const letters =
        godwit__outbox_find_or_make (outbox, stream->exchange, topic, stream->priority);
    godwit__entry_t *const copy = letters ? godwit__entry_new (entry->data, entry->size) : NULL;
    if (!copy)
        return false;
    godwit__stream_add (letters, copy);
    godwit__outbox_post (outbox); /* the control thread sends it */
    return true;
}
