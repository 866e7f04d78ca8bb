/* SPDX-License-Identifier: Apache-2.0 */
#include "src/config/config.h"

#include "src/config/config_ini.h"
#include "src/config/file.h"
#include "src/config/option_value.h"
#include "src/error/error.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { ENTRIES_MAX = 16384 };

struct godwit_config {
    char *name;
    godwit__config_entry_t *entries;
    size_t count;
    size_t room;
    bool first_line; /* we are in the first line of the last value: only that line may have quotes */
};

void
godwit_config_destroy (godwit_config_t **config)
{
    if (!config || !*config)
        return;
    for (size_t i = 0; i < (*config)->count; i++) {
        free ((*config)->entries[i].value);
        free ((*config)->entries[i].texts);
    }
    free ((*config)->entries);
    free ((*config)->name);
    free (*config);
    *config = NULL;
}

/* ---- groups ---- */

/* As in oslo.config: case does not matter, except for DEFAULT. */
static bool
same_group (const char *a, const char *b)
{
    if (!strcmp (a, "DEFAULT") || !strcmp (b, "DEFAULT"))
        return !strcmp (a, b);
    return !strcasecmp (a, b);
}

/* 0: a group of the program, not of Godwit. */
static unsigned
place_of (const char *group)
{
    return same_group (group, "DEFAULT")                        ? GODWIT__IN_DEFAULT
           : same_group (group, "godwit")                       ? GODWIT__IN_GODWIT
           : same_group (group, "oslo_messaging_notifications") ? GODWIT__IN_NOTIFICATIONS
                                                                : 0;
}

/* True if one letter was inserted, removed or changed, or two neighbours changed places. Case does not
 * matter. */
static bool
is_one_edit_away (const char *a, const char *b)
{
    while (*a && tolower ((unsigned char) *a) == tolower ((unsigned char) *b)) {
        a++;
        b++;
    }
    if (!*a && !*b)
        return false; /* the same */
    if ((*a && !strcasecmp (a + 1, b)) || (*b && !strcasecmp (a, b + 1)))
        return true;
    if (!*a || !*b)
        return false;
    return !strcasecmp (a + 1, b + 1) ||
           (tolower ((unsigned char) a[0]) == tolower ((unsigned char) b[1]) &&
            tolower ((unsigned char) a[1]) == tolower ((unsigned char) b[0]) && !strcasecmp (a + 2, b + 2));
}

/* The group that a misspelt one is meant to be. NULL: it is another word, and so a group of the program. */
static const char *
group_meant (const char *group)
{
    static const char *const known[] = {"DEFAULT", "godwit", "oslo_messaging_notifications"};
    if (!strcasecmp (group, "DEFAULT"))
        return "DEFAULT";
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (is_one_edit_away (group, known[i]))
            return known[i];
    return NULL;
}

/* ---- building ---- */

static godwit__config_entry_t *
add_entry (godwit_config_t *config)
{
    if (config->count == config->room) {
        const size_t room = config->room ? 2 * config->room : 16;
        godwit__config_entry_t *const grown = realloc (config->entries, room * sizeof *grown);
        if (!grown)
            return NULL;
        config->entries = grown;
        config->room = room;
    }
    godwit__config_entry_t *const entry = &config->entries[config->count++];
    memset (entry, 0, sizeof *entry);
    return entry;
}

/* Removes the space and then the quotes around the first line of a value. */
static void
trim (char *value)
{
    size_t size = strlen (value);
    while (size && strchr (" \t", value[size - 1]))
        size--;
    size_t start = strspn (value, " \t");
    if (start > size)
        start = size;
    if (size - start > 1 && strchr ("\"'", value[start]) && value[size - 1] == value[start]) {
        start++;
        size--;
    }
    memmove (value, value + start, size - start);
    value[size - start] = '\0';
}

static godwit_status_t
on_more (void *user, const godwit__ini_piece_t *piece, godwit_error_t **error)
{
    godwit_config_t *const config = user;
    godwit__config_entry_t *const entry = &config->entries[config->count - 1];
    const size_t old = strlen (entry->value), size = strlen (piece->text);
    char *const grown = realloc (entry->value, old + size + 2);
    if (!grown)
        return godwit__error_no_memory (error);
    entry->value = grown;
    snprintf (grown + old, size + 2, "%s%s", piece->begins_line ? "\n" : "", piece->text);
    if (piece->ends_line && config->first_line) {
        trim (entry->value);
        config->first_line = false;
    }
    return GODWIT_OK;
}

static godwit_status_t
on_option (void *user, size_t line, const char *group, const char *name, const godwit__ini_piece_t *piece,
           godwit_error_t **error)
{
    godwit_config_t *const config = user;
    if (config->count == ENTRIES_MAX)
        return godwit__error_set (error, GODWIT_ERR_LIMIT_EXCEEDED, "%s:%zu: more than %d options",
                                  config->name, line, ENTRIES_MAX);
    godwit__config_entry_t *const entry = add_entry (config);
    if (!entry)
        return godwit__error_no_memory (error);
    const size_t group_size = strlen (group) + 1, name_size = strlen (name) + 1;
    const size_t where_size = strlen (config->name) + 24;
    entry->value = strdup (piece->text);
    entry->texts = malloc (group_size + name_size + where_size);
    if (!entry->value || !entry->texts)
        return godwit__error_no_memory (error);
    entry->group = memcpy (entry->texts, group, group_size);
    entry->name = memcpy (entry->texts + group_size, name, name_size);
    entry->where = entry->texts + group_size + name_size;
    snprintf (entry->texts + group_size + name_size, where_size, "%s:%zu", config->name, line);
    config->first_line = !piece->ends_line;
    if (piece->ends_line)
        trim (entry->value);
    return GODWIT_OK;
}

