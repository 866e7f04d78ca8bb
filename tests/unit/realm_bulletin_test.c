/* SPDX-License-Identifier: Apache-2.0 */
/* Bulletins: their form, and what they void. */
#include "src/realm/bulletin.h"
#include "src/realm/strict.h"
#include "tests/support/must.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array_) (sizeof (array_) / sizeof ((array_)[0]))

typedef uint8_t public_t[GODWIT__PUBLIC_SIZE];

typedef struct signer {
    public_t key;
    uint8_t secret[64];
} signer_t;

static signer_t
make_signer (void)
{
    signer_t signer;
    cr_assert_geq (sodium_init (), 0);
    crypto_sign_keypair (signer.key, signer.secret);
    return signer;
}

static godwit__bulletin_t *
make (const signer_t *signer, uint64_t number, int64_t before, godwit__revocation_t *revoked, size_t count)
{
    godwit__bulletin_t *bulletin = NULL;
    godwit__bulletin_t fields = {
        .number = number, .issued = 1700000000, .before = before, .revoked = revoked, .revoked_count = count};
    godwit__realm_id (fields.realm, signer->key);
    MUST (godwit__bulletin_new (&bulletin, &fields, signer->secret, &error));
    return bulletin;
}

static bool
revokes (const godwit__bulletin_t *bulletin, uint64_t serial, int64_t from)
{
    const godwit__certificate_t certificate = {.serial = serial, .from = from};
    return godwit__bulletin_revokes (bulletin, &certificate);
}

static void
assert_refused (const uint8_t *sealed, size_t size, const signer_t *signer, godwit_status_t status,
                const char *why)
{
    godwit__bulletin_t *bulletin = NULL;
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit__bulletin_open (&bulletin, sealed, size, (const public_t *) &signer->key, 1, &error),
                  status, "%s", why);
    cr_assert_null (bulletin);
    cr_assert (strstr (godwit_error_message (error), why), "%s, expected %s", godwit_error_message (error),
               why);
    godwit_error_destroy (&error);
}

/* ---- a look at the front ---- */

Test (realm_bulletin, its_front_says_realm_and_number)
{
    static const uint64_t numbers[] = {
        1, 127, 128, 255, 256, 65535, 65536, UINT32_MAX, UINT64_C (1) << 32, UINT64_MAX};
    const signer_t signer = make_signer ();
    static godwit__revocation_t many[1000];
    for (size_t i = 0; i < COUNT (numbers); i++) {
        uint8_t realm[GODWIT__REALM_ID_SIZE];
        uint64_t number = 0;
        for (size_t j = 0; j < COUNT (many); j++)
            many[j].serial = j + 1;
        godwit__bulletin_t *bulletin = make (&signer, numbers[i], 0, many, i % 2 ? COUNT (many) : 0);
        const uint8_t *const sealed = bulletin->sealed;
        cr_assert (godwit__bulletin_peek (realm, &number, sealed, bulletin->sealed_size));
        cr_assert_eq (number, numbers[i]);
        cr_assert_arr_eq (realm, bulletin->realm, sizeof realm);
        size_t front = 0;
        while (!godwit__bulletin_peek (realm, &number, sealed, front))
            front++;
        cr_assert (front < 64, "%zu", front);
        for (size_t at = 0; at < 11; at++) {
            bulletin->sealed[at] ^= 0x10;
            const bool is_size = sealed[0] == 0x92 && (sealed[1] == 0xc4 || sealed[1] == 0xc5) && at >= 2 &&
                                 at < (sealed[1] == 0xc4 ? 3 : 4);
            cr_assert_eq (godwit__bulletin_peek (realm, &number, sealed, bulletin->sealed_size), is_size,
                          "byte %zu", at);
            bulletin->sealed[at] ^= 0x10;
        }
        godwit__bulletin_unref (&bulletin);
    }
}

/* ---- both ways ---- */

Test (realm_bulletin, comes_back_as_it_was)
{
    const signer_t signer = make_signer ();
    godwit__revocation_t revoked[] = {{9, 1900000000}, {UINT64_MAX, 5}, {3, 0}};
    godwit__bulletin_t *bulletin = make (&signer, 7, 1600000000, revoked, COUNT (revoked)), *read = NULL;
    MUST (godwit__bulletin_open (&read, bulletin->sealed, bulletin->sealed_size,
                                 (const public_t *) &signer.key, 1, &error));
    cr_assert_eq (read->number, 7);
    cr_assert_eq (read->issued, 1700000000);
    cr_assert_eq (read->before, 1600000000);
    cr_assert_eq (read->revoked_count, 3);
    cr_assert_eq (read->revoked[0].serial, 3);
    cr_assert_eq (read->revoked[1].serial, 9);
    cr_assert_eq (read->revoked[1].until, 1900000000);
    cr_assert_eq (read->revoked[2].serial, UINT64_MAX);
    cr_assert_eq (read->sealed_size, bulletin->sealed_size);
    cr_assert_arr_eq (read->sealed, bulletin->sealed, bulletin->sealed_size);
    godwit__bulletin_unref (&bulletin);
    godwit__bulletin_unref (&read);
}

