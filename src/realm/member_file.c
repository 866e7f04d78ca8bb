/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a member file. The reader of src/config is not used: it copies values to the stack and gives
 * them to inih, which copies them again, and nobody wipes those copies. Here the text stays where it is, and
 * keys are decoded from there into their own memory. */
#include "src/realm/member_file.h"

#include "src/error/error.h"
#include "src/realm/secret.h"
#include "src/realm/strict.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define SECTION "[godwit-member]"
#define VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define SEALED_PARTS 2 /* body, signature */
#define SEALED_MAX (GODWIT__CERTIFICATE_SIZE_MAX + GODWIT__SIGNATURE_SIZE + 8)

typedef enum key { KEY_FORMAT, KEY_REALM, KEY_DOOR, KEY_IDENTITY, KEY_CERTIFICATE, KEY_COUNT } line_key_t;

static const struct {
    const char *name;
    size_t most; /* lines with it */
} keys[KEY_COUNT] = {
    [KEY_FORMAT] = {"format", 1},
    [KEY_REALM] = {"realm", GODWIT__REALM_KEY_MAX},
    [KEY_DOOR] = {"door", GODWIT__DOOR_MAX},
    [KEY_IDENTITY] = {"identity", 1},
    [KEY_CERTIFICATE] = {"certificate", 1},
};

typedef struct reader {
    godwit__member_file_t *file;
    const char *name; /* for errors */
    const char *next; /* what has not been read ... */
    const char *end;  /* ... up to here */
    size_t line;
    bool has_section;
    size_t count[KEY_COUNT]; /* lines with each key */
    size_t certificate_line;
    godwit_error_t **error;
} reader_t;

/* A part of the text. It may be a secret: no error shows it. */
typedef struct span {
    const char *text;
    size_t size;
} span_t;

static godwit_status_t
fail (const reader_t *reader, const char *what)
{
    return godwit__error_set (reader->error, GODWIT_ERR_MALFORMED, "%s:%zu: %s", reader->name, reader->line,
                              what);
}

/* ---- values ---- */

static bool
decode (uint8_t *to, size_t room, size_t *size, span_t value)
{
    return sodium_base642bin (to, room, value.text, value.size, NULL, size, NULL, VARIANT) == 0;
}

static bool
decode_exactly (uint8_t *to, size_t size, span_t value)
{
    size_t got = 0;
    return decode (to, size, &got, value) && got == size;
}

static godwit_status_t
take_realm (reader_t *reader, span_t value)
{
    godwit__member_file_t *const file = reader->file;
    if (!decode_exactly (file->realms[file->realm_count], GODWIT__PUBLIC_SIZE, value))
        return fail (reader, "expected a public key of 32 bytes in base64");
    file->realm_count++;
    return GODWIT_OK;
}

static godwit_status_t
take_door (reader_t *reader, span_t value)
{
    godwit__member_file_t *const file = reader->file;
    uint8_t *const secret = godwit__secret_new ();
    if (!secret)
        return godwit__error_no_memory (reader->error);
    file->doors[file->door_count++] = secret;
    if (!decode_exactly (secret, crypto_box_SECRETKEYBYTES, value))
        return fail (reader, "expected a secret key of 32 bytes in base64");
    return GODWIT_OK;
}

/* The seed becomes the secret key that libsodium works with. */
static godwit_status_t
take_identity (reader_t *reader, span_t value)
{
    uint8_t public[GODWIT__PUBLIC_SIZE];
    uint8_t *const seed = godwit__secret_new ();
    reader->file->identity = godwit__secret_new ();
    godwit_status_t status = GODWIT_OK;
    if (!seed || !reader->file->identity)
        status = godwit__error_no_memory (reader->error);
    else if (!decode_exactly (seed, crypto_sign_SEEDBYTES, value))
        status = fail (reader, "expected a seed of 32 bytes in base64");
    else
        crypto_sign_seed_keypair (public, reader->file->identity, seed);
    godwit__secret_free (seed);
    return status;
}

/* What is wrong with the certificate is said with this line in front. */
static godwit_status_t
fail_for (const reader_t *reader, godwit_status_t status, godwit_error_t **reason)
{
    if (status == GODWIT_ERR_OUT_OF_MEMORY)
        godwit__error_set_no_memory (reader->error);
    else
        fail (reader, godwit_error_message (*reason));
    godwit_error_destroy (reason);
    return status;
}

