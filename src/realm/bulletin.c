/* SPDX-License-Identifier: Apache-2.0 */
#include "src/realm/bulletin.h"

#include "src/error/error.h"
#include "src/realm/strict.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS 5
#define FIELDS_OF_A_REVOCATION 2
#define SEALED_PARTS 2 /* body, signature */
/* Each of the revoked takes three bytes at least. */
#define REVOKED_MAX (GODWIT__BULLETIN_SIZE_MAX / 3)
static const godwit__limits_t limits = {.size = GODWIT__BULLETIN_SIZE_MAX,
                                        .depth = 3,
                                        .count = 1 + 2 * FIELDS + (1 + FIELDS_OF_A_REVOCATION) * REVOKED_MAX};

/* ---- memory ---- */

/* One allocation: the bulletin, its revocations, its sealed form. */
static godwit__bulletin_t *
bulletin_alloc (size_t revoked_count, size_t sealed_size)
{
    const size_t list_size = revoked_count * sizeof (godwit__revocation_t);
    godwit__bulletin_t *const bulletin = calloc (1, sizeof *bulletin + list_size + sealed_size);
    if (!bulletin)
        return NULL;
    atomic_init (&bulletin->refs, 1);
    bulletin->revoked_count = revoked_count;
    bulletin->revoked = (godwit__revocation_t *) (bulletin + 1);
    bulletin->sealed_size = sealed_size;
    bulletin->sealed = (uint8_t *) (bulletin->revoked + revoked_count);
    return bulletin;
}

godwit__bulletin_t *
godwit__bulletin_ref (godwit__bulletin_t *bulletin)
{
    if (bulletin)
        atomic_fetch_add_explicit (&bulletin->refs, 1, memory_order_relaxed);
    return bulletin;
}

void
godwit__bulletin_unref (godwit__bulletin_t **bulletin)
{
    godwit__bulletin_t *const self = *bulletin;
    *bulletin = NULL;
    if (self && atomic_fetch_sub_explicit (&self->refs, 1, memory_order_acq_rel) == 1)
        free (self);
}

static int
compare (const void *a_, const void *b_)
{
    const godwit__revocation_t *const a = a_, *const b = b_;
    return a->serial < b->serial ? -1 : a->serial > b->serial;
}

bool
godwit__bulletin_revokes (const godwit__bulletin_t *bulletin, const godwit__certificate_t *certificate)
{
    const godwit__revocation_t key = {.serial = certificate->serial};
    return certificate->from < bulletin->before ||
           (bulletin->revoked_count &&
            bsearch (&key, bulletin->revoked, bulletin->revoked_count, sizeof key, compare));
}

/* ---- a look at the front ---- */

typedef struct front {
    const uint8_t *at, *end;
} front_t;

static bool
skip (front_t *front, const void *bytes, size_t size)
{
    if ((size_t) (front->end - front->at) < size || memcmp (front->at, bytes, size) != 0)
        return false;
    front->at += size;
    return true;
}

/* So many bytes, big-endian. */
static bool
take_number (front_t *front, size_t size, uint64_t *number)
{
    if ((size_t) (front->end - front->at) < size)
        return false;
    *number = 0;
    for (size_t i = 0; i < size; i++)
        *number = *number << 8 | *front->at++;
    return true;
}

/* The head of a bin, whose size the full reading checks. */
static bool
skip_bin_head (front_t *front)
{
    uint64_t size;
    return skip (front, "\xc4", 1) ? take_number (front, 1, &size)
                                   : skip (front, "\xc5", 1) && take_number (front, 2, &size);
}

static bool
take_uint (front_t *front, uint64_t *number)
{
    if (front->at == front->end)
        return false;
    const uint8_t head = *front->at++;
    *number = head;
    return head < 0x80 ||
           (head >= 0xcc && head <= 0xcf && take_number (front, (size_t) 1 << (head - 0xcc), number));
}

/* What each body begins with. */
static bool
take_realm (front_t *front, uint8_t realm[GODWIT__REALM_ID_SIZE])
{
    static const char id[] = "\x85\xa5realm\xc4\x10";
    if (!skip (front, id, sizeof id - 1) || front->end - front->at < GODWIT__REALM_ID_SIZE)
        return false;
    memcpy (realm, front->at, GODWIT__REALM_ID_SIZE);
    front->at += GODWIT__REALM_ID_SIZE;
    return true;
}