/* ---- checking ---- */

godwit__said_t
godwit__config_said (const godwit__config_entry_t *entry)
{
    return (godwit__said_t){entry->group, entry->where, place_of (entry->group)};
}

/* Finds an earlier entry that sets the same field of the transport under another name, or in another
 * group. */
static const godwit__config_entry_t *
find_rival (const godwit_config_t *config, size_t index)
{
    const godwit__config_entry_t *const entry = &config->entries[index];
    for (size_t i = 0; entry->option->offset >= 0 && i < index; i++) {
        const godwit__config_entry_t *const other = &config->entries[i];
        if (other->option && other->option->offset == entry->option->offset &&
            (other->option != entry->option || !same_group (other->group, entry->group)))
            return other;
    }
    return NULL;
}

static godwit_status_t
check_entry (const godwit_config_t *config, size_t index, godwit_error_t **error)
{
    godwit__config_entry_t *const entry = &config->entries[index];
    const godwit__said_t said = godwit__config_said (entry);
    const char *const meant = said.place ? NULL : group_meant (entry->group);
    if (meant)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "Option [%s] %s (%s): there is no such group; did you mean [%s]?",
                                  entry->group, entry->name, entry->where, meant);
    if (!said.place)
        return GODWIT_OK;
    entry->option = godwit__option_find (entry->name, said.place);
    if (!entry->option)
        return godwit__option_unknown (entry->name, said, error);
    const godwit__config_entry_t *const rival = find_rival (config, index);
    if (rival)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "Option [%s] %s (%s): expected it or [%s] %s (%s), not both", entry->group,
                                  entry->name, entry->where, rival->group, rival->name, rival->where);
    godwit__option_value_t value;
    return godwit__option_read (entry->option, entry->value, said, &value, error);
}

/* ---- loading ---- */

godwit_status_t
godwit_config_parse (godwit_config_t **config, const char *text, const char *name, godwit_error_t **error)
{
    static const godwit__ini_events_t events = {on_option, on_more};
    if (!config || !text || !name)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected a pointer, got NULL",
                                  !config ? "config"
                                  : !text ? "text"
                                          : "name");
    if (!memchr (text, '\0', GODWIT__CONFIG_MAX_SIZE + 1))
        return godwit__error_set (error, GODWIT_ERR_LIMIT_EXCEEDED, "%s: expected at most %d bytes", name,
                                  GODWIT__CONFIG_MAX_SIZE);
    godwit_config_t *self = calloc (1, sizeof *self);
    if (self)
        self->name = strdup (name);
    godwit_status_t status = GODWIT_OK;
    if (!self || !self->name)
        status = godwit__error_no_memory (error);
    else
        status = godwit__ini_read (text, name, &events, self, error);
    for (size_t i = 0; status == GODWIT_OK && i < self->count; i++)
        status = check_entry (self, i, error);
    if (status)
        godwit_config_destroy (&self);
    else
        *config = self;
    return status;
}

godwit_status_t
godwit_config_load (godwit_config_t **config, const char *path, godwit_error_t **error)
{
    char *text = NULL;
    if (!config || !path)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected a pointer, got NULL",
                                  config ? "path" : "config");
    godwit_status_t status = godwit__read_file (&text, path, GODWIT__CONFIG_MAX_SIZE, error);
    if (status == GODWIT_OK)
        status = godwit_config_parse (config, text, path, error);
    free (text);
    return status;
}

/* ---- asking ---- */

static const godwit__config_entry_t *
find_last (const godwit_config_t *config, const char *group, const char *name)
{
    for (size_t i = config && group && name ? config->count : 0; i > 0; i--) {
        const godwit__config_entry_t *const entry = &config->entries[i - 1];
        if (same_group (entry->group, group) && !strcmp (entry->name, name))
            return entry;
    }
    return NULL;
}

const char *
godwit_config_get (const godwit_config_t *config, const char *group, const char *name)
{
    const godwit__config_entry_t *const entry = find_last (config, group, name);
    return entry ? entry->value : NULL;
}

const char *
godwit_config_where (const godwit_config_t *config, const char *group, const char *name)
{
    const godwit__config_entry_t *const entry = find_last (config, group, name);
    return entry ? entry->where : NULL;
}

size_t
godwit__config_entry_count (const godwit_config_t *config)
{
    return config->count;
}

const godwit__config_entry_t *
godwit__config_entry (const godwit_config_t *config, size_t index)
{
    return &config->entries[index];
}

const char *
godwit__config_value (const godwit_config_t *config, const char *group, const char *name, size_t index)
{
    for (size_t i = 0; i < config->count; i++) {
        const godwit__config_entry_t *const entry = &config->entries[i];
        if (same_group (entry->group, group) && !strcmp (entry->name, name) && index-- == 0)
            return entry->value;
    }
    return NULL;
}

int64_t
godwit__config_number (const godwit_config_t *config, const char *group, const char *name)
{
    const godwit__option_t *const option = godwit__option_find (name, place_of (group));
    const godwit__config_entry_t *const entry = find_last (config, group, name);
    godwit__option_value_t value = {option->normal, NULL};
    if (entry) /* which was checked when it was loaded */
        (void) godwit__option_read (option, entry->value, godwit__config_said (entry), &value, NULL);
    return value.number;
}
