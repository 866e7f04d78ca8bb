/* SPDX-License-Identifier: Apache-2.0 */
/* The form of certificates, and signatures. */
#include "src/realm/certificate.h"
#include "src/realm/strict.h"
#include "tests/support/must.h"

#include <sodium.h>
#include <stdio.h>

#define COUNT(array_) (sizeof (array_) / sizeof ((array_)[0]))

static const godwit__right_t rights[] = {{GODWIT__VERB_SERVE, "godwit/billing"},
                                         {GODWIT__VERB_CALL, "godwit/*/get*"},
                                         {GODWIT__VERB_HOST, GODWIT__HOST_PATTERN}};

static godwit__certificate_t
example (void)
{
    godwit__certificate_t certificate = {.serial = 0x7f3a,
                                         .name = "web",
                                         .from = 1700000000,
                                         .until = 1800000000,
                                         .right_count = COUNT (rights),
                                         .rights = (godwit__right_t *) (uintptr_t) rights};
    memset (certificate.realm, 'r', sizeof certificate.realm);
    memset (certificate.key, 'k', sizeof certificate.key);
    return certificate;
}

typedef struct body {
    uint8_t bytes[GODWIT__CERTIFICATE_SIZE_MAX];
    size_t size;
} body_t;

static body_t
write_example (void)
{
    body_t body;
    const godwit__certificate_t certificate = example ();
    MUST (godwit__certificate_write (&certificate, body.bytes, &body.size, &error));
    return body;
}

static void
assert_malformed (const uint8_t *bytes, size_t size, const char *why)
{
    godwit__certificate_t certificate;
    godwit_error_t *error = NULL;
    memset (&certificate, 0x55, sizeof certificate);
    const godwit__certificate_t before = certificate;
    cr_assert_eq (godwit__certificate_read (&certificate, bytes, size, &error), GODWIT_ERR_MALFORMED, "%s",
                  why);
    cr_assert (strstr (godwit_error_message (error), why), "%s, expected %s", godwit_error_message (error),
               why);
    cr_assert_arr_eq (&certificate, &before, sizeof before);
    godwit_error_destroy (&error);
}

/* ---- both ways ---- */

Test (realm_certificate, comes_back_as_it_was)
{
    const body_t body = write_example ();
    const godwit__certificate_t wanted = example ();
    godwit__certificate_t read;
    MUST (godwit__certificate_read (&read, body.bytes, body.size, &error));
    cr_assert_arr_eq (read.realm, wanted.realm, sizeof wanted.realm);
    cr_assert_eq (read.serial, wanted.serial);
    cr_assert_str_eq (read.name, wanted.name);
    cr_assert_arr_eq (read.key, wanted.key, sizeof wanted.key);
    cr_assert_eq (read.from, wanted.from);
    cr_assert_eq (read.until, wanted.until);
    cr_assert_eq (read.right_count, COUNT (rights));
    for (size_t i = 0; i < COUNT (rights); i++) {
        cr_assert_eq (read.rights[i].verb, rights[i].verb);
        cr_assert_str_eq (read.rights[i].pattern, rights[i].pattern);
    }
    godwit__certificate_clear (&read);
    cr_assert_null (read.rights);
    cr_assert_eq (read.right_count, 0);
}

Test (realm_certificate, may_have_no_rights)
{
    body_t body;
    godwit__certificate_t certificate = example (), read;
    certificate.right_count = 0;
    MUST (godwit__certificate_write (&certificate, body.bytes, &body.size, &error));
    MUST (godwit__certificate_read (&read, body.bytes, body.size, &error));
    cr_assert_eq (read.right_count, 0);
    godwit__certificate_clear (&read);
}

