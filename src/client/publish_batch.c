#include "src/client/publish_batch.h"

#define GAP_NS 100000
#define ROW 8

void
godwit__burst_init (godwit__burst_t *burst)
{
    *burst = (godwit__burst_t){.batch = {.prefix = GODWIT__KEY_SIZE}};
}

void
godwit__burst_release (godwit__burst_t *burst)
{
    godwit__batch_writer_release (&burst->batch);
}

bool
godwit__burst_goes_on (godwit__burst_t *burst, int64_t now_ns)
{
    const bool quick = now_ns - burst->last_ns < GAP_NS;
    burst->last_ns = now_ns;
    burst->row = !quick ? 0 : burst->row < ROW ? burst->row + 1 : ROW;
    return burst->row == ROW;
}

bool
godwit__burst_add (godwit__burst_t *burst, const void *data, size_t size, int64_t now_ns)
{
    const bool is_first = godwit__burst_is_empty (burst);
    if ((!is_first && memcmp (burst->key, data, GODWIT__KEY_SIZE) != 0) ||
        !godwit__batch_add (&burst->batch, data, size))
        return false;
    if (is_first) {
        memcpy (burst->key, data, GODWIT__KEY_SIZE);
        burst->first_ns = now_ns;
    }
    return true;
}

bool
godwit__burst_is_due (const godwit__burst_t *burst, int64_t now_ns)
{
    return burst->batch.count >= GODWIT__BATCH_COUNT ||
           (burst->batch.count > 0 && now_ns - burst->first_ns >= GODWIT__BURST_NS);
}

godwit__message_t
godwit__burst_take (godwit__burst_t *burst)
{
    const godwit__message_t message = godwit__batch_take (&burst->batch);
    memcpy (burst->batch.data, burst->key, GODWIT__KEY_SIZE); /* the only one there is has its own */
    return message;
}