static godwit_status_t
take_certificate (reader_t *reader, span_t value)
{
    godwit__member_file_t *const file = reader->file;
    uint8_t sealed[SEALED_MAX];
    size_t size = 0;
    godwit__bin_t parts[SEALED_PARTS];
    godwit_error_t *reason = NULL;
    reader->certificate_line = reader->line;
    if (!decode (sealed, sizeof sealed, &size, value))
        return fail (reader, "expected a certificate in base64");
    godwit_status_t status =
        godwit__strict_bins (parts, SEALED_PARTS, "certificate", sealed, size, SEALED_MAX, &reason);
    if (status)
        return fail_for (reader, status, &reason);
    if (parts[1].size != GODWIT__SIGNATURE_SIZE)
        return fail (reader, "certificate: expected a signature of 64 bytes");
    status = godwit__certificate_read (&file->certificate, parts[0].data, parts[0].size, &reason);
    if (status)
        return fail_for (reader, status, &reason);
    file->body_size = parts[0].size;
    memcpy (file->body, parts[0].data, parts[0].size);
    memcpy (file->signature, parts[1].data, sizeof file->signature);
    return GODWIT_OK;
}

static godwit_status_t
take_format (const reader_t *reader, span_t value)
{
    if (value.size == 1 && value.text[0] == '1')
        return GODWIT_OK;
    return fail (reader, "expected format 1: the file is of another release of Godwit");
}

static godwit_status_t
take_value (reader_t *reader, line_key_t key, span_t value)
{
    if (reader->count[key] == keys[key].most)
        return fail (reader,
                     keys[key].most == 1 ? "expected this key once" : "expected this key at most twice");
    reader->count[key]++;
    switch (key) {
    case KEY_FORMAT:
        return take_format (reader, value);
    case KEY_REALM:
        return take_realm (reader, value);
    case KEY_DOOR:
        return take_door (reader, value);
    case KEY_IDENTITY:
        return take_identity (reader, value);
    case KEY_CERTIFICATE:
    case KEY_COUNT:
        break;
    }
    return take_certificate (reader, value);
}

/* ---- lines ---- */

