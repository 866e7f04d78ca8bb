/* SPDX-License-Identifier: Apache-2.0 */
#include "src/delivery/room.h"

#include "src/base/hash.h"
#include "src/connection/completion.h"
#include "src/runtime/wait.h"
#include "src/runtime/warnings.h"
#include "src/wire/notify_frame.h"

enum { KEY_FULL = 0x66756c };

/* A spool that was full is tried again after this time, or when something was acknowledged. */
#define SPOOL_AGAIN_NS (20 * GODWIT__NS_PER_MS)

static bool
has_room (const godwit__outbox_t *outbox, size_t size)
{
    return outbox->kept < (size_t) outbox->options.queue_limit &&
           (outbox->kept == 0 || outbox->kept_size + size <= outbox->options.max_queue_size);
}

bool
godwit__room_may_wait (const godwit__outbox_t *outbox)
{
    const godwit_transport_t *const transport = outbox->transport;
    return !godwit__completion_is_current (transport->completion) &&
           !godwit__transport_is_processing (transport);
}

static void
wait_for_room (godwit__outbox_t *outbox, size_t size)
{
    if (outbox->full_in_vain || !godwit__room_may_wait (outbox))
        return;
    const int64_t end_ns =
        godwit__transport_now (outbox->transport) + godwit__ns_of_ms (outbox->options.block_ms);
    while (!outbox->closed && !has_room (outbox, size)) {
        const int64_t left_ns = end_ns - godwit__transport_now (outbox->transport);
        if (left_ns <= 0) {
            outbox->full_in_vain = true;
            return;
        }
        godwit__wait (outbox->transport, &outbox->changed, &outbox->lock, left_ns);
    }
}

static godwit__lack_t
lack_of (godwit__outbox_t *outbox)
{
    const bool is_dropped = outbox->options.when_full == GODWIT_WHEN_FULL_DROP_NEWEST ||
                            outbox->options.when_full == GODWIT_WHEN_FULL_DROP_OLDEST;
    outbox->stats.dropped += is_dropped;
    outbox->stats.failed += !is_dropped;
    return is_dropped ? GODWIT__LACK_NEWEST : GODWIT__LACK_FAILED;
}

godwit__lack_t
godwit__room_make (godwit__stream_t *stream, size_t size)
{
    godwit__outbox_t *const outbox = stream->outbox;
    godwit__lack_t lack = GODWIT__LACK_NONE;
    if (outbox->closed || has_room (outbox, size))
        return lack;
    if (outbox->options.when_full == GODWIT_WHEN_FULL_BLOCK)
        wait_for_room (outbox, size);
    while (outbox->options.when_full == GODWIT_WHEN_FULL_DROP_OLDEST && !has_room (outbox, size) &&
           godwit__stream_drop_oldest (stream))
        lack = GODWIT__LACK_OLDEST;
    return outbox->closed || has_room (outbox, size) ? lack : lack_of (outbox);
}

bool
godwit__room_wait_for_spool (godwit__stream_t *stream, int64_t end_ns, godwit__lack_t *lack)
{
    godwit__outbox_t *const outbox = stream->outbox;
    const int64_t left_ns = end_ns - godwit__transport_now (outbox->transport);
    if (outbox->options.when_full != GODWIT_WHEN_FULL_BLOCK || outbox->full_in_vain || outbox->closed ||
        left_ns <= 0 || !godwit__room_may_wait (outbox)) {
        outbox->full_in_vain = true;
        *lack = lack_of (outbox);
        return false;
    }
    godwit__wait (outbox->transport, &outbox->changed, &outbox->lock,
                  left_ns < SPOOL_AGAIN_NS ? left_ns : SPOOL_AGAIN_NS);
    return true;
}

void
godwit__room_warn (const godwit__stream_t *stream, godwit__lack_t lack, const char *why)
{
    const godwit__outbox_t *const outbox = stream->outbox;
    const char *const topic = stream->lane + sizeof GODWIT__LANE_PREFIX - 1;
    const uint64_t key = godwit__hash_text (KEY_FULL, stream->lane);
    const char *const what = lack == GODWIT__LACK_OLDEST   ? "the oldest was dropped"
                             : lack == GODWIT__LACK_NEWEST ? "this one was dropped"
                                                           : "this one has failed";
    if (why)
        godwit__warn (outbox->transport, key, "the topic %.128s: the spool is full, and %s: %.512s", topic,
                      what, why);
    else
        godwit__warn (
            outbox->transport, key,
            "the topic %.128s: its listeners have not taken %d notifications or %zu bytes, as many as a "
            "notifier may keep: %s",
            topic, outbox->options.queue_limit, outbox->options.max_queue_size, what);
}
