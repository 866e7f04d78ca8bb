/* SPDX-License-Identifier: Apache-2.0 */
/* With which files a process starts, the keys that it has then, and where its member file is. */
#include "src/realm/realm_inside.h"
#include "tests/support/realm_host.h"

#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOW REALM_HOST_NOW
#define FROM REALM_HOST_FROM
#define UNTIL REALM_HOST_UNTIL
#define SKEW GODWIT__CLOCK_SKEW_S

TestSuite (realm_open, .timeout = 60);

static godwit__test_realm_t *files;
static realm_host_t host;

static void
make_realm (void)
{
    files = godwit__test_realm_new (1);
    host.files = files;
    host.now = NOW;
}

static void
remove_realm (void)
{
    godwit__realm_close (&host.realm);
    godwit__test_realm_destroy (&files);
}

#define OpenTest(name_) Test (realm_open, name_, .init = make_realm, .fini = remove_realm)

/* ---- starting ---- */

static void
assert_does_not_start (const char *path, godwit_status_t status, const char *why)
{
    godwit_error_t *error = NULL;
    cr_assert_eq (realm_host_try (&host, path, &error), status, "%s", godwit_error_message (error));
    cr_assert_null (host.realm);
    cr_assert (strstr (godwit_error_message (error), why), "%s", godwit_error_message (error));
    cr_assert_not (
        godwit__test_realm_leaks (files, godwit_error_print (error), strlen (godwit_error_print (error))));
    godwit_error_destroy (&error);
}

OpenTest (needs_its_file)
{
    assert_does_not_start ("/tmp/there-is-no-such-file.member", GODWIT_ERR_SYSTEM,
                           "/tmp/there-is-no-such-file.member: No such file");
}

/* A program may go elsewhere, as daemons do. */
OpenTest (a_relative_path_stays_with_its_folder)
{
    realm_host_issue (files, "host");
    cr_assert_eq (chdir (godwit__test_realm_folder (files)), 0);
    const godwit__realm_options_t options = {.path = "host.member",
                                             .keeps_bulletins = true,
                                             .now_s = realm_host_now,
                                             .now_user = &host,
                                             .note = realm_host_note,
                                             .note_user = &host};
    MUST (godwit__realm_open (&host.realm, &options, &error));
    cr_assert_eq (chdir ("/"), 0);
    realm_host_issue (files, "host");
    godwit__test_realm_revoke_serial (files, 5);
    const godwit__bulletin_t *const bulletin = godwit__test_realm_bulletin (files);
    MUST (godwit__realm_take_bulletin (host.realm, bulletin->sealed, bulletin->sealed_size, &error));
    MUST (godwit__realm_look (host.realm, true, &error));
    cr_assert (realm_host_said (&host, "/host.member: read again"), "%s", host.notes);
    char beside[4096];
    snprintf (beside, sizeof beside, "%s/host.bulletin", godwit__test_realm_folder (files));
    cr_assert_eq (access (beside, R_OK), 0);
}

OpenTest (a_relative_path_needs_a_working_folder)
{
    char gone[] = "/tmp/godwit-open-XXXXXX";
    cr_assert (mkdtemp (gone));
    cr_assert_eq (chdir (gone), 0);
    cr_assert_eq (rmdir (gone), 0);
    assert_does_not_start ("host.member", GODWIT_ERR_SYSTEM,
                           "host.member: the working folder is unknown: No such file");
    cr_assert_eq (chdir ("/"), 0);
}

OpenTest (needs_a_file_that_is_whole)
{
    const char *const path = realm_host_issue (files, "web");
    godwit__test_write_file (path, "[godwit-member]\n", 16, 0600);
    assert_does_not_start (path, GODWIT_ERR_MALFORMED, "web.member: expected a line `format = ...`");
}

OpenTest (does_not_start_with_what_has_ended)
{
    const char *const path = godwit__test_realm_issue (
        files, GODWIT__TEST_MEMBER (.name = "web", .from = FROM, .until = NOW - SKEW));
    assert_does_not_start (path, GODWIT_ERR_PERMISSION_DENIED,
                           "web.member: certificate \"web\" (serial 7f3a) has ended: get another one (godwit "
                           "realm issue)");
}

OpenTest (starts_while_the_clocks_may_differ)
{
    realm_host_open (&host, godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = "web", .from = FROM,
                                                                                  .until = NOW - SKEW + 1)));
    cr_assert_str_eq (host.notes, "");
}

