/* SPDX-License-Identifier: Apache-2.0 */
/* Looks whether the files have changed, and renews the process proof.
 *
 *     member file: another state? --> read, compare, check --> the next keyring, credential, party
 *     bulletins:   another state, or other realm keys? --> read --> newer? --> it holds
 *                  none has the one that holds? --> written
 *     proof:       half over? --> the next credential, party
 *
 * What is wrong with a file changes nothing: the old one stays in use. */
#include "src/error/error.h"
#include "src/realm/realm_inside.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define NOTE_MAX 5 /* of one look */

typedef struct look {
    godwit__realm_t *realm;
    int64_t now, elapsed; /* seconds of both clocks */
    bool is_forced;
    unsigned changes; /* GODWIT__REALM_... */
    /* Said when no lock is held any more. */
    size_t note_count;
    struct {
        godwit_log_level_t level;
        char text[GODWIT__NOTE_SIZE];
    } notes[NOTE_MAX];
    godwit_status_t status; /* forced: what was wrong first */
    godwit_error_t *error;
} look_t;

static void
note (look_t *look, godwit_log_level_t level, const char *text, const char *rest)
{
    if (look->note_count == NOTE_MAX)
        return;
    snprintf (look->notes[look->note_count].text, GODWIT__NOTE_SIZE, "%s%s", text, rest);
    look->notes[look->note_count++].level = level;
}

/* Takes the error. Short memory is not said: the next look tries again. */
static void
report (look_t *look, godwit_status_t status, godwit_error_t **error)
{
    if (look->is_forced && !look->status) {
        look->status = status;
        look->error = *error;
        *error = NULL;
    } else if (status != GODWIT_ERR_OUT_OF_MEMORY) {
        note (look, GODWIT_LOG_WARNING, godwit_error_message (*error), "; the old one stays in use");
    }
    godwit_error_destroy (error);
}

/* ---- the member file ---- */

static bool
same_secret (const uint8_t *a, const uint8_t *b, size_t size)
{
    return sodium_memcmp (a, b, size) == 0;
}

static bool
same_realms (const godwit__member_file_t *a, const godwit__member_file_t *b)
{
    return a->realm_count == b->realm_count &&
           memcmp (a->realms, b->realms, a->realm_count * sizeof a->realms[0]) == 0;
}

static bool
same_doors (const godwit__member_file_t *a, const godwit__member_file_t *b)
{
    bool is_same = a->door_count == b->door_count;
    for (size_t i = 0; is_same && i < a->door_count; i++)
        is_same = same_secret (a->doors[i], b->doors[i], GODWIT__PUBLIC_SIZE);
    return is_same;
}

/* The identity needs no look: the certificate names it. */
static bool
same_certificate (const godwit__member_file_t *a, const godwit__member_file_t *b)
{
    return a->body_size == b->body_size && memcmp (a->body, b->body, a->body_size) == 0 &&
           memcmp (a->signature, b->signature, sizeof a->signature) == 0;
}

static bool
has_common_realm (const godwit__member_file_t *a, const godwit__member_file_t *b)
{
    for (size_t i = 0; i < a->realm_count; i++)
        for (size_t j = 0; j < b->realm_count; j++)
            if (memcmp (a->realms[i], b->realms[j], sizeof a->realms[i]) == 0)
                return true;
    return false;
}

/* The bulletin that counts with the new file: one of a realm key that it drops does not, because whoever has
 * stolen that key could keep every new file out. NULL: none. */
static godwit__bulletin_t *
bulletin_for (godwit__realm_t *realm, const godwit__member_file_t *next)
{
    godwit__bulletin_t *bulletin = godwit__realm_voids (realm);
    if (bulletin &&
        !godwit__realm_key_of (bulletin->realm, (const uint8_t (*)[GODWIT__PUBLIC_SIZE]) next->realms,
                               next->realm_count))
        godwit__bulletin_unref (&bulletin);
    return bulletin;
}

