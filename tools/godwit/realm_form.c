/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/godwit/realm_form.h"

#include "src/error/error.h"
#include "tools/godwit/realm_text.h"

#include <assert.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BASE64 sodium_base64_VARIANT_URLSAFE_NO_PADDING

/* ---- reading ---- */

typedef struct reader {
    const char *name;
    const char *at, *end;
    size_t line; /* the one before `at`, from 1 on */
} reader_t;

static godwit_status_t
refuse (const reader_t *reader, const char *expected, godwit_error_t **error)
{
    return godwit__error_set (error, GODWIT_ERR_MALFORMED, "%s:%zu: expected %s", reader->name, reader->line,
                              expected);
}

static const char *
next_line (reader_t *reader, size_t *size)
{
    const char *const line = reader->at;
    const char *const end = memchr (line, '\n', (size_t) (reader->end - line));
    *size = (size_t) ((end ? end : reader->end) - line);
    reader->at = end ? end + 1 : reader->end;
    reader->line++;
    return line;
}

bool
realm_form_has_label (const realm_bytes_t *text, const char *label)
{
    const size_t size = strlen (label);
    return text->size > size && memcmp (text->data, label, size) == 0 && text->data[size] == '\n';
}

static bool
read_number (uint64_t *number, const char *text, size_t size)
{
    *number = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9' || *number > (UINT64_MAX - 9) / 10)
            return false;
        *number = *number * 10 + (uint64_t) (text[i] - '0');
    }
    return size > 0;
}

static bool
read_value (realm_field_t *field, const char *text, size_t size)
{
    return field->number
               ? read_number (field->number, text, size)
               : realm_base64_read (field->bytes + field->count * field->size, field->size, text, size);
}

static godwit_status_t
read_line (const reader_t *reader, const char *line, size_t size, realm_field_t *fields, size_t field_count,
           godwit_error_t **error)
{
    char expected[64];
    for (size_t i = 0; i < field_count; i++) {
        realm_field_t *const field = &fields[i];
        const size_t key_size = strlen (field->key);
        if (size < key_size + 3 || memcmp (line, field->key, key_size) != 0 ||
            memcmp (line + key_size, " = ", 3) != 0)
            continue;
        if (field->count == field->most) {
            snprintf (expected, sizeof expected, "no further line of \"%s\"", field->key);
            return refuse (reader, expected, error);
        }
        if (!read_value (field, line + key_size + 3, size - key_size - 3)) {
            if (field->number)
                snprintf (expected, sizeof expected, "a number as \"%s\"", field->key);
            else
                snprintf (expected, sizeof expected, "base64 of %zu bytes as \"%s\"", field->size,
                          field->key);
            return refuse (reader, expected, error);
        }
        field->count++;
        return GODWIT_OK;
    }
    return refuse (reader, "a line \"KEY = VALUE\" with a key of this kind of file", error);
}

static godwit_status_t
check_counts (const reader_t *reader, const realm_field_t *fields, size_t field_count, godwit_error_t **error)
{
    char expected[64];
    for (size_t i = 0; i < field_count; i++)
        if (fields[i].count < fields[i].least) {
            snprintf (expected, sizeof expected, "a line of \"%s\"", fields[i].key);
            return refuse (reader, expected, error);
        }
    return GODWIT_OK;
}

godwit_status_t
realm_form_read (const realm_bytes_t *text, const char *label, realm_field_t *fields, size_t field_count,
                 const char *name, godwit_error_t **error)
{
    reader_t reader = {.name = name, .at = text->data, .end = text->data + text->size};
    godwit_status_t status = GODWIT_OK;
    char expected[64];
    size_t size;
    next_line (&reader, &size);
    if (!realm_form_has_label (text, label)) {
        snprintf (expected, sizeof expected, "the line \"%s\"", label);
        return refuse (&reader, expected, error);
    }
    while (!status && reader.at < reader.end) {
        const char *const line = next_line (&reader, &size);
        if (size && *line != '#')
            status = read_line (&reader, line, size, fields, field_count, error);
    }
    return status ? status : check_counts (&reader, fields, field_count, error);
}

/* ---- writing ---- */

godwit_status_t
realm_form_begin (realm_form_t *form, const char *label, godwit_error_t **error)
{
    const godwit_status_t status = realm_bytes_new (&form->bytes, REALM_FORM_MAX, error);
    if (!status)
        form->bytes.size = (size_t) snprintf (form->bytes.data, REALM_FORM_MAX, "%s\n", label);
    return status;
}

/* The callers know what they write: a form has a few short lines. */
static char *
add_key (realm_form_t *form, const char *key, size_t value_size)
{
    const size_t key_size = strlen (key);
    assert (form->bytes.size + key_size + 3 + value_size + 1 <= REALM_FORM_MAX);
    char *const at = form->bytes.data + form->bytes.size;
    char *const value = stpcpy (stpcpy (at, key), " = ");
    form->bytes.size += key_size + 3 + value_size + 1;
    return value;
}

void
realm_form_add_bytes (realm_form_t *form, const char *key, const uint8_t *bytes, size_t size)
{
    const size_t text_size = sodium_base64_encoded_len (size, BASE64) - 1;
    char *const at = add_key (form, key, text_size);
    sodium_bin2base64 (at, text_size + 1, bytes, size, BASE64);
    at[text_size] = '\n';
}

void
realm_form_add_number (realm_form_t *form, const char *key, uint64_t number)
{
    char text[24];
    const size_t size = (size_t) snprintf (text, sizeof text, "%" PRIu64, number);
    char *const at = add_key (form, key, size);
    memcpy (at, text, size);
    at[size] = '\n';
}
