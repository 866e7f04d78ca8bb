/* SPDX-License-Identifier: Apache-2.0 */
#include "src/delivery/notes.h"

#include "src/base/hash.h"
#include "src/delivery/outbox_inside.h"
#include "src/runtime/warnings.h"
#include "src/wire/notify_frame.h"

#include <stdio.h>
#include <string.h>

enum { KEY_NOTES = 0x6e6f };

void
godwit__note (struct godwit__outbox *outbox, godwit__note_kind_t kind, const struct godwit__stream *stream,
              const char *pool, size_t count)
{
    godwit__notes_t *const notes = &outbox->notes;
    if (notes->count == GODWIT__NOTES_MAX) {
        notes->more++;
        return;
    }
    godwit__note_t *const note = &notes->notes[notes->count++];
    *note = (godwit__note_t){.kind = kind, .count = count};
    snprintf (note->topic, sizeof note->topic, "%s", stream->lane + sizeof GODWIT__LANE_PREFIX - 1);
    snprintf (note->pool, sizeof note->pool, "%s", pool);
    godwit__outbox_post (outbox);
}

static void
tell (const godwit_transport_t *transport, const godwit__note_t *note)
{
    const char *const topic = note->topic;
    const uint64_t key = godwit__hash_text (KEY_NOTES + note->kind, topic);
    switch (note->kind) {
    case GODWIT__NOTE_FORGOTTEN:
        godwit__log (
            transport, note->count ? GODWIT_LOG_WARNING : GODWIT_LOG_INFO,
            "the pool \"%s\" of the topic %.128s has had no listener for too long (pool_memory_ms), and "
            "is forgotten; %zu notifications were kept for it",
            note->pool, topic, note->count);
        break;
    case GODWIT__NOTE_DROPPED:
    case GODWIT__NOTE_DEAD_LETTER:
        godwit__warn (transport, key,
                      "the pool \"%s\" of the topic %.128s has requeued a notification %zu times "
                      "(max_requeues): it was %s",
                      note->pool, topic, note->count,
                      note->kind == GODWIT__NOTE_DROPPED ? "dropped" : "sent to the dead-letter topic");
        break;
    case GODWIT__NOTE_LARGE_DROPPED:
    case GODWIT__NOTE_LARGE_DEAD_LETTER:
        godwit__warn (transport, key,
                      "the pool \"%s\" of the topic %.128s: no listener takes a message of %zu bytes "
                      "(max_message_size): a notification was %s",
                      note->pool, topic, note->count,
                      note->kind == GODWIT__NOTE_LARGE_DROPPED ? "dropped" : "sent to the dead-letter topic");
        break;
    case GODWIT__NOTE_GIVEN_UP:
        godwit__warn (
            transport, key,
            "the topic %.128s: no listener of the pool \"%s\" could be reached, and a notification's "
            "retries are spent: it has failed",
            topic, note->pool);
        break;
    }
}

bool
godwit__notes_take (struct godwit__outbox *outbox, godwit__notes_t *taken)
{
    godwit__notes_t *const notes = &outbox->notes;
    if (!notes->count)
        return false;
    taken->count = notes->count;
    taken->more = notes->more;
    memcpy (taken->notes, notes->notes, notes->count * sizeof *notes->notes);
    notes->count = notes->more = 0;
    return true;
}

void
godwit__notes_tell (const godwit_transport_t *transport, const godwit__notes_t *taken)
{
    for (size_t i = 0; i < taken->count; i++)
        tell (transport, &taken->notes[i]);
    if (taken->more)
        godwit__warn (transport, KEY_NOTES, "a notifier: %zu more notifications or pools were given up",
                      taken->more);
}
