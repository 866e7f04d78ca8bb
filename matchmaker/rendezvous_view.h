/* SPDX-License-Identifier: Apache-2.0 */
/* The records that one matchmaker knows: the union of the records of its sources (rendezvous points). It
 * keeps static stability: a record is removed only when the last source that has it says that it is gone.
 * Records of a lost source stay, until they expire or a source tells them again.
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
    uint32_t held_by;   /* a bit for each source that has the record; 32 are enough */
    uint32_t lost_by;   /* ... that had it when the source was lost */
    uint32_t marked_by; /* ... that told it since its snapshot began */
    int64_t expires_ns; /* if no source holds it */
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
/* Call begin and end around the records of a snapshot. is_same: it is the same host as before, so it has
 * dropped the records that it does not tell. Another host may not have heard of them yet. */
void godwit__view_begin (godwit__view_t *view, unsigned source);
void godwit__view_end (godwit__view_t *view, unsigned source, bool is_same);
void godwit__view_lost (godwit__view_t *view, unsigned source);
/* The source is gone for good: another source may get its number. */
void godwit__view_removed (godwit__view_t *view, unsigned source);

#endif
