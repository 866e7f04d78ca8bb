/* SPDX-License-Identifier: Apache-2.0 */
#include "src/client/publish_batch.h"

#define GAP_NS 100000
#define QUICK_MIN 8

void
godwit__publish_batch_init (godwit__publish_batch_t *batch)
{
    *batch =
        (godwit__publish_batch_t){.writer = {.prefix = GODWIT__KEY_SIZE, .room = GODWIT__PUBLISH_BATCH_SIZE}};
}

void
godwit__publish_batch_release (godwit__publish_batch_t *batch)
{
    godwit__batch_writer_release (&batch->writer);
}

bool
godwit__publish_batch_may_keep (godwit__publish_batch_t *batch, int64_t now_ns)
{
    const bool quick = now_ns - batch->last_ns < GAP_NS;
    batch->last_ns = now_ns;
    batch->quick_count = !quick ? 0 : batch->quick_count < QUICK_MIN ? batch->quick_count + 1 : QUICK_MIN;
    return batch->quick_count == QUICK_MIN;
}

bool
godwit__publish_batch_add (godwit__publish_batch_t *batch, const void *data, size_t size, int64_t now_ns)
{
    const bool is_first = godwit__publish_batch_is_empty (batch);
    if ((!is_first && memcmp (batch->key, data, GODWIT__KEY_SIZE) != 0) ||
        !godwit__batch_add (&batch->writer, data, size))
        return false;
    if (is_first) {
        memcpy (batch->key, data, GODWIT__KEY_SIZE);
        batch->first_ns = now_ns;
    }
    return true;
}

bool
godwit__publish_batch_is_due (const godwit__publish_batch_t *batch, int64_t now_ns)
{
    return batch->writer.count >= GODWIT__PUBLISH_BATCH_COUNT ||
           (batch->writer.count > 0 && now_ns - batch->first_ns >= GODWIT__PUBLISH_BATCH_NS);
}

godwit__message_t
godwit__publish_batch_take (godwit__publish_batch_t *batch)
{
    const godwit__message_t message = godwit__batch_take (&batch->writer);
    memcpy (batch->writer.data, batch->key, GODWIT__KEY_SIZE); /* the only one there is has its own */
    return message;
}
