/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/realm_files.h"

#include "src/realm/secret.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NAMES_MAX 64
#define SEEDS_MAX 1024
#define REVOKED_MAX 256
#define PATH_SIZE 256
#define FIRST_SERIAL 0x7f3a
#define AN_HOUR 3600
#define A_YEAR (365 * 24 * AN_HOUR)
#define SECRET_SIZE 64

typedef struct issued {
    char name[GODWIT__CERTIFICATE_NAME_MAX + 1];
    char path[PATH_SIZE];
    char bulletin_path[PATH_SIZE];
    uint64_t serial;
} issued_t;

struct godwit__test_realm {
    char folder[PATH_SIZE / 2];
    uint64_t seed;
    size_t seed_count; /* all that keys were made of */
    uint8_t seeds[SEEDS_MAX][32];
    uint64_t next_serial;
    size_t key_count; /* the first one signs */
    uint8_t keys[GODWIT__REALM_KEY_MAX][GODWIT__PUBLIC_SIZE];
    uint8_t secrets[GODWIT__REALM_KEY_MAX][SECRET_SIZE];
    size_t door_count;
    uint8_t doors[GODWIT__DOOR_MAX][GODWIT__PUBLIC_SIZE]; /* secret keys */
    size_t issued_count;
    issued_t *issued[NAMES_MAX];
    godwit__bulletin_t fields; /* of the next bulletin */
    godwit__revocation_t revoked[REVOKED_MAX];
    godwit__bulletin_t *bulletin;
};

static void
die (const char *what, const char *why)
{
    fprintf (stderr, "realm_files: %s: %s\n", what, why);
    abort ();
}

static void
must (godwit_status_t status, const char *what, godwit_error_t *error)
{
    if (status)
        die (what, godwit_error_print (error));
}

/* ---- keys ---- */

/* The n-th seed is the hash of the realm's seed and n. */
static const uint8_t *
next_seed (godwit__test_realm_t *realm)
{
    const uint64_t input[2] = {realm->seed, realm->seed_count};
    if (realm->seed_count == SEEDS_MAX)
        die ("issue", "too many keys");
    uint8_t *const seed = realm->seeds[realm->seed_count++];
    crypto_generichash (seed, sizeof realm->seeds[0], (const uint8_t *) input, sizeof input, NULL, 0);
    return seed;
}

static void
make_key (godwit__test_realm_t *realm)
{
    if (realm->key_count == GODWIT__REALM_KEY_MAX)
        die ("add_key", "there are two already");
    crypto_sign_seed_keypair (realm->keys[realm->key_count], realm->secrets[realm->key_count],
                              next_seed (realm));
    realm->key_count++;
}

static void
make_door (godwit__test_realm_t *realm)
{
    if (realm->door_count == GODWIT__DOOR_MAX)
        die ("add_door", "there are two already");
    memcpy (realm->doors[realm->door_count++], next_seed (realm), sizeof realm->doors[0]);
}

static void
swap (uint8_t *a, uint8_t *b, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        const uint8_t byte = a[i];
        a[i] = b[i];
        b[i] = byte;
    }
}

void
godwit__test_realm_add_key (godwit__test_realm_t *realm)
{
    make_key (realm);
}

void
godwit__test_realm_swap_keys (godwit__test_realm_t *realm)
{
    swap (realm->keys[0], realm->keys[1], sizeof realm->keys[0]);
    swap (realm->secrets[0], realm->secrets[1], sizeof realm->secrets[0]);
}

void
godwit__test_realm_drop_key (godwit__test_realm_t *realm)
{
    realm->key_count = 1;
}

void
godwit__test_realm_add_door (godwit__test_realm_t *realm)
{
    make_door (realm);
}

void
godwit__test_realm_swap_doors (godwit__test_realm_t *realm)
{
    swap (realm->doors[0], realm->doors[1], sizeof realm->doors[0]);
}

void
godwit__test_realm_drop_door (godwit__test_realm_t *realm)
{
    realm->door_count = 1;
}

