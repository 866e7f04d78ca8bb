/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/notices.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is written down ---- */

static void *
room (notices_t *run, void *items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return items;
    const size_t larger = *capacity ? 2 * *capacity : 64;
    void *const grown = realloc (items, larger * size);
    if (grown)
        *capacity = larger;
    else
        run->is_short = true;
    return grown;
}

#define ADD(run_, items_, count_, room_, item_)                                                              \
    do {                                                                                                     \
        void *const grown_ = room (run_, (run_)->items_, (run_)->count_, &(run_)->room_, sizeof (item_));    \
        if (!grown_)                                                                                         \
            return SIZE_MAX;                                                                                 \
        (run_)->items_ = grown_;                                                                             \
        (run_)->items_[(run_)->count_] = (item_);                                                            \
        return (run_)->count_++;                                                                             \
    } while (0)

size_t
notices_send (notices_t *run, notice_t notice)
{
    ADD (run, sent, sent_count, sent_room, notice);
}

size_t
notices_deliver (notices_t *run, notice_delivery_t delivery)
{
    ADD (run, deliveries, delivery_count, delivery_room, delivery);
}

size_t
notices_add_notifier (notices_t *run, notices_notifier_t notifier)
{
    ADD (run, notifiers, notifier_count, notifier_room, notifier);
}

size_t
notices_add_listener (notices_t *run, notices_listener_t listener)
{
    ADD (run, listeners, listener_count, listener_room, listener);
}

void
notices_release (notices_t *run)
{
    free (run->sent);
    free (run->deliveries);
    free (run->notifiers);
    free (run->listeners);
}

uint64_t
notices_broken (const notices_summary_t *summary)
{
    uint64_t sum = 0;
    for (int rule = 0; rule < NOTICES_RULE_COUNT; rule++)
        sum += summary->violations[rule];
    return sum;
}

/* ---- the rules ---- */

/* When a pool got the first one of a stream. */
typedef struct known {
    uint32_t notifier;
    uint32_t stream;
    uint64_t since[NOTICES_POOLS];
    /* of its first deliveries, in time, the one that was sent last */
    uint64_t last_id[NOTICES_POOLS];
} known_t;

typedef struct checking {
    notices_t *run;
    known_t *known;
    size_t known_count, known_room;
} checking_t;

static void broke (notices_t *run, notices_rule_t rule, uint64_t id, const char *format, ...)
    __attribute__ ((format (printf, 4, 5)));

static void
broke (notices_t *run, notices_rule_t rule, uint64_t id, const char *format, ...)
{
    char text[256];
    va_list list;
    run->summary.violations[rule]++;
    if (!run->broke)
        return;
    va_start (list, format);
    vsnprintf (text, sizeof text, format, list);
    va_end (list);
    run->broke (run->user, rule, id, text);
}

