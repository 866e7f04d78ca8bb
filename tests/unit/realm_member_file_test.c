/* SPDX-License-Identifier: Apache-2.0 */
/* Member files: their text, and who may read them. */
#include "src/realm/member_file.h"
#include "tests/support/must.h"
#include "tests/support/realm_files.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array_) (sizeof (array_) / sizeof ((array_)[0]))
#define NAME "x.member"
#define VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING

TestSuite (realm_member_file, .timeout = 60);

static godwit__test_realm_t *files;
static const char *web;

static void
make_realm (void)
{
    files = godwit__test_realm_new (1);
    web = godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = "web"));
}

static void
remove_realm (void)
{
    godwit__test_realm_destroy (&files);
}

#define FileTest(name_) Test (realm_member_file, name_, .init = make_realm, .fini = remove_realm)

/* The text of the file; with a NUL, which does not count. */
typedef struct text {
    char bytes[2 * GODWIT__MEMBER_FILE_MAX];
    size_t size;
} text_t;

static text_t
read_text (const char *path)
{
    text_t text;
    FILE *const file = fopen (path, "r");
    cr_assert (file, "%s", path);
    text.size = fread (text.bytes, 1, sizeof text.bytes - 1, file);
    text.bytes[text.size] = '\0';
    fclose (file);
    return text;
}

static void
append (text_t *text, const char *more)
{
    memcpy (text->bytes + text->size, more, strlen (more) + 1);
    text->size += strlen (more);
}

/* The text with each line that has this key replaced; "" removes it. */
static text_t
with_line (const text_t *text, const char *key, const char *line)
{
    text_t result = {.size = 0};
    for (const char *at = text->bytes; *at;) {
        char copy[4096];
        const size_t size = strcspn (at, "\n") + 1;
        snprintf (copy, sizeof copy, "%.*s", (int) size, at);
        append (&result, strncmp (at, key, strlen (key)) == 0 ? line : copy);
        at += size;
    }
    return result;
}

/* The value of a line; static. */
static const char *
value_of (const text_t *text, const char *key)
{
    static char value[4096];
    char start[32];
    snprintf (start, sizeof start, "\n%s = ", key);
    const char *const at = strstr (text->bytes, start);
    cr_assert (at, "%s", key);
    snprintf (value, sizeof value, "%.*s", (int) strcspn (at + strlen (start), "\n"), at + strlen (start));
    return value;
}

static void
assert_reads (const text_t *text)
{
    godwit__member_file_t file;
    MUST (godwit__member_file_read (&file, text->bytes, text->size, NAME, &error));
    godwit__member_file_clear (&file);
}

static void
assert_malformed (const text_t *text, const char *why)
{
    godwit__member_file_t file;
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit__member_file_read (&file, text->bytes, text->size, NAME, &error),
                  GODWIT_ERR_MALFORMED, "%s", why);
    cr_assert_str_eq (godwit_error_message (error), why);
    godwit_error_destroy (&error);
}

/* ---- the text ---- */

FileTest (is_read)
{
    godwit__member_file_t file;
    uint8_t key[GODWIT__PUBLIC_SIZE];
    MUST (godwit__member_file_load (&file, web, &error));
    cr_assert_eq (file.realm_count, 1);
    cr_assert_arr_eq (file.realms[0], godwit__test_realm_key (files), sizeof file.realms[0]);
    cr_assert_eq (file.door_count, 1);
    cr_assert_str_eq (file.certificate.name, "web");
    cr_assert_eq (file.certificate.right_count, 4);
    crypto_sign_ed25519_sk_to_pk (key, file.identity);
    cr_assert_arr_eq (file.certificate.key, key, sizeof key);
    cr_assert (godwit__verify (file.signature, GODWIT__LABEL_CERTIFICATE, file.body, file.body_size,
                               file.realms[0]));
    godwit__member_file_clear (&file);
    cr_assert_null (file.identity);
    cr_assert_null (file.doors[0]);
    godwit__member_file_clear (&file);
}

FileTest (is_written_as_it_was_read)
{
    godwit__test_realm_add_key (files);
    godwit__test_realm_add_door (files);
    const text_t before = read_text (godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = "two")));
    godwit__member_file_t file;
    char *text = NULL;
    size_t size = 0;
    MUST (godwit__member_file_read (&file, before.bytes, before.size, NAME, &error));
    cr_assert_eq (file.realm_count, 2);
    cr_assert_eq (file.door_count, 2);
    MUST (godwit__member_file_write (&file, &text, &size, &error));
    cr_assert_eq (size, before.size);
    cr_assert_str_eq (text, before.bytes);
    sodium_free (text);
    godwit__member_file_clear (&file);
}

