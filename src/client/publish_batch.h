/* SPDX-License-Identifier: Apache-2.0 */
/* Publications in quick succession, kept for a moment and sent as one message: each subscriber then receives
 * once for all of them.
 *
 * A publication that comes alone, or as one of the first few, is sent at once. After QUICK_MIN publications,
 * each within GAP_NS of the one before, further ones are kept until there are as many as a batch takes, or
 * the first of them has waited for GODWIT__PUBLISH_BATCH_NS. What is kept has one key; its owner guards it
 * with a lock.
 */
#ifndef GODWIT_SRC_CLIENT_PUBLISH_BATCH_H
#define GODWIT_SRC_CLIENT_PUBLISH_BATCH_H

#include "src/interface/driver.h"
#include "src/wire/batch.h"

/* Larger than batches of calls: nobody waits for an answer, and with half as many messages to receive a
 * subscriber takes a tenth more. Twice as large again, they were no faster, and the bursts longer. */
#define GODWIT__PUBLISH_BATCH_SIZE 32768
#define GODWIT__PUBLISH_BATCH_COUNT 256
/* How long a publication is kept at most, unless a subscriber's queue is full. */
#define GODWIT__PUBLISH_BATCH_NS 250000

typedef struct godwit__publish_batch {
    godwit__batch_writer_t writer;
    uint8_t key[GODWIT__KEY_SIZE]; /* of what is kept */
    int64_t first_ns;              /* when the first of what is kept came */
    int64_t last_ns;
    unsigned quick_count; /* publications that came in quick succession, at most QUICK_MIN */
} godwit__publish_batch_t;

void godwit__publish_batch_init (godwit__publish_batch_t *batch);
void godwit__publish_batch_release (godwit__publish_batch_t *batch);
/* Notes that a publication comes now; true if it may be kept. */
bool godwit__publish_batch_may_keep (godwit__publish_batch_t *batch, int64_t now_ns);
/* Copies a publication in: its key, header and body. False if it has another key than what is kept, does not
 * fit, or memory is short. */
bool godwit__publish_batch_add (godwit__publish_batch_t *batch, const void *data, size_t size,
                                int64_t now_ns);
/* True if what is kept is to be sent. */
bool godwit__publish_batch_is_due (const godwit__publish_batch_t *batch, int64_t now_ns);
/* Takes all that is kept, as one message, which is valid until the next add. */
godwit__message_t godwit__publish_batch_take (godwit__publish_batch_t *batch);

static inline bool
godwit__publish_batch_is_empty (const godwit__publish_batch_t *batch)
{
    return batch->writer.count == 0;
}

#endif
