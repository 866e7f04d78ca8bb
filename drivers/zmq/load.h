/* SPDX-License-Identifier: Apache-2.0 */
/* How many bytes libzmq keeps for somebody who does not take them: its own queues are bounded by the number
 * of messages only. What is not larger than GODWIT__LIGHT is not counted, so that short messages pay nothing;
 * of those the number is bound enough.
 */
#ifndef GODWIT_DRIVERS_ZMQ_LOAD_H
#define GODWIT_DRIVERS_ZMQ_LOAD_H

#include "src/base/table.h"
#include "src/interface/driver.h"

#include <pthread.h>

#define GODWIT__LIGHT 1024

/* Of one connection and direction, or of a publisher: what was sent, and not yet given to the system. Any
 * thread. */
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

/* A message that is counted has to wait: what is there already is as much as there may be. */
static inline bool
godwit__load_is_full (godwit__load_t *load, size_t limit)
{
    return atomic_load_explicit (&load->size, memory_order_relaxed) >= limit;
}

/* The loads of a port, by the peer. Any thread. */
typedef struct godwit__loads {
    pthread_mutex_t lock;
    godwit__table_t entries;
    size_t sweep_at; /* so many entries: those of peers that took everything are forgotten */
} godwit__loads_t;

void godwit__loads_init (godwit__loads_t *loads);
void godwit__loads_release (godwit__loads_t *loads);
/* A reference; NULL when memory is short. */
godwit__load_t *godwit__loads_get (godwit__loads_t *loads, godwit__routing_id_t routing_id);

#endif
