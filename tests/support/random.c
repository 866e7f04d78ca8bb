/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

random_t
random_start (void)
{
    struct timespec now;
    const char *given = getenv ("GODWIT_TEST_SEED");
    clock_gettime (CLOCK_REALTIME, &now);
    const random_t random = {given ? strtoull (given, NULL, 10)
                                   : (uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec};
    fprintf (stderr, "GODWIT_TEST_SEED=%llu\n", (unsigned long long) random.state);
    return random;
}

uint32_t
random_below (random_t *random, uint32_t limit)
{
    random->state = random->state * UINT64_C (6364136223846793005) + UINT64_C (1442695040888963407);
    return (uint32_t) (random->state >> 33) % limit;
}
