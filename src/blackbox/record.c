/* SPDX-License-Identifier: Apache-2.0 */
/* Writing records. Neither a lock nor a system call, unless a call has failed or was slow. */
#include "src/blackbox/blackbox.h"

/* A place that a running call has is left to it. So many places are looked at. */
#define PLACES_TRIED 8

#define NS_PER_SPAN ((uint64_t) GODWIT__SLOW_SPAN_S * 1000000000)

static inline void
set (godwit__box_record_t *record, unsigned word, uint64_t value)
{
    atomic_store_explicit (&record->word[word], value, memory_order_relaxed);
}

static inline uint64_t
get (const godwit__box_record_t *record, unsigned word)
{
    return atomic_load_explicit (&record->word[word], memory_order_relaxed);
}

static inline uint64_t
mark_of (uint64_t number, const godwit__begun_t *begun, godwit__box_state_t state)
{
    return number << 8 | (uint64_t) begun->kind << 4 | (uint64_t) begun->side << 2 | state;
}

static inline godwit__box_state_t
state_of (uint64_t mark)
{
    return (godwit__box_state_t) (mark & 3);
}

/* NULL: it has another owner. */
static inline godwit__box_record_t *
claim (godwit__box_record_t *record, uint64_t busy)
{
    uint64_t old = get (record, GODWIT__BOX_MARK);
    const godwit__box_state_t state = state_of (old);
    if (state == GODWIT__BOX_RUNNING || state == GODWIT__BOX_BUSY ||
        !atomic_compare_exchange_strong_explicit (&record->word[GODWIT__BOX_MARK], &old, busy,
                                                  memory_order_acquire, memory_order_relaxed))
        return NULL;
    /* Who sees one of the words that follow sees that the record is being written. */
    atomic_thread_fence (memory_order_release);
    return record;
}

static void
write_begun (godwit__box_record_t *record, const godwit__begun_t *begun)
{
    uint64_t high, low;
    memcpy (&high, begun->trace->trace_id, sizeof high);
    memcpy (&low, begun->trace->trace_id + sizeof high, sizeof low);
    set (record, GODWIT__BOX_AT, (uint64_t) begun->at_ns);
    set (record, GODWIT__BOX_TRACE_HIGH, high);
    set (record, GODWIT__BOX_TRACE_LOW, low);
    set (record, GODWIT__BOX_SPAN, begun->span);
    set (record, GODWIT__BOX_PARENT, begun->parent);
    set (record, GODWIT__BOX_WIRE_ID, begun->wire_id);
    set (record, GODWIT__BOX_NAME, (uint64_t) begun->name << 32 | begun->peer);
    set (record, GODWIT__BOX_SENT, begun->sent_ns ? (uint64_t) (begun->sent_ns - begun->at_ns) : 0);
    set (record, GODWIT__BOX_LOAD, begun->load);
    set (record, GODWIT__BOX_SERVER_ID, begun->server_id);
}

static void
write_ended (godwit__box_record_t *record, const godwit__ended_t *ended)
{
    const uint64_t at = get (record, GODWIT__BOX_AT);
    const uint64_t attempts = ended->attempts < UINT16_MAX ? ended->attempts : UINT16_MAX;
    set (record, GODWIT__BOX_ENDED, (uint64_t) ended->ended_ns - at);
    set (record, GODWIT__BOX_REPLIED, ended->replied_ns ? (uint64_t) ended->replied_ns - at : 0);
    set (record, GODWIT__BOX_END,
         (uint64_t) ended->status << 56 | (uint64_t) ended->outcome << 48 | attempts << 32 | ended->flags);
    set (record, GODWIT__BOX_SIZES, (uint64_t) ended->request_size << 32 | ended->reply_size);
    set (record, GODWIT__BOX_WIRE_ID, ended->wire_id);
    set (record, GODWIT__BOX_SERVER_ID, ended->server_id);
}

godwit__box_record_t *
godwit__box_begin (godwit__box_t *box, const godwit__begun_t *begun)
{
    godwit__box_record_t *record = NULL;
    uint64_t number = 0;
    if (!box)
        return NULL;
    for (int i = 0; i < PLACES_TRIED && !record; i++) {
        number = atomic_fetch_add_explicit (&box->next, 1, memory_order_relaxed);
        record = claim (&box->at.records[number & box->mask], mark_of (number, begun, GODWIT__BOX_BUSY));
    }
    if (!record)
        return NULL;
    write_begun (record, begun);
    atomic_store_explicit (&record->word[GODWIT__BOX_MARK], mark_of (number, begun, GODWIT__BOX_RUNNING),
                           memory_order_release);
    return record;
}

/* ---- copies ---- */

/* With the lock, from a record that nobody else writes. */
static void
copy (godwit__box_record_t *to, const godwit__box_record_t *from, uint64_t mark)
{
    uint64_t words[GODWIT__BOX_WORDS];
    godwit__box_get (words, from->word, GODWIT__BOX_WORDS);
    set (to, GODWIT__BOX_MARK, 0);
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
        set (&slow[i], GODWIT__BOX_MARK, 0);
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

/* The limit of a span that is over holds until somebody who is above it begins the next one. So that it is
 * begun, one of so many calls looks. */
#define LOOKS 1024

static inline bool
may_be_slow (const godwit__box_t *box, uint64_t mark, int64_t took_ns)
{
    return took_ns > atomic_load_explicit (&box->slow_ns, memory_order_relaxed) || (mark >> 8) % LOOKS == 0;
}

void
godwit__box_finish (godwit__box_t *box, godwit__box_record_t *record, const godwit__ended_t *ended)
{
    if (!record)
        return;
    write_ended (record, ended);
    const uint64_t mark = (get (record, GODWIT__BOX_MARK) & ~(uint64_t) 3) | (uint64_t) GODWIT__BOX_DONE;
    const int64_t took_ns = (int64_t) get (record, GODWIT__BOX_ENDED);
    if (ended->status)
        keep_failure (box, record, mark);
    if (may_be_slow (box, mark, took_ns))
        keep_slow (box, record, mark, ended->ended_ns, took_ns);
    atomic_store_explicit (&record->word[GODWIT__BOX_MARK], mark, memory_order_release);
}

void
godwit__box_add_failure (godwit__box_t *box, const godwit__begun_t *begun, const godwit__ended_t *ended)
{
    godwit__box_record_t record = {0};
    if (!box)
        return;
    const uint64_t number = atomic_fetch_add_explicit (&box->next, 1, memory_order_relaxed);
    write_begun (&record, begun);
    write_ended (&record, ended);
    keep_failure (box, &record, mark_of (number, begun, GODWIT__BOX_DONE));
}