const uint8_t *
godwit__test_realm_secret (const godwit__test_realm_t *realm)
{
    return realm->secrets[0];
}

const uint8_t *
godwit__test_realm_key (const godwit__test_realm_t *realm)
{
    return realm->keys[0];
}

/* ---- life ---- */

static godwit__test_realm_t *
realm_new (uint64_t seed)
{
    godwit__test_realm_t *const realm = calloc (1, sizeof *realm);
    if (!realm || sodium_init () < 0)
        die ("new", "libsodium, or memory");
    realm->seed = seed;
    realm->next_serial = FIRST_SERIAL;
    snprintf (realm->folder, sizeof realm->folder, "/tmp/godwit-realm-test-XXXXXX");
    if (!mkdtemp (realm->folder))
        die (realm->folder, strerror (errno));
    make_key (realm);
    return realm;
}

godwit__test_realm_t *
godwit__test_realm_new (uint64_t seed)
{
    godwit__test_realm_t *const realm = realm_new (seed);
    make_door (realm);
    return realm;
}

godwit__test_realm_t *
godwit__test_realm_foreign (const godwit__test_realm_t *realm, uint64_t seed)
{
    godwit__test_realm_t *const foreign = realm_new (seed);
    foreign->door_count = realm->door_count;
    memcpy (foreign->doors, realm->doors, sizeof foreign->doors);
    return foreign;
}

void
godwit__test_realm_destroy (godwit__test_realm_t **realm)
{
    godwit__test_realm_t *const self = *realm;
    *realm = NULL;
    DIR *const listing = self ? opendir (self->folder) : NULL;
    for (struct dirent *entry; listing && (entry = readdir (listing));)
        unlinkat (dirfd (listing), entry->d_name, 0);
    if (listing)
        closedir (listing);
    if (!self)
        return;
    rmdir (self->folder);
    godwit__bulletin_unref (&self->bulletin);
    for (size_t i = 0; i < self->issued_count; i++)
        free (self->issued[i]);
    free (self);
}

const char *
godwit__test_realm_folder (const godwit__test_realm_t *realm)
{
    return realm->folder;
}

/* ---- files ---- */

void
godwit__test_write_file (const char *path, const void *bytes, size_t size, unsigned mode)
{
    char other[PATH_SIZE + 8];
    snprintf (other, sizeof other, "%s.new", path);
    unlink (other);
    const int fd = open (other, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || write (fd, bytes, size) != (ssize_t) size || fchmod (fd, mode) != 0 || close (fd) != 0 ||
        rename (other, path) != 0)
        die (path, strerror (errno));
}

static issued_t *
find (const godwit__test_realm_t *realm, const char *name)
{
    for (size_t i = 0; i < realm->issued_count; i++)
        if (strcmp (realm->issued[i]->name, name) == 0)
            return realm->issued[i];
    return NULL;
}

static issued_t *
must_find (const godwit__test_realm_t *realm, const char *name)
{
    issued_t *const issued = find (realm, name);
    if (!issued)
        die (name, "no member file was issued with this name");
    return issued;
}

static issued_t *
find_or_add (godwit__test_realm_t *realm, const char *name)
{
    issued_t *issued = find (realm, name);
    if (issued)
        return issued;
    if (realm->issued_count == NAMES_MAX)
        die (name, "too many names");
    issued = calloc (1, sizeof *issued);
    if (!issued)
        die (name, "memory");
    realm->issued[realm->issued_count++] = issued;
    snprintf (issued->name, sizeof issued->name, "%s", name);
    snprintf (issued->path, sizeof issued->path, "%s/%s.member", realm->folder, issued->name);
    snprintf (issued->bulletin_path, sizeof issued->bulletin_path, "%s/%s.bulletin", realm->folder,
              issued->name);
    return issued;
}

const char *
godwit__test_realm_path (godwit__test_realm_t *realm, const char *name)
{
    return must_find (realm, name)->path;
}

uint64_t
godwit__test_realm_serial (const godwit__test_realm_t *realm, const char *name)
{
    return must_find (realm, name)->serial;
}

