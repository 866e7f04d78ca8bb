/* SPDX-License-Identifier: Apache-2.0 */
#include "src/runtime/warnings.h"

#include "src/base/hash.h"
#include "src/runtime/transport.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_NS (60000 * GODWIT__NS_PER_MS)
#define ENTRIES 64
#define TEXT_SIZE 640

enum { KEY_NOTE = 0x6e };

typedef struct entry {
    uint64_t key;
    int64_t logged_ns;
    uint64_t count;       /* since then */
    char text[TEXT_SIZE]; /* "": free */
} entry_t;

struct godwit__warnings {
    pthread_mutex_t lock;
    uint64_t others; /* of this minute, for which there was no entry */
    int64_t others_ns;
    entry_t entries[ENTRIES];
};

godwit__warnings_t *
godwit__warnings_new (void)
{
    godwit__warnings_t *const warnings = calloc (1, sizeof *warnings);
    if (warnings)
        pthread_mutex_init (&warnings->lock, NULL);
    return warnings;
}

void
godwit__warnings_destroy (godwit__warnings_t **warnings)
{
    if (!*warnings)
        return;
    pthread_mutex_destroy (&(*warnings)->lock);
    free (*warnings);
    *warnings = NULL;
}

/* ---- with the lock ---- */

/* The entry of this key, or a free one; NULL: there is none. */
static entry_t *
find (godwit__warnings_t *warnings, uint64_t key)
{
    entry_t *unused = NULL;
    for (size_t i = 0; i < ENTRIES; i++) {
        entry_t *const entry = &warnings->entries[i];
        if (entry->text[0] && entry->key == key)
            return entry;
        if (!entry->text[0] && !unused)
            unused = entry;
    }
    return unused;
}

/* Writes the line that says how often it happened, and begins a new minute. */
static void
take_count (entry_t *entry, int64_t now_ns, char line[TEXT_SIZE + 64])
{
    snprintf (line, TEXT_SIZE + 64, "%s (%llu more times since the last such line)", entry->text,
              (unsigned long long) entry->count);
    entry->count = 0;
    entry->logged_ns = now_ns;
}

/* ---- warning ---- */

void
godwit__warn (const godwit_transport_t *transport, uint64_t key, const char *format, ...)
{
    godwit__warnings_t *const warnings = transport->warnings;
    char text[TEXT_SIZE];
    entry_t *entry = NULL;
    if (!godwit__logs (transport, GODWIT_LOG_WARNING))
        return;
    if (warnings) {
        pthread_mutex_lock (&warnings->lock);
        entry = find (warnings, key);
        if (entry && entry->text[0])
            entry->count++;
        else if (!entry)
            warnings->others++;
        const bool is_first = entry && !entry->text[0];
        if (is_first)
            *entry = (entry_t){.key = key, .logged_ns = godwit__transport_now (transport), .text = "?"};
        pthread_mutex_unlock (&warnings->lock);
        if (!is_first)
            return;
    }
    va_list arguments;
    va_start (arguments, format);
    vsnprintf (text, sizeof text, format, arguments);
    va_end (arguments);
    if (entry) {
        pthread_mutex_lock (&warnings->lock);
        if (entry->key == key && text[0])
            memcpy (entry->text, text, sizeof text);
        pthread_mutex_unlock (&warnings->lock);
    }
    godwit__log (transport, GODWIT_LOG_WARNING, "%s", text);
}

/* With the lock: the next line to be logged. False: there is none. */
static bool
next_line (godwit__warnings_t *warnings, int64_t now_ns, bool all, char line[TEXT_SIZE + 64])
{
    for (size_t i = 0; i < ENTRIES; i++) {
        entry_t *const entry = &warnings->entries[i];
        if (!entry->text[0] || (!all && now_ns - entry->logged_ns < MINUTE_NS))
            continue;
        if (entry->count) {
            take_count (entry, now_ns, line);
            return true;
        }
        entry->text[0] = '\0';
    }
    if (!warnings->others || (!all && now_ns - warnings->others_ns < MINUTE_NS))
        return false;
    snprintf (line, TEXT_SIZE + 64,
              "%llu further warnings were not logged: there were too many different ones",
              (unsigned long long) warnings->others);
    warnings->others = 0;
    warnings->others_ns = now_ns;
    return true;
}

void
godwit__transport_note (void *transport, godwit_log_level_t level, const char *text)
{
    const godwit_transport_t *const self = transport;
    if (level == GODWIT_LOG_WARNING)
        godwit__warn (self, godwit__hash_text (KEY_NOTE, text), "%s", text);
    else if (godwit__logs (self, level))
        godwit__log (self, level, "%s", text);
}

void
godwit__warnings_tell (const godwit_transport_t *transport, bool all)
{
    godwit__warnings_t *const warnings = transport->warnings;
    const int64_t now_ns = godwit__transport_now (transport);
    char line[TEXT_SIZE + 64];
    bool any = warnings != NULL;
    while (any) {
        pthread_mutex_lock (&warnings->lock);
        any = next_line (warnings, now_ns, all, line);
        pthread_mutex_unlock (&warnings->lock);
        if (any)
            godwit__log (transport, GODWIT_LOG_WARNING, "%s", line);
    }
}