/* The format is fixed: these are the bytes of security.md, section 2. */
Test (realm_bulletin, has_these_bytes)
{
    static const char body[] = "\x85\xa5realm\xc4\x10" /* id */ "................"
                               "\xa6number\x07\xa6issued\xce\x65\x53\xf1\x00\xa6"
                               "before\x05\xa7revoked\x91\x92\xcd\x7f\x3a\x09";
    const signer_t signer = make_signer ();
    godwit__revocation_t revoked[] = {{0x7f3a, 9}};
    godwit__bulletin_t *bulletin = make (&signer, 7, 5, revoked, COUNT (revoked));
    uint8_t wanted[sizeof body - 1];
    memcpy (wanted, body, sizeof wanted);
    godwit__realm_id (wanted + 9, signer.key);
    cr_assert_eq (bulletin->sealed_size, 3 + sizeof wanted + 2 + GODWIT__SIGNATURE_SIZE);
    cr_assert_arr_eq (bulletin->sealed, "\x92\xc4", 2);
    cr_assert_eq (bulletin->sealed[2], sizeof wanted);
    cr_assert_arr_eq (bulletin->sealed + 3, wanted, sizeof wanted);
    cr_assert (godwit__verify (bulletin->sealed + 3 + sizeof wanted + 2, GODWIT__LABEL_BULLETIN, wanted,
                               sizeof wanted, signer.key));
    godwit__bulletin_unref (&bulletin);
}

/* ---- what it voids ---- */

Test (realm_bulletin, revokes_serials_and_what_is_older)
{
    const signer_t signer = make_signer ();
    godwit__revocation_t revoked[] = {{30, 1}, {10, 1}, {20, 1}};
    godwit__bulletin_t *bulletin = make (&signer, 1, 1000, revoked, COUNT (revoked));
    for (uint64_t serial = 1; serial < 40; serial++)
        cr_assert_eq (revokes (bulletin, serial, 1000), serial % 10 == 0 && serial <= 30);
    cr_assert (revokes (bulletin, 1, 999));
    cr_assert_not (revokes (bulletin, 1, 1001));
    godwit__bulletin_unref (&bulletin);
}

Test (realm_bulletin, may_revoke_nothing)
{
    const signer_t signer = make_signer ();
    godwit__bulletin_t *bulletin = make (&signer, 1, 0, NULL, 0);
    cr_assert_not (revokes (bulletin, 1, 0));
    godwit__bulletin_unref (&bulletin);
}

/* ---- what is refused ---- */

Test (realm_bulletin, one_of_another_realm_is_no_mistake)
{
    const signer_t signer = make_signer (), other = make_signer ();
    godwit__bulletin_t *bulletin = make (&signer, 1, 0, NULL, 0);
    assert_refused (bulletin->sealed, bulletin->sealed_size, &other, GODWIT_ERR_PERMISSION_DENIED,
                    "its realm key is none of ours");
    godwit__bulletin_unref (&bulletin);
}

Test (realm_bulletin, either_of_two_keys_will_do)
{
    const signer_t first = make_signer (), second = make_signer ();
    public_t keys[2];
    memcpy (keys[0], first.key, sizeof keys[0]);
    memcpy (keys[1], second.key, sizeof keys[1]);
    for (size_t i = 0; i < 2; i++) {
        godwit__bulletin_t *bulletin = make (i ? &second : &first, 1, 0, NULL, 0), *read = NULL;
        MUST (godwit__bulletin_open (&read, bulletin->sealed, bulletin->sealed_size, (const public_t *) keys,
                                     2, &error));
        godwit__bulletin_unref (&bulletin);
        godwit__bulletin_unref (&read);
    }
}

Test (realm_bulletin, every_altered_byte_is_refused)
{
    const signer_t signer = make_signer ();
    godwit__revocation_t revoked[] = {{0x7f3a, 1900000000}};
    godwit__bulletin_t *bulletin = make (&signer, 7, 5, revoked, COUNT (revoked));
    for (size_t at = 0; at < bulletin->sealed_size; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            godwit__bulletin_t *read = NULL;
            bulletin->sealed[at] ^= (uint8_t) (1u << bit);
            const godwit_status_t status = godwit__bulletin_open (
                &read, bulletin->sealed, bulletin->sealed_size, (const public_t *) &signer.key, 1, NULL);
            cr_assert (status == GODWIT_ERR_MALFORMED || status == GODWIT_ERR_PERMISSION_DENIED, "%zu", at);
            cr_assert_null (read);
            bulletin->sealed[at] ^= (uint8_t) (1u << bit);
        }
    }
    godwit__bulletin_unref (&bulletin);
}