/* ---- issuing ---- */

static const godwit__right_t everything[] = {{GODWIT__VERB_SERVE, "*/*"},
                                             {GODWIT__VERB_CALL, "*/*"},
                                             {GODWIT__VERB_PUBLISH, "*/*"},
                                             {GODWIT__VERB_HOST, GODWIT__HOST_PATTERN}};

/* "call godwit/billing". */
static godwit__right_t
read_right (const char *text)
{
    godwit__right_t right = {.pattern = strchr (text, ' ')};
    if (!right.pattern || !godwit__verb_read (&right.verb, text, (size_t) (right.pattern - text)))
        die (text, "expected VERB PATTERN");
    right.pattern++;
    return right;
}

static size_t
read_rights (godwit__right_t rights[GODWIT__TEST_RIGHTS_MAX], const godwit__test_member_t *member)
{
    size_t count = 0;
    if (!member->rights[0]) {
        memcpy (rights, everything, sizeof everything);
        return sizeof everything / sizeof everything[0];
    }
    if (strcmp (member->rights[0], "nothing") == 0)
        return 0;
    for (; count < GODWIT__TEST_RIGHTS_MAX && member->rights[count]; count++)
        rights[count] = read_right (member->rights[count]);
    return count;
}

/* The certificate for the identity of the file, signed. */
static void
certify (godwit__test_realm_t *realm, godwit__member_file_t *file, const godwit__test_member_t *member,
         uint64_t serial)
{
    godwit__right_t rights[GODWIT__TEST_RIGHTS_MAX];
    godwit__certificate_t certificate = {.serial = serial, .rights = rights};
    godwit_error_t *error = NULL;
    const int64_t now = (int64_t) time (NULL);
    godwit__realm_id (certificate.realm, realm->keys[0]);
    snprintf (certificate.name, sizeof certificate.name, "%s", member->name);
    crypto_sign_ed25519_sk_to_pk (certificate.key, file->identity);
    certificate.from = member->from ? member->from : now - AN_HOUR;
    certificate.until = member->until ? member->until : now + A_YEAR;
    certificate.right_count = read_rights (rights, member);
    must (godwit__certificate_write (&certificate, file->body, &file->body_size, &error), member->name,
          error);
    godwit__sign (file->signature, GODWIT__LABEL_CERTIFICATE, file->body, file->body_size, realm->secrets[0]);
}

const char *
godwit__test_realm_issue (godwit__test_realm_t *realm, const godwit__test_member_t *member)
{
    issued_t *const issued = find_or_add (realm, member->name);
    godwit__member_file_t file = {.realm_count = realm->key_count, .door_count = realm->door_count};
    uint8_t public[GODWIT__PUBLIC_SIZE], identity[SECRET_SIZE];
    char *text = NULL;
    size_t size = 0;
    godwit_error_t *error = NULL;
    memcpy (file.realms, realm->keys, sizeof file.realms);
    for (size_t i = 0; i < realm->door_count; i++)
        file.doors[i] = realm->doors[i];
    crypto_sign_seed_keypair (public, identity, next_seed (realm));
    file.identity = identity;
    issued->serial = member->serial ? member->serial : realm->next_serial++;
    certify (realm, &file, member, issued->serial);
    must (godwit__member_file_write (&file, &text, &size, &error), issued->path, error);
    godwit__test_write_file (issued->path, text, size, 0600);
    sodium_free (text);
    return issued->path;
}

/* ---- bulletins ---- */

static void
make_bulletin (godwit__test_realm_t *realm)
{
    godwit_error_t *error = NULL;
    godwit__bulletin_unref (&realm->bulletin);
    realm->fields.number++;
    realm->fields.issued = (int64_t) time (NULL);
    realm->fields.revoked = realm->revoked;
    godwit__realm_id (realm->fields.realm, realm->keys[0]);
    must (godwit__bulletin_new (&realm->bulletin, &realm->fields, realm->secrets[0], &error), "bulletin",
          error);
}

