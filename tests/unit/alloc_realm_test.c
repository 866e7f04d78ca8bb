/* SPDX-License-Identifier: Apache-2.0 */
/* A realm with too little memory: each allocation fails once. Nothing changes then, nothing is left behind,
 * and the same works afterwards. */
#include "tests/support/short_memory.h"

#ifndef SHORT_MEMORY_SANITIZED

#include "src/error/error.h"
#include "src/realm/realm.h"
#include "src/realm/secret.h"
#include "tests/support/realm_files.h"

#include <dlfcn.h>
#include <sodium.h>
#include <string.h>

static godwit__test_realm_t *files;
static godwit__realm_t *host, *peer;
static uint64_t serial;
static bool slabs_fail; /* memory for keys is short */
static long slabs_made;
static int64_t now;

static int64_t
tell_time (void *user)
{
    (void) user;
    return now;
}

static const char *
issue (const char *name)
{
    return godwit__test_realm_issue (
        files, GODWIT__TEST_MEMBER (.name = name, .from = 1000000, .until = 2000000000));
}

static godwit_status_t
open_realm (godwit__realm_t **realm, const char *name, godwit_error_t **error)
{
    const godwit__realm_options_t options = {.path = godwit__test_realm_path (files, name),
                                             .now_s = tell_time};
    return godwit__realm_open (realm, &options, error);
}

static void
open_world (void)
{
    now = 1500000000;
    serial = 0;
    files = godwit__test_realm_new (1);
    issue ("host");
    issue ("peer");
    godwit__test_realm_revoke_serial (files, 1);
    godwit__test_realm_put_bulletin (files, "host");
    cr_assert_eq (open_realm (&host, "host", NULL), GODWIT_OK);
    cr_assert_eq (open_realm (&peer, "peer", NULL), GODWIT_OK);
}

static void
close_world (void)
{
    godwit__realm_close (&host);
    godwit__realm_close (&peer);
    godwit__test_realm_destroy (&files);
}

/* What the test itself allocates does not count, and cannot fail. */
static bool
stop_counting (void)
{
    const bool before = counting;
    counting = false;
    return before;
}

static godwit_status_t
check_open (godwit_error_t **error)
{
    godwit__realm_t *realm = NULL;
    const godwit_status_t status = open_realm (&realm, "host", error);
    godwit__realm_close (&realm);
    return status;
}

static godwit_status_t
check_admit (godwit_error_t **error)
{
    char text[GODWIT__ADMIT_TEXT];
    godwit__party_t *party = NULL;
    godwit__credential_t *credential = godwit__realm_credential (peer);
    const godwit__no_entry_t reason =
        godwit__realm_admit (host, credential->bytes, credential->size, NULL, &party, text);
    godwit__party_unref (&party);
    godwit__credential_unref (&credential);
    if (reason == GODWIT__NO_ENTRY_NO_MEMORY)
        return godwit__error_no_memory (error);
    cr_assert_eq (reason, GODWIT__NO_ENTRY_NONE, "%s", text);
    return GODWIT_OK;
}

/* A new file each time; with little memory the old one stays, and a later look takes the new one. */
static godwit_status_t
check_look (godwit_error_t **error)
{
    const bool before = stop_counting ();
    issue ("host");
    counting = before;
    godwit_status_t status = godwit__realm_look (host, true, error);
    counting = slabs_fail = false;
    if (status)
        cr_assert_eq (godwit__realm_look (host, false, NULL), GODWIT_OK);
    godwit__party_t *self = godwit__realm_self (host);
    cr_assert_eq (self->certificate.serial, godwit__test_realm_serial (files, "host"));
    godwit__party_unref (&self);
    counting = before;
    return status;
}

/* Without force nothing is returned; so the test looks whether the proof is new. */
static godwit_status_t
check_renewal (godwit_error_t **error)
{
    now += GODWIT__PROOF_LIFE_S / 2;
    cr_assert_eq (godwit__realm_look (host, false, NULL), GODWIT_OK);
    godwit__party_t *self = godwit__realm_self (host);
    const bool is_new = self->proof.until == now + GODWIT__PROOF_LIFE_S;
    godwit__party_unref (&self);
    return is_new ? GODWIT_OK : godwit__error_no_memory (error);
}

static godwit_status_t
check_bulletin (godwit_error_t **error)
{
    const bool before = stop_counting ();
    godwit__test_realm_revoke_serial (files, ++serial);
    const godwit__bulletin_t *const bulletin = godwit__test_realm_bulletin (files);
    counting = before;
    return godwit__realm_take_bulletin (host, bulletin->sealed, bulletin->sealed_size, error);
}

