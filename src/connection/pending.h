/* SPDX-License-Identifier: Apache-2.0 */
/* Pending calls: their request was handed over to a connection, and has no reply yet. A connection has a
 * table of them; each ends in one of the ways below.
 */
#ifndef GODWIT_SRC_CONNECTION_PENDING_H
#define GODWIT_SRC_CONNECTION_PENDING_H

#include "src/base/table.h"
#include "src/runtime/transport.h"
#include "src/wire/header.h"

#include <pthread.h>
#include <stdatomic.h>

struct godwit__connection;

typedef enum godwit__pending_outcome {
    GODWIT__PENDING_WAITING,
    GODWIT__PENDING_UNSENT,   /* never handed over: the connection went down, or had no room */
    GODWIT__PENDING_REPLIED,  /* header and frame hold a REPLY, FAILURE or NACK */
    GODWIT__PENDING_LOST,     /* the connection went down after the request was handed over */
    GODWIT__PENDING_EXPIRED,  /* the deadline passed */
    GODWIT__PENDING_ABANDONED /* its client or the transport is being destroyed */
} godwit__pending_outcome_t;

/* Embedded in a call. The connection refers to it from a successful godwit__connection_send until it has
 * finished. */
typedef struct godwit__pending {
    uint64_t id;
    _Atomic (int64_t) deadline_ns; /* written with the connection's lock held once it is pending */
    int64_t left_ns;               /* time from the sending of the request to the deadline */
    int64_t monitor_ns; /* contract 4: a sign of life moves the deadline to this long after it, ... */
    int64_t end_ns;     /* ... but never beyond this. 0: not monitored, the deadline stays */
    int64_t sign_ns;    /* when the last one came, if it is monitored; 0: none came */
    const void *owner;  /* the client, for godwit__connection_abandon */
    /* NULL: a caller waits with godwit__connection_await. Otherwise called once it has finished, on any
     * thread, without a lock held; it may free the pending call. */
    void (*finished) (struct godwit__pending *pending);

    _Atomic (godwit__pending_outcome_t) outcome;
    /* Of a caller that waits (lead.h). */
    atomic_uint wake; /* a follower sleeps while this is 0 (src/base/futex.h) */
    bool follows;     /* until it is finished, or leads */
    bool leads;       /* the connection's lead is CALLER, and this caller has it */
    bool is_told;     /* it counts in told_count (defer.h) until it runs */
    bool is_deferred; /* its request may still be queued (defer.h); its own thread's */
    godwit__header_t header;

    /* Written before they are read: godwit__pending_init leaves them alone. */
    godwit__frame_t frame;
    godwit__table_node_t by_id;
    struct godwit__pending *next_finished; /* in a list of those that have finished */
    godwit__list_node_t follower;          /* in connection.followers */
} godwit__pending_t;

/* Before its fields are set: all zero, but for what needs no value. */
static inline void
godwit__pending_init (godwit__pending_t *pending)
{
    memset (pending, 0, offsetof (godwit__pending_t, frame));
}

/* ---- with connection.lock held ---- */

void godwit__pending_add (struct godwit__connection *connection, godwit__pending_t *pending);
/* Takes a pending call out of the table and returns it; NULL if it is not there. */
godwit__pending_t *godwit__pending_take (struct godwit__connection *connection, uint64_t id);
/* A call that is monitored gave a sign of life: moves its deadline. */
void godwit__pending_extend (struct godwit__connection *connection, uint64_t id);
/* The caller of a pending call does not follow any more. Returns the word to be woken by; NULL: it did not
 * follow. To be called before the outcome is written: then the caller may be gone. */
atomic_uint *godwit__pending_unfollow (godwit__pending_t *pending);
/* Ends a pending call that was taken out of the table. A caller that waits for it is woken; an asynchronous
 * one is put on the list, for godwit__pending_notify once the lock is released. */
void godwit__pending_finish (struct godwit__connection *connection, godwit__pending_t *pending,
                             godwit__pending_outcome_t outcome, godwit__pending_t **finished);
/* Ends all pending calls of an owner (NULL: of everybody). */
void godwit__pending_finish_all (struct godwit__connection *connection, const void *owner,
                                 godwit__pending_outcome_t outcome, godwit__pending_t **finished);

/* ---- without it ---- */

/* Hands the calls that have ended to the completion reactor. */
void godwit__pending_notify (godwit_transport_t *transport, godwit__pending_t *finished);
/* Ends asynchronous calls that are past their deadline. Returns the next deadline. */
int64_t godwit__pending_expire (struct godwit__connection *connection, int64_t now_ns);

static inline bool
godwit__pending_is_waiting (godwit__pending_t *pending)
{
    return atomic_load_explicit (&pending->outcome, memory_order_acquire) == GODWIT__PENDING_WAITING;
}

#endif
