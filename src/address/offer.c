/* SPDX-License-Identifier: Apache-2.0 */
#include "src/address/offer.h"

#include "src/base/listing.h"

#include <stdlib.h>
#include <string.h>

#define EMPTY "\"\""
/* Entries that are printed for a human reader. */
#define PRINTED_MAX 8

/* ---- writing ---- */

/* Whether a byte of a namespace stands for itself. */
static bool
is_plain (unsigned char byte)
{
    return byte > 0x20 && byte < 0x7f && byte != '%' && byte != '=' && byte != '"';
}

/* Adds a byte; without room for it, the text is full. */
static void
put (godwit__offer_text_t *text, char byte)
{
    if (text->size < GODWIT__OFFER_TEXT_MAX)
        text->text[text->size++] = byte;
    else
        text->is_full = true;
}

static void
put_all (godwit__offer_text_t *text, const char *bytes)
{
    for (; *bytes; bytes++)
        put (text, *bytes);
}

static void
put_namespace (godwit__offer_text_t *text, const char *name_space)
{
    static const char digits[] = "0123456789ABCDEF";
    if (*name_space == '\0')
        put_all (text, EMPTY);
    for (const char *at = name_space; *at; at++) {
        const unsigned char byte = (unsigned char) *at;
        if (is_plain (byte)) {
            put (text, *at);
            continue;
        }
        put (text, '%');
        put (text, digits[byte >> 4]);
        put (text, digits[byte & 15]);
    }
}

/* Whether the text from `begin` on is a word that also stands before it. */
static bool
is_repeated (const godwit__offer_text_t *text, size_t begin)
{
    const char *const word = text->text + begin;
    const size_t size = text->size - begin;
    for (const char *at = text->text; at < word; at = strchr (at, ' ') + 1)
        if (strncmp (at, word, size) == 0 && at[size] == ' ')
            return true;
    return false;
}

static void
print_version (char *text, size_t size, godwit__version_t version)
{
    if (version.revision)
        snprintf (text, size, "%u.%u.%u", version.major, version.minor, version.revision);
    else
        snprintf (text, size, "%u.%u", version.major, version.minor);
}

void
godwit__offer_text_add (godwit__offer_text_t *text, const char *name_space, godwit__version_t version)
{
    char number[40];
    const size_t before = text->size;
    print_version (number, sizeof number, version);
    if (before > 0)
        put (text, ' ');
    const size_t begin = text->size;
    if (name_space)
        put_namespace (text, name_space);
    put (text, '=');
    put_all (text, number);
    if (text->is_full)
        text->size = 0;
    else if (is_repeated (text, begin))
        text->size = before;
    text->text[text->size] = '\0';
}

/* ---- reading ---- */

typedef struct entry {
    const char *name_space; /* NULL: none */
    const char *written;    /* as it stands in the text, where a control character cannot be */
    int written_size;
    godwit__version_t version;
} entry_t;

/* One allocation: the texts lie behind the entries. */
struct godwit__offer {
    const char *text;
    size_t count;
    entry_t entries[];
};

static int
digit_of (char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'A' && byte <= 'F')
        return byte - 'A' + 10;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Decodes %XX in place. False: malformed, or a NUL, which no namespace of a program has. */
static bool
decode (char *text)
{
    char *to = text;
    for (const char *at = text; *at; at++) {
        if (*at != '%') {
            *to++ = *at;
            continue;
        }
        const int high = digit_of (at[1]);
        const int low = high < 0 ? -1 : digit_of (at[2]);
        if (low < 0 || high + low == 0)
            return false;
        *to++ = (char) (high << 4 | low);
        at += 2;
    }
    *to = '\0';
    return true;
}

static bool
read_entry (entry_t *entry, char *word)
{
    char *const mark = strchr (word, '=');
    if (!mark || godwit__version_parse (&entry->version, mark + 1, NULL))
        return false;
    *mark = '\0';
    entry->name_space = *word ? word : NULL;
    entry->written_size = (int) (mark - word);
    if (strcmp (word, EMPTY) == 0)
        *word = '\0';
    return decode (word);
}

godwit__offer_t *
godwit__offer_read (const char *text)
{
    const size_t size = strlen (text) + 1;
    size_t most = 1;
    if (size == 1 || size > GODWIT__OFFER_TEXT_MAX + 1)
        return NULL;
    for (const char *at = text; (at = strchr (at, ' ')); at++)
        most++;
    godwit__offer_t *offer = malloc (sizeof *offer + most * sizeof (entry_t) + 2 * size);
    if (!offer)
        return NULL;
    char *const copy = (char *) (offer->entries + most);
    char *word = copy + size;
    memcpy (copy, text, size);
    memcpy (word, text, size);
    offer->text = copy;
    offer->count = 0;
    while (word) {
        char *next = strchr (word, ' ');
        if (next)
            *next++ = '\0';
        offer->entries[offer->count].written = word - size;
        if (!read_entry (&offer->entries[offer->count++], word)) {
            godwit__offer_destroy (&offer);
            return NULL;
        }
        word = next;
    }
    return offer;
}

void
godwit__offer_destroy (godwit__offer_t **offer)
{
    free (*offer);
    *offer = NULL;
}

const char *
godwit__offer_text (const godwit__offer_t *offer)
{
    return offer->text;
}

static bool
is_in (const entry_t *entry, const char *name_space)
{
    if (!entry->name_space || !name_space)
        return entry->name_space == name_space;
    return strcmp (entry->name_space, name_space) == 0;
}

const char *
godwit__offer_first (const godwit__offer_t *offer, godwit__version_t *version)
{
    *version = offer->entries[0].version; /* there is at least one */
    return offer->entries[0].name_space;
}

bool
godwit__offer_at (const godwit__offer_t *offer, size_t index, const char **name_space,
                  godwit__version_t *version)
{
    if (!offer || index >= offer->count)
        return false;
    *name_space = offer->entries[index].name_space;
    *version = offer->entries[index].version;
    return true;
}

bool
godwit__offer_serves (const godwit__offer_t *offer, const char *name_space, godwit__version_t version)
{
    bool serves = !offer;
    for (size_t i = 0; !serves && i < offer->count; i++)
        serves = is_in (&offer->entries[i], name_space) &&
                 godwit__version_serves (offer->entries[i].version, version);
    return serves;
}

bool
godwit__offer_has (const godwit__offer_t *offer, const char *name_space)
{
    bool has = !offer;
    for (size_t i = 0; !has && i < offer->count; i++)
        has = is_in (&offer->entries[i], name_space);
    return has;
}

void
godwit__offer_print (const godwit__offer_t *offer, const char *name_space, char *text, size_t size)
{
    godwit__listing_t listing;
    char name[64], number[40];
    godwit__listing_begin (&listing, text, size, PRINTED_MAX, ", ");
    for (int others = 0; offer && others < 2; others++) {
        for (size_t i = 0; i < offer->count; i++) {
            const entry_t *const entry = &offer->entries[i];
            if (is_in (entry, name_space) == others)
                continue;
            snprintf (name, sizeof name, "%.*s", entry->written_size, entry->written);
            print_version (number, sizeof number, entry->version);
            godwit__listing_add (&listing, name, entry->name_space ? " " : "", number);
        }
    }
    godwit__listing_end (&listing);
}
