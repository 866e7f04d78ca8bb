/* SPDX-License-Identifier: Apache-2.0 */
/* What the log is to hear of an outbox. It is noted while outbox.lock is held, and told without it: the
 * program's log function may notify. */
#ifndef GODWIT_SRC_DELIVERY_NOTES_H
#define GODWIT_SRC_DELIVERY_NOTES_H

#include <godwit/transport.h>

#include <stdbool.h>
#include <stddef.h>

struct godwit__outbox;
struct godwit__stream;

typedef enum godwit__note_kind {
    GODWIT__NOTE_FORGOTTEN,     /* a pool; count: what was kept for it */
    GODWIT__NOTE_DROPPED,       /* a notification that was requeued count times */
    GODWIT__NOTE_DEAD_LETTER,   /* the same, and it went to the dead-letter topic */
    GODWIT__NOTE_GIVEN_UP,      /* a notification whose retries were spent */
    GODWIT__NOTE_LARGE_DROPPED, /* one that would be a frame of count bytes, more than any listener takes */
    GODWIT__NOTE_LARGE_DEAD_LETTER /* the same, and it went to the dead-letter topic */
} godwit__note_kind_t;

#define GODWIT__NOTES_MAX 16
#define GODWIT__NOTE_POOL_SIZE 65
#define GODWIT__NOTE_TOPIC_SIZE 160

typedef struct godwit__note {
    godwit__note_kind_t kind;
    char topic[GODWIT__NOTE_TOPIC_SIZE]; /* with the priority */
    char pool[GODWIT__NOTE_POOL_SIZE];
    size_t count;
} godwit__note_t;

typedef struct godwit__notes {
    godwit__note_t notes[GODWIT__NOTES_MAX];
    size_t count;
    size_t more; /* that found no room */
} godwit__notes_t;

/* With outbox.lock. */
void godwit__note (struct godwit__outbox *outbox, godwit__note_kind_t kind,
                   const struct godwit__stream *stream, const char *pool, size_t count);
/* Takes what was noted. False: nothing was. The same. */
bool godwit__notes_take (struct godwit__outbox *outbox, godwit__notes_t *taken);
/* Tells the log what was taken. Without a lock: the outbox may be gone. */
void godwit__notes_tell (const godwit_transport_t *transport, const godwit__notes_t *taken);

#endif
