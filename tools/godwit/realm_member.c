/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/godwit/realm_member.h"

#include "src/error/error.h"
#include "src/realm/secret.h"
#include "tools/godwit/realm_identity.h"
#include "tools/godwit/realm_text.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define SECTION "[godwit-member]"
#define BASE64 sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define SEED_TEXT_SIZE (43 + 1)

/* Finds the next line `KEY = VALUE`, from *at on, and moves *at behind it. Returns the value; NULL: there is
 * none. */
static const char *
find_value (const char **at, const char *key, size_t *size)
{
    const size_t key_size = strlen (key);
    while (**at) {
        const char *line = *at + strspn (*at, " \t");
        *at += strcspn (*at, "\n");
        *at += **at == '\n';
        if (strncmp (line, key, key_size) != 0)
            continue;
        line += key_size + strspn (line + key_size, " \t");
        if (*line != '=')
            continue;
        line += 1 + strspn (line + 1, " \t");
        *size = strcspn (line, " \t\r\n");
        return line;
    }
    return NULL;
}

static bool
trusts_one (const char *text, const uint8_t (*keys)[GODWIT__PUBLIC_SIZE], size_t count)
{
    uint8_t key[GODWIT__PUBLIC_SIZE];
    size_t size = 0;
    for (const char *value; (value = find_value (&text, "realm", &size));)
        for (size_t i = 0; i < count && realm_base64_read (key, sizeof key, value, size); i++)
            if (memcmp (key, keys[i], sizeof key) == 0)
                return true;
    return false;
}

godwit_status_t
realm_member_may_replace (const char *path, const uint8_t (*keys)[GODWIT__PUBLIC_SIZE], size_t count,
                          const char *advice, godwit_error_t **error)
{
    realm_bytes_t text = {0};
    godwit_status_t status =
        realm_read_file (&text, AT_FDCWD, path, path, GODWIT__MEMBER_FILE_MAX, REALM_REGULAR, error);
    if (status == GODWIT_ERR_NOT_FOUND) {
        godwit_error_destroy (error);
        return GODWIT_OK;
    }
    if (status && status != GODWIT_ERR_LIMIT_EXCEEDED && status != GODWIT_ERR_INVALID_ARGUMENT)
        return status;
    const bool is_member = !status && strstr (text.data, SECTION);
    if (is_member && trusts_one (text.data, keys, count)) {
        realm_bytes_free (&text);
        return GODWIT_OK;
    }
    godwit_error_destroy (error);
    godwit__error_set (error, GODWIT_ERR_FAILED, "%s is there, and is %s: it stays as it is; %s", path,
                       is_member ? "a member file of another realm" : "no member file", advice);
    realm_bytes_free (&text);
    return GODWIT_ERR_FAILED;
}

bool
realm_member_is_answer (const realm_bytes_t *text)
{
    const char *at = text->data;
    size_t size;
    return strstr (text->data, SECTION) && !find_value (&at, "identity", &size);
}

/* ---- answers ---- */

static godwit_status_t
join (realm_bytes_t *joined, const realm_bytes_t *answer, const uint8_t *secret, godwit_error_t **error)
{
    static const char key[] = "\nidentity = ";
    const size_t key_size = sizeof key - 1;
    const godwit_status_t status = realm_bytes_new (joined, answer->size + key_size + SEED_TEXT_SIZE, error);
    if (status)
        return status;
    memcpy (joined->data, answer->data, answer->size);
    memcpy (joined->data + answer->size, key, key_size);
    /* The first half of a secret key is its seed. */
    sodium_bin2base64 (joined->data + answer->size + key_size, SEED_TEXT_SIZE, secret, crypto_sign_SEEDBYTES,
                       BASE64);
    joined->data[joined->size - 1] = '\n';
    return GODWIT_OK;
}

static godwit_status_t
read_joined (godwit__member_file_t *member, const realm_bytes_t *answer, const uint8_t *secret,
             godwit_error_t **error)
{
    realm_bytes_t joined = {0};
    godwit_status_t status = join (&joined, answer, secret, error);
    if (!status)
        status = godwit__member_file_read (member, joined.data, joined.size, REALM_INPUT, error);
    realm_bytes_free (&joined);
    return status;
}

static godwit_status_t
read_with_waiting (godwit__member_file_t *member, const realm_bytes_t *answer, const char *path,
                   godwit_error_t **error)
{
    uint8_t *secret = NULL;
    godwit_status_t status = realm_identity_read (&secret, path, error);
    if (!status)
        status = read_joined (member, answer, secret, error);
    godwit__secret_free (secret);
    return status;
}

/* Adds what to do to the reason why an answer fits to no identity of this host. */
static godwit_status_t
advise (godwit_error_t **error)
{
    godwit_error_t *reason = *error;
    *error = NULL;
    const godwit_status_t status =
        godwit__error_set (error, godwit_error_status (reason),
                           "%s. An answer is for the host that has asked. One for this host: ssh HOST godwit "
                           "realm request --new | "
                           "godwit realm issue NAME --again --request=- | ssh HOST godwit realm accept",
                           godwit_error_message (reason));
    godwit_error_destroy (&reason);
    return status;
}

godwit_status_t
realm_member_read_answer (godwit__member_file_t *member, const realm_bytes_t *answer,
                          const char *waiting_path, const char *present_path, bool *has_waited,
                          godwit_error_t **error)
{
    godwit__member_file_t present = {0};
    godwit_status_t status = read_with_waiting (member, answer, waiting_path, error);
    *has_waited = !status;
    if (!status)
        return status;
    if (godwit__member_file_load (&present, present_path, NULL) == GODWIT_OK) {
        godwit_error_destroy (error);
        status = read_joined (member, answer, present.identity, error);
        godwit__member_file_clear (&present);
    } else if (status == GODWIT_ERR_NOT_FOUND) {
        godwit_error_destroy (error);
        godwit__error_set (error, status,
                           REALM_INPUT ": it answers a request, and no identity waits here (%s)",
                           waiting_path);
    }
    return error && (status == GODWIT_ERR_NOT_FOUND || status == GODWIT_ERR_MALFORMED) ? advise (error)
                                                                                       : status;
}