/* The format is fixed: these are the bytes of security.md, section 2. */
Test (realm_certificate, has_these_bytes)
{
    static const char head[] = "\x87\xa5realm\xc4\x10rrrrrrrrrrrrrrrr\xa6serial\xcd\x7f\x3a\xa4name\xa3web"
                               "\xa3key\xc4\x20kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk\xa4"
                               "from\xce\x65\x53\xf1\x00\xa5until\xce\x6b\x49\xd2\x00\xa6rights\x93"
                               "\x92\xa5serve\xaegodwit/billing\x92\xa4"
                               "call\xadgodwit/*/get*\x92\xa4host\xa3*/*";
    const body_t body = write_example ();
    cr_assert_eq (body.size, sizeof head - 1);
    cr_assert_arr_eq (body.bytes, head, sizeof head - 1);
}

Test (realm_certificate, every_shorter_body_is_malformed)
{
    const body_t body = write_example ();
    for (size_t size = 0; size < body.size; size++) {
        uint8_t *const copy = malloc (size ? size : 1); /* so that AddressSanitizer sees its end */
        memcpy (copy, body.bytes, size);
        assert_malformed (copy, size, "certificate: ");
        free (copy);
    }
}

Test (realm_certificate, nothing_may_follow)
{
    body_t body = write_example ();
    body.bytes[body.size] = 0xc0;
    assert_malformed (body.bytes, body.size + 1, "left over");
}

/* Whatever a single byte becomes, what is read can be written, and is the same then. */
Test (realm_certificate, altered_bytes_do_no_harm)
{
    const body_t body = write_example ();
    for (size_t at = 0; at < body.size; at++) {
        for (unsigned value = 0; value < 256; value++) {
            body_t altered = body, again;
            godwit__certificate_t read;
            altered.bytes[at] = (uint8_t) value;
            if (godwit__certificate_read (&read, altered.bytes, altered.size, NULL))
                continue;
            MUST (godwit__certificate_write (&read, again.bytes, &again.size, &error));
            cr_assert (again.size <= altered.size, "%zu %x", at, value);
            godwit__certificate_clear (&read);
        }
    }
}

/* ---- each field ---- */

typedef struct field {
    const char *key;
    void (*write) (godwit__writer_t *writer, const void *value);
    const void *value;
} field_t;

static void
put_encoded (godwit__writer_t *writer, const void *text)
{
    godwit__write_encoded (writer, text, strlen (text));
}

static void
put_bin (godwit__writer_t *writer, const void *size)
{
    static const uint8_t zeroes[64];
    godwit__write_bin (writer, zeroes, *(const size_t *) size);
}

static void
put_text (godwit__writer_t *writer, const void *text)
{
    godwit__write_text (writer, text);
}

static void
put_number (godwit__writer_t *writer, const void *number)
{
    godwit__write_int (writer, *(const int64_t *) number);
}

static void
put_nul (godwit__writer_t *writer, const void *text)
{
    godwit__write_str (writer, text, strlen (text) + 1);
}

#define BIN(size_)                                                                                           \
    put_bin, &(const size_t)                                                                                 \
    {                                                                                                        \
        size_                                                                                                \
    }
#define TEXT(text_) put_text, text_
#define NUMBER(number_)                                                                                      \
    put_number, &(const int64_t)                                                                             \
    {                                                                                                        \
        number_                                                                                              \
    }
#define ENCODED(text_) put_encoded, text_
#define WITH_NUL(text_) put_nul, text_

#define REALM                                                                                                \
    {                                                                                                        \
        "realm", BIN (16)                                                                                    \
    }
#define SERIAL                                                                                               \
    {                                                                                                        \
        "serial", NUMBER (1)                                                                                 \
    }
#define NAME                                                                                                 \
    {                                                                                                        \
        "name", TEXT ("web")                                                                                 \
    }
#define KEY                                                                                                  \
    {                                                                                                        \
        "key", BIN (32)                                                                                      \
    }
#define FROM                                                                                                 \
    {                                                                                                        \
        "from", NUMBER (1)                                                                                   \
    }
#define UNTIL                                                                                                \
    {                                                                                                        \
        "until", NUMBER (2)                                                                                  \
    }
#define RIGHTS                                                                                               \
    {                                                                                                        \
        "rights", ENCODED ("\x90")                                                                           \
    }

