/* SPDX-License-Identifier: Apache-2.0 */
/* An entry: a notification that was accepted, encoded, and is kept until every pool is done with it; and a
 * delivery: an entry on its way to one pool. All is guarded by outbox.lock. */
#ifndef GODWIT_SRC_DELIVERY_ENTRY_H
#define GODWIT_SRC_DELIVERY_ENTRY_H

#include "src/base/list.h"

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

typedef struct godwit__delivery {
    godwit__list_node_t in_list; /* of a flight, or of the consumer that has to send it again */
    godwit__entry_t *entry;
    uint32_t redeliveries; /* how often it may have been delivered */
    uint32_t requeues;     /* how often a listener has requeued it */
    int64_t due_ns;        /* of one that was requeued: when it is sent again */
} godwit__delivery_t;

#endif
