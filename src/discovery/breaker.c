#include "src/discovery/breaker.h"

#include "src/loop/reactor.h"

#define FIRST_NS (5 * GODWIT__NS_PER_MS)
#define LONGEST_NS (1000 * GODWIT__NS_PER_MS)

bool
godwit__rest_holds (godwit__rest_t *rest, int64_t now_ns)
{
    if (rest->until_ns == 0)
        return false;
    if (now_ns < rest->until_ns)
        return true;
    if (rest->is_probed) { /* and did not refuse: it works again, and may not for long */
        rest->until_ns = 0;
        rest->length_ns /= 2;
        return false;
    }
    rest->is_probed = true;
    rest->until_ns = now_ns + rest->length_ns;
    return false;
}

void
godwit__rest_begin (godwit__rest_t *rest, uint64_t chance, int64_t now_ns)
{
    /* One of the calls that were on their way already says nothing new. */
    if (rest->until_ns > now_ns && !rest->is_probed)
        return;
    rest->length_ns = rest->length_ns < FIRST_NS ? FIRST_NS : rest->length_ns * 2;
    if (rest->length_ns > LONGEST_NS)
        rest->length_ns = LONGEST_NS;
    rest->is_probed = false;
    rest->until_ns = now_ns + rest->length_ns / 2 + (int64_t) (chance % (uint64_t) rest->length_ns) / 2;
}
