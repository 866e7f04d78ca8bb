/* SPDX-License-Identifier: Apache-2.0 */
/* Writing records: neither a lock nor a system call, unless a call has failed or was slow. All of it is
 * inline, so that what a caller knows goes into the record without a struct in between. */
#ifndef GODWIT_SRC_BLACKBOX_RECORD_H
#define GODWIT_SRC_BLACKBOX_RECORD_H

#include "src/blackbox/blackbox.h"

/* What is known at the beginning. */
typedef struct godwit__begun {
    godwit__box_side_t side;
    godwit__box_kind_t kind;
    int64_t at_ns;
    const godwit_trace_t *trace; /* its trace id; of a client also its span id */
    uint64_t span, parent;
    uint64_t wire_id; /* 0: not known yet */
    uint32_t name, peer;
    int64_t sent_ns; /* 0: not yet */
    uint64_t load;
    uint32_t server_id;
} godwit__begun_t;

/* What the end adds. */
typedef struct godwit__ended {
    int64_t ended_ns;
    int64_t replied_ns; /* 0: with the end */
    godwit_status_t status;
    godwit_outcome_t outcome;
    uint32_t attempts; /* at most 65535 are told */
    unsigned flags;
    uint32_t request_size, reply_size;
    uint64_t wire_id;
    uint32_t server_id;
} godwit__ended_t;

/* ---- its words ---- */

static inline void
godwit__box_set (godwit__box_record_t *record, unsigned word, uint64_t value)
{
    atomic_store_explicit (&record->word[word], value, memory_order_relaxed);
}

static inline uint64_t
godwit__box_word (const godwit__box_record_t *record, unsigned word)
{
    return atomic_load_explicit (&record->word[word], memory_order_relaxed);
}

static inline uint64_t
godwit__box_mark (uint64_t number, const godwit__begun_t *begun, godwit__box_state_t state)
{
    return number << 8 | (uint64_t) begun->kind << 4 | (uint64_t) begun->side << 2 | state;
}

static inline godwit__box_state_t
godwit__box_state_of (uint64_t mark)
{
    return (godwit__box_state_t) (mark & 3);
}

/* NULL: it has another owner. */
static inline godwit__box_record_t *
godwit__box_claim (godwit__box_record_t *record, uint64_t busy)
{
    uint64_t old = godwit__box_word (record, GODWIT__BOX_MARK);
    const godwit__box_state_t state = godwit__box_state_of (old);
    if (state == GODWIT__BOX_RUNNING || state == GODWIT__BOX_BUSY ||
        !atomic_compare_exchange_strong_explicit (&record->word[GODWIT__BOX_MARK], &old, busy,
                                                  memory_order_acquire, memory_order_relaxed))
        return NULL;
    /* Who sees one of the words that follow sees that the record is being written. */
    atomic_thread_fence (memory_order_release);
    return record;
}

static inline void
godwit__box_write_begun (godwit__box_record_t *record, const godwit__begun_t *begun)
{
    uint64_t high, low;
    memcpy (&high, begun->trace->trace_id, sizeof high);
    memcpy (&low, begun->trace->trace_id + sizeof high, sizeof low);
    godwit__box_set (record, GODWIT__BOX_AT, (uint64_t) begun->at_ns);
    godwit__box_set (record, GODWIT__BOX_TRACE_HIGH, high);
    godwit__box_set (record, GODWIT__BOX_TRACE_LOW, low);
    godwit__box_set (record, GODWIT__BOX_SPAN, begun->span);
    godwit__box_set (record, GODWIT__BOX_PARENT, begun->parent);
    godwit__box_set (record, GODWIT__BOX_WIRE_ID, begun->wire_id);
    godwit__box_set (record, GODWIT__BOX_NAME, (uint64_t) begun->name << 32 | begun->peer);
    godwit__box_set (record, GODWIT__BOX_SENT,
                     begun->sent_ns ? 1 + (uint64_t) (begun->sent_ns - begun->at_ns) : 0);
    godwit__box_set (record, GODWIT__BOX_LOAD, begun->load);
    godwit__box_set (record, GODWIT__BOX_SERVER_ID, begun->server_id);
}

