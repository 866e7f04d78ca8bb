/* SPDX-License-Identifier: Apache-2.0 */
/* A realm for tests: its keys, a door, member files and bulletins, in a folder of its own below /tmp. All
 * keys come from a seed, so the same calls make the same files, but for their dates. What fails aborts the
 * program. One thread at a time.
 *
 *     godwit__test_realm_t *realm = godwit__test_realm_new (1);
 *     const char *web = godwit__test_realm_issue (realm, GODWIT__TEST_MEMBER (.name = "web"));
 *     const char *billing = godwit__test_realm_issue (
 *         realm, GODWIT__TEST_MEMBER (.name = "billing", .rights = {"serve godwit/billing", "call
 * godwit/shop"}));
 *     ... realm=PATH in a URL ...
 *     godwit__test_realm_revoke (realm, "web");
 *     godwit__test_realm_put_bulletin (realm, "billing");
 *     godwit__test_realm_destroy (&realm);
 */
#ifndef GODWIT_TESTS_SUPPORT_REALM_FILES_H
#define GODWIT_TESTS_SUPPORT_REALM_FILES_H

#include "src/realm/bulletin.h"
#include "src/realm/member_file.h"

#include <stdbool.h>

typedef struct godwit__test_realm godwit__test_realm_t;

/* Makes a realm with one realm key and one door, and its folder. */
godwit__test_realm_t *godwit__test_realm_new (uint64_t seed);
/* Removes the folder, too. */
void godwit__test_realm_destroy (godwit__test_realm_t **realm);
/* Where all files are. Borrowed, as all paths of this file, until destroy. */
const char *godwit__test_realm_folder (const godwit__test_realm_t *realm);

/* ---- member files ---- */

#define GODWIT__TEST_RIGHTS_MAX 16

typedef struct godwit__test_member {
    const char *name; /* of the certificate; the file is NAME.member */
    /* "VERB PATTERN", such as "call godwit/billing". None: everything is allowed. "nothing": nothing is. */
    const char *rights[GODWIT__TEST_RIGHTS_MAX];
    int64_t from, until; /* 0: an hour ago; a year from now */
    uint64_t serial;     /* 0: the next one, from 0x7f3a on */
} godwit__test_member_t;
#define GODWIT__TEST_MEMBER(...) (&(godwit__test_member_t){__VA_ARGS__})

/* Writes the member file, with mode 0600; one that is there is replaced at once (by rename), with another
 * identity, which is what a new certificate for the same service is. Returns its path. */
const char *godwit__test_realm_issue (godwit__test_realm_t *realm, const godwit__test_member_t *member);
/* The path of NAME.member. */
const char *godwit__test_realm_path (godwit__test_realm_t *realm, const char *name);
/* The serial of the newest certificate with this name. */
uint64_t godwit__test_realm_serial (const godwit__test_realm_t *realm, const char *name);
/* Replaces any file by these bytes at once. */
void godwit__test_write_file (const char *path, const void *bytes, size_t size, unsigned mode);

/* ---- bulletins: each call makes the next one, in memory; the first has number 1 ---- */

/* Also revokes the newest certificate with this name. */
void godwit__test_realm_revoke (godwit__test_realm_t *realm, const char *name);
void godwit__test_realm_revoke_serial (godwit__test_realm_t *realm, uint64_t serial);
/* All certificates that begin before this date are void. */
void godwit__test_realm_void_before (godwit__test_realm_t *realm, int64_t before);
/* The newest one, sealed: what travels. Borrowed until the next one. NULL: there is none yet. */
const godwit__bulletin_t *godwit__test_realm_bulletin (const godwit__test_realm_t *realm);
/* Writes the newest one beside the member file with this name. Returns its path. */
const char *godwit__test_realm_put_bulletin (godwit__test_realm_t *realm, const char *name);

/* ---- rotations: they change what is issued from now on ---- */

/* A second realm key is trusted; the first one still signs. */
void godwit__test_realm_add_key (godwit__test_realm_t *realm);
/* The other one of two realm keys signs. */
void godwit__test_realm_swap_keys (godwit__test_realm_t *realm);
/* The realm key that does not sign is not trusted any more. */
void godwit__test_realm_drop_key (godwit__test_realm_t *realm);
/* The same for doors: the first one in a file is the one that clients try first. */
void godwit__test_realm_add_door (godwit__test_realm_t *realm);
void godwit__test_realm_swap_doors (godwit__test_realm_t *realm);
void godwit__test_realm_drop_door (godwit__test_realm_t *realm);
/* Another realm with the same doors: what an attacker has who got hold of one. */
godwit__test_realm_t *godwit__test_realm_foreign (const godwit__test_realm_t *realm, uint64_t seed);

/* ---- secrets ---- */

/* Whether these bytes, a log for example, hold a secret of the realm: of its realm keys, of its doors, or of
 * an identity that it has issued. Looked for as raw bytes, in hex, base64 and Z85, wherever it begins. */
bool godwit__test_realm_leaks (const godwit__test_realm_t *realm, const void *bytes, size_t size);
/* The same for one secret of 32 bytes. */
bool godwit__test_leaks (const uint8_t secret[32], const void *bytes, size_t size);

/* The secret key that signs (64 bytes), and its public one, for what no administrator would sign. */
const uint8_t *godwit__test_realm_secret (const godwit__test_realm_t *realm);
const uint8_t *godwit__test_realm_key (const godwit__test_realm_t *realm);

#endif
