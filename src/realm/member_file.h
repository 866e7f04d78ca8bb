/* SPDX-License-Identifier: Apache-2.0 */
/* The member file: all that a host or service needs to be in a realm. An INI:
 *
 *     [godwit-member]
 *     format = 1
 *     realm = BASE64 of a public key                      (up to two lines: both are trusted)
 *     door = BASE64 of a secret key                       (up to two lines: clients try the first one first)
 *     identity = BASE64 of the seed of a secret key
 *     certificate = BASE64 of a msgpack list of two bin: body, signature
 *
 * (base64 without padding, libsodium's URL-safe variant.) The file has mode 0600 or 0640, and belongs to root
 * or to this user. Beside it,
 * `.member` replaced by `.bulletin`, lies the newest bulletin that this host has, if there is one: as bytes.
 *
 * Secrets are in godwit__secret_new's memory from the first byte that is read. Untrusted input. */
#ifndef GODWIT_SRC_REALM_MEMBER_FILE_H
#define GODWIT_SRC_REALM_MEMBER_FILE_H

#include "src/realm/certificate.h"

#define GODWIT__REALM_KEY_MAX 2
#define GODWIT__DOOR_MAX 2
#define GODWIT__MEMBER_FILE_MAX 16384 /* bytes */

typedef struct godwit__member_file {
    size_t realm_count;
    uint8_t realms[GODWIT__REALM_KEY_MAX][GODWIT__PUBLIC_SIZE];
    size_t door_count;
    uint8_t *doors[GODWIT__DOOR_MAX]; /* X25519 secret keys: secrets */
    uint8_t *identity;                /* Ed25519 secret key, 64 bytes: a secret */
    godwit__certificate_t certificate;
    size_t body_size;
    uint8_t body[GODWIT__CERTIFICATE_SIZE_MAX]; /* of the certificate, as it is signed */
    uint8_t signature[GODWIT__SIGNATURE_SIZE];
} godwit__member_file_t;

/* Reads one from the file system: mode and owner are checked. SYSTEM (with the path and what to do),
 * MALFORMED ("PATH:LINE: ..."), OUT_OF_MEMORY. On failure there is nothing to clear. */
godwit_status_t godwit__member_file_load (godwit__member_file_t *file, const char *path,
                                          godwit_error_t **error);
/* Reads the text of one; name is for errors. Checks that the identity is the certificate's, and that a
 * realm's key has signed it. */
godwit_status_t godwit__member_file_read (godwit__member_file_t *file, const char *text, size_t size,
                                          const char *name, godwit_error_t **error);
/* Writes its text, with a NUL; the caller gives *text, which sodium_malloc made, to sodium_free. identity
 * NULL: the line is left out, and the text is for a host that has the identity already. */
godwit_status_t godwit__member_file_write (const godwit__member_file_t *file, char **text, size_t *size,
                                           godwit_error_t **error);
/* Wipes it, and gives back what it has. */
void godwit__member_file_clear (godwit__member_file_t *file);

#endif
