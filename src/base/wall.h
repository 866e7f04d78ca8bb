/* SPDX-License-Identifier: Apache-2.0 */
/* The wall clock. It may be set, also backwards: it is to be shown, never to wait by. */
#ifndef GODWIT_SRC_BASE_WALL_H
#define GODWIT_SRC_BASE_WALL_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds since 1970. */
static inline int64_t
godwit__wall_ns (void)
{
    struct timespec now;
    clock_gettime (CLOCK_REALTIME, &now);
    return (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
}

#endif
