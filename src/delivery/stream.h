/* SPDX-License-Identifier: Apache-2.0 */
/* A stream: what is sent to one topic at one priority, in order, and the pools that get it.
 *
 * The stream is *open* until it is known who its pools are: a pool that appears gets all that is kept. It
 * closes a second after the first pool has appeared and all names were told. From then on a new pool gets
 * what is sent after it has appeared. When the last pool was forgotten, it is open again. Pools that are
 * there for a look (transient) do not count here. If there is no room (room.h), what all known pools are done
 * with goes also while it is open.
 *
 * All is guarded by outbox.lock.
 */
#ifndef GODWIT_SRC_DELIVERY_STREAM_H
#define GODWIT_SRC_DELIVERY_STREAM_H

#include "src/base/table.h"
#include "src/delivery/consumer.h"

#include <stdatomic.h>

struct godwit__group;

struct godwit__stream {
    godwit__outbox_t *outbox;
    godwit__list_node_t in_outbox;
    char *exchange;
    char *topic;
    godwit_priority_t priority;
    char *lane;                  /* the topic of its listeners' records */
    struct godwit__group *group; /* of the directory; guarded by transport.lock */
    godwit__list_t entries;
    size_t count;
    godwit__retries_t retries; /* while there is no pool */
    uint64_t last_number;
    godwit__list_t consumers;
    bool is_open;
    int64_t closes_ns;      /* when it closes; 0: not known */
    unsigned users;         /* threads that walk its consumers without the lock: none is forgotten */
    char *spool_name;       /* NULL: no spool */
    atomic_bool has_unsent; /* the spool has appended something that was not sent yet. Without the lock */
    uint64_t nobody_from;   /* with a spool and without a pool: entries from this number on are kept */
    uint64_t doubtful;      /* those up to this number may have been delivered before this process began */
};

/* NULL when memory is short. */
godwit__stream_t *godwit__stream_new (godwit__outbox_t *outbox, const char *exchange, const char *topic,
                                      godwit_priority_t priority);
/* Nobody uses it any more, and nothing is in flight. */
void godwit__stream_destroy (godwit__stream_t *stream);

/* The consumer of a pool, made if need be; NULL when memory is short. */
godwit__consumer_t *godwit__stream_consumer (godwit__stream_t *stream, const char *pool);
/* Adds an entry, which is the stream's from now on. */
void godwit__stream_add (godwit__stream_t *stream, godwit__entry_t *entry);
/* The same for an entry that the spool has, and has given a number. If memory is full, consumers are
 * detached. */
void godwit__stream_add_spooled (godwit__stream_t *stream, godwit__entry_t *entry, bool is_full);
/* One of those that it is owed to is done with it. */
void godwit__stream_unowe (godwit__stream_t *stream, godwit__entry_t *entry);
/* The oldest entry that some pool was not sent, or that no pool is there for; NULL: there is none. */
godwit__entry_t *godwit__stream_oldest_unsent (const godwit__stream_t *stream);
/* Drops an entry, for all that it was not sent to. Returns how many these are. */
unsigned godwit__stream_drop (godwit__stream_t *stream, godwit__entry_t *entry);
/* Frees what all known pools are done with, and what is kept only for those that may appear. */
void godwit__stream_drop_spare (godwit__stream_t *stream);
/* Opens and closes it, forgets pools, gives entries up. awaits_names: not all names were told yet. Returns
 * when it has to be called again. */
int64_t godwit__stream_tick (godwit__stream_t *stream, bool awaits_names, int64_t now_ns);
/* What its pools are not done with; without a pool, all that it has. */
size_t godwit__stream_outstanding (const godwit__stream_t *stream);

#endif
