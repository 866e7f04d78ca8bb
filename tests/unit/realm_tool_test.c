/* SPDX-License-Identifier: Apache-2.0 */
/* What `godwit realm` reads and writes: dates, rights, its small files, the list of certificates, requests.
 */
#include "tests/support/must.h"
#include "tools/godwit/realm_form.h"
#include "tools/godwit/realm_identity.h"
#include "tools/godwit/realm_issued.h"
#include "tools/godwit/realm_key.h"

#include "src/realm/secret.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static realm_bytes_t
bytes_of (const char *text)
{
    realm_bytes_t bytes = {0};
    MUST (realm_bytes_new (&bytes, strlen (text), &error));
    memcpy (bytes.data, text, bytes.size);
    return bytes;
}

/* ---- texts ---- */

Test (realm_tool, reads_the_dates_that_it_prints)
{
    char text[REALM_DATE_SIZE];
    int64_t date = 0;
    cr_assert_str_eq (realm_date_print (text, 1782900000), "2026-07-01T10:00:00Z");
    cr_assert (realm_date_read (&date, 0, text));
    cr_assert_eq (date, 1782900000);
    cr_assert (realm_date_read (&date, 0, "2026-07-01"));
    cr_assert_eq (date, 1782864000);
    cr_assert (realm_date_read (&date, 7, "now"));
    cr_assert_eq (date, 7);
    static const char *const wrong[] = {"",
                                        "soon",
                                        "2026",
                                        "2026-02-30",
                                        "2026-13-01",
                                        "2026-07-01T",
                                        "2026-07-01 ",
                                        "1.7.2026",
                                        "2026-07-01T25:00:00Z"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_not (realm_date_read (&date, 0, wrong[i]), "%s", wrong[i]);
}

Test (realm_tool, rights_that_hold_spaces_stay_one_word)
{
    static const godwit__right_t rights[] = {{GODWIT__VERB_SERVE, "godwit/billing"},
                                             {GODWIT__VERB_CALL, "godwit/a b%/\xc3\xa4*"},
                                             {GODWIT__VERB_HOST, GODWIT__HOST_PATTERN}};
    char *text = NULL, *at;
    size_t size = 0, count = 0;
    FILE *const memory = open_memstream (&text, &size);
    realm_rights_print (memory, rights, 3);
    fclose (memory);
    cr_assert_str_eq (text, "serve=godwit/billing call=godwit/a%20b%25/%C3%A4* host");
    for (char *word = strtok_r (text, " ", &at); word; word = strtok_r (NULL, " ", &at), count++) {
        godwit__right_t right;
        cr_assert (realm_right_read (&right, word));
        cr_assert_eq (right.verb, rights[count].verb);
        cr_assert_str_eq (right.pattern, rights[count].pattern);
    }
    cr_assert_eq (count, 3);
    free (text);
}

Test (realm_tool, refuses_what_is_no_right)
{
    static const char *const wrong[] = {"",        "call",     "call=",      "call=godwit", "host=*/*",
                                        "eat=a/b", "call=a/%", "call=a/b%0", "call=a/b%zz", "call=a/b%00"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        godwit__right_t right;
        char word[32];
        snprintf (word, sizeof word, "%s", wrong[i]);
        cr_assert_not (realm_right_read (&right, word), "%s", wrong[i]);
    }
}

/* ---- small files ---- */

typedef struct thing {
    uint8_t bytes[8];
    uint64_t number;
} thing_t;

static godwit_status_t
read_form (const char *text, thing_t *thing, size_t *count, godwit_error_t **error)
{
    realm_bytes_t bytes = bytes_of (text);
    realm_field_t fields[] = {{.key = "bytes", .bytes = thing->bytes, .size = 4, .least = 1, .most = 2},
                              {.key = "number", .number = &thing->number, .least = 1, .most = 1}};
    const godwit_status_t status = realm_form_read (&bytes, "a thing", fields, 2, "file", error);
    *count = fields[0].count;
    realm_bytes_free (&bytes);
    return status;
}

Test (realm_tool, reads_a_form_that_it_writes)
{
    realm_form_t form = {0};
    thing_t thing = {0};
    size_t count = 0;
    MUST (realm_form_begin (&form, "a thing", &error));
    realm_form_add_bytes (&form, "bytes", (const uint8_t *) "\1\2\3\4", 4);
    realm_form_add_bytes (&form, "bytes", (const uint8_t *) "\xff\xfe\xfd\xfc", 4);
    realm_form_add_number (&form, "number", 4711);
    cr_assert_str_eq (form.bytes.data, "a thing\nbytes = AQIDBA\nbytes = __79_A\nnumber = 4711\n");
    MUST (read_form (form.bytes.data, &thing, &count, &error));
    cr_assert_eq (count, 2);
    cr_assert_eq (thing.number, 4711);
    cr_assert_arr_eq (thing.bytes, "\1\2\3\4\xff\xfe\xfd\xfc", 8);
    realm_bytes_free (&form.bytes);
    MUST (read_form ("a thing\n# by hand\n\nnumber = 1\nbytes = AQIDBA", &thing, &count, &error));
}

Test (realm_tool, says_where_a_form_is_wrong_and_nothing_of_what_is_there)
{
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"", "file:1: expected the line \"a thing\""},
        {"a thing", "file:1: expected the line \"a thing\""},
        {"another\n", "file:1: expected the line \"a thing\""},
        {"a thing\nnumber = 1\n", "file:2: expected a line of \"bytes\""},
        {"a thing\nbytes = AQIDBA\nnumber = 1\nnumber = 2\n",
         "file:4: expected no further line of \"number\""},
        {"a thing\nbytes = AQID\n", "file:2: expected base64 of 4 bytes as \"bytes\""},
        {"a thing\nbytes = AQIDBAU\n", "file:2: expected base64 of 4 bytes as \"bytes\""},
        {"a thing\nbytes = AQIDB!\n", "file:2: expected base64 of 4 bytes as \"bytes\""},
        {"a thing\nnumber = -1\n", "file:2: expected a number as \"number\""},
        {"a thing\nnumber = 18446744073709551616\n", "file:2: expected a number as \"number\""},
        {"a thing\nSECRET\n", "file:2: expected a line \"KEY = VALUE\" with a key of this kind of file"},
        {"a thing\nother = SECRET\n",
         "file:2: expected a line \"KEY = VALUE\" with a key of this kind of file"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        godwit_error_t *error = NULL;
        thing_t thing;
        size_t count;
        cr_assert_eq (read_form (rows[i].text, &thing, &count, &error), GODWIT_ERR_MALFORMED, "%s",
                      rows[i].text);
        cr_assert_str_eq (godwit_error_message (error), rows[i].expected);
        godwit_error_destroy (&error);
    }
}

