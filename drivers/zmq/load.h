/* SPDX-License-Identifier: Apache-2.0 */
/* Counts the bytes that libzmq keeps for a peer that does not take them: its own queues limit the number of
 * messages only. Messages of up to GODWIT__LIGHT bytes are not counted, so that they cost nothing more; for
 * them the limit on their number is enough.
 */
#ifndef GODWIT_DRIVERS_ZMQ_LOAD_H
#define GODWIT_DRIVERS_ZMQ_LOAD_H

#include "src/base/table.h"
#include "src/interface/driver.h"

#include <pthread.h>

#define GODWIT__LIGHT 1024

/* The bytes of one connection and direction, or of one publisher, that were sent and not yet given to the
 * system. Any thread. */
typedef struct godwit__load {
    atomic_uint refs; /* the channel's, and one for each message */
    atomic_size_t size;
} godwit__load_t;

/* NULL when memory is short. */
godwit__load_t *godwit__load_new (void);
static inline godwit__load_t *
godwit__load_ref (godwit__load_t *load)
{
    atomic_fetch_add_explicit (&load->refs, 1, memory_order_relaxed);
    return load;
}
/* NULL is fine. */
void godwit__load_unref (godwit__load_t *load);

/* True if a counted message has to wait: as many bytes as allowed are there already. */
static inline bool
godwit__load_is_full (godwit__load_t *load, size_t limit)
{
    return atomic_load_explicit (&load->size, memory_order_relaxed) >= limit;
}

/* The loads of a port, one for each peer. Any thread. */
typedef struct godwit__loads {
    pthread_mutex_t lock;
    godwit__table_t entries;
    size_t sweep_at; /* with so many entries, those of peers that took everything are removed */
} godwit__loads_t;

void godwit__loads_init (godwit__loads_t *loads);
void godwit__loads_release (godwit__loads_t *loads);
/* A reference; NULL when memory is short. */
godwit__load_t *godwit__loads_get (godwit__loads_t *loads, godwit__routing_id_t routing_id);

#endif