void
godwit__test_realm_revoke_serial (godwit__test_realm_t *realm, uint64_t serial)
{
    if (realm->fields.revoked_count == REVOKED_MAX)
        die ("revoke", "too many");
    realm->revoked[realm->fields.revoked_count++] =
        (godwit__revocation_t){.serial = serial, .until = (int64_t) time (NULL) + A_YEAR};
    make_bulletin (realm);
}

void
godwit__test_realm_revoke (godwit__test_realm_t *realm, const char *name)
{
    godwit__test_realm_revoke_serial (realm, must_find (realm, name)->serial);
}

void
godwit__test_realm_void_before (godwit__test_realm_t *realm, int64_t before)
{
    realm->fields.before = before;
    make_bulletin (realm);
}

const godwit__bulletin_t *
godwit__test_realm_bulletin (const godwit__test_realm_t *realm)
{
    return realm->bulletin;
}

const char *
godwit__test_realm_put_bulletin (godwit__test_realm_t *realm, const char *name)
{
    const char *const path = must_find (realm, name)->bulletin_path;
    if (!realm->bulletin)
        die (name, "there is no bulletin yet");
    godwit__test_write_file (path, realm->bulletin->sealed, realm->bulletin->sealed_size, 0644);
    return path;
}

/* ---- secrets ---- */

/* A part of the secret is enough: what is encoded with other bytes around it differs at its ends. */
#define SHOWN_MIN 16

static bool
has (const void *bytes, size_t size, const void *part, size_t part_size)
{
    return size >= part_size && memmem (bytes, size, part, part_size) != NULL;
}

static bool
has_hex (const uint8_t secret[32], const void *bytes, size_t size)
{
    char hex[2 * SHOWN_MIN + 1];
    sodium_bin2hex (hex, sizeof hex, secret + 8, SHOWN_MIN);
    if (has (bytes, size, hex, strlen (hex)))
        return true;
    for (char *at = hex; *at; at++)
        *at = *at >= 'a' ? (char) (*at - 'a' + 'A') : *at;
    return has (bytes, size, hex, strlen (hex));
}

/* Three bytes become four characters: the secret may begin at each place of these three. */
static bool
has_base64 (const uint8_t secret[32], const void *bytes, size_t size)
{
    static const int variants[] = {sodium_base64_VARIANT_ORIGINAL_NO_PADDING,
                                   sodium_base64_VARIANT_URLSAFE_NO_PADDING};
    for (size_t variant = 0; variant < 2; variant++) {
        for (size_t skip = 0; skip < 3; skip++) {
            char text[64];
            sodium_bin2base64 (text, sizeof text, secret + skip, 24, variants[variant]);
            if (has (bytes, size, text, strlen (text)))
                return true;
        }
    }
    return false;
}

/* Four bytes become five characters (ZeroMQ's RFC 32). */
static bool
has_z85 (const uint8_t secret[32], const void *bytes, size_t size)
{
    static const char digits[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    for (size_t skip = 0; skip < 4; skip++) {
        char text[25];
        for (size_t group = 0; group < 5; group++) {
            const uint8_t *const at = secret + skip + 4 * group;
            uint32_t number = (uint32_t) at[0] << 24 | (uint32_t) at[1] << 16 | (uint32_t) at[2] << 8 | at[3];
            for (size_t i = 5; i-- > 0; number /= 85)
                text[5 * group + i] = digits[number % 85];
        }
        if (has (bytes, size, text, sizeof text))
            return true;
    }
    return false;
}

bool
godwit__test_leaks (const uint8_t secret[32], const void *bytes, size_t size)
{
    return has (bytes, size, secret + 8, SHOWN_MIN) || has_hex (secret, bytes, size) ||
           has_base64 (secret, bytes, size) || has_z85 (secret, bytes, size);
}

bool
godwit__test_realm_leaks (const godwit__test_realm_t *realm, const void *bytes, size_t size)
{
    for (size_t i = 0; i < realm->seed_count; i++)
        if (godwit__test_leaks (realm->seeds[i], bytes, size))
            return true;
    return false;
}