static body_t
write_fields (const field_t *fields, size_t count)
{
    body_t body;
    godwit__writer_t writer = {.data = body.bytes, .capacity = sizeof body.bytes};
    godwit__write_map (&writer, count);
    for (size_t i = 0; i < count; i++) {
        godwit__write_text (&writer, fields[i].key);
        fields[i].write (&writer, fields[i].value);
    }
    body.size = writer.size;
    cr_assert_not (writer.overflow);
    return body;
}

Test (realm_certificate, the_fields_of_these_tests_are_right)
{
    const field_t fields[] = {REALM, SERIAL, NAME, KEY, FROM, UNTIL, RIGHTS};
    const body_t body = write_fields (fields, COUNT (fields));
    godwit__certificate_t read;
    MUST (godwit__certificate_read (&read, body.bytes, body.size, &error));
    godwit__certificate_clear (&read);
}

Test (realm_certificate, has_all_fields_in_one_order)
{
    const field_t swapped[] = {REALM, NAME, SERIAL, KEY, FROM, UNTIL, RIGHTS};
    const field_t missing[] = {REALM, SERIAL, NAME, KEY, FROM, UNTIL};
    const field_t more[] = {REALM, SERIAL, NAME, KEY, FROM, UNTIL, RIGHTS, {"more", NUMBER (1)}};
    const field_t other[] = {REALM, SERIAL, NAME, {"kez", BIN (32)}, FROM, UNTIL, RIGHTS};
    const field_t twice[] = {REALM, SERIAL, NAME, KEY, FROM, FROM, RIGHTS};
    body_t body = write_fields (swapped, COUNT (swapped));
    assert_malformed (body.bytes, body.size, "certificate: serial: expected it here");
    body = write_fields (missing, COUNT (missing));
    assert_malformed (body.bytes, body.size, "certificate: expected a map with 7 entries");
    body = write_fields (more, COUNT (more));
    assert_malformed (body.bytes, body.size, "certificate: expected a map with 7 entries");
    body = write_fields (other, COUNT (other));
    assert_malformed (body.bytes, body.size, "certificate: key: expected it here");
    body = write_fields (twice, COUNT (twice));
    assert_malformed (body.bytes, body.size, "twice");
}

Test (realm_certificate, a_key_with_a_nul_is_another)
{
    static const char bytes[] = "\x87\xa6realm\0\xc4\x10rrrrrrrrrrrrrrrr\xa6serial\x01\xa4name\xa3web\xa3key"
                                "\xc4\x20kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk\xa4"
                                "from\x01\xa5until\x02\xa6rights\x90";
    assert_malformed ((const uint8_t *) bytes, sizeof bytes - 1, "certificate: realm: expected it here");
}