/* ---- the realm's key ---- */

static void
check_key (const realm_bytes_t *passphrase)
{
    realm_key_t key = {0}, read = {0};
    realm_bytes_t file = {0};
    uint8_t public_key[GODWIT__PUBLIC_SIZE];
    bool has_passphrase = !passphrase->data;
    MUST (realm_key_new (&key, &error));
    MUST (realm_key_write (&key, passphrase, &file, &error));
    MUST (realm_key_look (public_key, &has_passphrase, &file, "file", &error));
    cr_assert_eq (has_passphrase, passphrase->data != NULL);
    cr_assert_arr_eq (public_key, key.public_key, sizeof public_key);
    MUST (realm_key_open (&read, &file, passphrase, "file", &error));
    cr_assert_arr_eq (read.secret, key.secret, 64);
    cr_assert_arr_eq (read.public_key, key.public_key, sizeof public_key);
    realm_key_close (&key);
    realm_key_close (&read);
    realm_bytes_free (&file);
}

Test (realm_tool, opens_a_key_that_it_writes)
{
    realm_bytes_t passphrase = {0};
    check_key (&passphrase);
    passphrase = bytes_of ("correct horse");
    check_key (&passphrase);
    realm_bytes_free (&passphrase);
}

static godwit_status_t
open_key (const realm_bytes_t *file, const char *phrase, godwit_error_t **error)
{
    realm_key_t key = {0};
    realm_bytes_t passphrase = bytes_of (phrase);
    const godwit_status_t status = realm_key_open (&key, file, &passphrase, "file", error);
    realm_bytes_free (&passphrase);
    realm_key_close (&key);
    return status;
}