static inline void
godwit__box_write_ended (godwit__box_record_t *record, const godwit__ended_t *ended)
{
    const uint64_t at = godwit__box_word (record, GODWIT__BOX_AT);
    const uint64_t attempts = ended->attempts < UINT16_MAX ? ended->attempts : UINT16_MAX;
    godwit__box_set (record, GODWIT__BOX_ENDED, (uint64_t) ended->ended_ns - at);
    godwit__box_set (record, GODWIT__BOX_REPLIED,
                     ended->replied_ns ? 1 + (uint64_t) ended->replied_ns - at : 0);
    godwit__box_set (record, GODWIT__BOX_END,
                     (uint64_t) ended->status << 56 | (uint64_t) ended->outcome << 48 | attempts << 32 |
                         ended->flags);
    godwit__box_set (record, GODWIT__BOX_SIZES, (uint64_t) ended->request_size << 32 | ended->reply_size);
    godwit__box_set (record, GODWIT__BOX_WIRE_ID, ended->wire_id);
    godwit__box_set (record, GODWIT__BOX_SERVER_ID, ended->server_id);
}

/* ---- a record ---- */

/* A place that a running call has is left to it. So many places are looked at. */
#define GODWIT__BOX_PLACES_TRIED 8

/* Begins a record. NULL: there is no box, or all places near the ring's end are taken by calls that run. */
static inline godwit__box_record_t *
godwit__box_begin (godwit__box_t *box, const godwit__begun_t *begun)
{
    godwit__box_record_t *record = NULL;
    uint64_t number = 0;
    if (!box)
        return NULL;
    for (int i = 0; i < GODWIT__BOX_PLACES_TRIED && !record; i++) {
        number = atomic_fetch_add_explicit (&box->next, 1, memory_order_relaxed);
        record = godwit__box_claim (&box->at.records[number & box->mask],
                                    godwit__box_mark (number, begun, GODWIT__BOX_BUSY));
    }
    if (!record)
        return NULL;
    godwit__box_write_begun (record, begun);
    atomic_store_explicit (&record->word[GODWIT__BOX_MARK],
                           godwit__box_mark (number, begun, GODWIT__BOX_RUNNING), memory_order_release);
    return record;
}

/* A call was handed over to a server, perhaps again. record may be NULL. */
static inline void
godwit__box_sent (godwit__box_record_t *record, int64_t sent_ns, uint32_t peer)
{
    if (!record)
        return;
    const uint64_t at = godwit__box_word (record, GODWIT__BOX_AT);
    const uint64_t name = godwit__box_word (record, GODWIT__BOX_NAME) >> 32 << 32;
    godwit__box_set (record, GODWIT__BOX_SENT, 1 + (uint64_t) sent_ns - at);
    godwit__box_set (record, GODWIT__BOX_NAME, name | peer);
}

/* The limit of a span of time that is over holds until somebody who is above it begins the next one. So that
 * it is begun, one of so many calls looks. */
#define GODWIT__BOX_LOOKS 1024

/* What is rare: copies a record that failed, or may be among the slowest. mark: with which it is done. */
void godwit__box_keep (godwit__box_t *box, const godwit__box_record_t *record, uint64_t mark,
                       int64_t ended_ns, bool has_failed);

/* Ends a record. record may be NULL. */
static inline void
godwit__box_finish (godwit__box_t *box, godwit__box_record_t *record, const godwit__ended_t *ended)
{
    if (!record)
        return;
    godwit__box_write_ended (record, ended);
    const uint64_t mark = godwit__box_word (record, GODWIT__BOX_MARK) | GODWIT__BOX_DONE;
    const int64_t took_ns = (int64_t) godwit__box_word (record, GODWIT__BOX_ENDED);
    if (ended->status || took_ns > atomic_load_explicit (&box->slow_ns, memory_order_relaxed) ||
        (mark >> 8) % GODWIT__BOX_LOOKS == 0)
        godwit__box_keep (box, record, mark, ended->ended_ns, ended->status != GODWIT_OK);
    atomic_store_explicit (&record->word[GODWIT__BOX_MARK], mark, memory_order_release);
}

/* A record whose beginning and end are known at once, and which has failed: it is put among the failures
 * alone. */
void godwit__box_add_failure (godwit__box_t *box, const godwit__begun_t *begun, const godwit__ended_t *ended);

#endif
