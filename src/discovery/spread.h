/* SPDX-License-Identifier: Apache-2.0 */
/* Spreads the calls that come while a group's servers are being connected to. Without it all of them would go
 * to whichever server is connected first.
 *
 *     SETTLED --- nobody is connected ---> SETTLING: until the others are connected or could not be, and for
 *        ^                                    |      at most so long from the first connection on, each
 *        +------------------------------------+      server gets its share at once; other calls wait
 *
 * Guarded by transport.lock.
 */
#ifndef GODWIT_SRC_DISCOVERY_SPREAD_H
#define GODWIT_SRC_DISCOVERY_SPREAD_H

#include <stdbool.h>
#include <stdint.h>

struct godwit__group;

/* Calls that a server gets at once while its group settles. A program that makes fewer never waits. */
#define GODWIT__SPREAD_SHARE 32
#define GODWIT__SPREAD_UNLIMITED UINT32_MAX

typedef struct godwit__spread {
    bool settles;
    int64_t until_ns;     /* when it is SETTLED at the latest; 0: nobody is connected yet */
    uint64_t change_seen; /* transport.change_count at the last look */
    uint64_t full_change; /* transport.change_count when all that are connected had their share ... */
    uint32_t full_served; /* ... of calls that these offers serve */
} godwit__spread_t;

/* A call has looked, and nobody was connected: begins to settle, unless somebody is. */
void godwit__spread_begin (struct godwit__group *group);
/* A server was connected to. */
void godwit__spread_look (struct godwit__group *group, int64_t now_ns);
/* How many calls a server may have got. waits_until_ns: how long the call may wait; 0: not at all. Call it
 * only while the group settles. */
uint32_t godwit__spread_share (struct godwit__group *group, int64_t waits_until_ns, int64_t now_ns);
/* All servers that are connected and serve these offers have their share. */
void godwit__spread_note_full (struct godwit__group *group, uint32_t served);
/* Whether nothing has changed since then. */
bool godwit__spread_is_full (const struct godwit__group *group, uint32_t served);

#endif
