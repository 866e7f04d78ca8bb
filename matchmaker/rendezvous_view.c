/* SPDX-License-Identifier: Apache-2.0 */
#include "matchmaker/rendezvous_view.h"

#include "src/base/hash.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_ENTRY(view_) GODWIT__TABLE_FIRST (&(view_)->table, godwit__view_entry_t, node)
#define NEXT_ENTRY(view_, entry_) GODWIT__TABLE_NEXT (&(view_)->table, entry_, godwit__view_entry_t, node)

static uint64_t
key_hash (const godwit__view_t *view, const uint8_t instance[GODWIT__UUID_SIZE], uint32_t server_id)
{
    return godwit__hash (view->seed + server_id, instance, GODWIT__UUID_SIZE);
}

static godwit__view_entry_t *
find (const godwit__view_t *view, uint64_t hash, const uint8_t instance[GODWIT__UUID_SIZE],
      uint32_t server_id)
{
    godwit__view_entry_t *entry = GODWIT__TABLE_FIND (&view->table, hash, godwit__view_entry_t, node);
    while (entry && (entry->record->server_id != server_id ||
                     memcmp (entry->record->instance, instance, GODWIT__UUID_SIZE) != 0))
        entry = GODWIT__TABLE_FIND_NEXT (entry, godwit__view_entry_t, node);
    return entry;
}

static void
forget (godwit__view_t *view, godwit__view_entry_t *entry)
{
    godwit__table_remove (&view->table, &entry->node);
    view->size -= entry->size;
    godwit__record_unref (&entry->record);
    free (entry);
}

/* No source has the record any more. */
static void
drop (godwit__view_t *view, godwit__view_entry_t *entry)
{
    godwit__record_t *record = godwit__record_ref (entry->record);
    const bool withdrawn = entry->withdrawn;
    forget (view, entry);
    view->events->gone (view->user, record->instance, record->server_id, withdrawn);
    godwit__record_unref (&record);
}

static godwit__view_entry_t *
add (godwit__view_t *view, uint64_t hash, godwit__record_t *record)
{
    const size_t size = godwit__record_bound (record);
    if (view->table.count >= GODWIT__VIEW_RECORDS_MAX || view->size + size > GODWIT__VIEW_SIZE_MAX)
        return NULL;
    godwit__view_entry_t *entry = calloc (1, sizeof *entry);
    if (!entry)
        return NULL;
    entry->record = godwit__record_ref (record);
    entry->size = size;
    view->size += size;
    godwit__table_insert (&view->table, &entry->node, hash);
    return entry;
}

static void
replace (godwit__view_t *view, godwit__view_entry_t *entry, godwit__record_t *record)
{
    const size_t size = godwit__record_bound (record);
    godwit__record_unref (&entry->record);
    entry->record = godwit__record_ref (record);
    view->size = view->size - entry->size + size;
    entry->size = size;
}

bool
godwit__view_seen (godwit__view_t *view, unsigned source, godwit__record_t *record)
{
    const uint32_t bit = UINT32_C (1) << source;
    const uint64_t hash = key_hash (view, record->instance, record->server_id);
    godwit__view_entry_t *entry = find (view, hash, record->instance, record->server_id);
    bool changed = true;
    if (!entry) {
        entry = add (view, hash, record);
        if (!entry)
            return false;
    } else if (godwit__record_is_newer (record, entry->record)) {
        replace (view, entry, record);
    } else {
        changed = false; /* a source may also lag behind another */
    }
    entry->held_by |= bit;
    entry->marked_by |= bit;
    entry->lost_by &= ~bit;
    if (!changed)
        return true;
    entry->withdrawn = false;
    view->events->seen (view->user, record);
    return true;
}

void
godwit__view_gone (godwit__view_t *view, unsigned source, const uint8_t instance[GODWIT__UUID_SIZE],
                   uint32_t server_id, bool withdrawn)
{
    const uint32_t bit = UINT32_C (1) << source;
    godwit__view_entry_t *entry = find (view, key_hash (view, instance, server_id), instance, server_id);
    if (!entry)
        return;
    entry->held_by &= ~bit;
    entry->lost_by &= ~bit;
    entry->withdrawn |= withdrawn;
    if (!entry->held_by)
        drop (view, entry);
}

