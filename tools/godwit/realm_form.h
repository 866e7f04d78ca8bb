/* SPDX-License-Identifier: Apache-2.0 */
/* The small files of a realm folder: a label in the first line, then lines `key = value`, where a value is
 * bytes as base64 or a number; lines that are empty or begin with # are for who reads them.
 *
 *     godwit door 1
 *     door = x7gq... */
#ifndef GODWIT_TOOLS_REALM_FORM_H
#define GODWIT_TOOLS_REALM_FORM_H

#include "tools/godwit/realm_file.h"

#define REALM_FORM_MAX 4096 /* bytes of a file */

/* What a line may be. Either bytes or number is set. */
typedef struct realm_field {
    const char *key;
    uint8_t *bytes; /* where the bytes go: those of the second line behind those of the first */
    size_t size;    /* of one line */
    uint64_t *number;
    size_t least, most; /* how many lines there have to be, and may be */
    size_t count;       /* how many there were */
} realm_field_t;

/* Reads a form. MALFORMED: "NAME:LINE: expected ...". No text of the file comes into an error. */
godwit_status_t realm_form_read (const realm_bytes_t *text, const char *label, realm_field_t *fields,
                                 size_t field_count, const char *name, godwit_error_t **error);
/* True if a text begins with this label. */
bool realm_form_has_label (const realm_bytes_t *text, const char *label);

/* Writing one: begin, add, and then its text is form.bytes, which the caller frees, also after a failure. */
typedef struct realm_form {
    realm_bytes_t bytes; /* size: what is used of REALM_FORM_MAX */
} realm_form_t;

godwit_status_t realm_form_begin (realm_form_t *form, const char *label, godwit_error_t **error);
void realm_form_add_bytes (realm_form_t *form, const char *key, const uint8_t *bytes, size_t size);
void realm_form_add_number (realm_form_t *form, const char *key, uint64_t number);

#endif