Test (realm_bulletin, a_part_or_more_is_malformed)
{
    const signer_t signer = make_signer ();
    godwit__bulletin_t *bulletin = make (&signer, 7, 5, NULL, 0);
    uint8_t *const longer = calloc (1, GODWIT__BULLETIN_SEALED_MAX + 1);
    memcpy (longer, bulletin->sealed, bulletin->sealed_size);
    for (size_t size = 0; size < bulletin->sealed_size; size++)
        assert_refused (bulletin->sealed, size, &signer, GODWIT_ERR_MALFORMED, "bulletin: ");
    assert_refused (longer, bulletin->sealed_size + 1, &signer, GODWIT_ERR_MALFORMED, "left over");
    assert_refused (longer, GODWIT__BULLETIN_SEALED_MAX + 1, &signer, GODWIT_ERR_MALFORMED, "at most");
    free (longer);
    godwit__bulletin_unref (&bulletin);
}

/* The realm's id, and then the tail. */
static size_t
make_body (uint8_t *body, size_t room, const signer_t *signer, const char *tail, size_t tail_size)
{
    uint8_t id[GODWIT__REALM_ID_SIZE];
    godwit__writer_t writer = {.data = body, .capacity = room};
    godwit__realm_id (id, signer->key);
    godwit__write_map (&writer, 5);
    godwit__write_text (&writer, "realm");
    godwit__write_bin (&writer, id, sizeof id);
    godwit__write_encoded (&writer, tail, tail_size);
    return writer.size;
}

static size_t
seal_body (uint8_t *sealed, size_t room, const uint8_t *body, size_t size,
           const uint8_t signature[GODWIT__SIGNATURE_SIZE])
{
    godwit__writer_t writer = {.data = sealed, .capacity = room};
    godwit__write_array (&writer, 2);
    godwit__write_bin (&writer, body, size);
    godwit__write_bin (&writer, signature, GODWIT__SIGNATURE_SIZE);
    return writer.size;
}

/* Signed by the realm, and wrong all the same. */
static void
assert_wrong (const char *tail, size_t tail_size, const char *why)
{
    const signer_t signer = make_signer ();
    uint8_t body[128], sealed[256], signature[GODWIT__SIGNATURE_SIZE];
    const size_t size = make_body (body, sizeof body, &signer, tail, tail_size);
    godwit__sign (signature, GODWIT__LABEL_BULLETIN, body, size, signer.secret);
    assert_refused (sealed, seal_body (sealed, sizeof sealed, body, size, signature), &signer,
                    GODWIT_ERR_MALFORMED, why);
}

#define ASSERT_WRONG(tail_, why_) assert_wrong (tail_, sizeof (tail_) - 1, why_)
#define NUMBER "\xa6number\x07"
#define ISSUED "\xa6issued\x06"
#define BEFORE                                                                                               \
    "\xa6"                                                                                                   \
    "before\x05"

Test (realm_bulletin, each_field_has_its_form)
{
    ASSERT_WRONG ("\xa6number\x00" ISSUED BEFORE "\xa7revoked\x90",
                  "number: expected a number that is not 0");
    ASSERT_WRONG (NUMBER "\xa6issued\xff" BEFORE "\xa7revoked\x90", "issued: expected seconds");
    ASSERT_WRONG (NUMBER ISSUED "\xa6"
                                "before\xc0\xa7revoked\x90",
                  "before: expected seconds");
    ASSERT_WRONG (NUMBER ISSUED BEFORE "\xa7revoked\x80", "revoked: expected a list");
    ASSERT_WRONG (NUMBER ISSUED BEFORE "\xa7revoked\x91\x05",
                  "revoked: expected lists of a serial and a date");
    ASSERT_WRONG (NUMBER ISSUED BEFORE "\xa7revoked\x91\x91\x05", "revoked: expected lists of a serial");
    ASSERT_WRONG (NUMBER ISSUED BEFORE "\xa7revoked\x91\x92\x00\x05", "revoked: expected lists of a serial");
    ASSERT_WRONG (NUMBER ISSUED BEFORE "\xa7revoked\x92\x92\x01\x05\x92\x01\xff", "revoked: expected lists");
    ASSERT_WRONG (ISSUED NUMBER BEFORE "\xa7revoked\x90", "number: expected it here");
    ASSERT_WRONG (NUMBER ISSUED BEFORE "\xa7revoked\x90\x01", "left over");
}

