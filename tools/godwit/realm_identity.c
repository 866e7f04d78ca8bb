/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/godwit/realm_identity.h"

#include "src/error/error.h"
#include "src/realm/secret.h"
#include "tools/godwit/realm_form.h"
#include "tools/godwit/realm_text.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL "godwit identity 1"
#define LABEL_REQUEST "godwit request 1" /* of the signature */
#define WORDS "godwit-request 1 "
#define MEMBER ".member"
#define BASE64 sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define SIGNATURE_TEXT_SIZE (86 + 1)

godwit_status_t
realm_beside (char **path, const char *member_path, const char *ending, godwit_error_t **error)
{
    const size_t size = strlen (member_path), tail = strlen (MEMBER);
    const bool has_tail = size > tail && strcmp (member_path + size - tail, MEMBER) == 0;
    return asprintf (path, "%.*s%s", (int) (has_tail ? size - tail : size), member_path, ending) < 0
               ? godwit__error_no_memory (error)
               : GODWIT_OK;
}

/* ---- the identity that waits ---- */

godwit_status_t
realm_identity_read (uint8_t **secret, const char *path, godwit_error_t **error)
{
    uint8_t key[GODWIT__PUBLIC_SIZE];
    realm_bytes_t text = {0};
    uint8_t *const seed = godwit__secret_new (), *const read = godwit__secret_new ();
    realm_field_t field = {
        .key = "seed", .bytes = seed, .size = crypto_sign_SEEDBYTES, .least = 1, .most = 1};
    godwit_status_t status = seed && read ? GODWIT_OK : godwit__error_no_memory (error);
    if (!status)
        status = realm_read_file (&text, AT_FDCWD, path, path, REALM_FORM_MAX, REALM_KEYS, error);
    if (!status)
        status = realm_form_read (&text, LABEL, &field, 1, path, error);
    if (!status)
        crypto_sign_seed_keypair (key, read, seed);
    realm_bytes_free (&text);
    godwit__secret_free (seed);
    if (status)
        godwit__secret_free (read);
    else
        *secret = read;
    return status;
}

static godwit_status_t
make (const char *path, bool may_replace, godwit_error_t **error)
{
    const realm_target_t target = {.folder = AT_FDCWD, .path = path, .name = path, .is_new = !may_replace};
    realm_form_t form = {0};
    uint8_t *const seed = godwit__secret_new ();
    godwit_status_t status = seed ? realm_form_begin (&form, LABEL, error) : godwit__error_no_memory (error);
    if (!status) {
        randombytes_buf (seed, crypto_sign_SEEDBYTES);
        realm_form_add_bytes (&form, "seed", seed, crypto_sign_SEEDBYTES);
        status = realm_write_file (&target, form.bytes.data, form.bytes.size, error);
    }
    realm_bytes_free (&form.bytes);
    godwit__secret_free (seed);
    return status;
}

godwit_status_t
realm_identity_make (uint8_t **secret, const char *path, bool is_new, godwit_error_t **error)
{
    godwit_status_t status = is_new ? GODWIT_ERR_NOT_FOUND : realm_identity_read (secret, path, error);
    if (status != GODWIT_ERR_NOT_FOUND)
        return status;
    if (!is_new)
        godwit_error_destroy (error);
    status = make (path, is_new, error);
    if (status == GODWIT_ERR_INVALID_ARGUMENT) /* another command was faster: its identity is as good */
        godwit_error_destroy (error);
    else if (status)
        return status;
    return realm_identity_read (secret, path, error);
}

/* ---- the line ---- */

const char *
realm_request_print (char line[REALM_REQUEST_SIZE], const uint8_t *secret)
{
    uint8_t key[GODWIT__PUBLIC_SIZE], signature[GODWIT__SIGNATURE_SIZE];
    char key_text[REALM_KEY_TEXT_SIZE], signature_text[SIGNATURE_TEXT_SIZE];
    crypto_sign_ed25519_sk_to_pk (key, secret);
    godwit__sign (signature, LABEL_REQUEST, key, sizeof key, secret);
    sodium_bin2base64 (signature_text, sizeof signature_text, signature, sizeof signature, BASE64);
    snprintf (line, REALM_REQUEST_SIZE, WORDS "%s %s\n", realm_key_print (key_text, key), signature_text);
    return line;
}

/* Where the line begins; NULL: there is none. */
static const char *
find_line (const realm_bytes_t *text)
{
    const char *at = text->data;
    while (at && strncmp (at, WORDS, strlen (WORDS)) != 0) {
        at = strchr (at, '\n');
        at = at ? at + 1 : NULL;
    }
    return at;
}

godwit_status_t
realm_request_read (uint8_t key[GODWIT__PUBLIC_SIZE], const realm_bytes_t *text, const char *name,
                    godwit_error_t **error)
{
    uint8_t signature[GODWIT__SIGNATURE_SIZE];
    const char *at = find_line (text);
    const char *wrong = "expected the line that `godwit realm request` prints";
    if (text->size == 0)
        wrong = "got nothing: did the command that asks fail?";
    else if (at) {
        at += strlen (WORDS);
        const size_t key_size = strcspn (at, " \r\n");
        const char *const second = at + key_size + strspn (at + key_size, " ");
        const bool is_read =
            realm_base64_read (key, GODWIT__PUBLIC_SIZE, at, key_size) &&
            realm_base64_read (signature, sizeof signature, second, strcspn (second, " \r\n"));
        if (is_read && godwit__verify (signature, LABEL_REQUEST, key, GODWIT__PUBLIC_SIZE, key))
            return GODWIT_OK;
        wrong = "the request was changed on its way: its signature is wrong";
    }
    return godwit__error_set (error, GODWIT_ERR_MALFORMED, "%s: %s", name, wrong);
}