static godwit_status_t
check_bulletin_new (godwit_error_t **error)
{
    godwit__revocation_t revoked = {5, 6};
    const godwit__bulletin_t fields = {.number = 1, .revoked = &revoked, .revoked_count = 1};
    godwit__bulletin_t own = fields, *bulletin = NULL;
    godwit__realm_id (own.realm, godwit__test_realm_key (files));
    const godwit_status_t status =
        godwit__bulletin_new (&bulletin, &own, godwit__test_realm_secret (files), error);
    godwit__bulletin_unref (&bulletin);
    return status;
}

static godwit_status_t
check_certificate (godwit_error_t **error)
{
    uint8_t body[GODWIT__CERTIFICATE_SIZE_MAX];
    size_t size = 0;
    godwit__right_t right = {GODWIT__VERB_CALL, "a/b"};
    const godwit__certificate_t certificate = {
        .serial = 1, .name = "web", .until = 5, .right_count = 1, .rights = &right};
    return godwit__certificate_write (&certificate, body, &size, error);
}

static godwit_status_t
check_find (godwit_error_t **error)
{
    char *path = NULL;
    godwit_status_t status = godwit__realm_find (&path, godwit__test_realm_path (files, "host"), error);
    free (path);
    if (status)
        return status;
    status = godwit__realm_find (&path, NULL, error);
    if (status == GODWIT_OK)
        free (path);
    return status;
}

/* ---- memory for keys: sodium_malloc fails ---- */

#define SLAB_MAX 8192  /* bytes: the text of a file takes more */
#define TAKEN_MAX 1024 /* pieces: more than some slabs have */

/* Instead of libsodium's. */
void *
sodium_malloc (size_t size)
{
    void *(*real) (size_t) = NULL;
    *(void **) &real = dlsym (RTLD_NEXT, "sodium_malloc");
    if (refuse () || (size < SLAB_MAX && slabs_fail))
        return NULL;
    slabs_made += size < SLAB_MAX;
    return real (size);
}

/* Takes pieces until exactly so many are left in the slab with room. Returns how many it has taken. */
static size_t
leave_pieces (uint8_t *taken[TAKEN_MAX], size_t left)
{
    size_t count = 0;
    const long before = slabs_made;
    while (slabs_made == before)
        taken[count++] = godwit__secret_new ();
    /* That was the first one of a new slab: how many it has is found out by taking them. */
    const size_t first = count - 1;
    slabs_fail = true;
    for (uint8_t *piece; (piece = godwit__secret_new ()) != NULL;)
        taken[count++] = piece;
    slabs_fail = false;
    cr_assert_geq (count - first, left);
    for (size_t i = 0; i < left; i++)
        godwit__secret_free (taken[--count]);
    return count;
}

/* Runs it with so many pieces and no more. */
static godwit_status_t
run_with_pieces (godwit_status_t run (godwit_error_t **error), size_t left)
{
    uint8_t *taken[TAKEN_MAX];
    const size_t count = leave_pieces (taken, left);
    slabs_fail = true;
    const godwit_status_t status = run (NULL);
    slabs_fail = false;
    for (size_t i = 0; i < count; i++)
        godwit__secret_free (taken[i]);
    return status;
}

static void
check_pieces (godwit_status_t run (godwit_error_t **error), size_t needed)
{
    for (size_t left = 0; left < needed; left++) {
        cr_assert_eq (run_with_pieces (run, left), GODWIT_ERR_OUT_OF_MEMORY, "%zu pieces", left);
        cr_assert_eq (run (NULL), GODWIT_OK);
    }
    cr_assert_eq (run_with_pieces (run, needed), GODWIT_OK);
}

/* An open realm has six: K, sign, door and identity, and in the keyring K and door again; seeds are given
 * back before. Another file takes the last four. */
Test (alloc_realm, each_piece_for_a_key_fails_once, .timeout = 120)
{
    open_world ();
    check_pieces (check_open, 6);
    check_pieces (check_look, 4);
    close_world ();
}

static godwit_status_t
check_write (godwit_error_t **error)
{
    godwit__member_file_t file;
    char *text = NULL;
    size_t size = 0;
    godwit_status_t status = godwit__member_file_load (&file, godwit__test_realm_path (files, "host"), error);
    if (status)
        return status;
    status = godwit__member_file_write (&file, &text, &size, error);
    godwit__member_file_clear (&file);
    sodium_free (text);
    return status;
}

static const short_memory_row_t rows[] = {
    {"open", check_open, 12},
    {"admit", check_admit, 5},
    {"look", check_look, 8},
    {"renewal", check_renewal, 3},
    {"bulletin", check_bulletin, 4},
    {"new bulletin", check_bulletin_new, 5},
    {"certificate", check_certificate, 3},
    {"find", check_find, 2},
    {"load and write", check_write, 4},
};

Test (alloc_realm, each_allocation_fails_once, .timeout = 120)
{
    setenv ("HOME", "/tmp", 1);
    unsetenv ("GODWIT_REALM");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        short_memory_check (&rows[i], open_world, close_world);
}

#else

Test (alloc_realm, is_left_to_the_builds_without_sanitizers)
{
    cr_skip_test ();
}

#endif