OpenTest (does_not_start_with_what_was_revoked)
{
    const char *const path = realm_host_issue (files, "web");
    godwit__test_realm_revoke (files, "web");
    godwit__test_realm_put_bulletin (files, "web");
    assert_does_not_start (path, GODWIT_ERR_PERMISSION_DENIED,
                           "web.member: certificate \"web\" (serial 7f3a) was revoked: get another one");
}

OpenTest (starts_with_what_is_not_valid_yet)
{
    realm_host_open (&host,
                     godwit__test_realm_issue (
                         files, GODWIT__TEST_MEMBER (.name = "web", .from = NOW + SKEW + 1, .until = UNTIL)));
    cr_assert (realm_host_said (&host, "warning: "), "%s", host.notes);
    cr_assert (realm_host_said (&host, "certificate \"web\" (serial 7f3a) is not valid yet"), "%s",
               host.notes);
    godwit__realm_close (&host.realm);
    cr_assert_null (host.realm);
    godwit__realm_close (&host.realm);
}

/* ---- the bulletin beside the file ---- */

OpenTest (starts_with_the_bulletin_beside_its_file)
{
    const char *const path = realm_host_issue (files, "web");
    godwit__test_realm_revoke_serial (files, 5);
    godwit__test_realm_put_bulletin (files, "web");
    realm_host_open (&host, path);
    cr_assert_eq (godwit__realm_bulletin_number (host.realm), 1);
    godwit__bulletin_t *bulletin = godwit__realm_bulletin (host.realm);
    cr_assert_eq (bulletin->revoked[0].serial, 5);
    godwit__bulletin_unref (&bulletin);
}

OpenTest (needs_no_bulletin)
{
    realm_host_open (&host, realm_host_issue (files, "web"));
    cr_assert_eq (godwit__realm_bulletin_number (host.realm), 0);
    cr_assert_null (godwit__realm_bulletin (host.realm));
}