Test (realm_tool, another_passphrase_or_a_changed_file_opens_no_key)
{
    realm_key_t key = {0};
    realm_bytes_t file = {0}, passphrase = bytes_of ("correct horse");
    MUST (realm_key_new (&key, &error));
    MUST (realm_key_write (&key, &passphrase, &file, &error));
    godwit_error_t *error = NULL;
    cr_assert_eq (open_key (&file, "correct horse ", &error), GODWIT_ERR_PERMISSION_DENIED);
    cr_assert_str_eq (godwit_error_message (error), "file: the passphrase is another one");
    godwit_error_destroy (&error);
    char *const box = strstr (file.data, "sealed = ") + 9;
    box[60] = box[60] == 'A' ? 'B' : 'A';
    cr_assert_eq (open_key (&file, "correct horse", &error), GODWIT_ERR_PERMISSION_DENIED);
    godwit_error_destroy (&error);
    char *const memory = strstr (file.data, "memory = ") + 9;
    memcpy (memory, "8191\n#", 6); /* less than Argon2 takes */
    cr_assert_eq (open_key (&file, "correct horse", &error), GODWIT_ERR_MALFORMED);
    godwit_error_destroy (&error);
    realm_key_close (&key);
    realm_bytes_free (&file);
    realm_bytes_free (&passphrase);
}

Test (realm_tool, a_key_whose_public_part_was_exchanged_is_refused)
{
    realm_key_t key = {0};
    realm_bytes_t file = {0}, none = {0};
    MUST (realm_key_new (&key, &error));
    MUST (realm_key_write (&key, &none, &file, &error));
    godwit_error_t *error = NULL;
    char *const public_key = strstr (file.data, "public = ") + 9;
    public_key[7] = public_key[7] == 'A' ? 'B' : 'A';
    cr_assert_eq (open_key (&file, "", &error), GODWIT_ERR_MALFORMED);
    cr_assert_str_eq (godwit_error_message (error), "file: its public key is not that of its secret one");
    godwit_error_destroy (&error);
    realm_key_close (&key);
    realm_bytes_free (&file);
}

/* ---- the list of certificates ---- */

#define KEY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define WEB                                                                                                  \
    "7f3a web " KEY " 2026-07-01T10:00:00Z 2027-07-01T10:00:00Z 5be0cd19137e2179 call=godwit/x* host\n"
#define SHOP                                                                                                 \
    "ffffffffffffffff shop " KEY " 2026-07-01T10:00:00Z 2027-07-01T10:00:00Z 5be0cd19137e2179 requested\n"

Test (realm_tool, reads_the_list_that_it_writes)
{
    realm_bytes_t text = bytes_of ("# by hand\n\n" WEB SHOP);
    realm_issued_t issued = {0};
    MUST (realm_issued_read (&issued, &text, "issued", &error));
    cr_assert_eq (issued.count, 2);
    const realm_entry_t *const web = realm_issued_newest (&issued, "web"), *const shop = &issued.entries[1];
    cr_assert_eq (web->serial, 0x7f3a);
    cr_assert_eq (web->until - web->from, 365 * 24 * 60 * 60);
    cr_assert_eq (web->right_count, 2);
    cr_assert_str_eq (web->rights[0].pattern, "godwit/x*");
    cr_assert_eq (web->key[31], 31);
    cr_assert_not (web->is_requested);
    cr_assert (shop->is_requested);
    cr_assert_eq (shop->serial, UINT64_MAX);
    cr_assert_eq (shop->right_count, 0);
    cr_assert_null (realm_issued_newest (&issued, "we"));
    static const char *const lines[] = {WEB, SHOP};
    for (size_t i = 0; i < 2; i++) {
        char *line = NULL;
        size_t size = 0;
        MUST (realm_issued_line (&issued.entries[i], &line, &size, &error));
        cr_assert_str_eq (line, lines[i]);
        free (line);
    }
    realm_issued_free (&issued);
}