/* Whether this process could work with the new file: others would refuse what is void. */
static godwit_status_t
check_next (look_t *look, const godwit__member_file_t *next, godwit_error_t **error)
{
    godwit__realm_t *const realm = look->realm;
    char text[GODWIT__ADMIT_TEXT];
    if (!has_common_realm (&realm->own.file, next))
        return godwit__error_set (error, GODWIT_ERR_PERMISSION_DENIED,
                                  "%s: it is of another realm: that needs a new start of the process",
                                  realm->path);
    godwit__bulletin_t *bulletin = bulletin_for (realm, next);
    const godwit__no_entry_t reason =
        godwit__certificate_judge (&next->certificate, bulletin, look->now, text);
    godwit__bulletin_unref (&bulletin);
    if (reason == GODWIT__NO_ENTRY_NONE)
        return GODWIT_OK;
    if (reason == GODWIT__NO_ENTRY_NOT_YET_VALID)
        realm->retry_at = next->certificate.from - GODWIT__CLOCK_SKEW_S;
    return godwit__error_set (error, GODWIT_ERR_PERMISSION_DENIED, "%s: %s", realm->path, text);
}

/* Exchanges what is made of the member file; `next` has the old afterwards. */
static void
exchange (godwit__realm_t *realm, godwit__own_t *next)
{
    pthread_mutex_lock (&realm->lock);
    const godwit__own_t old = realm->own;
    realm->own = *next;
    pthread_mutex_unlock (&realm->lock);
    *next = old;
}

static godwit_status_t
take_next (look_t *look, godwit__own_t *next, godwit_error_t **error)
{
    godwit__realm_t *const realm = look->realm;
    const bool has_same_keys =
        same_realms (&realm->own.file, &next->file) && same_doors (&realm->own.file, &next->file);
    if (has_same_keys && same_certificate (&realm->own.file, &next->file))
        return GODWIT_OK;
    godwit_status_t status = check_next (look, &next->file, error);
    if (status == GODWIT_OK)
        status = godwit__own_make (next, &realm->keys, look->now, realm->credential_count + 1, error);
    if (status)
        return status;
    realm->credential_count++;
    realm->told_until = next->self->proof.until;
    exchange (realm, next);
    look->changes |= GODWIT__REALM_CREDENTIAL | (has_same_keys ? 0 : GODWIT__REALM_KEYS);
    char name[GODWIT__CERTIFICATE_TEXT], text[GODWIT__CERTIFICATE_TEXT + 32];
    snprintf (text, sizeof text, ": read again, with %s",
              godwit__certificate_print (&realm->own.file.certificate, name));
    note (look, GODWIT_LOG_INFO, realm->path, text);
    return GODWIT_OK;
}

static void
look_at_member_file (look_t *look)
{
    godwit__realm_t *const realm = look->realm;
    const godwit__disk_state_t state = godwit__disk_state (realm->path);
    const bool is_due = look->is_forced || !godwit__disk_state_equal (&state, &realm->file_state) ||
                        (realm->retry_at && look->now >= realm->retry_at);
    godwit__own_t next = {.self = NULL};
    godwit_error_t *error = NULL;
    if (!is_due)
        return;
    realm->retry_at = 0;
    godwit_status_t status = godwit__member_file_load (&next.file, realm->path, &error);
    if (status == GODWIT_OK)
        status = take_next (look, &next, &error);
    godwit__own_clear (&next);
    if (status != GODWIT_ERR_OUT_OF_MEMORY)
        realm->file_state = state;
    if (status)
        report (look, status, &error);
}

/* ---- the bulletins ---- */

static void
look_at_bulletin (look_t *look, godwit__bulletin_file_t *file)
{
    godwit__realm_t *const realm = look->realm;
    const godwit__member_file_t *const own = &realm->own.file;
    godwit__bulletin_t *bulletin = NULL;
    godwit_error_t *error = NULL;
    if (!file->path)
        return;
    const godwit__disk_state_t state = godwit__disk_state (file->path);
    if (!look->is_forced && godwit__disk_state_equal (&state, &file->state) &&
        !(look->changes & GODWIT__REALM_KEYS))
        return;
    const godwit_status_t status = godwit__bulletin_load (
        &bulletin, file, (const uint8_t (*)[GODWIT__PUBLIC_SIZE]) own->realms, own->realm_count, &error);
    if (bulletin && godwit__realm_adopt (realm, &bulletin))
        look->changes |= GODWIT__REALM_BULLETIN;
    if (status)
        report (look, status, &error);
}