FileTest (may_be_written_by_hand)
{
    const text_t written = read_text (web);
    text_t text = {.size = 0};
    append (&text, "# ours\r\n\n  ; a comment\n\t[godwit-member]  \n");
    char line[4096];
    snprintf (line, sizeof line, "certificate=%s\r\n", value_of (&written, "certificate"));
    append (&text, line);
    snprintf (line, sizeof line, "  door\t=\t%s\t\n", value_of (&written, "door"));
    append (&text, line);
    snprintf (line, sizeof line, "identity = %s\n", value_of (&written, "identity"));
    append (&text, line);
    snprintf (line, sizeof line, "realm = %s\nformat = 1", value_of (&written, "realm"));
    append (&text, line); /* without a newline */
    assert_reads (&text);
}

FileTest (each_line_is_needed)
{
    static const char *const keys[] = {"format", "realm", "door", "identity", "certificate"};
    const text_t text = read_text (web);
    for (size_t i = 0; i < COUNT (keys); i++) {
        char why[128];
        const text_t without = with_line (&text, keys[i], "");
        snprintf (why, sizeof why, NAME ": expected a line `%s = ...` below [godwit-member]", keys[i]);
        assert_malformed (&without, why);
    }
}

FileTest (lines_have_one_form)
{
    static const struct {
        const char *key, *line, *why;
    } rows[] = {
        {"[", "", NAME ":1: expected [godwit-member] first: is it a member file?"},
        {"[", "[godwit]\n", NAME ":1: expected one section, [godwit-member]"},
        {"[", "[godwit-member]\n[godwit-member]\n", NAME ":2: expected one section, [godwit-member]"},
        {"format", "format = 2\n", NAME ":2: expected format 1: the file is of another release of Godwit"},
        {"format", "format =\n", NAME ":2: expected format 1: the file is of another release of Godwit"},
        {"format", "format = 1\nformat = 1\n", NAME ":3: expected this key once"},
        {"format", "format 1\n", NAME ":2: expected a line `KEY = VALUE`"},
        {"format", "format: 1\n", NAME ":2: expected a line `KEY = VALUE`"},
        {"format", "Format = 1\n",
         NAME ":2: expected format, realm, door, identity or certificate before the `=`"},
        {"format", "= 1\n", NAME ":2: expected format, realm, door, identity or certificate before the `=`"},
        {"realm", "realm =\n", NAME ":3: expected a public key of 32 bytes in base64"},
        {"realm", "realm = AAAA\n", NAME ":3: expected a public key of 32 bytes in base64"},
        {"door", "door = AAAA\n", NAME ":4: expected a secret key of 32 bytes in base64"},
        {"door", "door = !\n", NAME ":4: expected a secret key of 32 bytes in base64"},
        {"identity", "identity = AAAA\n", NAME ":5: expected a seed of 32 bytes in base64"},
        {"identity", "identity = \"\"\n", NAME ":5: expected a seed of 32 bytes in base64"},
        {"certificate", "certificate = ?\n", NAME ":6: expected a certificate in base64"},
        {"certificate", "certificate =\n", NAME ":6: certificate: expected bytes, got none"},
        {"certificate", "certificate = kA\n", NAME ":6: certificate: expected a list of 2 bin"},
        {"certificate", "certificate = ksQAxAA\n", NAME ":6: certificate: expected a signature of 64 bytes"},
    };
    const text_t text = read_text (web);
    for (size_t i = 0; i < COUNT (rows); i++) {
        const text_t altered = with_line (&text, rows[i].key, rows[i].line);
        assert_malformed (&altered, rows[i].why);
    }
}

FileTest (there_are_at_most_two_realms_and_doors)
{
    static const char *const keys[] = {"realm", "door"};
    const text_t text = read_text (web);
    for (size_t i = 0; i < COUNT (keys); i++) {
        char lines[3 * 128], why[64];
        const char *const value = value_of (&text, keys[i]);
        snprintf (lines, sizeof lines, "%s = %s\n%s = %s\n", keys[i], value, keys[i], value);
        text_t altered = with_line (&text, keys[i], lines);
        assert_reads (&altered);
        snprintf (lines, sizeof lines, "%s = %s\n", keys[i], value);
        append (&altered, lines);
        snprintf (why, sizeof why, NAME ":8: expected this key at most twice");
        assert_malformed (&altered, why);
    }
}

