/* SPDX-License-Identifier: Apache-2.0 */
#include "pin.h"

#include <sched.h>
#include <stdbool.h>

void
bench_pin (size_t index)
{
    /* What the process could use at first, before it pinned itself. */
    static cpu_set_t allowed;
    static bool known;
    cpu_set_t one;
    size_t seen = 0;

    if (!known && sched_getaffinity (0, sizeof allowed, &allowed) != 0)
        return;
    known = true;
    if (CPU_COUNT (&allowed) < 2)
        return;
    CPU_ZERO (&one);
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET (cpu, &allowed) && seen++ == index) {
            CPU_SET (cpu, &one);
            sched_setaffinity (0, sizeof one, &one);
            return;
        }
}