bool
godwit__bulletin_peek (uint8_t realm[GODWIT__REALM_ID_SIZE], uint64_t *number, const uint8_t *sealed,
                       size_t size)
{
    static const char next[] = "\xa6number";
    if (size == 0)
        return false; /* sealed may be NULL */
    front_t front = {.at = sealed, .end = sealed + size};
    return skip (&front, "\x92", 1) && skip_bin_head (&front) && take_realm (&front, realm) &&
           skip (&front, next, sizeof next - 1) && take_uint (&front, number) && *number > 0;
}

/* ---- reading ---- */

static bool
read_revocation (godwit__revocation_t *revocation, const godwit_value_t *value)
{
    uint64_t until = 0;
    if (godwit_value_type (value) != GODWIT_TYPE_LIST ||
        godwit_value_count (value) != FIELDS_OF_A_REVOCATION ||
        !godwit__strict_is_number (godwit_value_at (value, 0), 1, UINT64_MAX, &revocation->serial) ||
        !godwit__strict_is_number (godwit_value_at (value, 1), 0, GODWIT__TIME_MAX, &until))
        return false;
    revocation->until = (int64_t) until;
    return true;
}

/* Makes the bulletin of the fields that were read, unless there is a mistake. */
static godwit_status_t
build (godwit__bulletin_t **bulletin, godwit__strict_t *map, const godwit__bulletin_t *fields,
       const uint8_t *sealed, size_t sealed_size)
{
    const godwit_value_t *const list = godwit__strict_list (map, "revoked");
    if (map->field)
        return GODWIT_OK;
    godwit__bulletin_t *made = bulletin_alloc (godwit_value_count (list), sealed_size);
    if (!made)
        return GODWIT_ERR_OUT_OF_MEMORY;
    memcpy (made->realm, fields->realm, sizeof made->realm);
    made->number = fields->number;
    made->issued = fields->issued;
    made->before = fields->before;
    memcpy (made->sealed, sealed, sealed_size);
    for (size_t i = 0; i < made->revoked_count && !map->field; i++)
        if (!read_revocation (&made->revoked[i], godwit_value_at (list, i)))
            godwit__strict_wrong (map, "revoked", "expected lists of a serial and a date");
    if (map->field) {
        godwit__bulletin_unref (&made);
        return GODWIT_OK;
    }
    qsort (made->revoked, made->revoked_count, sizeof made->revoked[0], compare);
    *bulletin = made;
    return GODWIT_OK;
}

static godwit_status_t
read_body (godwit__bulletin_t **bulletin, godwit__bin_t body, const uint8_t *sealed, size_t sealed_size,
           godwit_error_t **error)
{
    godwit__strict_t map;
    godwit__bulletin_t fields = {.number = 0};
    godwit_status_t status =
        godwit__strict_open (&map, "bulletin", body.data, body.size, &limits, FIELDS, error);
    if (status)
        return status;
    godwit__strict_bin (&map, "realm", fields.realm, sizeof fields.realm);
    fields.number = godwit__strict_number (&map, "number", 1, UINT64_MAX);
    fields.issued = godwit__strict_time (&map, "issued");
    fields.before = godwit__strict_time (&map, "before");
    const godwit_status_t memory = build (bulletin, &map, &fields, sealed, sealed_size);
    status = godwit__strict_close (&map, error);
    return memory ? godwit__error_no_memory (error) : status;
}

/* Whether the key that the body names is one of these, and has signed it. */
static godwit_status_t
check_signature (const godwit__bin_t parts[SEALED_PARTS], const uint8_t (*keys)[GODWIT__PUBLIC_SIZE],
                 size_t key_count, godwit_error_t **error)
{
    uint8_t realm[GODWIT__REALM_ID_SIZE];
    front_t front = {.at = parts[0].data, .end = parts[0].data + parts[0].size};
    if (!take_realm (&front, realm))
        return godwit__error_set (error, GODWIT_ERR_MALFORMED,
                                  "bulletin: expected a map with %d entries, and its realm in front", FIELDS);
    const uint8_t *const key = godwit__realm_key_of (realm, keys, key_count);
    if (!key)
        return godwit__error_set (error, GODWIT_ERR_PERMISSION_DENIED,
                                  "bulletin: expected one of this realm: its realm key is none of ours");
    if (parts[1].size == GODWIT__SIGNATURE_SIZE &&
        godwit__verify (parts[1].data, GODWIT__LABEL_BULLETIN, parts[0].data, parts[0].size, key))
        return GODWIT_OK;
    return godwit__error_set (error, GODWIT_ERR_MALFORMED, "bulletin: its signature is wrong");
}

