/* SPDX-License-Identifier: Apache-2.0 */
/* A realm folder, such as prod.realm/, mode 0700: what its administrator has.
 *
 *     realm.key        the key that signs, perhaps sealed with a passphrase
 *     realm.key.next   the key that will sign, while a rotation has begun
 *     realm.pub        the public keys that members trust: one, or two during a rotation
 *     door.key         the door, or two during a rotation: the new one first
 *     issued           each certificate that was signed
 *     bulletin         the newest bulletin, if there is one, as members get it
 *     everyone.member  the member file with all rights
 *     .lock            held by a command that writes
 *
 * Each file is replaced as a whole. Those who only look need no lock. One thread. */
#ifndef GODWIT_TOOLS_REALM_FOLDER_H
#define GODWIT_TOOLS_REALM_FOLDER_H

#include "src/realm/bulletin.h"
#include "src/realm/member_file.h"
#include "tools/godwit/realm_issued.h"
#include "tools/godwit/realm_key.h"

#define REALM_SUFFIX ".realm"
#define REALM_KEY "realm.key"
#define REALM_KEY_NEXT "realm.key.next"
#define REALM_PUB "realm.pub"
#define REALM_DOOR "door.key"
#define REALM_ISSUED "issued"
#define REALM_BULLETIN "bulletin"
#define REALM_EVERYONE "everyone" /* the name of the certificate in everyone.member */
#define REALM_EVERYONE_FILE REALM_EVERYONE ".member"
#define REALM_FOLDER_VARIABLE "GODWIT_REALM_FOLDER"

typedef struct realm_folder {
    char *path; /* as it was given, without slashes at its end */
    int fd, lock;
    size_t realm_count;
    uint8_t realms[GODWIT__REALM_KEY_MAX][GODWIT__PUBLIC_SIZE];
    uint8_t signer[GODWIT__PUBLIC_SIZE]; /* the public key that signs; one of realms */
    bool has_passphrase;
    bool has_next; /* realm.key.next is there */
    size_t door_count;
    uint8_t *doors; /* secret keys, one behind the other, in a piece of godwit__secret_new */
    realm_issued_t issued;
    godwit__bulletin_t *bulletin; /* NULL: there is none */
    /* With realm_folder_unlock: */
    realm_key_t key;
    realm_bytes_t passphrase; /* data NULL: there is none */
} realm_folder_t;

/* Which folder is meant: `given`, or $GODWIT_REALM_FOLDER, or the one in the working folder that ends in
 * .realm. *path is the caller's. NOT_FOUND: there is none; INVALID_ARGUMENT: there are several. */
godwit_status_t realm_folder_find (char **path, const char *given, godwit_error_t **error);

typedef enum realm_access {
    REALM_LOOK,
    REALM_CHANGE /* waits until no other command changes it */
} realm_access_t;

/* Opens a folder, and reads all but the secret key. SYSTEM, MALFORMED, OUT_OF_MEMORY. On failure there is
 * nothing to close. */
godwit_status_t realm_folder_open (realm_folder_t *folder, const char *path, realm_access_t access,
                                   godwit_error_t **error);
/* Opens the key that signs; asks for its passphrase if it has one. */
godwit_status_t realm_folder_unlock (realm_folder_t *folder, const char *passphrase_file,
                                     godwit_error_t **error);
void realm_folder_close (realm_folder_t *folder);

/* The path of a file in there, for errors and for what the user is told to type. */
typedef struct realm_path {
    char text[4096 + 64];
} realm_path_t;
const char *realm_folder_path (const realm_folder_t *folder, const char *file, realm_path_t *path);

/* Writes a file of the folder, mode 0600. */
godwit_status_t realm_folder_write (const realm_folder_t *folder, const char *file, const void *data,
                                    size_t size, godwit_error_t **error);
/* Write realm.pub and door.key, as the folder has them. */
godwit_status_t realm_folder_write_realms (const realm_folder_t *folder, godwit_error_t **error);
godwit_status_t realm_folder_write_doors (const realm_folder_t *folder, godwit_error_t **error);
/* Adds a certificate to `issued`. */
godwit_status_t realm_folder_add_issued (realm_folder_t *folder, const realm_entry_t *entry,
                                         godwit_error_t **error);
/* Reads a key of the folder, with the passphrase that realm_folder_unlock was given. */
godwit_status_t realm_folder_open_key (const realm_folder_t *folder, realm_key_t *key, const char *file,
                                       godwit_error_t **error);

/* Whether members of the realm still accept a certificate that it has signed. */
typedef enum realm_standing {
    REALM_GOOD,
    REALM_ENDED,
    REALM_REVOKED,
    REALM_OLD_KEY /* the key that has signed it was dropped */
} realm_standing_t;
realm_standing_t realm_folder_standing (const realm_folder_t *folder, const realm_entry_t *entry,
                                        int64_t now);

#endif