static bool
is_space (char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static span_t
trim (span_t span)
{
    while (span.size && is_space (span.text[0])) {
        span.text++;
        span.size--;
    }
    while (span.size && is_space (span.text[span.size - 1]))
        span.size--;
    return span;
}

static bool
is_text (span_t span, const char *text)
{
    return span.size == strlen (text) && memcmp (span.text, text, span.size) == 0;
}

static godwit_status_t
take_line (reader_t *reader, span_t line)
{
    const char *const equals = memchr (line.text, '=', line.size);
    if (line.text[0] == '[') {
        if (!is_text (line, SECTION) || reader->has_section)
            return fail (reader, "expected one section, " SECTION);
        reader->has_section = true;
        return GODWIT_OK;
    }
    if (!reader->has_section)
        return fail (reader, "expected " SECTION " first: is it a member file?");
    if (!equals)
        return fail (reader, "expected a line `KEY = VALUE`");
    const span_t name = trim ((span_t){line.text, (size_t) (equals - line.text)});
    const span_t value = trim ((span_t){equals + 1, line.size - (size_t) (equals + 1 - line.text)});
    for (unsigned key = 0; key < KEY_COUNT; key++)
        if (is_text (name, keys[key].name))
            return take_value (reader, (line_key_t) key, value);
    return fail (reader, "expected format, realm, door, identity or certificate before the `=`");
}

static span_t
next_line (reader_t *reader)
{
    const size_t left = (size_t) (reader->end - reader->next);
    const char *const newline = memchr (reader->next, '\n', left);
    const span_t line = {reader->next, newline ? (size_t) (newline - reader->next) : left};
    reader->next += line.size + (newline ? 1 : 0);
    reader->line++;
    return trim (line);
}

static godwit_status_t
read_lines (reader_t *reader)
{
    while (reader->next < reader->end) {
        const span_t line = next_line (reader);
        const bool is_blank = line.size == 0 || line.text[0] == '#' || line.text[0] == ';';
        const godwit_status_t status = is_blank ? GODWIT_OK : take_line (reader, line);
        if (status)
            return status;
    }
    for (size_t key = 0; key < KEY_COUNT; key++)
        if (reader->count[key] == 0)
            return godwit__error_set (reader->error, GODWIT_ERR_MALFORMED,
                                      "%s: expected a line `%s = ...` below " SECTION, reader->name,
                                      keys[key].name);
    return GODWIT_OK;
}

/* ---- the whole ---- */

/* The parts belong to each other: the realm has signed this certificate, for this identity. */
static godwit_status_t
check (reader_t *reader)
{
    const godwit__member_file_t *const file = reader->file;
    const godwit__certificate_t *const certificate = &file->certificate;
    const uint8_t *const key = godwit__realm_key_of (
        certificate->realm, (const uint8_t (*)[GODWIT__PUBLIC_SIZE]) file->realms, file->realm_count);
    uint8_t public[GODWIT__PUBLIC_SIZE];
    crypto_sign_ed25519_sk_to_pk (public, file->identity);
    reader->line = reader->certificate_line;
    if (!key)
        return fail (reader, "the certificate is of another realm than this file's");
    if (!godwit__verify (file->signature, GODWIT__LABEL_CERTIFICATE, file->body, file->body_size, key))
        return fail (reader, "the signature of the certificate is wrong: the file is damaged");
    if (memcmp (public, certificate->key, sizeof public) != 0)
        return fail (reader, "the certificate is for another identity than this file's");
    return GODWIT_OK;
}

godwit_status_t
godwit__member_file_read (godwit__member_file_t *file, const char *text, size_t size, const char *name,
                          godwit_error_t **error)
{
    reader_t reader = {.file = file, .name = name, .next = text, .end = text + size, .error = error};
    memset (file, 0, sizeof *file);
    if (size > GODWIT__MEMBER_FILE_MAX)
        return godwit__error_set (error, GODWIT_ERR_MALFORMED, "%s: expected at most %d bytes", name,
                                  GODWIT__MEMBER_FILE_MAX);
    godwit_status_t status = read_lines (&reader);
    if (status == GODWIT_OK)
        status = check (&reader);
    if (status)
        godwit__member_file_clear (file);
    return status;
}

void
godwit__member_file_clear (godwit__member_file_t *file)
{
    for (size_t i = 0; i < file->door_count; i++)
        godwit__secret_free (file->doors[i]);
    godwit__secret_free (file->identity);
    godwit__certificate_clear (&file->certificate);
    memset (file, 0, sizeof *file);
}

/* ---- writing ---- */

typedef struct output {
    char *text;
    size_t used, room;
} output_t;

static void
put_text (output_t *output, const char *text)
{
    const size_t size = strlen (text);
    if (size >= output->room - output->used)
        return; /* godwit__member_file_write has made room for all that a file may hold */
    memcpy (output->text + output->used, text, size + 1);
    output->used += size;
}

static void
put_key (output_t *output, const char *key, const uint8_t *bytes, size_t size)
{
    const size_t encoded = sodium_base64_ENCODED_LEN (size, VARIANT); /* with its NUL */
    put_text (output, key);
    put_text (output, " = ");
    if (encoded > output->room - output->used)
        return;
    sodium_bin2base64 (output->text + output->used, encoded, bytes, size, VARIANT);
    output->used += encoded - 1;
    put_text (output, "\n");
}

static size_t
seal_certificate (const godwit__member_file_t *file, uint8_t sealed[SEALED_MAX])
{
    godwit__writer_t writer = {.data = sealed, .capacity = SEALED_MAX};
    godwit__write_array (&writer, SEALED_PARTS);
    godwit__write_bin (&writer, file->body, file->body_size);
    godwit__write_bin (&writer, file->signature, sizeof file->signature);
    return writer.size;
}

godwit_status_t
godwit__member_file_write (const godwit__member_file_t *file, char **text, size_t *size,
                           godwit_error_t **error)
{
    uint8_t sealed[SEALED_MAX];
    output_t output = {.room = GODWIT__MEMBER_FILE_MAX};
    output.text = sodium_init () < 0 ? NULL : sodium_malloc (output.room);
    if (!output.text)
        return godwit__error_no_memory (error);
    put_text (&output, SECTION "\nformat = 1\n");
    for (size_t i = 0; i < file->realm_count; i++)
        put_key (&output, keys[KEY_REALM].name, file->realms[i], GODWIT__PUBLIC_SIZE);
    for (size_t i = 0; i < file->door_count; i++)
        put_key (&output, keys[KEY_DOOR].name, file->doors[i], crypto_box_SECRETKEYBYTES);
    /* A secret key begins with its seed. */
    if (file->identity)
        put_key (&output, keys[KEY_IDENTITY].name, file->identity, crypto_sign_SEEDBYTES);
    put_key (&output, keys[KEY_CERTIFICATE].name, sealed, seal_certificate (file, sealed));
    *text = output.text;
    *size = output.used;
    return GODWIT_OK;
}
