/* How a server that said OVERLOADED is left alone for a while, by calls that can go to another one.
 *
 *     WORKS --OVERLOADED--> RESTS --its time is over--> PROBED: one call goes there
 *       ^                     ^                            |  |
 *       |                     +---OVERLOADED, twice as long+  |
 *       +----------------as long again without OVERLOADED-----+
 *
 * Guarded by transport.lock, as the member that it is of.
 */
#ifndef GODWIT_SRC_DISCOVERY_BREAKER_H
#define GODWIT_SRC_DISCOVERY_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

typedef struct godwit__rest {
    int64_t until_ns; /* 0: it works */
    int64_t length_ns;
    bool is_probed;
} godwit__rest_t;

/* Whether a call should go elsewhere. If not, one is taken to be on its way there. */
bool godwit__rest_holds (godwit__rest_t *rest, int64_t now_ns);
/* It said OVERLOADED. chance: any number, so that clients do not come back in step. */
void godwit__rest_begin (godwit__rest_t *rest, uint64_t chance, int64_t now_ns);

#endif
