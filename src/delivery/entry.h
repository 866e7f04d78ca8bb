/* SPDX-License-Identifier: Apache-2.0 */
/* An entry: a notification that was accepted, encoded, and is kept until every pool is done with it; and a
 * delivery: an entry on its way to one pool. All is guarded by outbox.lock. */
#ifndef GODWIT_SRC_DELIVERY_ENTRY_H
#define GODWIT_SRC_DELIVERY_ENTRY_H

#include "src/base/list.h"

#include "src/loop/reactor.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct godwit__entry {
    godwit__list_node_t in_stream;
    uint64_t number;    /* of its stream, from 1 on */
    uint64_t order;     /* of its outbox: what was accepted before has less. Not with a spool */
    unsigned owed;      /* pools that are not done with it, and one more while it is offered */
    bool is_offered;    /* to pools that appear (stream.h) */
    bool was_settled;   /* some pool is done with it */
    int64_t give_up_ns; /* when it is given up for pools without a listener; NEVER: it is not */
    size_t size;
    uint8_t data[];
} godwit__entry_t;

/* When entries are given up. They do not stand in the order of their times, since notifiers with other
 * retries may share a stream: all are looked at, but not all the time. */
typedef struct godwit__retries {
    int64_t due_ns;   /* none is given up before */
    int64_t again_ns; /* not to be looked at again before */
} godwit__retries_t;

#define GODWIT__LOOK_AGAIN_NS (50 * GODWIT__NS_PER_MS)

static inline void
godwit__retries_add (godwit__retries_t *retries, const godwit__entry_t *entry)
{
    if (entry->give_up_ns < retries->due_ns)
        retries->due_ns = entry->give_up_ns;
}

/* All are to be looked at now. */
static inline bool
godwit__retries_begin (godwit__retries_t *retries, int64_t now_ns)
{
    if (retries->due_ns > now_ns || retries->again_ns > now_ns)
        return false;
    retries->due_ns = GODWIT__NEVER;
    retries->again_ns = now_ns + GODWIT__LOOK_AGAIN_NS;
    return true;
}

/* When to come again. */
static inline int64_t
godwit__retries_due_ns (const godwit__retries_t *retries)
{
    return retries->due_ns > retries->again_ns ? retries->due_ns : retries->again_ns;
}

typedef struct godwit__delivery {
    godwit__list_node_t in_list; /* of a flight, or of the consumer that has to send it again */
    godwit__entry_t *entry;
    uint32_t redeliveries; /* how often it may have been delivered */
    uint32_t requeues;     /* how often a listener has requeued it */
    int64_t due_ns;        /* of one that was requeued: when it is sent again */
} godwit__delivery_t;

#endif