Test (realm_open, a_bulletin_has_the_name_of_its_file)
{
    static const char *const rows[][2] = {{"/etc/godwit/realm.member", "/etc/godwit/realm.bulletin"},
                                          {"a.member", "a.bulletin"},
                                          {"/run/credentials/x/realm", "/run/credentials/x/realm.bulletin"},
                                          {"a.member.old", "a.member.old.bulletin"},
                                          {".member", ".member.bulletin"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *const path = godwit__bulletin_path (rows[i][0]);
        cr_assert_str_eq (path, rows[i][1]);
        free (path);
    }
}

OpenTest (a_damaged_bulletin_is_never_taken_for_none)
{
    char bulletin[256];
    const char *const path = realm_host_issue (files, "web");
    snprintf (bulletin, sizeof bulletin, "%s/web.bulletin", godwit__test_realm_folder (files));
    godwit__test_write_file (bulletin, "\x92", 1, 0644);
    assert_does_not_start (path, GODWIT_ERR_MALFORMED, "web.bulletin: bulletin: ");
    unlink (bulletin);
    cr_assert_eq (mkdir (bulletin, 0700), 0);
    assert_does_not_start (path, GODWIT_ERR_SYSTEM, "web.bulletin: expected a file");
    cr_assert_eq (rmdir (bulletin), 0);
    cr_assert_eq (symlink (bulletin, bulletin), 0); /* a circle */
    assert_does_not_start (path, GODWIT_ERR_SYSTEM, "web.bulletin: Too many levels of symbolic links");
}

/* As after a realm key was changed: what it says is about certificates that are refused in any case. */
OpenTest (starts_with_a_bulletin_of_another_realm_key)
{
    char path[256];
    godwit__test_realm_t *foreign = godwit__test_realm_foreign (files, 2);
    godwit__test_realm_revoke_serial (foreign, 5);
    const godwit__bulletin_t *const bulletin = godwit__test_realm_bulletin (foreign);
    const char *const member = realm_host_issue (files, "web");
    snprintf (path, sizeof path, "%s/web.bulletin", godwit__test_realm_folder (files));
    godwit__test_write_file (path, bulletin->sealed, bulletin->sealed_size, 0644);
    realm_host_open (&host, member);
    cr_assert (realm_host_said (&host, "its realm key is none of ours; it is not used"), "%s", host.notes);
    cr_assert_eq (godwit__realm_bulletin_number (host.realm), 0);
    godwit__test_realm_destroy (&foreign);
}

/* ---- keys of the process ---- */

static void
count_up (void *user, void *bytes, size_t size)
{
    uint8_t *const next = user;
    for (size_t i = 0; i < size; i++)
        ((uint8_t *) bytes)[i] = (*next)++;
}

static godwit__realm_t *
open_seeded (const char *path, uint8_t seed)
{
    godwit__realm_t *realm = NULL;
    const godwit__realm_options_t options = {
        .path = path, .now_s = realm_host_now, .now_user = &host, .random = count_up, .random_user = &seed};
    MUST (godwit__realm_open (&realm, &options, &error));
    return realm;
}

OpenTest (a_seeded_run_repeats)
{
    const char *const path = realm_host_issue (files, "web");
    godwit__realm_t *first = open_seeded (path, 1), *second = open_seeded (path, 1);
    godwit__realm_t *other = open_seeded (path, 2);
    godwit__credential_t *a = godwit__realm_credential (first), *b = godwit__realm_credential (second);
    cr_assert_arr_eq (godwit__realm_instance (first), godwit__realm_instance (second), GODWIT__INSTANCE_SIZE);
    cr_assert_arr_neq (godwit__realm_instance (first), godwit__realm_instance (other), GODWIT__INSTANCE_SIZE);
    cr_assert_eq (a->size, b->size);
    cr_assert_arr_eq (a->bytes, b->bytes, a->size);
    godwit__credential_unref (&a);
    godwit__credential_unref (&b);
    godwit__realm_close (&first);
    godwit__realm_close (&second);
    godwit__realm_close (&other);
}

OpenTest (each_process_has_keys_of_its_own)
{
    realm_host_t other = {.now = NOW, .files = files};
    realm_host_open (&host, realm_host_issue (files, "web"));
    realm_host_open (&other, godwit__test_realm_path (files, "web"));
    cr_assert_arr_neq (godwit__realm_instance (host.realm), godwit__realm_instance (other.realm),
                       GODWIT__INSTANCE_SIZE);
    godwit__realm_close (&other.realm);
}

OpenTest (a_keyring_has_pairs)
{
    uint8_t public[GODWIT__PUBLIC_SIZE];
    godwit__test_realm_add_door (files);
    realm_host_open (&host, realm_host_issue (files, "web"));
    godwit__keyring_t *keyring = godwit__realm_keyring (host.realm);
    cr_assert_eq (keyring->door_count, 2);
    for (size_t i = 0; i < 2; i++) {
        crypto_scalarmult_base (public, keyring->door_secrets[i]);
        cr_assert_arr_eq (public, keyring->doors[i], sizeof public);
    }
    crypto_scalarmult_base (public, keyring->curve_secret);
    cr_assert_arr_eq (public, keyring->curve, sizeof public);
    godwit__keyring_unref (&keyring);
}

OpenTest (what_is_referenced_outlives_the_realm)
{
    realm_host_open (&host, realm_host_issue (files, "web"));
    godwit__keyring_t *keyring = godwit__realm_keyring (host.realm);
    godwit__credential_t *credential = godwit__realm_credential (host.realm);
    godwit__party_t *self = godwit__realm_self (host.realm);
    godwit__realm_close (&host.realm);
    cr_assert_eq (keyring->door_count, 1);
    cr_assert_gt (credential->size, 0);
    cr_assert_str_eq (self->certificate.name, "web");
    godwit__keyring_unref (&keyring);
    godwit__credential_unref (&credential);
    godwit__party_unref (&self);
    cr_assert_null (keyring);
}

/* The system's clock and chance. */
OpenTest (works_without_a_clock_of_the_test)
{
    godwit__realm_t *realm = NULL;
    const godwit__realm_options_t options = {
        .path = godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = "web"))};
    MUST (godwit__realm_open (&realm, &options, &error));
    MUST (godwit__realm_look (realm, true, &error));
    godwit__realm_close (&realm);
}

/* ---- where the file is ---- */

#define OF_HOST "/etc/godwit/realm.member"

static void
assert_found (const char *given, const char *wanted)
{
    char *path = NULL;
    MUST (godwit__realm_find (&path, given, &error));
    if (wanted)
        cr_assert_str_eq (path, wanted);
    else
        cr_assert_null (path);
    free (path);
}

static void
assert_not_found (const char *given, godwit_status_t status, const char *why)
{
    char *path = (char *) (uintptr_t) "untouched";
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit__realm_find (&path, given, &error), status, "%s", why);
    cr_assert_str_eq (godwit_error_message (error), why);
    cr_assert_str_eq (path, "untouched");
    godwit_error_destroy (&error);
}