Test (realm_tool, the_newest_of_a_name_is_the_last)
{
    realm_bytes_t text = bytes_of ("1" WEB SHOP "2" WEB);
    realm_issued_t issued = {0};
    MUST (realm_issued_read (&issued, &text, "issued", &error));
    cr_assert_eq (realm_issued_newest (&issued, "web")->serial, 0x27f3a);
    realm_issued_free (&issued);
}

Test (realm_tool, says_which_line_of_the_list_is_wrong)
{
#define DATES " 2026-07-01T10:00:00Z 2027-07-01T10:00:00Z"
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"nonsense\n", "issued:1: expected a serial number in hexadecimal digits"},
        {WEB "0 web\n", "issued:2: expected a serial number in hexadecimal digits"},
        {"12345678123456781 web\n", "issued:1: expected a serial number in hexadecimal digits"},
        {"1 Web\n", "issued:1: expected the name of a certificate"},
        {"1", "issued:1: expected the name of a certificate"},
        {"1 web AAEC\n", "issued:1: expected an identity as base64"},
        {"1 web " KEY " 2026-07-01T10:00:00Z\n", "issued:1: expected a date, such as 2027-07-01T10:00:00Z"},
        {"1 web " KEY DATES " 5BE0\n", "issued:1: expected the fingerprint of a realm's key"},
        {"1 web " KEY DATES " 5be0cd19137e2179 call\n",
         "issued:1: expected rights, such as call=godwit/billing"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        godwit_error_t *error = NULL;
        realm_issued_t issued = {0};
        realm_bytes_t text = bytes_of (rows[i].text);
        cr_assert_eq (realm_issued_read (&issued, &text, "issued", &error), GODWIT_ERR_MALFORMED);
        cr_assert_str_eq (godwit_error_message (error), rows[i].expected);
        cr_assert_null (text.data);
        godwit_error_destroy (&error);
    }
}

/* ---- requests ---- */

static godwit_status_t
read_request (const char *text, uint8_t key[GODWIT__PUBLIC_SIZE])
{
    realm_bytes_t bytes = bytes_of (text);
    const godwit_status_t status = realm_request_read (key, &bytes, "input", NULL);
    realm_bytes_free (&bytes);
    return status;
}

Test (realm_tool, finds_a_request_among_other_lines)
{
    char line[REALM_REQUEST_SIZE], text[2 * REALM_REQUEST_SIZE];
    uint8_t key[GODWIT__PUBLIC_SIZE], read[GODWIT__PUBLIC_SIZE];
    uint8_t *const secret = godwit__secret_new ();
    crypto_sign_keypair (key, secret);
    realm_request_print (line, secret);
    MUST (read_request (line, read));
    cr_assert_arr_eq (read, key, sizeof key);
    snprintf (text, sizeof text, "Welcome to web1!\ngodwit-request 2\r\n%.*s\r\nBye\n",
              (int) strlen (line) - 1, line);
    MUST (read_request (text, read));
    cr_assert_arr_eq (read, key, sizeof key);
    for (char *at = line; *at != '\n'; at++) { /* whichever letter is changed */
        const char before = *at;
        *at = before == 'A' ? 'B' : 'A';
        cr_assert_eq (read_request (line, read), GODWIT_ERR_MALFORMED, "at %zu", (size_t) (at - line));
        *at = before;
    }
    cr_assert_eq (read_request ("", read), GODWIT_ERR_MALFORMED);
    cr_assert_eq (read_request ("godwit-request 1 ", read), GODWIT_ERR_MALFORMED);
    godwit__secret_free (secret);
}
