/* SPDX-License-Identifier: Apache-2.0 */
/* NOTIFY and SETTLED: notifications on their way to a listener, and its answer (docs/protocol.md 4.12).
 *
 *     NOTIFY    header (budget_ms: the sender's number, aux: monitor_ms) | u32 size, u32 redeliveries, body
 * ... SETTLED   header (aux: credit) | u32 index, u32 what ...
 *
 * An item's body is a notification (src/wire/notification.h). redeliveries: how often it may have been
 * delivered to this pool before. SETTLED names the items that are not done with, in rising order of their
 * index, which begins at 0; all others are done with.
 */
#ifndef GODWIT_SRC_WIRE_NOTIFY_FRAME_H
#define GODWIT_SRC_WIRE_NOTIFY_FRAME_H

#include "src/base/frame.h"
#include "src/wire/header.h"

#define GODWIT__ITEM_HEADER_SIZE 8
#define GODWIT__UNSETTLED_SIZE 8
/* A NOTIFY has at most so many items. */
#define GODWIT__NOTIFY_COUNT 256
/* No item is added to one that has so many bytes, so that its listener can begin. */
#define GODWIT__NOTIFY_SIZE 32768

/* The topic under which a listener's lanes are known: "notify:TOPIC.PRIORITY". */
#define GODWIT__LANE_PREFIX "notify:"
/* The namespace by which a lane's record tells its pool: "pool.NAME", version 1.0. */
#define GODWIT__POOL_PREFIX "pool."
/* The same of a pool that is forgotten when its last listener has left. */
#define GODWIT__TRANSIENT_PREFIX "transient."

/* What becomes of an item that is not done with. */
typedef enum godwit__unsettled {
    GODWIT__UNSETTLED_REQUEUED = 1, /* the listener wants it later */
    GODWIT__UNSETTLED_RETURNED = 2, /* the listener has not begun with it */
    GODWIT__UNSETTLED_LOST = 3      /* the listener ends, and does not know whether it was handled */
} godwit__unsettled_t;

/* ---- reading; the bytes are untrusted ---- */

typedef struct godwit__item_reader {
    const uint8_t *data; /* of the frame */
    size_t size;
    size_t at; /* the next item */
} godwit__item_reader_t;

typedef struct godwit__item {
    size_t offset; /* of its body in the frame */
    size_t size;
    uint32_t redeliveries;
} godwit__item_t;

static inline void
godwit__item_reader_init (godwit__item_reader_t *reader, const uint8_t *data, size_t size)
{
    *reader = (godwit__item_reader_t){data, size, GODWIT__HEADER_SIZE};
}

/* False: there is none any more, or what follows is malformed. */
static inline bool
godwit__item_next (godwit__item_reader_t *reader, godwit__item_t *item)
{
    if (reader->size - reader->at < GODWIT__ITEM_HEADER_SIZE)
        return false;
    const uint8_t *const at = reader->data + reader->at;
    item->size = godwit__get_u32 (at);
    item->redeliveries = godwit__get_u32 (at + 4);
    item->offset = reader->at + GODWIT__ITEM_HEADER_SIZE;
    if (item->size > reader->size - item->offset)
        return false;
    reader->at = item->offset + item->size;
    return true;
}

/* All bytes were read. */
static inline bool
godwit__item_reader_is_at_end (const godwit__item_reader_t *reader)
{
    return reader->at == reader->size;
}

#endif
