/* SPDX-License-Identifier: Apache-2.0 */
/* A circuit breaker for each server: after a server has said OVERLOADED, calls that can go to another server
 * do so for a while.
 *
 *     CLOSED --OVERLOADED--> OPEN --its time is over--> HALF OPEN: one call goes there
 *       ^                     ^                            |  |
 *       |                     +--OVERLOADED, twice as long-+  |
 *       +-----------as long again without OVERLOADED----------+
 *
 * Guarded by transport.lock, like the member that it belongs to.
 */
#ifndef GODWIT_SRC_DISCOVERY_BREAKER_H
#define GODWIT_SRC_DISCOVERY_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

typedef struct godwit__breaker {
    int64_t until_ns; /* the end of OPEN, or of HALF OPEN; 0: it is CLOSED */
    int64_t open_ns;  /* how long it was open the last time */
    bool is_half_open;
} godwit__breaker_t;

/* False: the call should go to another server. True when it is HALF OPEN: this is the one call that tries. */
bool godwit__breaker_allows (godwit__breaker_t *breaker, int64_t now_ns);
/* The server said OVERLOADED. random: any number; it keeps clients from coming back all at once. */
void godwit__breaker_trip (godwit__breaker_t *breaker, uint64_t random, int64_t now_ns);

#endif