/* Calls visit on each entry; visit may forget that entry, and no other. */
static void
visit_all (godwit__view_t *view, void (*visit) (godwit__view_t *, godwit__view_entry_t *, uint32_t bit),
           uint32_t bit)
{
    for (godwit__view_entry_t *at = FIRST_ENTRY (view), *next; at; at = next) {
        next = NEXT_ENTRY (view, at);
        visit (view, at, bit);
    }
}

static void
unmark (godwit__view_t *view, godwit__view_entry_t *entry, uint32_t bit)
{
    (void) view;
    entry->marked_by &= ~bit;
}

void
godwit__view_begin (godwit__view_t *view, unsigned source)
{
    visit_all (view, unmark, UINT32_C (1) << source);
}

static void
drop_unmarked (godwit__view_t *view, godwit__view_entry_t *entry, uint32_t bit)
{
    if ((entry->marked_by & bit) || !((entry->held_by | entry->lost_by) & bit))
        return;
    entry->held_by &= ~bit;
    entry->lost_by &= ~bit;
    if (!entry->held_by)
        drop (view, entry);
}

static void
forget_loss (godwit__view_t *view, godwit__view_entry_t *entry, uint32_t bit)
{
    (void) view;
    entry->lost_by &= ~bit;
}

void
godwit__view_end (godwit__view_t *view, unsigned source, bool is_same)
{
    visit_all (view, is_same ? drop_unmarked : forget_loss, UINT32_C (1) << source);
}

static int64_t
refresh_ns (const godwit__view_t *view)
{
    return view->refresh_ms * GODWIT__NS_PER_MS;
}

static void
orphan (godwit__view_t *view, godwit__view_entry_t *entry, uint32_t bit)
{
    if (!(entry->held_by & bit))
        return;
    entry->held_by &= ~bit;
    entry->lost_by |= bit;
    if (entry->held_by)
        return;
    const int64_t now = godwit__reactor_now (view->reactor);
    entry->expires_ns = now + 3 * refresh_ns (view);
    if (!view->sweep.heap_index)
        godwit__reactor_arm (view->reactor, &view->sweep, now + refresh_ns (view));
}

void
godwit__view_lost (godwit__view_t *view, unsigned source)
{
    visit_all (view, orphan, UINT32_C (1) << source);
}

static void
erase (godwit__view_t *view, godwit__view_entry_t *entry, uint32_t bit)
{
    (void) view;
    entry->lost_by &= ~bit;
    entry->marked_by &= ~bit;
}

void
godwit__view_removed (godwit__view_t *view, unsigned source)
{
    godwit__view_lost (view, source);
    visit_all (view, erase, UINT32_C (1) << source);
}

static void
on_sweep (godwit__timer_t *timer)
{
    godwit__view_t *view = timer->user;
    const int64_t now = godwit__reactor_now (view->reactor);
    /* Time in which this process did not run does not count: it could not have heard anything. */
    const int64_t late = now - timer->deadline_ns;
    const int64_t lost = late > refresh_ns (view) ? late : 0;
    bool orphans = false;
    for (godwit__view_entry_t *entry = FIRST_ENTRY (view), *next; entry; entry = next) {
        next = NEXT_ENTRY (view, entry);
        if (entry->held_by)
            continue;
        entry->expires_ns += lost;
        if (entry->expires_ns <= now)
            drop (view, entry);
        else
            orphans = true;
    }
    if (orphans)
        godwit__reactor_arm (view->reactor, &view->sweep, now + refresh_ns (view));
}

void
godwit__view_open (godwit__view_t *view, const godwit__matchmaker_options_t *options,
                   const godwit__matchmaker_events_t *events, void *user)
{
    memset (view, 0, sizeof *view);
    view->seed = options->seed ^ UINT64_C (0x6d61746368);
    view->reactor = options->reactor;
    view->refresh_ms = options->refresh_ms;
    view->sweep.fire = on_sweep;
    view->sweep.user = view;
    view->events = events;
    view->user = user;
    godwit__table_init (&view->table);
}

void
godwit__view_close (godwit__view_t *view)
{
    godwit__reactor_disarm (view->reactor, &view->sweep);
    for (godwit__view_entry_t *at; (at = FIRST_ENTRY (view));)
        forget (view, at);
    godwit__table_release (&view->table);
}
