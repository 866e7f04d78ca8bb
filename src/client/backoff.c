/* SPDX-License-Identifier: Apache-2.0 */
#include "src/client/backoff.h"

#include "src/base/hash.h"
#include "src/base/process.h"
#include "src/base/table.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

typedef struct entry {
    godwit__table_node_t by_key;
    int64_t timeout_ms;
    char key[];
} entry_t;

static double random_part (void *user);

/* Guarded by the process's lock. */
static godwit__table_t table = GODWIT__TABLE (table); /* in the order of entering */
static int64_t max_ms;                                /* 0: none was set */
static const godwit__backoff_source_t system_source = {.random = random_part};
static godwit__backoff_source_t source = {.random = random_part};

/* ---- chance ---- */

static double
random_part (void *user)
{
    (void) user;
    return (double) randombytes_random () / (double) UINT32_MAX;
}

void
godwit__backoff_inject (const godwit__backoff_source_t *injected)
{
    godwit__process_lock ();
    source = injected ? *injected : system_source;
    godwit__process_unlock ();
}

int
godwit__backoff_slept (int64_t duration_ns)
{
    godwit__process_lock ();
    const godwit__backoff_source_t now = source;
    godwit__process_unlock ();
    if (now.sleep)
        now.sleep (now.user, duration_ns);
    return now.sleep != NULL;
}

/* ---- the table ---- */

static int64_t
ceiling_ms (int64_t default_ms)
{
    const int64_t ten_times_ms = 10 * default_ms;
    return max_ms && max_ms < ten_times_ms ? max_ms : ten_times_ms;
}

static entry_t *
find (const char *key)
{
    entry_t *entry = GODWIT__TABLE_FIND (&table, godwit__hash_text (0, key), entry_t, by_key);
    while (entry && strcmp (entry->key, key) != 0)
        entry = GODWIT__TABLE_FIND_NEXT (entry, entry_t, by_key);
    return entry;
}

static int64_t
current_ms (const entry_t *entry, int64_t default_ms)
{
    const int64_t highest_ms = ceiling_ms (default_ms);
    const int64_t timeout_ms = entry && entry->timeout_ms > default_ms ? entry->timeout_ms : default_ms;
    return timeout_ms < highest_ms ? timeout_ms : highest_ms;
}

static void
forget (entry_t *entry)
{
    godwit__table_remove (&table, &entry->by_key);
    free (entry);
}

/* A key that does not fit, or finds no memory, is not entered. */
static entry_t *
enter_method (const char *key)
{
    const size_t size = strlen (key);
    entry_t *entry = size <= GODWIT__BACKOFF_KEY_SIZE ? calloc (1, sizeof *entry + size + 1) : NULL;
    if (!entry)
        return NULL;
    entry_t *const oldest = GODWIT__TABLE_FIRST (&table, entry_t, by_key);
    if (oldest && table.count >= GODWIT__BACKOFF_METHODS)
        forget (oldest);
    memcpy (entry->key, key, size + 1);
    godwit__table_insert (&table, &entry->by_key, godwit__hash_text (0, key));
    return entry;
}

int64_t
godwit__backoff_timeout (const char *key, int64_t default_ms)
{
    godwit__process_lock ();
    const int64_t timeout_ms = current_ms (find (key), default_ms);
    godwit__process_unlock ();
    return timeout_ms;
}

int64_t
godwit__backoff_timed_out (const char *key, int64_t timeout_ms, int64_t default_ms, int64_t *raised_ms)
{
    godwit__process_lock ();
    entry_t *entry = find (key);
    const int64_t before_ms = current_ms (entry, default_ms);
    const int64_t highest_ms = ceiling_ms (default_ms);
    const int64_t twice_ms = 2 * timeout_ms < highest_ms ? 2 * timeout_ms : highest_ms;
    *raised_ms = 0;
    /* If many calls time out together, each doubles its own timeout, not the one that the call before it has
     * stored. */
    if (twice_ms > before_ms && (entry || (entry = enter_method (key))))
        *raised_ms = entry->timeout_ms = twice_ms;
    const double part = source.random (source.user);
    godwit__process_unlock ();
    return (int64_t) (part * 1e6 * (double) (before_ms < default_ms ? before_ms : default_ms));
}

void
godwit__backoff_set_max (int64_t timeout_ms)
{
    /* The values in the table are capped when they are read: the maximum never rises again. */
    godwit__process_lock ();
    if (!max_ms || timeout_ms < max_ms)
        max_ms = timeout_ms;
    godwit__process_unlock ();
}

void
godwit__backoff_reset (void)
{
    godwit__process_lock ();
    for (entry_t *entry; (entry = GODWIT__TABLE_FIRST (&table, entry_t, by_key));)
        forget (entry);
    godwit__table_release (&table);
    max_ms = 0;
    godwit__process_unlock ();
}

size_t
godwit__backoff_count (void)
{
    godwit__process_lock ();
    const size_t count = table.count;
    godwit__process_unlock ();
    return count;
}
