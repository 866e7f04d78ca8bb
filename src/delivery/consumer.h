/* SPDX-License-Identifier: Apache-2.0 */
/* A consumer: a pool's place in a stream. It knows which entries the pool has not had, those that are to be
 * sent again, and the pool's listeners (outlets).
 *
 *     not sent --> in flight --> done with (settled)
 *        ^            |  |
 *        |            |  +--> requeued --back-off--> in flight again; too often: dead letter, or dropped
 *        +--returned--+
 *
 * `returned` entries go first, in their order: the connection ended, or the listener has not begun with them.
 *
 * With a spool a consumer may be *behind*: what it has not had is not in memory, but is read from the spool,
 * from read_from to read_until. Once it is near the end it is attached, so that what is appended from then on
 * stays in memory for it, and it reads only what came before.
 *
 *     attached <-- near the end -- behind, not attached <--+-- memory is full: what it was not sent is let go
 *        \__________________________________________________/
 *
 * All is guarded by outbox.lock.
 */
#ifndef GODWIT_SRC_DELIVERY_CONSUMER_H
#define GODWIT_SRC_DELIVERY_CONSUMER_H

#include "src/delivery/entry.h"
#include "src/delivery/outbox.h"
#include "src/delivery/span.h"

typedef struct godwit__consumer {
    godwit__stream_t *stream;
    godwit__list_node_t in_stream;
    char *pool;
    int64_t alone_ns;        /* since when it has no listener; 0: it has one */
    size_t member_count;     /* listeners that are known */
    godwit__entry_t *next;   /* the first that was never sent to it; NULL: there is none */
    size_t unsent;           /* from `next` on */
    size_t in_flight;        /* entries */
    godwit__list_t returned; /* deliveries, in order */
    size_t returned_count;
    godwit__list_t requeued; /* deliveries, the first that is due first */
    size_t requeued_count;
    godwit__list_t outlets;
    unsigned losses;  /* of connections in a row */
    int64_t retry_ns; /* after some of them: nothing is sent before */
    bool stays;       /* it has had a listener that was not transient, or is of the spool: it is remembered */
    bool is_declared; /* by the program: it is never forgotten */
    bool is_pumping;  /* a thread sends for it */
    bool pump_again;  /* there is more to send since that thread has looked */

    /* With a spool. */
    bool is_behind;
    bool has_left;        /* the spool has to hear when its last listener was seen */
    int64_t seen_ns;      /* when it has heard that there are listeners */
    bool is_stored;       /* the spool knows the pool ... */
    uint64_t stored_from; /* ... and that items up to this number are not for it */
    char *spool_pool;     /* its name there (spooling.h) */
    uint64_t read_from;
    uint64_t read_until;  /* 0: not attached; it reads on */
    uint64_t doubtful;    /* entries up to this number may have been delivered before this process began */
    godwit__spans_t done; /* what the spool has to hear */
    godwit__list_t dead;  /* deliveries that are to be sent to the dead-letter topic */
    size_t dead_count;
} godwit__consumer_t;

/* Whether its pool is remembered when its last listener has left. If not, it was there for a look: what is
 * kept for pools to come is not touched by it. */
static inline bool
godwit__consumer_is_remembered (const godwit__consumer_t *consumer)
{
    return consumer->stays || consumer->is_declared;
}

/* NULL when memory is short. */
godwit__consumer_t *godwit__consumer_new (godwit__stream_t *stream, const char *pool);
/* It has no outlets. What it was not done with, it gives up. */
void godwit__consumer_destroy (godwit__consumer_t *consumer);

/* What the pool is not done with. Of what it has to read, some may be settled: then it is too much. */
size_t godwit__consumer_outstanding (const godwit__consumer_t *consumer);

/* What is appended is for it, and stays in memory. */
static inline bool
godwit__consumer_is_attached (const godwit__consumer_t *consumer)
{
    return !consumer->is_behind || consumer->read_until;
}

/* An entry was appended to the stream. */
void godwit__consumer_appended (godwit__consumer_t *consumer, godwit__entry_t *entry);
/* How many deliveries could be sent now. */
size_t godwit__consumer_sendable (const godwit__consumer_t *consumer, int64_t now_ns);
/* The size of the frame that would take the next delivery alone; 0: there is none. */
size_t godwit__consumer_next_size (const godwit__consumer_t *consumer, int64_t now_ns);
/* No listener of the pool takes a frame of this size: the next delivery goes to the dead-letter topic, or is
 * dropped. False: memory is short. */
bool godwit__consumer_give_up_large (godwit__consumer_t *consumer, int64_t now_ns, size_t size);
/* Takes the next delivery that is to be sent: one that was returned, or is due again, or was never sent.
 * size: how large its entry may be; a larger one is not taken. NULL: none, or memory is short. */
godwit__delivery_t *godwit__consumer_take (godwit__consumer_t *consumer, int64_t now_ns, size_t size);
/* The pool is done with it. Frees it. */
void godwit__consumer_settle (godwit__consumer_t *consumer, godwit__delivery_t *delivery);
/* Takes a list of deliveries back, which go before all others. maybe_delivered: they may have reached a
 * listener. */
void godwit__consumer_return (godwit__consumer_t *consumer, godwit__list_t *deliveries, bool maybe_delivered);
/* The connection to a listener was lost with deliveries on their way. Whoever loses one after the other
 * waits, longer each time: it may be because of what is sent. */
void godwit__consumer_lost (godwit__consumer_t *consumer, int64_t now_ns);
/* A listener has requeued it. */
void godwit__consumer_requeue (godwit__consumer_t *consumer, godwit__delivery_t *delivery, int64_t now_ns);
/* Drops an entry that was not sent, if it is the next one. False: it is not. */
bool godwit__consumer_skip (godwit__consumer_t *consumer, const godwit__entry_t *entry);
/* Lets go of what it was not sent, and reads it from the spool later. */
void godwit__consumer_detach (godwit__consumer_t *consumer);
/* Adds an entry that was read from the spool, which is the consumer's alone. False: memory is short. */
bool godwit__consumer_add_read (godwit__consumer_t *consumer, godwit__entry_t *entry);
/* Sets how far it reads, once it is near the end of its stream; it is not behind any more when it has read
 * that far. */
void godwit__consumer_catch_up (godwit__consumer_t *consumer);
/* When something of it will be due; NEVER: nothing will, though something may be due already and wait for a
 * listener, or for its answer. */
int64_t godwit__consumer_due_ns (const godwit__consumer_t *consumer, int64_t now_ns);

#endif
