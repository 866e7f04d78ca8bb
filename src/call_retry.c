/* Whether a call is tried once more, and when. */
#include "src/call_inside.h"

#define BACKOFF_FIRST_NS (1 * GODWIT__NS_PER_MS)
#define BACKOFF_MAX_NS (100 * GODWIT__NS_PER_MS)

bool
godwit__call_may_retry (godwit__call_t *call)
{
    if (call->retries_left == 0)
        return false;
    if (call->retries_left > 0)
        call->retries_left--;
    return true;
}

void
godwit__call_back_off (godwit__call_t *call, int64_t now_ns)
{
    call->backoff_ns = call->backoff_ns ? call->backoff_ns * 2 : BACKOFF_FIRST_NS;
    if (call->backoff_ns > BACKOFF_MAX_NS)
        call->backoff_ns = BACKOFF_MAX_NS;
    call->not_before_ns = now_ns + call->backoff_ns;
    call->tried.count = 0;
}