FileTest (the_parts_belong_to_each_other)
{
    const text_t text = read_text (web);
    godwit__test_realm_t *other = godwit__test_realm_foreign (files, 2);
    const text_t others = read_text (godwit__test_realm_issue (other, GODWIT__TEST_MEMBER (.name = "web")));
    char line[4096];
    snprintf (line, sizeof line, "realm = %s\n", value_of (&others, "realm"));
    text_t altered = with_line (&text, "realm", line);
    assert_malformed (&altered, NAME ":6: the certificate is of another realm than this file's");
    snprintf (line, sizeof line, "identity = %s\n", value_of (&others, "identity"));
    altered = with_line (&text, "identity", line);
    assert_malformed (&altered, NAME ":6: the certificate is for another identity than this file's");
    godwit__test_realm_destroy (&other);
}

FileTest (an_altered_certificate_is_found)
{
    const text_t text = read_text (web);
    uint8_t sealed[GODWIT__CERTIFICATE_SIZE_MAX + 128];
    char line[4096] = "certificate = ";
    size_t size = 0;
    const char *const value = value_of (&text, "certificate");
    cr_assert_eq (
        sodium_base642bin (sealed, sizeof sealed, value, strlen (value), NULL, &size, NULL, VARIANT), 0);
    for (size_t at = 0; at < size; at++) {
        godwit__member_file_t file;
        sealed[at] ^= 0x20;
        sodium_bin2base64 (line + 14, sizeof line - 14, sealed, size, VARIANT);
        const text_t altered = with_line (&text, "certificate", line);
        cr_assert_eq (godwit__member_file_read (&file, altered.bytes, altered.size, NAME, NULL),
                      GODWIT_ERR_MALFORMED, "byte %zu", at);
        sealed[at] ^= 0x20;
    }
}

/* Whatever a byte of the file becomes: it is the same file, or an error that shows nothing of it. */
FileTest (altered_bytes_do_no_harm)
{
    const text_t text = read_text (web);
    const char *const value = value_of (&text, "identity");
    for (size_t at = 0; at < text.size; at++) {
        static const char bytes[] = "A=\n[ #\0\xff";
        for (size_t i = 0; i < sizeof bytes - 1; i++) {
            text_t altered = text;
            godwit__member_file_t file;
            godwit_error_t *error = NULL;
            altered.bytes[at] = bytes[i];
            const godwit_status_t status =
                godwit__member_file_read (&file, altered.bytes, altered.size, NAME, &error);
            cr_assert (status == GODWIT_OK || status == GODWIT_ERR_MALFORMED);
            if (status == GODWIT_OK)
                godwit__member_file_clear (&file);
            else
                cr_assert_not (strstr (godwit_error_message (error), value));
            godwit_error_destroy (&error);
        }
    }
}

FileTest (has_a_limit)
{
    text_t text = read_text (web);
    while (text.size < GODWIT__MEMBER_FILE_MAX)
        append (&text, "\n");
    assert_reads (&text);
    append (&text, "\n");
    assert_malformed (&text, NAME ": expected at most 16384 bytes");
}

/* ---- in the file system ---- */

static void
assert_not_loaded (const char *path, godwit_status_t status, const char *why)
{
    godwit__member_file_t file;
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit__member_file_load (&file, path, &error), status, "%s", why);
    cr_assert_str_eq (godwit_error_message (error), why);
    godwit_error_destroy (&error);
}

static const char *
path_of (const char *name)
{
    static char path[256];
    snprintf (path, sizeof path, "%s/%s", godwit__test_realm_folder (files), name);
    return path;
}

static const char *
says (const char *path, const char *what)
{
    static char text[512];
    snprintf (text, sizeof text, "%s: %s", path, what);
    return text;
}

FileTest (modes_that_keep_it_private_are_right)
{
    static const mode_t modes[] = {0600, 0640, 0400, 0440};
    for (size_t i = 0; i < COUNT (modes); i++) {
        godwit__member_file_t file;
        cr_assert_eq (chmod (web, modes[i]), 0);
        MUST (godwit__member_file_load (&file, web, &error));
        godwit__member_file_clear (&file);
    }
}

