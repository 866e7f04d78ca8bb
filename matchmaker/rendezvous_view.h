/* SPDX-License-Identifier: Apache-2.0 */
/* What one matchmaker knows of the records: the union of what its sources (rendezvous points) tell. It is the
 * place where static stability is kept: only the last source that has a record, and says that it is no more,
 * removes it. What a source had when it was lost stays, until it expires or is told again.
 *
 *               a source tells it                       the last source that had it is lost
 *    unknown -----------------------> held (by sources) -----------------------------------> orphaned
 *       ^                               |       ^                                              |   |
 *       +-- the last source drops it ---+       +------------ a source tells it ---------------+   |
 *       +-- 3 x refresh passed, or the source returned, the same as before, without it -----------+
 */
#ifndef GODWIT_MATCHMAKER_RENDEZVOUS_VIEW_H
#define GODWIT_MATCHMAKER_RENDEZVOUS_VIEW_H

#include "matchmaker/rendezvous_wire.h"
#include "src/base/table.h"

#define GODWIT__VIEW_RECORDS_MAX 65536
#define GODWIT__VIEW_SIZE_MAX ((size_t) 64 * 1024 * 1024)

typedef struct godwit__view_entry {
    godwit__table_node_t node;
    godwit__record_t *record;
    size_t size;
    uint32_t held_by;   /* a bit for each source that has it; 32 are enough */
    uint32_t lost_by;   /* ... that had it when it was lost */
    uint32_t marked_by; /* ... that told it since its snapshot began */
    int64_t expires_ns; /* if nobody holds it */
    bool withdrawn;     /* a source says that its own process withdrew it */
} godwit__view_entry_t;

typedef struct godwit__view {
    godwit__table_t table;
    uint64_t seed;
    size_t size;
    godwit__reactor_t *reactor;
    int64_t refresh_ms;
    godwit__timer_t sweep;
    const godwit__matchmaker_events_t *events;
    void *user;
} godwit__view_t;

void godwit__view_open (godwit__view_t *view, const godwit__matchmaker_options_t *options,
                        const godwit__matchmaker_events_t *events, void *user);
void godwit__view_close (godwit__view_t *view);

/* False: a limit was reached; the record is not known then. */
bool godwit__view_seen (godwit__view_t *view, unsigned source, godwit__record_t *record);
void godwit__view_gone (godwit__view_t *view, unsigned source, const uint8_t instance[GODWIT__UUID_SIZE],
                        uint32_t server_id, bool withdrawn);
/* Around the records of a snapshot. is_same: it is the host that was there before, and what it does not tell
 * it has dropped; otherwise it may just not have heard yet. */
void godwit__view_begin (godwit__view_t *view, unsigned source);
void godwit__view_end (godwit__view_t *view, unsigned source, bool is_same);
void godwit__view_lost (godwit__view_t *view, unsigned source);
/* The same for good: another source may get its number. */
void godwit__view_removed (godwit__view_t *view, unsigned source);

#endif