Test (realm_certificate, each_field_has_its_form)
{
    static char longer[65];
    memset (longer, 'n', 64);
    const struct {
        size_t index;
        field_t field;
        const char *why;
    } rows[] = {
        {0, {"realm", BIN (15)}, "realm: expected a bin of 16 bytes"},
        {0, {"realm", BIN (17)}, "realm: expected a bin of 16 bytes"},
        {0, {"realm", TEXT ("rrrrrrrrrrrrrrrr")}, "realm: expected a bin of 16 bytes"},
        {1, {"serial", NUMBER (0)}, "serial: expected a number that is not 0"},
        {1, {"serial", NUMBER (-1)}, "serial: expected a number that is not 0"},
        {1, {"serial", TEXT ("1")}, "serial: expected a number that is not 0"},
        {1, {"serial", ENCODED ("\xcb\x3f\xf1\x11\x11\x11\x11\x11\x11")}, "serial: expected a number"},
        {2, {"name", TEXT ("")}, "name: expected 1 to 63 of"},
        {2, {"name", TEXT (longer)}, "name: expected 1 to 63 of"},
        {2, {"name", TEXT ("Web")}, "name: expected 1 to 63 of"},
        {2, {"name", TEXT ("w b")}, "name: expected 1 to 63 of"},
        {2, {"name", TEXT ("w\n")}, "name: expected 1 to 63 of"},
        {2, {"name", WITH_NUL ("web")}, "name: expected 1 to 63 of"},
        {2, {"name", BIN (3)}, "name: expected 1 to 63 of"},
        {3, {"key", BIN (31)}, "key: expected a bin of 32 bytes"},
        {3, {"key", ENCODED ("\xc0")}, "key: expected a bin of 32 bytes"},
        {4, {"from", NUMBER (-1)}, "from: expected seconds since 1970"},
        {4, {"from", NUMBER (2)}, "until: expected a date behind `from`"},
        {4, {"from", NUMBER (GODWIT__TIME_MAX + 1)}, "from: expected seconds since 1970"},
        {4, {"from", TEXT ("1")}, "from: expected seconds since 1970"},
        {5, {"until", NUMBER (1)}, "until: expected a date behind `from`"},
        {5, {"until", NUMBER (GODWIT__TIME_MAX + 1)}, "until: expected seconds since 1970"},
        {5, {"until", ENCODED ("\xcf\xff\xff\xff\xff\xff\xff\xff\xff")}, "until: expected seconds since"},
        {6, {"rights", ENCODED ("\xc0")}, "rights: expected a list"},
        {6, {"rights", ENCODED ("\x80")}, "rights: expected a list"},
        {6, {"rights", ENCODED ("\x91\xc0")}, "rights: expected lists of a verb and a pattern"},
        {6, {"rights", ENCODED ("\x91\x91\xa4host")}, "rights: expected lists of a verb and a pattern"},
        {6, {"rights", ENCODED ("\x91\x93\xa4host\xa3*/*\xc0")}, "rights: expected lists of a verb"},
        {6, {"rights", ENCODED ("\x91\x92\xa4hose\xa3*/*")}, "rights: expected a verb: serve, call,"},
        {6, {"rights", ENCODED ("\x91\x92\x01\xa3*/*")}, "rights: expected a verb: serve, call,"},
        /* No str, but as long as a verb is: AddressSanitizer sees if the text beside it is read. */
        {6,
         {"rights", ENCODED ("\x91\x92\xc4\x04"
                             "call\xa3*/*")},
         "rights: expected a verb: serve, call,"},
        {6, {"rights", ENCODED ("\x91\x92\xc4\x05serve\xa3*/*")}, "rights: expected a verb: serve, call,"},
        {6, {"rights", ENCODED ("\x91\x92\xc4\x07publish\xa3*/*")}, "rights: expected a verb: serve, call,"},
        {6, {"rights", ENCODED ("\x91\x92\xa4host\xa3*/a")}, "rights: expected */* for host"},
        {6,
         {"rights", ENCODED ("\x91\x92\xa4"
                             "call\xa3*/\x01")},
         "rights: expected no control character"},
        {6,
         {"rights", ENCODED ("\x91\x92\xa4"
                             "call\xa1*")},
         "rights: expected EXCHANGE/TOPIC[/METHOD]"},
        {6,
         {"rights", ENCODED ("\x91\x92\xa4"
                             "call\xc4\x03*/*")},
         "rights: expected a pattern of at most 255 bytes"},
    };
    for (size_t i = 0; i < COUNT (rows); i++) {
        field_t fields[] = {REALM, SERIAL, NAME, KEY, FROM, UNTIL, RIGHTS};
        fields[rows[i].index] = rows[i].field;
        const body_t body = write_fields (fields, COUNT (fields));
        assert_malformed (body.bytes, body.size, rows[i].why);
    }
}

/* ---- limits ---- */

Test (realm_certificate, has_at_most_64_rights)
{
    static godwit__right_t many[GODWIT__RIGHT_MAX + 1];
    body_t body;
    godwit__certificate_t certificate = example (), read;
    for (size_t i = 0; i < COUNT (many); i++)
        many[i] = (godwit__right_t){GODWIT__VERB_CALL, "a/b"};
    certificate.rights = many;
    certificate.right_count = GODWIT__RIGHT_MAX;
    MUST (godwit__certificate_write (&certificate, body.bytes, &body.size, &error));
    MUST (godwit__certificate_read (&read, body.bytes, body.size, &error));
    cr_assert_eq (read.right_count, GODWIT__RIGHT_MAX);
    godwit__certificate_clear (&read);
    certificate.right_count++;
    cr_assert_eq (godwit__certificate_write (&certificate, body.bytes, &body.size, NULL),
                  GODWIT_ERR_INVALID_ARGUMENT);
}

