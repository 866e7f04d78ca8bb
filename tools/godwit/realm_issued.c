/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/godwit/realm_issued.h"

#include "src/error/error.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define WORD_REQUESTED "requested"
#define SERIAL_MAX 16 /* hexadecimal digits */

/* ---- reading ---- */

/* Cuts the next word off a line, in place; NULL: there is none. */
static char *
next_word (char **at)
{
    char *const word = *at + strspn (*at, " ");
    if (!*word)
        return NULL;
    *at = word + strcspn (word, " ");
    if (**at)
        *(*at)++ = '\0';
    return word;
}

static bool
read_serial (uint64_t *serial, const char *word)
{
    char *end = NULL;
    if (!word || !isxdigit ((unsigned char) *word) || strlen (word) > SERIAL_MAX)
        return false;
    *serial = strtoull (word, &end, 16);
    return !*end && *serial;
}

static bool
read_name (char *name, const char *word)
{
    if (!word || !godwit__certificate_is_name (word))
        return false;
    memcpy (name, word, strlen (word) + 1);
    return true;
}

static bool
read_key (uint8_t *key, const char *word)
{
    return word && realm_base64_read (key, GODWIT__PUBLIC_SIZE, word, strlen (word));
}

static bool
read_signer (char *signer, const char *word)
{
    if (!word || strlen (word) != REALM_FINGERPRINT_SIZE - 1 ||
        strspn (word, "0123456789abcdef") != strlen (word))
        return false;
    memcpy (signer, word, REALM_FINGERPRINT_SIZE);
    return true;
}

static bool
read_date (int64_t *date, const char *word)
{
    return word && realm_date_read (date, 0, word);
}

/* Returns what is expected where the line is wrong, or NULL. */
static const char *
read_head (realm_entry_t *entry, char **at)
{
    if (!read_serial (&entry->serial, next_word (at)))
        return "a serial number in hexadecimal digits";
    if (!read_name (entry->name, next_word (at)))
        return "the name of a certificate";
    if (!read_key (entry->key, next_word (at)))
        return "an identity as base64";
    if (!read_date (&entry->from, next_word (at)) || !read_date (&entry->until, next_word (at)))
        return "a date, such as 2027-07-01T10:00:00Z";
    if (!read_signer (entry->signer, next_word (at)))
        return "the fingerprint of a realm's key";
    return NULL;
}

static const char *
read_rights (realm_entry_t *entry, char *at, bool *is_short)
{
    char *word = next_word (&at);
    entry->is_requested = word && strcmp (word, WORD_REQUESTED) == 0;
    if (entry->is_requested)
        word = next_word (&at);
    entry->rights = calloc (GODWIT__RIGHT_MAX, sizeof *entry->rights);
    *is_short = !entry->rights;
    for (; word && !*is_short; word = next_word (&at))
        if (entry->right_count == GODWIT__RIGHT_MAX ||
            !realm_right_read (&entry->rights[entry->right_count++], word))
            return "rights, such as call=godwit/billing";
    return NULL;
}

static godwit_status_t
read_line (realm_issued_t *issued, char *line, size_t number, const char *name, godwit_error_t **error)
{
    realm_entry_t *const entries = realloc (issued->entries, (issued->count + 1) * sizeof *entries);
    bool is_short = !entries;
    if (is_short)
        return godwit__error_no_memory (error);
    issued->entries = entries;
    realm_entry_t *const entry = &entries[issued->count++];
    *entry = (realm_entry_t){0};
    const char *expected = read_head (entry, &line);
    if (!expected)
        expected = read_rights (entry, line, &is_short);
    if (is_short)
        return godwit__error_no_memory (error);
    if (!expected)
        return GODWIT_OK;
    return godwit__error_set (error, GODWIT_ERR_MALFORMED, "%s:%zu: expected %s", name, number, expected);
}

static godwit_status_t
read_lines (realm_issued_t *issued, const char *name, godwit_error_t **error)
{
    char *at = issued->parts;
    size_t number = 0;
    godwit_status_t status = GODWIT_OK;
    if (strlen (at) != issued->text.size)
        return godwit__error_set (error, GODWIT_ERR_MALFORMED, "%s: expected text, got a NUL in it", name);
    while (!status && *at) {
        char *const line = at;
        at += strcspn (at, "\n");
        if (*at)
            *at++ = '\0';
        number++;
        if (*line && *line != '#')
            status = read_line (issued, line, number, name, error);
    }
    return status;
}

godwit_status_t
realm_issued_read (realm_issued_t *issued, realm_bytes_t *text, const char *name, godwit_error_t **error)
{
    realm_issued_t read = {.text = *text};
    *text = (realm_bytes_t){0};
    read.parts = malloc (read.text.size + 1);
    godwit_status_t status = read.parts ? GODWIT_OK : godwit__error_no_memory (error);
    if (!status) {
        memcpy (read.parts, read.text.data, read.text.size);
        read.parts[read.text.size] = '\0';
        status = read_lines (&read, name, error);
    }
    if (status)
        realm_issued_free (&read);
    else
        *issued = read;
    return status;
}

void
realm_issued_free (realm_issued_t *issued)
{
    for (size_t i = 0; i < issued->count; i++)
        free (issued->entries[i].rights);
    free (issued->entries);
    free (issued->parts);
    realm_bytes_free (&issued->text);
    *issued = (realm_issued_t){0};
}

const realm_entry_t *
realm_issued_newest (const realm_issued_t *issued, const char *name)
{
    for (size_t i = issued->count; i-- > 0;)
        if (strcmp (issued->entries[i].name, name) == 0)
            return &issued->entries[i];
    return NULL;
}

const realm_entry_t *
realm_issued_newest_of (const realm_issued_t *issued, const uint8_t key[GODWIT__PUBLIC_SIZE])
{
    for (size_t i = issued->count; i-- > 0;)
        if (memcmp (issued->entries[i].key, key, GODWIT__PUBLIC_SIZE) == 0)
            return &issued->entries[i];
    return NULL;
}

/* ---- writing ---- */

godwit_status_t
realm_issued_line (const realm_entry_t *entry, char **line, size_t *size, godwit_error_t **error)
{
    char key[REALM_KEY_TEXT_SIZE], from[REALM_DATE_SIZE], until[REALM_DATE_SIZE], *text = NULL;
    FILE *const memory = open_memstream (&text, size);
    if (!memory)
        return godwit__error_no_memory (error);
    fprintf (memory, "%" PRIx64 " %s %s %s %s %s%s%s", entry->serial, entry->name,
             realm_key_print (key, entry->key), realm_date_print (from, entry->from),
             realm_date_print (until, entry->until), entry->signer,
             entry->is_requested ? " " WORD_REQUESTED : "", entry->right_count ? " " : "");
    realm_rights_print (memory, entry->rights, entry->right_count);
    fputc ('\n', memory);
    const bool is_whole = !ferror (memory);
    if (fclose (memory) == 0 && is_whole) {
        *line = text;
        return GODWIT_OK;
    }
    free (text);
    return godwit__error_no_memory (error);
}
