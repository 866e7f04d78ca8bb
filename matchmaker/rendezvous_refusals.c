/* SPDX-License-Identifier: Apache-2.0 */
#include "matchmaker/rendezvous_refusals.h"

#define SECOND_NS INT64_C (1000000000)

static bool
is_over (const struct godwit__refusals_of *of, int64_t now_ns)
{
    return of->count == 0 || now_ns - of->since_ns >= SECOND_NS;
}

/* Its own; otherwise one that nobody uses in this second; otherwise the common one. */
static struct godwit__refusals_of *
find (godwit__refusals_t *refusals, uint64_t serial, int64_t now_ns)
{
    struct godwit__refusals_of *found = &refusals->of[0];
    for (size_t i = serial ? 1 : 1 + GODWIT__REFUSALS_MAX; i <= GODWIT__REFUSALS_MAX; i++) {
        struct godwit__refusals_of *const of = &refusals->of[i];
        if (of->serial == serial)
            return of;
        if (found == &refusals->of[0] && is_over (of, now_ns))
            found = of;
    }
    return found;
}

bool
godwit__refusals_may_answer (godwit__refusals_t *refusals, uint64_t serial, int64_t now_ns)
{
    struct godwit__refusals_of *const of = find (refusals, serial, now_ns);
    if (is_over (of, now_ns)) {
        of->serial = of == &refusals->of[0] ? 0 : serial;
        of->since_ns = now_ns;
        of->count = 0;
    }
    return of->count < GODWIT__REFUSALS_PER_S && ++of->count;
}
