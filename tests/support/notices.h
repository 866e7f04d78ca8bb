/* SPDX-License-Identifier: Apache-2.0 */
/* What became of the notifications of a run, simulated or of real processes, and what must hold of it:
 *
 *   - what was accepted has been handled in each pool that counted, unless its notifier was lost with it, or
 *     says that it has dropped it;
 *   - nothing is delivered that was not sent, or that its sender was told is not accepted;
 *   - no two deliveries of one notification to one pool have the same count of deliveries before them: so
 * only one is not marked, whenever it comes;
 *   - a listener that drops duplicates gets nothing again that it has handled;
 *   - while nothing is disturbed, and no notifier takes over what another one has left in a spool, nothing
 * that was not requeued comes twice, or is marked;
 *   - the first deliveries of a notifier's stream come in its order, while one listener serves the pool. That
 * is not asked for where frames of one connection are lost or overtake each other.
 *
 * A pool counts for a notification if the notifier has declared it, or if it had got one of the same stream
 * before this one was sent.
 *
 * Times are any numbers that rise: nanoseconds, or the count of all that happened. A stream is a topic and a
 * priority.
 */
#ifndef GODWIT_TESTS_SUPPORT_NOTICES_H
#define GODWIT_TESTS_SUPPORT_NOTICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NOTICES_POOLS 32
#define NOTICES_NEVER UINT64_MAX

/* Each has its planted fault in tests/faults/check_test.c. */
typedef enum notices_rule {
    NOTICES_LOST,
    NOTICES_UNKNOWN,
    NOTICES_DENIED,
    NOTICES_UNMARKED,
    NOTICES_NEEDLESS,
    NOTICES_ORDER,
    NOTICES_DUPLICATE,
    NOTICES_RULE_COUNT
} notices_rule_t;

typedef enum notice_fate {
    NOTICE_OPEN, /* its notifier has not said: it was killed meanwhile */
    NOTICE_ACCEPTED,
    NOTICE_REFUSED, /* an error */
    NOTICE_DROPPED  /* no error, and not accepted */
} notice_fate_t;

/* A notification that was sent to one stream. */
typedef struct notice {
    uint64_t id; /* those of one stream rise in the order in which they were sent */
    uint64_t begin_at;
    uint32_t notifier; /* an index */
    uint32_t stream;
    notice_fate_t fate;
} notice_t;

typedef enum notice_end { NOTICE_UNENDED, NOTICE_HANDLED, NOTICE_REQUEUED } notice_end_t;

/* That a listener got one. */
typedef struct notice_delivery {
    uint64_t id;
    uint64_t begin_at;
    uint64_t end_at;
    uint32_t listener; /* an index */
    uint32_t redeliveries;
    notice_end_t end;
} notice_delivery_t;

/* A notifier's life. */
typedef struct notices_notifier {
    uint32_t declared; /* pools, a bit each */
    bool is_lost;      /* what it had not delivered went with it: it was killed, and had no spool */
    bool was_replaced; /* another one sends what it had: the counts begin again */
    bool has_no_order; /* it promises none */
    uint64_t dropped;  /* so many copies for a pool it says that it has given up */
} notices_notifier_t;

/* A listener from its start to its end. */
typedef struct notices_listener {
    uint32_t pool;
    uint64_t up_at;
    uint64_t down_at; /* NOTICES_NEVER: it is still there */
    bool drops_duplicates;
} notices_listener_t;

typedef struct notices_summary {
    uint64_t sent;
    uint64_t accepted;
    uint64_t dropped;
    uint64_t deliveries;
    uint64_t marked;   /* deliveries */
    uint64_t twice;    /* deliveries after the first, to the same pool */
    uint64_t requeued; /* deliveries */
    uint64_t gone;     /* copies for a pool that went with their notifier, or were dropped by it */
    uint64_t slowest[NOTICES_POOLS]; /* the longest time until one came to a pool for the first time */
    uint64_t violations[NOTICES_RULE_COUNT];
} notices_summary_t;

typedef struct notices {
    notice_t *sent;
    size_t sent_count, sent_room;
    notice_delivery_t *deliveries;
    size_t delivery_count, delivery_room;
    notices_notifier_t *notifiers;
    size_t notifier_count, notifier_room;
    notices_listener_t *listeners;
    size_t listener_count, listener_room;
    bool is_short;        /* of memory: something was not added */
    bool is_out_of_order; /* frames of one connection were lost, or overtook each other */

    /* Whether something happened in this time that may end connections. */
    bool (*is_disturbed) (void *user, uint64_t from, uint64_t to);
    void (*broke) (void *user, notices_rule_t rule, uint64_t id, const char *text);
    void *user;
    notices_summary_t summary;
} notices_t;

/* They return the index of what was added; SIZE_MAX when memory is short. Indexes of what was sent and
 * delivered hold until notices_check. */
size_t notices_send (notices_t *run, notice_t notice);
size_t notices_deliver (notices_t *run, notice_delivery_t delivery);
size_t notices_add_notifier (notices_t *run, notices_notifier_t notifier);
size_t notices_add_listener (notices_t *run, notices_listener_t listener);

/* Sorts what was sent, so that it can be found: the indexes change. */
void notices_sort (notices_t *run);
/* NULL: nobody has sent it, or it is not sorted. */
notice_t *notices_find (const notices_t *run, uint64_t id);

/* Checks it all, when everything has had its time: fills in the summary, and tells what was broken. */
void notices_check (notices_t *run);
uint64_t notices_broken (const notices_summary_t *summary);
void notices_release (notices_t *run);

#endif
