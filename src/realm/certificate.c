/* SPDX-License-Identifier: Apache-2.0 */
#include "src/realm/certificate.h"

#include "src/error/error.h"
#include "src/realm/strict.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS 7
#define FIELDS_OF_A_RIGHT 2
#define VERB_SIZE_MAX 7 /* "publish" */
/* The certificate, the list of rights, a right. */
static const godwit__limits_t limits = {.size = GODWIT__CERTIFICATE_SIZE_MAX,
                                        .depth = 3,
                                        .count =
                                            1 + 2 * FIELDS + (1 + FIELDS_OF_A_RIGHT) * GODWIT__RIGHT_MAX};

void
godwit__realm_id (uint8_t id[GODWIT__REALM_ID_SIZE], const uint8_t key[GODWIT__PUBLIC_SIZE])
{
    crypto_generichash (id, GODWIT__REALM_ID_SIZE, key, GODWIT__PUBLIC_SIZE, NULL, 0);
}

const uint8_t *
godwit__realm_key_of (const uint8_t id[GODWIT__REALM_ID_SIZE], const uint8_t (*keys)[GODWIT__PUBLIC_SIZE],
                      size_t key_count)
{
    for (size_t i = 0; i < key_count; i++) {
        uint8_t own[GODWIT__REALM_ID_SIZE];
        godwit__realm_id (own, keys[i]);
        if (memcmp (own, id, sizeof own) == 0)
            return keys[i];
    }
    return NULL;
}

