#define _GNU_SOURCE /* sched_setaffinity */
#include "pin.h"

#include <sched.h>
#include <stdbool.h>

static cpu_set_t at_first;
static bool known;

void
bench_pin (size_t index)
{
    cpu_set_t one;
    size_t seen = 0;

    if (!known && sched_getaffinity (0, sizeof at_first, &at_first) != 0)
        return;
    known = true;
    if (CPU_COUNT (&at_first) < 2)
        return;
    CPU_ZERO (&one);
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET (cpu, &at_first) && seen++ == index) {
            CPU_SET (cpu, &one);
            sched_setaffinity (0, sizeof one, &one);
            return;
        }
}

void
bench_unpin (void)
{
    if (known)
        sched_setaffinity (0, sizeof at_first, &at_first);
}