static void
keep_bulletin (look_t *look)
{
    godwit__realm_t *const realm = look->realm;
    godwit_error_t *error = NULL;
    const godwit_status_t status = godwit__realm_keep (realm, &error);
    if (status == GODWIT_ERR_SYSTEM && !realm->is_unkept)
        note (look, GODWIT_LOG_INFO, godwit_error_message (error),
              "; bulletins are not kept here, and a process that starts has to be told");
    if (status != GODWIT_ERR_OUT_OF_MEMORY)
        realm->is_unkept = status != GODWIT_OK;
    godwit_error_destroy (&error);
}

/* ---- the process proof ---- */

/* Whether others are not told of a renewed proof. One that ends earlier was made because this clock was set
 * back. It is for new connections, whose other ends may have the same time. Those of open ones have a longer
 * proof; if it is our clock that is wrong, the shorter one has ended for them, and they would close all
 * connections at once.
 *
 * Not for ever: if our clock was ahead and is right again, told_until may be a month away. But nobody takes a
 * proof for more than a day, or gets it once it was replaced. So a day after that the longer proof has all
 * but ended for everybody, and so has the first one that was not told; there is the skew of clocks left to
 * tell the next. */
static bool
is_withheld (const look_t *look, int64_t until)
{
    return until < look->realm->told_until &&
           look->elapsed - look->realm->shortened_at < GODWIT__PROOF_LIFE_S;
}

/* The proof in use was withheld, and has to be so no longer. */
static bool
has_to_be_told (const look_t *look)
{
    const int64_t until = look->realm->own.self->proof.until;
    return until < look->realm->told_until && !is_withheld (look, until);
}

/* Gives the renewed proof the number that tells whether it is news. */
static void
announce (look_t *look, godwit__own_t *next)
{
    godwit__realm_t *const realm = look->realm;
    const int64_t until = next->self->proof.until;
    if (until < realm->own.self->proof.until)
        realm->shortened_at = look->elapsed;
    if (is_withheld (look, until)) {
        next->credential->number = realm->credential_count;
        return;
    }
    realm->told_until = until;
    realm->credential_count++;
    look->changes |= GODWIT__REALM_CREDENTIAL;
}

static void
renew_proof (look_t *look)
{
    godwit__realm_t *const realm = look->realm;
    godwit_error_t *error = NULL;
    if (!godwit__own_is_stale (&realm->own, look->now) && !has_to_be_told (look))
        return;
    godwit__own_t next = realm->own; /* file and keyring stay the realm's */
    const godwit_status_t status =
        godwit__own_prove (&next, &realm->keys, look->now, realm->credential_count + 1, &error);
    if (status) {
        report (look, status, &error);
        return;
    }
    announce (look, &next);
    exchange (realm, &next);
    godwit__credential_unref (&next.credential);
    godwit__party_unref (&next.self);
}

/* ---- all of it ---- */

godwit_status_t
godwit__realm_look (godwit__realm_t *realm, bool force, godwit_error_t **error)
{
    look_t look;
    memset (&look, 0, sizeof look);
    look.realm = realm;
    look.is_forced = force;
    look.now = godwit__realm_now (realm);
    look.elapsed = godwit__realm_elapsed (realm);
    pthread_mutex_lock (&realm->look_lock);
    look_at_member_file (&look);
    for (size_t i = 0; i < GODWIT__BULLETIN_FILES; i++)
        look_at_bulletin (&look, &realm->bulletins[i]);
    keep_bulletin (&look);
    renew_proof (&look);
    pthread_mutex_unlock (&realm->look_lock);
    for (size_t i = 0; i < look.note_count; i++)
        godwit__realm_note (realm, look.notes[i].level, "%s", look.notes[i].text);
    godwit__realm_tell (realm, look.changes);
    if (error && look.status)
        *error = look.error;
    else
        godwit_error_destroy (&look.error);
    return look.status;
}
