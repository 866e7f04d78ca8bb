#include "drivers/zmq/load.h"

#include <stdlib.h>

/* uthash ends the process when memory is short unless told otherwise. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define SWEEP_LEAST 64

struct godwit__loads_entry {
    godwit__origin_t origin;
    godwit__load_t *load;
    UT_hash_handle hh;
};

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
    loads->entries = NULL;
    loads->sweep_at = SWEEP_LEAST;
}

static void
forget (godwit__loads_t *loads, struct godwit__loads_entry *entry)
{
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the table goes with its last entry only */
    HASH_DEL (loads->entries, entry);
    godwit__load_unref (entry->load);
    free (entry);
}

void
godwit__loads_release (godwit__loads_t *loads)
{
    struct godwit__loads_entry *entry, *next;
    HASH_ITER (hh, loads->entries, entry, next)
    forget (loads, entry);
    pthread_mutex_destroy (&loads->lock);
}

/* Lock held. Nobody else can get a reference meanwhile; who has none has no message on its way either. */
static void
sweep (godwit__loads_t *loads)
{
    struct godwit__loads_entry *entry, *next;
    HASH_ITER (hh, loads->entries, entry, next)
    {
        if (atomic_load_explicit (&entry->load->refs, memory_order_acquire) == 1)
            forget (loads, entry);
    }
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): as above */
    const size_t left = HASH_COUNT (loads->entries);
    loads->sweep_at = 2 * left < SWEEP_LEAST ? SWEEP_LEAST : 2 * left;
}

/* Lock held. */
static struct godwit__loads_entry *
add (godwit__loads_t *loads, godwit__origin_t origin)
{
    if (HASH_COUNT (loads->entries) >= loads->sweep_at)
        sweep (loads);
    struct godwit__loads_entry *entry = calloc (1, sizeof *entry);
    if (!entry)
        return NULL;
    entry->origin = origin;
    entry->load = godwit__load_new ();
    if (entry->load)
        HASH_ADD (hh, loads->entries, origin, sizeof entry->origin, entry);
    if (entry->load && entry->hh.tbl)
        return entry;
    godwit__load_unref (entry->load);
    free (entry);
    return NULL;
}

godwit__load_t *
godwit__loads_get (godwit__loads_t *loads, godwit__origin_t origin)
{
    struct godwit__loads_entry *entry = NULL;
    pthread_mutex_lock (&loads->lock);
    HASH_FIND (hh, loads->entries, &origin, sizeof origin, entry);
    if (!entry)
        entry = add (loads, origin);
    godwit__load_t *load = entry ? godwit__load_ref (entry->load) : NULL;
    pthread_mutex_unlock (&loads->lock);
    return load;
}