/* The signature first: it costs a seventeenth of what a body of many revocations costs that nobody signed. */
godwit_status_t
godwit__bulletin_open (godwit__bulletin_t **bulletin, const uint8_t *sealed, size_t size,
                       const uint8_t (*keys)[GODWIT__PUBLIC_SIZE], size_t key_count, godwit_error_t **error)
{
    godwit__bin_t parts[SEALED_PARTS];
    godwit_status_t status = godwit__strict_bins (parts, SEALED_PARTS, "bulletin", sealed, size,
                                                  GODWIT__BULLETIN_SEALED_MAX, error);
    if (status == GODWIT_OK)
        status = check_signature (parts, keys, key_count, error);
    return status ? status : read_body (bulletin, parts[0], sealed, size, error);
}

/* ---- making ---- */

static void
write_body (godwit__writer_t *writer, const godwit__bulletin_t *fields)
{
    godwit__write_map (writer, FIELDS);
    godwit__write_text (writer, "realm");
    godwit__write_bin (writer, fields->realm, sizeof fields->realm);
    godwit__write_text (writer, "number");
    godwit__write_uint (writer, fields->number);
    godwit__write_text (writer, "issued");
    godwit__write_int (writer, fields->issued);
    godwit__write_text (writer, "before");
    godwit__write_int (writer, fields->before);
    godwit__write_text (writer, "revoked");
    godwit__write_array (writer, fields->revoked_count);
    for (size_t i = 0; i < fields->revoked_count; i++) {
        godwit__write_array (writer, FIELDS_OF_A_REVOCATION);
        godwit__write_uint (writer, fields->revoked[i].serial);
        godwit__write_int (writer, fields->revoked[i].until);
    }
}

/* Signs the body, seals both, and reads the result as everybody else will. */
static godwit_status_t
seal (godwit__bulletin_t **bulletin, const uint8_t *body, size_t size, uint8_t *room, const uint8_t *secret,
      godwit_error_t **error)
{
    uint8_t signature[GODWIT__SIGNATURE_SIZE];
    uint8_t key[1][GODWIT__PUBLIC_SIZE];
    godwit__writer_t writer = {.data = room, .capacity = GODWIT__BULLETIN_SEALED_MAX};
    godwit__sign (signature, GODWIT__LABEL_BULLETIN, body, size, secret);
    godwit__write_array (&writer, SEALED_PARTS);
    godwit__write_bin (&writer, body, size);
    godwit__write_bin (&writer, signature, sizeof signature);
    crypto_sign_ed25519_sk_to_pk (key[0], secret);
    return godwit__bulletin_open (bulletin, room, writer.size, (const uint8_t (*)[GODWIT__PUBLIC_SIZE]) key,
                                  1, error);
}

godwit_status_t
godwit__bulletin_new (godwit__bulletin_t **bulletin, const godwit__bulletin_t *fields, const uint8_t *secret,
                      godwit_error_t **error)
{
    uint8_t *const room = malloc (GODWIT__BULLETIN_SIZE_MAX + GODWIT__BULLETIN_SEALED_MAX);
    if (!room)
        return godwit__error_no_memory (error);
    godwit__writer_t writer = {.data = room, .capacity = GODWIT__BULLETIN_SIZE_MAX};
    write_body (&writer, fields);
    const godwit_status_t status =
        writer.overflow ? godwit__error_set (
                              error, GODWIT_ERR_LIMIT_EXCEEDED,
                              "bulletin: %zu revoked certificates do not fit into %d bytes: leave out what "
                              "has ended, or use `before`",
                              fields->revoked_count, GODWIT__BULLETIN_SIZE_MAX)
                        : seal (bulletin, room, writer.size, room + GODWIT__BULLETIN_SIZE_MAX, secret, error);
    free (room);
    return status;
}
