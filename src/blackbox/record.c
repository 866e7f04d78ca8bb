/* SPDX-License-Identifier: Apache-2.0 */
/* Records that are kept longer than the ring has room for: failures, and the slowest. */
#include "src/blackbox/record.h"

#define NS_PER_SPAN ((uint64_t) GODWIT__SLOW_SPAN_S * 1000000000)

/* With the lock, from a record that nobody else writes. */
static void
copy (godwit__box_record_t *to, const godwit__box_record_t *from, uint64_t mark)
{
    uint64_t words[GODWIT__BOX_WORDS];
    godwit__box_get (words, from->word, GODWIT__BOX_WORDS);
    godwit__box_set (to, GODWIT__BOX_MARK, 0);
    atomic_thread_fence (memory_order_release);
    godwit__box_put (to->word + 1, words + 1, GODWIT__BOX_WORDS - 1);
    atomic_store_explicit (&to->word[GODWIT__BOX_MARK], mark, memory_order_release);
}

static void
keep_failure (godwit__box_t *box, const godwit__box_record_t *record, uint64_t mark)
{
    pthread_mutex_lock (&box->lock);
    box->has_failed |= (mark >> 2 & 3) == GODWIT__BOX_CLIENT;
    copy (&box->at.failures[box->failures++ % box->at.head->failure_count], record, mark);
    pthread_mutex_unlock (&box->lock);
}

/* With the lock: the place for a record that took so long among the slowest of the span; SLOW_EACH: it is
 * not. */
static size_t
slow_place (godwit__box_t *box, int64_t took_ns)
{
    size_t fastest = 0;
    if (box->slow_count < GODWIT__SLOW_EACH)
        return box->slow_count++;
    for (size_t i = 1; i < GODWIT__SLOW_EACH; i++)
        if (box->slowest[i] < box->slowest[fastest])
            fastest = i;
    return took_ns > box->slowest[fastest] ? fastest : GODWIT__SLOW_EACH;
}

/* With the lock: what is not slow enough from now on. */
static int64_t
slow_limit (const godwit__box_t *box)
{
    int64_t least = INT64_MAX;
    if (box->slow_count < GODWIT__SLOW_EACH)
        return 0;
    for (size_t i = 0; i < GODWIT__SLOW_EACH; i++)
        if (box->slowest[i] < least)
            least = box->slowest[i];
    return least;
}

/* With the lock: a new span of time begins with the first call that ends in it. */
static void
begin_span (godwit__box_t *box, uint64_t span)
{
    godwit__box_record_t *const slow = box->at.slow + span % GODWIT__SLOW_SPANS * GODWIT__SLOW_EACH;
    for (size_t i = 0; i < GODWIT__SLOW_EACH; i++)
        godwit__box_set (&slow[i], GODWIT__BOX_MARK, 0);
    box->slow_span = span;
    box->slow_count = 0;
}

static void
keep_slow (godwit__box_t *box, const godwit__box_record_t *record, uint64_t mark, int64_t ended_ns,
           int64_t took_ns)
{
    const uint64_t span = (uint64_t) ended_ns / NS_PER_SPAN;
    pthread_mutex_lock (&box->lock);
    if (span != box->slow_span)
        begin_span (box, span);
    const size_t place = slow_place (box, took_ns);
    if (place < GODWIT__SLOW_EACH) {
        box->slowest[place] = took_ns;
        copy (box->at.slow + span % GODWIT__SLOW_SPANS * GODWIT__SLOW_EACH + place, record, mark);
    }
    atomic_store_explicit (&box->slow_ns, slow_limit (box), memory_order_relaxed);
    pthread_mutex_unlock (&box->lock);
}

void
godwit__box_keep (godwit__box_t *box, const godwit__box_record_t *record, uint64_t mark, int64_t ended_ns,
                  bool has_failed)
{
    const int64_t took_ns = (int64_t) godwit__box_word (record, GODWIT__BOX_ENDED);
    if (has_failed)
        keep_failure (box, record, mark);
    keep_slow (box, record, mark, ended_ns, took_ns);
}

void
godwit__box_add_failure (godwit__box_t *box, const godwit__begun_t *begun, const godwit__ended_t *ended)
{
    godwit__box_record_t record = {0};
    if (!box)
        return;
    const uint64_t number = atomic_fetch_add_explicit (&box->next, 1, memory_order_relaxed);
    godwit__box_write_begun (&record, begun);
    godwit__box_write_ended (&record, ended);
    keep_failure (box, &record, godwit__box_mark (number, begun, GODWIT__BOX_DONE));
}