Test (realm_certificate, has_at_most_2048_bytes)
{
    static char pattern[GODWIT__PATTERN_MAX + 1];
    static godwit__right_t many[10];
    body_t body;
    godwit__certificate_t certificate = example ();
    godwit_error_t *error = NULL;
    memset (pattern, 'x', GODWIT__PATTERN_MAX);
    pattern[1] = '/';
    for (size_t i = 0; i < COUNT (many); i++)
        many[i] = (godwit__right_t){GODWIT__VERB_CALL, pattern};
    certificate.rights = many;
    certificate.right_count = COUNT (many);
    cr_assert_eq (godwit__certificate_write (&certificate, body.bytes, &body.size, &error),
                  GODWIT_ERR_LIMIT_EXCEEDED);
    cr_assert_str_eq (godwit_error_message (error),
                      "certificate: expected at most 2048 bytes: fewer or shorter rights");
    godwit_error_destroy (&error);

    uint8_t *const large = calloc (1, GODWIT__CERTIFICATE_SIZE_MAX + 1);
    assert_malformed (large, GODWIT__CERTIFICATE_SIZE_MAX + 1, "certificate: expected at most 2048 bytes");
    free (large);
}

Test (realm_certificate, a_wrong_one_is_not_written)
{
    body_t body = {.size = 77};
    godwit_error_t *error = NULL;
    godwit__certificate_t certificate = example ();
    certificate.serial = 0;
    cr_assert_eq (godwit__certificate_write (&certificate, body.bytes, &body.size, &error),
                  GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_str_eq (godwit_error_message (error), "certificate: serial: expected a number that is not 0");
    godwit_error_destroy (&error);
    certificate = example ();
    memset (certificate.name, 'n', sizeof certificate.name); /* without a NUL */
    cr_assert_eq (godwit__certificate_write (&certificate, body.bytes, &body.size, NULL),
                  GODWIT_ERR_INVALID_ARGUMENT);
    certificate = example ();
    certificate.until = certificate.from;
    cr_assert_eq (godwit__certificate_write (&certificate, body.bytes, &body.size, NULL),
                  GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (body.size, 77);
}

/* ---- names, ids ---- */

Test (realm_certificate, names)
{
    char longest[GODWIT__CERTIFICATE_NAME_MAX + 2];
    memset (longest, 'a', sizeof longest);
    longest[GODWIT__CERTIFICATE_NAME_MAX + 1] = '\0';
    cr_assert_not (godwit__certificate_is_name (longest));
    longest[GODWIT__CERTIFICATE_NAME_MAX] = '\0';
    cr_assert (godwit__certificate_is_name (longest));
    cr_assert (godwit__certificate_is_name ("web-1.shop_2"));
    cr_assert_not (godwit__certificate_is_name (""));
    cr_assert_not (godwit__certificate_is_name ("web/1"));
    cr_assert_not (godwit__certificate_is_name ("w\xc3\xa4"));
}

Test (realm_certificate, is_named_in_texts)
{
    char text[GODWIT__CERTIFICATE_TEXT];
    const godwit__certificate_t certificate = example ();
    cr_assert_str_eq (godwit__certificate_print (&certificate, text), "certificate \"web\" (serial 7f3a)");
    godwit__certificate_t longest = {.serial = UINT64_MAX};
    memset (longest.name, 'n', GODWIT__CERTIFICATE_NAME_MAX);
    cr_assert_str_eq (godwit__certificate_print (&longest, text) + 13 + GODWIT__CERTIFICATE_NAME_MAX,
                      "\" (serial ffffffffffffffff)");
}

Test (realm_certificate, a_key_is_found_by_its_id)
{
    uint8_t keys[2][GODWIT__PUBLIC_SIZE], id[GODWIT__REALM_ID_SIZE];
    memset (keys[0], 'a', sizeof keys[0]);
    memset (keys[1], 'b', sizeof keys[1]);
    for (size_t i = 0; i < 2; i++) {
        godwit__realm_id (id, keys[i]);
        cr_assert_eq (godwit__realm_key_of (id, (const uint8_t (*)[GODWIT__PUBLIC_SIZE]) keys, 2), keys[i]);
    }
    cr_assert_null (godwit__realm_key_of (id, (const uint8_t (*)[GODWIT__PUBLIC_SIZE]) keys, 1));
    id[15] ^= 1;
    cr_assert_null (godwit__realm_key_of (id, (const uint8_t (*)[GODWIT__PUBLIC_SIZE]) keys, 2));
}

/* ---- signatures ---- */

Test (realm_certificate, a_signature_is_for_one_label_body_and_key)
{
    uint8_t key[GODWIT__PUBLIC_SIZE], secret[64], other[GODWIT__PUBLIC_SIZE], other_secret[64];
    uint8_t signature[GODWIT__SIGNATURE_SIZE];
    uint8_t body[] = "some bytes";
    crypto_sign_keypair (key, secret);
    crypto_sign_keypair (other, other_secret);
    godwit__sign (signature, GODWIT__LABEL_PROCESS, body, sizeof body, secret);
    cr_assert (godwit__verify (signature, GODWIT__LABEL_PROCESS, body, sizeof body, key));
    cr_assert_not (godwit__verify (signature, GODWIT__LABEL_BULLETIN, body, sizeof body, key));
    cr_assert_not (godwit__verify (signature, "godwit process", body, sizeof body, key));
    cr_assert_not (godwit__verify (signature, GODWIT__LABEL_PROCESS, body, sizeof body - 1, key));
    cr_assert_not (godwit__verify (signature, GODWIT__LABEL_PROCESS, body, sizeof body, other));
    for (size_t i = 0; i < sizeof signature; i++) {
        signature[i] ^= 0x10;
        cr_assert_not (godwit__verify (signature, GODWIT__LABEL_PROCESS, body, sizeof body, key));
        signature[i] ^= 0x10;
    }
    for (size_t i = 0; i < sizeof body; i++) {
        body[i] ^= 1;
        cr_assert_not (godwit__verify (signature, GODWIT__LABEL_PROCESS, body, sizeof body, key));
        body[i] ^= 1;
    }
}

/* The label ends with its NUL: so bytes cannot move from the one to the other. */
Test (realm_certificate, label_and_body_are_apart)
{
    uint8_t key[GODWIT__PUBLIC_SIZE], secret[64], signature[GODWIT__SIGNATURE_SIZE];
    crypto_sign_keypair (key, secret);
    godwit__sign (signature, "ab", (const uint8_t *) "cd", 2, secret);
    cr_assert_not (godwit__verify (signature, "a", (const uint8_t *) "bcd", 3, key));
    cr_assert_not (godwit__verify (signature, "abcd", (const uint8_t *) "", 0, key));
}

/* Ed25519ph over label, NUL and body: what any other implementation computes, too. */
Test (realm_certificate, a_signature_is_ed25519ph)
{
    static const uint8_t all[] = "godwit process 1\0some bytes";
    uint8_t key[GODWIT__PUBLIC_SIZE], secret[64];
    uint8_t signature[GODWIT__SIGNATURE_SIZE], wanted[GODWIT__SIGNATURE_SIZE];
    crypto_sign_ed25519ph_state state;
    crypto_sign_keypair (key, secret);
    crypto_sign_ed25519ph_init (&state);
    crypto_sign_ed25519ph_update (&state, all, sizeof all - 1);
    crypto_sign_ed25519ph_final_create (&state, wanted, NULL, secret);
    godwit__sign (signature, GODWIT__LABEL_PROCESS, (const uint8_t *) "some bytes", 10, secret);
    cr_assert_arr_eq (signature, wanted, sizeof wanted);
}