Test (realm_bulletin, a_signature_has_64_bytes)
{
    const signer_t signer = make_signer ();
    godwit__bulletin_t *bulletin = make (&signer, 7, 5, NULL, 0);
    uint8_t sealed[256];
    godwit__bin_t parts[2];
    MUST (godwit__strict_bins (parts, 2, "bulletin", bulletin->sealed, bulletin->sealed_size,
                               bulletin->sealed_size, &error));
    godwit__writer_t writer = {.data = sealed, .capacity = sizeof sealed};
    godwit__write_array (&writer, 2);
    godwit__write_bin (&writer, parts[0].data, parts[0].size);
    godwit__write_bin (&writer, parts[1].data, parts[1].size - 1);
    sealed[writer.size] = parts[1].data[parts[1].size - 1]; /* behind its end */
    assert_refused (sealed, writer.size, &signer, GODWIT_ERR_MALFORMED, "its signature is wrong");
    godwit__bulletin_unref (&bulletin);
}

/* Nobody makes this process read a long list that nobody has signed. */
Test (realm_bulletin, is_read_only_when_its_signature_is_right)
{
    static const char tail[] = NUMBER ISSUED BEFORE "\xa7revoked\x91\x05";
    const signer_t signer = make_signer ();
    uint8_t body[128], sealed[256], signature[GODWIT__SIGNATURE_SIZE] = {0};
    const size_t size = make_body (body, sizeof body, &signer, tail, sizeof tail - 1);
    const size_t sealed_size = seal_body (sealed, sizeof sealed, body, size, signature);
    assert_refused (sealed, sealed_size, &signer, GODWIT_ERR_MALFORMED, "its signature is wrong");
    ASSERT_WRONG (NUMBER ISSUED BEFORE "\xa7revoked\x91\x05", "revoked: expected lists of a serial");
}

/* No key can be looked up for these. */
Test (realm_bulletin, begins_with_its_realm)
{
    static const char *const bodies[] = {"\x85\xa6number\x07", "\x84\xa5realm\xc4\x10................",
                                         "\x85\xa5realm\xc4\x10...............", "\x90", "x"};
    const signer_t signer = make_signer ();
    for (size_t i = 0; i < COUNT (bodies); i++) {
        uint8_t sealed[256], signature[GODWIT__SIGNATURE_SIZE];
        const uint8_t *const body = (const uint8_t *) bodies[i];
        const size_t size = strlen (bodies[i]);
        godwit__sign (signature, GODWIT__LABEL_BULLETIN, body, size, signer.secret);
        const size_t sealed_size = seal_body (sealed, sizeof sealed, body, size, signature);
        assert_refused (sealed, sealed_size, &signer, GODWIT_ERR_MALFORMED,
                        "expected a map with 5 entries, and its realm in front");
    }
}

/* ---- limits ---- */

Test (realm_bulletin, is_full_some_time)
{
    enum { MANY = 3900, TOO_MANY = 4100 };
    const signer_t signer = make_signer ();
    static godwit__revocation_t revoked[TOO_MANY];
    for (size_t i = 0; i < TOO_MANY; i++)
        revoked[i] = (godwit__revocation_t){.serial = UINT64_MAX - i, .until = 1700000000};
    godwit__bulletin_t *bulletin = make (&signer, 1, 0, revoked, MANY);
    cr_assert (revokes (bulletin, UINT64_MAX - MANY + 1, 0));
    cr_assert_not (revokes (bulletin, UINT64_MAX - MANY, 0));
    godwit__bulletin_unref (&bulletin);

    godwit__bulletin_t fields = {.number = 1, .revoked = revoked, .revoked_count = TOO_MANY};
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit__bulletin_new (&bulletin, &fields, signer.secret, &error),
                  GODWIT_ERR_LIMIT_EXCEEDED);
    cr_assert (strstr (godwit_error_message (error), "leave out what has ended"), "%s",
               godwit_error_message (error));
    cr_assert_null (bulletin);
    godwit_error_destroy (&error);
}

Test (realm_bulletin, a_reference_keeps_it)
{
    const signer_t signer = make_signer ();
    godwit__bulletin_t *bulletin = make (&signer, 1, 0, NULL, 0);
    godwit__bulletin_t *again = godwit__bulletin_ref (bulletin);
    godwit__bulletin_unref (&bulletin);
    cr_assert_null (bulletin);
    cr_assert_eq (again->number, 1);
    godwit__bulletin_unref (&again);
    godwit__bulletin_unref (&again);
    cr_assert_null (godwit__bulletin_ref (NULL));
}
