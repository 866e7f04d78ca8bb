/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmq/load.h"

#include "src/base/hash.h"

#include <stdlib.h>

#define SWEEP_LEAST 64

typedef struct entry {
    godwit__table_node_t by_routing_id;
    godwit__routing_id_t routing_id;
    godwit__load_t *load;
} entry_t;

#define FIRST_ENTRY(loads_) GODWIT__TABLE_FIRST (&(loads_)->entries, entry_t, by_routing_id)
#define NEXT_ENTRY(loads_, entry_) GODWIT__TABLE_NEXT (&(loads_)->entries, entry_, entry_t, by_routing_id)

godwit__load_t *
godwit__load_new (void)
{
    godwit__load_t *load = malloc (sizeof *load);
    if (!load)
        return NULL;
    atomic_init (&load->refs, 1);
    atomic_init (&load->size, 0);
    return load;
}

void
godwit__load_unref (godwit__load_t *load)
{
    if (load && atomic_fetch_sub_explicit (&load->refs, 1, memory_order_acq_rel) == 1)
        free (load);
}

void
godwit__loads_init (godwit__loads_t *loads)
{
    pthread_mutex_init (&loads->lock, NULL);
    godwit__table_init (&loads->entries);
    loads->sweep_at = SWEEP_LEAST;
}

static void
forget (godwit__loads_t *loads, entry_t *entry)
{
    godwit__table_remove (&loads->entries, &entry->by_routing_id);
    godwit__load_unref (entry->load);
    free (entry);
}

void
godwit__loads_release (godwit__loads_t *loads)
{
    for (entry_t *entry; (entry = FIRST_ENTRY (loads));)
        forget (loads, entry);
    godwit__table_release (&loads->entries);
    pthread_mutex_destroy (&loads->lock);
}

/* Lock held, so nobody else can get a reference meanwhile. A load without other references has no message on
 * its way. */
static void
sweep (godwit__loads_t *loads)
{
    for (entry_t *entry = FIRST_ENTRY (loads), *next; entry; entry = next) {
        next = NEXT_ENTRY (loads, entry);
        if (atomic_load_explicit (&entry->load->refs, memory_order_acquire) == 1)
            forget (loads, entry);
    }
    const size_t left = loads->entries.count;
    loads->sweep_at = 2 * left < SWEEP_LEAST ? SWEEP_LEAST : 2 * left;
}

/* Lock held. */
static entry_t *
add (godwit__loads_t *loads, godwit__routing_id_t routing_id, uint64_t hash)
{
    if (loads->entries.count >= loads->sweep_at)
        sweep (loads);
    entry_t *entry = calloc (1, sizeof *entry);
    if (!entry)
        return NULL;
    entry->routing_id = routing_id;
    entry->load = godwit__load_new ();
    if (!entry->load) {
        free (entry);
        return NULL;
    }
    godwit__table_insert (&loads->entries, &entry->by_routing_id, hash);
    return entry;
}

godwit__load_t *
godwit__loads_get (godwit__loads_t *loads, godwit__routing_id_t routing_id)
{
    const uint64_t hash = godwit__mix (routing_id);
    pthread_mutex_lock (&loads->lock);
    entry_t *entry = GODWIT__TABLE_FIND (&loads->entries, hash, entry_t, by_routing_id);
    while (entry && entry->routing_id != routing_id)
        entry = GODWIT__TABLE_FIND_NEXT (entry, entry_t, by_routing_id);
    if (!entry)
        entry = add (loads, routing_id, hash);
    godwit__load_t *load = entry ? godwit__load_ref (entry->load) : NULL;
    pthread_mutex_unlock (&loads->lock);
    return load;
}
