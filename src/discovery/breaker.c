/* SPDX-License-Identifier: Apache-2.0 */
#include "src/discovery/breaker.h"

#include "src/loop/reactor.h"

#define FIRST_NS (5 * GODWIT__NS_PER_MS)
#define LONGEST_NS (1000 * GODWIT__NS_PER_MS)

bool
godwit__breaker_allows (godwit__breaker_t *breaker, int64_t now_ns)
{
    if (breaker->until_ns == 0)
        return true;
    if (now_ns < breaker->until_ns)
        return false;
    if (breaker->is_half_open) { /* the call that tried was not refused: closed, but it may open again soon */
        breaker->until_ns = 0;
        breaker->open_ns /= 2;
        return true;
    }
    breaker->is_half_open = true;
    breaker->until_ns = now_ns + breaker->open_ns;
    return true;
}

void
godwit__breaker_trip (godwit__breaker_t *breaker, uint64_t random, int64_t now_ns)
{
    /* A call that was on its way when the breaker opened says nothing new. */
    if (breaker->until_ns > now_ns && !breaker->is_half_open)
        return;
    breaker->open_ns = breaker->open_ns < FIRST_NS ? FIRST_NS : breaker->open_ns * 2;
    if (breaker->open_ns > LONGEST_NS)
        breaker->open_ns = LONGEST_NS;
    breaker->is_half_open = false;
    breaker->until_ns = now_ns + breaker->open_ns / 2 + (int64_t) (random % (uint64_t) breaker->open_ns) / 2;
}