FileTest (other_modes_are_refused)
{
    static const mode_t modes[] = {0644, 0660, 0604, 0602, 0601, 0700, 0620, 04600, 01600};
    for (size_t i = 0; i < COUNT (modes); i++) {
        char why[96];
        cr_assert_eq (chmod (web, modes[i]), 0);
        snprintf (why, sizeof why, "mode %04o; it holds keys, so 0600 or 0640", (unsigned) modes[i]);
        assert_not_loaded (web, GODWIT_ERR_SYSTEM, says (web, why));
    }
}

FileTest (another_owner_is_refused)
{
    if (geteuid () != 0)
        cr_skip_test ();
    cr_assert_eq (chown (web, 65534, 65534), 0);
    assert_not_loaded (web, GODWIT_ERR_SYSTEM,
                       says (web, "it is owned by uid 65534, who could exchange the keys; expected root or "
                                  "uid 0: chown it"));
}

FileTest (only_a_file_is_read)
{
    const char *const missing = path_of ("missing.member");
    assert_not_loaded (missing, GODWIT_ERR_SYSTEM, says (missing, "No such file or directory"));
    const char *const pipe = path_of ("pipe.member");
    cr_assert_eq (mkfifo (pipe, 0600), 0);
    assert_not_loaded (pipe, GODWIT_ERR_SYSTEM, says (pipe, "expected a file")); /* at once */
    const char *const folder = godwit__test_realm_folder (files);
    assert_not_loaded (folder, GODWIT_ERR_SYSTEM, says (folder, "expected a file"));
    assert_not_loaded ("/dev/null", GODWIT_ERR_SYSTEM, "/dev/null: expected a file");
}

/* As another user, in a child: there is no way back. */
static void
run_as (uid_t uid, bool run (void))
{
    int status = 0;
    if (geteuid () != 0)
        cr_skip_test ();
    const pid_t child = fork ();
    cr_assert_geq (child, 0);
    if (child == 0)
        _exit (setuid (uid) == 0 && run () ? 0 : 1);
    cr_assert_eq (waitpid (child, &status, 0), child);
    cr_assert (WIFEXITED (status) && WEXITSTATUS (status) == 0, "status %x", (unsigned) status);
}

static bool
says_who_has_to_read_it (void)
{
    godwit__member_file_t file;
    godwit_error_t *error = NULL;
    const bool is_right =
        godwit__member_file_load (&file, web, &error) == GODWIT_ERR_SYSTEM &&
        strstr (godwit_error_message (error), "Permission denied: uid 65534 has to be able to read it");
    godwit_error_destroy (&error);
    return is_right;
}

FileTest (who_may_not_read_it_is_told_so)
{
    run_as (65534, says_who_has_to_read_it);
}

/* A file of this process that is there, belongs to us, and cannot be read at its beginning. */
FileTest (a_failure_while_reading_is_told)
{
    assert_not_loaded ("/proc/self/mem", GODWIT_ERR_SYSTEM, "/proc/self/mem: Input/output error");
}

FileTest (a_link_to_it_will_do)
{
    godwit__member_file_t file;
    const char *const link = path_of ("link.member");
    cr_assert_eq (symlink (web, link), 0);
    MUST (godwit__member_file_load (&file, link, &error));
    godwit__member_file_clear (&file);
}

FileTest (a_large_or_empty_file_is_refused)
{
    static char large[GODWIT__MEMBER_FILE_MAX + 5000];
    const char *const path = path_of ("large.member");
    memset (large, '\n', sizeof large);
    godwit__test_write_file (path, large, sizeof large, 0600);
    assert_not_loaded (path, GODWIT_ERR_MALFORMED, says (path, "expected at most 16384 bytes"));
    godwit__test_write_file (path, "", 0, 0600);
    assert_not_loaded (path, GODWIT_ERR_MALFORMED,
                       says (path, "expected a line `format = ...` below [godwit-member]"));
}

FileTest (leaves_no_descriptor_open)
{
    const int before = open ("/dev/null", O_RDONLY | O_CLOEXEC);
    close (before);
    for (int i = 0; i < 10; i++) {
        godwit__member_file_t file;
        MUST (godwit__member_file_load (&file, web, &error));
        godwit__member_file_clear (&file);
        cr_assert_neq (godwit__member_file_load (&file, path_of ("missing.member"), NULL), GODWIT_OK);
        cr_assert_neq (godwit__member_file_load (&file, "/dev/null", NULL), GODWIT_OK);
    }
    const int after = open ("/dev/null", O_RDONLY | O_CLOEXEC);
    cr_assert_eq (before, after);
    close (after);
}