/* ~/.config/godwit/realm.member below this home; it is empty. */
static const char *
put_in_home (const char *home)
{
    static char path[256];
    char folder[200];
    snprintf (folder, sizeof folder, "%s/.config", home);
    cr_assert_eq (mkdir (folder, 0700), 0);
    snprintf (folder, sizeof folder, "%s/.config/godwit", home);
    cr_assert_eq (mkdir (folder, 0700), 0);
    snprintf (path, sizeof path, "%s/.config/godwit/realm.member", home);
    godwit__test_write_file (path, "", 0, 0600);
    return path;
}

static void
clean (const char *home)
{
    char command[300];
    snprintf (command, sizeof command, "rm -rf '%s/.config'", home);
    cr_assert_eq (system (command), 0);
}

OpenTest (the_first_that_is_there_is_found)
{
    const char *const path = realm_host_issue (files, "web");
    const char *const home = godwit__test_realm_folder (files);
    unsetenv ("GODWIT_REALM");
    setenv ("HOME", home, 1);
    assert_found (path, path);
    assert_found (NULL, access (OF_HOST, F_OK) == 0 ? OF_HOST : NULL);
    const char *const of_home = put_in_home (home);
    assert_found (NULL, of_home);
    setenv ("GODWIT_REALM", "", 1);
    assert_found (NULL, of_home);
    setenv ("GODWIT_REALM", path, 1);
    assert_found (NULL, path);
    assert_found (of_home, of_home);
    clean (home);
}

OpenTest (none_is_no_realm)
{
    const char *const home = godwit__test_realm_folder (files);
    setenv ("HOME", home, 1);
    put_in_home (home);
    assert_found ("none", NULL);
    setenv ("GODWIT_REALM", "none", 1);
    assert_found (NULL, NULL);
    clean (home);
}

OpenTest (a_file_that_is_named_must_be_there)
{
    assert_not_found ("/tmp/no-such.member", GODWIT_ERR_SYSTEM,
                      "Option realm: /tmp/no-such.member: No such file or directory");
    assert_not_found ("", GODWIT_ERR_INVALID_ARGUMENT, "Option realm: expected a path, or none");
    setenv ("GODWIT_REALM", "/tmp/no-such.member", 1);
    assert_not_found (NULL, GODWIT_ERR_SYSTEM,
                      "GODWIT_REALM: /tmp/no-such.member: No such file or directory");
}

/* Otherwise a wrong mode of a folder would switch the realm off. */
OpenTest (a_place_that_cannot_be_looked_at_is_an_error)
{
    char name[300], why[512];
    const char *const home = godwit__test_realm_folder (files);
    unsetenv ("GODWIT_REALM");
    setenv ("HOME", home, 1);
    snprintf (name, sizeof name, "%s/.config", home);
    cr_assert_eq (symlink (name, name), 0); /* a circle: as root, a mode would not do */
    snprintf (why, sizeof why,
              "%s/godwit/realm.member: Too many levels of symbolic links: nobody knows whether there is a "
              "realm; mend that, or say which file (option realm, or GODWIT_REALM), or realm=none",
              name);
    assert_not_found (NULL, GODWIT_ERR_SYSTEM, why);
    clean (home);
}

/* A user whom nobody has entered, as in a container, has no home. */
OpenTest (a_user_without_an_entry_has_no_home)
{
    int status = 0;
    if (geteuid () != 0)
        cr_skip_test ();
    const pid_t child = fork ();
    cr_assert_geq (child, 0);
    if (child == 0) {
        char *path = NULL;
        unsetenv ("GODWIT_REALM");
        unsetenv ("HOME");
        const bool is_there = access (OF_HOST, F_OK) == 0;
        _exit (setuid (54321) == 0 && godwit__realm_find (&path, NULL, NULL) == GODWIT_OK &&
                       (path != NULL) == is_there
                   ? 0
                   : 1);
    }
    cr_assert_eq (waitpid (child, &status, 0), child);
    cr_assert_eq (status, 0);
}

/* Without HOME the home is that of the user's entry; one that is not absolute does not count. */
OpenTest (a_home_is_looked_up)
{
    char *first = NULL, *second = NULL;
    const char *const home = godwit__test_realm_folder (files);
    put_in_home (home);
    cr_assert_eq (chdir (home), 0);
    unsetenv ("GODWIT_REALM");
    unsetenv ("HOME");
    const godwit_status_t status = godwit__realm_find (&first, NULL, NULL);
    setenv ("HOME", ".", 1);
    cr_assert_eq (godwit__realm_find (&second, NULL, NULL), status);
    cr_assert ((!first && !second) || strcmp (first, second) == 0);
    free (first);
    free (second);
    clean (home);
}