static int
compare_numbers (uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int
compare_sent (const void *a_item, const void *b_item)
{
    return compare_numbers (((const notice_t *) a_item)->id, ((const notice_t *) b_item)->id);
}

static int
compare_times (const void *a_item, const void *b_item)
{
    return compare_numbers (((const notice_delivery_t *) a_item)->begin_at,
                            ((const notice_delivery_t *) b_item)->begin_at);
}

void
notices_sort (notices_t *run)
{
    if (run->sent_count)
        qsort (run->sent, run->sent_count, sizeof *run->sent, compare_sent);
}

notice_t *
notices_find (const notices_t *run, uint64_t id)
{
    const notice_t key = {.id = id};
    return run->sent_count ? bsearch (&key, run->sent, run->sent_count, sizeof key, compare_sent) : NULL;
}

static uint32_t
pool_of (const notices_t *run, const notice_delivery_t *delivery)
{
    return run->listeners[delivery->listener].pool;
}

/* NULL when memory is short. */
static known_t *
known_of (checking_t *checking, const notice_t *notice)
{
    for (size_t i = 0; i < checking->known_count; i++)
        if (checking->known[i].notifier == notice->notifier && checking->known[i].stream == notice->stream)
            return &checking->known[i];
    known_t *const grown =
        room (checking->run, checking->known, checking->known_count, &checking->known_room, sizeof *grown);
    if (!grown)
        return NULL;
    checking->known = grown;
    known_t *const known = &grown[checking->known_count++];
    *known = (known_t){.notifier = notice->notifier, .stream = notice->stream};
    for (unsigned i = 0; i < NOTICES_POOLS; i++)
        known->since[i] = NOTICES_NEVER;
    return known;
}

static bool
overlap (const notices_listener_t *a, const notices_listener_t *b, uint64_t from, uint64_t to)
{
    const uint64_t begin = a->up_at > b->up_at ? a->up_at : b->up_at;
    const uint64_t end = a->down_at < b->down_at ? a->down_at : b->down_at;
    return begin <= end && begin <= to && end >= from;
}

/* No two listeners of the pool were there at the same time. */
static bool
was_one_at_a_time (const notices_t *run, uint32_t pool, uint64_t from, uint64_t to)
{
    for (size_t i = 0; i < run->listener_count; i++)
        for (size_t j = i + 1; j < run->listener_count; j++)
            if (run->listeners[i].pool == pool && run->listeners[j].pool == pool &&
                overlap (&run->listeners[i], &run->listeners[j], from, to))
                return false;
    return true;
}

/* The first delivery of one to a pool, in the order of time. */
static void
check_order (checking_t *checking, const notice_t *notice, const notice_delivery_t *first)
{
    notices_t *const run = checking->run;
    const uint32_t pool = pool_of (run, first);
    known_t *const known = known_of (checking, notice);
    if (!known)
        return;
    const uint64_t took = first->begin_at - notice->begin_at;
    if (first->begin_at > notice->begin_at && took > run->summary.slowest[pool])
        run->summary.slowest[pool] = took;
    if (known->since[pool] == NOTICES_NEVER)
        known->since[pool] = first->begin_at;
    if (notice->id > known->last_id[pool]) {
        known->last_id[pool] = notice->id;
        return;
    }
    if (!run->is_out_of_order && !run->notifiers[notice->notifier].has_no_order &&
        was_one_at_a_time (run, pool, notice->begin_at, first->begin_at))
        broke (run, NOTICES_ORDER, notice->id, "it came after %llu, which was sent later",
               (unsigned long long) (known->last_id[pool] & UINT32_MAX));
}

/* A delivery, and those of the same notification to the same pool that came before. */
static void
check_again (notices_t *run, const notice_t *notice, const notice_delivery_t *all,
             const notice_delivery_t *at, bool was_replaced)
{
    bool was_handled = false, was_requeued = false, is_same = false;
    const notice_delivery_t *before = NULL;
    for (const notice_delivery_t *i = all; i < at; i++) {
        if (i->id != at->id || pool_of (run, i) != pool_of (run, at))
            continue;
        before = i;
        was_handled = was_handled || i->end == NOTICE_HANDLED;
        was_requeued = was_requeued || i->end == NOTICE_REQUEUED;
        if (i->listener == at->listener && i->end == NOTICE_HANDLED && i->end_at < at->begin_at &&
            run->listeners[i->listener].drops_duplicates)
            broke (run, NOTICES_DUPLICATE, at->id, "it came again to a listener that had handled it");
        is_same = is_same || (i->redeliveries == at->redeliveries && (!at->redeliveries || !was_replaced));
    }
    run->summary.twice += before != NULL;
    if (is_same)
        broke (run, NOTICES_UNMARKED, at->id, "it came again to the pool %u with the count %u, as before",
               pool_of (run, at), at->redeliveries);
    else if ((at->redeliveries || before) && (was_handled || !was_requeued) && !was_replaced &&
             run->is_disturbed && !run->is_disturbed (run->user, notice->begin_at, at->begin_at))
        broke (run, NOTICES_NEEDLESS, at->id,
               "it came to the pool %u with the count %u%s, and nothing was disturbed", pool_of (run, at),
               at->redeliveries,
               before ? was_handled ? ", and was handled before" : ", and had come before"
                      : ", and had not come before");
}

static int
compare_ids (const void *a_item, const void *b_item)
{
    const notice_delivery_t *const a = a_item, *const b = b_item;
    const int by_id = compare_numbers (a->id, b->id);
    return by_id ? by_id : compare_times (a, b);
}

static void
check_pools (checking_t *checking, const notice_t *notice, const notice_delivery_t *all, size_t count)
{
    notices_t *const run = checking->run;
    notices_notifier_t *const notifier = &run->notifiers[notice->notifier];
    uint32_t handled = 0;
    for (size_t i = 0; i < count; i++)
        if (all[i].end == NOTICE_HANDLED)
            handled |= 1u << pool_of (run, &all[i]);
    const known_t *const known = known_of (checking, notice);
    for (uint32_t pool = 0; pool < NOTICES_POOLS && known; pool++) {
        const bool counts = notifier->declared >> pool & 1 || known->since[pool] < notice->begin_at;
        if (!counts || handled >> pool & 1)
            continue;
        if (notifier->is_lost || notifier->dropped) {
            run->summary.gone++;
            notifier->dropped -= !notifier->is_lost;
        } else {
            broke (run, NOTICES_LOST, notice->id, "it was accepted, and the pool %u has not handled it",
                   pool);
        }
    }
}

/* One notification, with its deliveries in the order of time. */
static void
check_one (checking_t *checking, const notice_t *notice, const notice_delivery_t *all, size_t count)
{
    notices_t *const run = checking->run;
    run->summary.sent++;
    run->summary.accepted += notice->fate == NOTICE_ACCEPTED;
    run->summary.dropped += notice->fate == NOTICE_DROPPED;
    if (count && (notice->fate == NOTICE_REFUSED || notice->fate == NOTICE_DROPPED))
        broke (run, NOTICES_DENIED, notice->id, "it was %s, and delivered all the same",
               notice->fate == NOTICE_REFUSED ? "refused" : "dropped");
    for (size_t i = 0; i < count; i++)
        check_again (run, notice, all, &all[i], run->notifiers[notice->notifier].was_replaced);
    if (notice->fate == NOTICE_ACCEPTED)
        check_pools (checking, notice, all, count);
}

/* Deliveries in the order of time: order, and what nobody sent. */
static void
check_in_time (checking_t *checking)
{
    notices_t *const run = checking->run;
    /* A bit for each pool that has got it, by the index of what was sent. */
    uint32_t *const got = calloc (run->sent_count + 1, sizeof *got);
    if (!got) {
        run->is_short = true;
        return;
    }
    for (size_t i = 0; i < run->delivery_count; i++) {
        const notice_delivery_t *const at = &run->deliveries[i];
        const notice_t *const notice = notices_find (run, at->id);
        run->summary.deliveries++;
        run->summary.marked += at->redeliveries > 0;
        run->summary.requeued += at->end == NOTICE_REQUEUED;
        if (!notice) {
            broke (run, NOTICES_UNKNOWN, at->id, "it was delivered, and nobody has sent it");
            continue;
        }
        const uint32_t bit = 1u << pool_of (run, at);
        if (!(got[notice - run->sent] & bit))
            check_order (checking, notice, at);
        got[notice - run->sent] |= bit;
    }
    free (got);
}

void
notices_check (notices_t *run)
{
    checking_t checking = {.run = run};
    memset (&run->summary, 0, sizeof run->summary);
    notices_sort (run);
    if (run->delivery_count)
        qsort (run->deliveries, run->delivery_count, sizeof *run->deliveries, compare_times);
    check_in_time (&checking);
    if (run->delivery_count)
        qsort (run->deliveries, run->delivery_count, sizeof *run->deliveries, compare_ids);
    size_t at = 0;
    for (size_t i = 0; i < run->sent_count; i++) {
        while (at < run->delivery_count && run->deliveries[at].id < run->sent[i].id)
            at++;
        size_t count = 0;
        while (at + count < run->delivery_count && run->deliveries[at + count].id == run->sent[i].id)
            count++;
        check_one (&checking, &run->sent[i], run->deliveries ? &run->deliveries[at] : NULL, count);
        at += count;
    }
    free (checking.known);
}