bool
godwit__certificate_is_name (const char *name)
{
    const size_t size = strnlen (name, GODWIT__CERTIFICATE_NAME_MAX + 1);
    return size > 0 && size <= GODWIT__CERTIFICATE_NAME_MAX &&
           strspn (name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == size;
}

const char *
godwit__certificate_print (const godwit__certificate_t *certificate, char text[GODWIT__CERTIFICATE_TEXT])
{
    snprintf (text, GODWIT__CERTIFICATE_TEXT, "certificate \"%s\" (serial %" PRIx64 ")", certificate->name,
              certificate->serial);
    return text;
}

/* ---- reading ---- */

static void
read_name (godwit__strict_t *map, char name[GODWIT__CERTIFICATE_NAME_MAX + 1])
{
    const godwit_value_t *const value = godwit__strict_next (map, "name");
    const char *const text = value ? godwit__strict_text (value, GODWIT__CERTIFICATE_NAME_MAX) : NULL;
    if (text && godwit__certificate_is_name (text))
        memcpy (name, text, strlen (text) + 1);
    else
        godwit__strict_wrong (map, "name", "expected 1 to 63 of a-z 0-9 . _ -");
}

/* What is wrong with a right; NULL: nothing. Its pattern points into the value. */
static const char *
read_right (godwit__right_t *right, const godwit_value_t *value)
{
    if (godwit_value_type (value) != GODWIT_TYPE_LIST || godwit_value_count (value) != FIELDS_OF_A_RIGHT)
        return "expected lists of a verb and a pattern";
    /* A bin counts its bytes, too, and has no text. */
    const char *const verb = godwit__strict_text (godwit_value_at (value, 0), VERB_SIZE_MAX);
    if (!verb || !godwit__verb_read (&right->verb, verb, strlen (verb)))
        return "expected a verb: serve, call, publish, host or inspect";
    right->pattern = godwit__strict_text (godwit_value_at (value, 1), GODWIT__PATTERN_MAX);
    if (!right->pattern)
        return "expected a pattern of at most 255 bytes";
    if (right->verb == GODWIT__VERB_HOST && strcmp (right->pattern, GODWIT__HOST_PATTERN) != 0)
        return "expected */* for host, which has no topic";
    return godwit__pattern_wrong (right->pattern);
}

/* One allocation: the rights, and behind them their patterns. */
static godwit__right_t *
keep_rights (const godwit__right_t *rights, size_t count)
{
    size_t size = count * sizeof *rights;
    for (size_t i = 0; i < count; i++)
        size += strlen (rights[i].pattern) + 1;
    godwit__right_t *const kept = malloc (size);
    if (!kept)
        return NULL;
    char *room = (char *) (kept + count);
    for (size_t i = 0; i < count; i++) {
        const size_t length = strlen (rights[i].pattern) + 1;
        kept[i] = (godwit__right_t){rights[i].verb, memcpy (room, rights[i].pattern, length)};
        room += length;
    }
    return kept;
}

static godwit_status_t
read_rights (godwit__strict_t *map, godwit__certificate_t *certificate)
{
    godwit__right_t rights[GODWIT__RIGHT_MAX];
    const godwit_value_t *const list = godwit__strict_list (map, "rights");
    const size_t count = godwit_value_count (list);
    const char *wrong = count > GODWIT__RIGHT_MAX ? "expected at most 64" : NULL;
    for (size_t i = 0; i < count && !wrong; i++)
        wrong = read_right (&rights[i], godwit_value_at (list, i));
    if (wrong)
        godwit__strict_wrong (map, "rights", wrong);
    if (wrong || count == 0)
        return GODWIT_OK;
    certificate->rights = keep_rights (rights, count);
    certificate->right_count = count;
    return certificate->rights ? GODWIT_OK : GODWIT_ERR_OUT_OF_MEMORY;
}

godwit_status_t
godwit__certificate_read (godwit__certificate_t *certificate, const uint8_t *body, size_t size,
                          godwit_error_t **error)
{
    godwit__strict_t map;
    godwit__certificate_t read = {.right_count = 0};
    godwit_status_t status = godwit__strict_open (&map, "certificate", body, size, &limits, FIELDS, error);
    if (status)
        return status;
    godwit__strict_bin (&map, "realm", read.realm, sizeof read.realm);
    read.serial = godwit__strict_number (&map, "serial", 1, UINT64_MAX);
    read_name (&map, read.name);
    godwit__strict_bin (&map, "key", read.key, sizeof read.key);
    read.from = godwit__strict_time (&map, "from");
    read.until = godwit__strict_time (&map, "until");
    if (read.until <= read.from)
        godwit__strict_wrong (&map, "until", "expected a date behind `from`");
    const godwit_status_t memory = read_rights (&map, &read);
    status = godwit__strict_close (&map, error);
    if (memory)
        return godwit__error_no_memory (error);
    if (status == GODWIT_OK)
        *certificate = read;
    return status;
}

void
godwit__certificate_clear (godwit__certificate_t *certificate)
{
    free (certificate->rights);
    *certificate = (godwit__certificate_t){.right_count = 0};
}

/* ---- writing ---- */

static void
write_rights (godwit__writer_t *writer, const godwit__certificate_t *certificate)
{
    godwit__write_text (writer, "rights");
    godwit__write_array (writer, certificate->right_count);
    for (size_t i = 0; i < certificate->right_count; i++) {
        const godwit__right_t *const right = &certificate->rights[i];
        godwit__write_array (writer, FIELDS_OF_A_RIGHT);
        godwit__write_text (writer, godwit__verb_name (right->verb));
        godwit__write_str (writer, right->pattern, strlen (right->pattern));
    }
}

static void
write_body (godwit__writer_t *writer, const godwit__certificate_t *certificate)
{
    godwit__write_map (writer, FIELDS);
    godwit__write_text (writer, "realm");
    godwit__write_bin (writer, certificate->realm, sizeof certificate->realm);
    godwit__write_text (writer, "serial");
    godwit__write_uint (writer, certificate->serial);
    godwit__write_text (writer, "name");
    godwit__write_str (writer, certificate->name, strnlen (certificate->name, sizeof certificate->name));
    godwit__write_text (writer, "key");
    godwit__write_bin (writer, certificate->key, sizeof certificate->key);
    godwit__write_text (writer, "from");
    godwit__write_int (writer, certificate->from);
    godwit__write_text (writer, "until");
    godwit__write_int (writer, certificate->until);
    write_rights (writer, certificate);
}

/* What was written is read again: so nothing is ever signed that nobody would accept. */
static godwit_status_t
check (const uint8_t *body, size_t size, godwit_error_t **error)
{
    godwit__certificate_t again;
    godwit_error_t *reason = NULL;
    godwit_status_t status = godwit__certificate_read (&again, body, size, &reason);
    if (status == GODWIT_OK)
        godwit__certificate_clear (&again);
    else if (status == GODWIT_ERR_OUT_OF_MEMORY)
        godwit__error_set_no_memory (error);
    else
        status = godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s", godwit_error_message (reason));
    godwit_error_destroy (&reason);
    return status;
}

godwit_status_t
godwit__certificate_write (const godwit__certificate_t *certificate,
                           uint8_t body[GODWIT__CERTIFICATE_SIZE_MAX], size_t *size, godwit_error_t **error)
{
    godwit__writer_t writer = {.data = body, .capacity = GODWIT__CERTIFICATE_SIZE_MAX};
    write_body (&writer, certificate);
    if (writer.overflow)
        return godwit__error_set (error, GODWIT_ERR_LIMIT_EXCEEDED,
                                  "certificate: expected at most %d bytes: fewer or shorter rights",
                                  GODWIT__CERTIFICATE_SIZE_MAX);
    const godwit_status_t status = check (body, writer.size, error);
    if (status == GODWIT_OK)
        *size = writer.size;
    return status;
}

/* ---- signatures ---- */

/* The NUL behind the label belongs to what is signed: no label is the beginning of another. */
static void
begin (crypto_sign_state *state, const char *label, const uint8_t *body, size_t size)
{
    crypto_sign_init (state);
    crypto_sign_update (state, (const unsigned char *) label, strlen (label) + 1);
    crypto_sign_update (state, body, size);
}

void
godwit__sign (uint8_t signature[GODWIT__SIGNATURE_SIZE], const char *label, const uint8_t *body, size_t size,
              const uint8_t *secret)
{
    crypto_sign_state state;
    begin (&state, label, body, size);
    crypto_sign_final_create (&state, signature, NULL, secret);
}

bool
godwit__verify (const uint8_t signature[GODWIT__SIGNATURE_SIZE], const char *label, const uint8_t *body,
                size_t size, const uint8_t key[GODWIT__PUBLIC_SIZE])
{
    crypto_sign_state state;
    begin (&state, label, body, size);
    return crypto_sign_final_verify (&state, signature, key) == 0;
}
