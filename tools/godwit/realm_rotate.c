/* SPDX-License-Identifier: Apache-2.0 */
/* godwit realm rotate: replaces the realm's key or its door, in steps between which the hosts get new files.
 *
 *     key:   only old --rotate--> old signs, both trusted --switch--> new signs, both trusted --finish-->
 * only new door:  only old --rotate--> new first, old second   --finish--> only new
 *
 * Members take each other's certificates at each moment, if every host has the files of a step before the
 * next one. With two steps a member whose certificate is of the new key would meet others that trust the old
 * one alone.
 *
 * Each step can be repeated: what a killed command has left undone is done then. So everyone.member is made
 * before the change by which a step is known to be done. */
#include "tools/godwit/realm_commands.h"

#include "src/error/error.h"
#include "tools/godwit/realm_again.h"
#include "tools/godwit/realm_bulletin.h"
#include "tools/godwit/realm_certify.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMMAND "realm rotate"

typedef enum step { STEP_BEGIN, STEP_SWITCH, STEP_FINISH } step_t;

typedef struct rotate {
    realm_common_t common;
    bool is_door;
    step_t step;
    int64_t now;
    realm_folder_t folder;
} rotate_t;

/* ---- arguments ---- */

enum { KEY_DOOR = 'd', KEY_SWITCH = 's', KEY_FINISH = 'f' };

static const struct argp_option options[] = {
    {"door", KEY_DOOR, NULL, 0, "The door, in the place of the realm's key", 0},
    {"switch", KEY_SWITCH, NULL, 0, "The second step for the realm's key: the new one signs from now on", 0},
    {"finish", KEY_FINISH, NULL, 0, "The last step: the old key or door is dropped", 0},
    REALM_OPTION_FOLDER,
    REALM_OPTION_PASSPHRASE,
    {NULL, 0, NULL, 0, NULL, 0},
};

static error_t
on_option (int key, char *text, struct argp_state *state)
{
    rotate_t *self = state->input;
    switch (key) {
    case KEY_DOOR:
        self->is_door = true;
        return 0;
    case KEY_SWITCH:
    case KEY_FINISH:
        if (self->step != STEP_BEGIN)
            argp_error (state, "expected one step, --switch or --finish");
        self->step = key == KEY_SWITCH ? STEP_SWITCH : STEP_FINISH;
        return 0;
    case ARGP_KEY_ARG:
        argp_error (state, "unexpected argument %s", text);
        return 0;
    case ARGP_KEY_END:
        if (self->is_door && self->step == STEP_SWITCH)
            argp_error (state,
                        "a door has no --switch: its steps are `rotate --door` and `rotate --door --finish`");
        return 0;
    default:
        return realm_common_option (&self->common, key, text);
    }
}

static godwit_status_t
refuse (const rotate_t *self, const char *what, godwit_error_t **error)
{
    return godwit__error_set (error, GODWIT_ERR_FAILED, "%s: %s", self->folder.path, what);
}

/* ---- what goes to the hosts ---- */

/* Those that use everyone.member get it anew, as long as it was not revoked. */
static bool
has_everyone (const rotate_t *self)
{
    const realm_entry_t *const entry = realm_issued_newest (&self->folder.issued, REALM_EVERYONE);
    return entry && realm_folder_standing (&self->folder, entry, self->now) != REALM_REVOKED &&
           entry->until > self->now;
}

/* With the rights of the last one, which may have been narrowed. */
static godwit_status_t
renew_everyone (rotate_t *self, godwit_error_t **error)
{
    godwit__right_t rights[GODWIT__RIGHT_MAX];
    const realm_entry_t *const last = realm_issued_newest (&self->folder.issued, REALM_EVERYONE);
    if (!has_everyone (self))
        return GODWIT_OK;
    const realm_grant_t grant = {.name = REALM_EVERYONE,
                                 .rights = rights,
                                 .right_count = last->right_count,
                                 .from = self->now,
                                 .until = self->now + (last->until - last->from)};
    memcpy (rights, last->rights, last->right_count * sizeof *rights);
    return realm_certify_everyone (&self->folder, &grant, NULL, error);
}

/* Each name once. Its last certificate may be void while another host uses an earlier one. */
static bool
needs_file (const rotate_t *self, const realm_entry_t *entry)
{
    return strcmp (entry->name, REALM_EVERYONE) != 0 && strcmp (entry->name, REALM_ADMIN) != 0 &&
           realm_issued_newest (&self->folder.issued, entry->name) == entry &&
           realm_is_in_use (&self->folder, entry->name, self->now);
}

/* Whether the hosts of a name have to ask, because `issue --again` alone would refuse. */
static bool
has_to_ask (const rotate_t *self, const char *name)
{
    const uint8_t *key = NULL;
    const realm_entry_t *which;
    const realm_again_t again = realm_again (&self->folder, name, self->now, &key);
    return again == REALM_AGAIN_ASK ||
           (again == REALM_AGAIN_THERE && realm_doubt (&self->folder, key, self->now, &which));
}

static void
print_issue (const rotate_t *self, const char *name)
{
    const bool asks = has_to_ask (self, name);
    if (asks)
        printf ("    # on each host of \"%s\", which has more than one identity, or one that was revoked:\n",
                name);
    printf ("    %sgodwit realm issue %s --again %s--realm=",
            asks ? "ssh HOST godwit realm request --new | " : "", name, asks ? "--request=- " : "");
    realm_print_quoted (stdout, self->folder.path);
    printf (" | ssh HOST godwit realm accept\n");
}

static void
print_accept (const rotate_t *self, const char *file)
{
    realm_path_t path;
    printf ("    ssh HOST godwit realm accept <");
    realm_print_quoted (stdout, realm_folder_path (&self->folder, file, &path));
    printf ("\n");
}

/* What has to be on the hosts before the next step. */
static void
print_distribution (const rotate_t *self)
{
    const realm_issued_t *const issued = &self->folder.issued;
    printf ("Now give each host its file again, in any order, while calls run:\n\n");
    if (has_everyone (self))
        print_accept (self, REALM_EVERYONE_FILE);
    for (size_t i = 0; i < issued->count; i++)
        if (needs_file (self, &issued->entries[i]))
            print_issue (self, issued->entries[i].name);
    if (!self->is_door && self->step != STEP_BEGIN && self->folder.bulletin)
        print_accept (self, REALM_BULLETIN);
}

static void
print_next (const rotate_t *self, const char *options_of_next)
{
    printf (
        "\nWhen every host has its new file, and each process there has read it (they look every 5 s), and "
        "not before:\n\n    godwit realm rotate %s --realm=",
        options_of_next);
    realm_print_quoted (stdout, self->folder.path);
    printf ("\n");
}

/* ---- the realm's key ---- */

/* The key is there before members are told to trust it. */
static godwit_status_t
make_next_key (rotate_t *self, godwit_error_t **error)
{
    realm_folder_t *const folder = &self->folder;
    realm_bytes_t file = {0};
    realm_key_t next = {0};
    godwit_status_t status = realm_key_new (&next, error);
    if (!status)
        status = realm_key_write (&next, &folder->passphrase, &file, error);
    if (!status)
        status = realm_folder_write (folder, REALM_KEY_NEXT, file.data, file.size, error);
    if (!status) {
        memcpy (folder->realms[folder->realm_count++], next.public_key, sizeof next.public_key);
        folder->has_next = true;
        status = realm_folder_write_realms (folder, error);
    }
    realm_bytes_free (&file);
    realm_key_close (&next);
    return status;
}

static godwit_status_t
begin_key (rotate_t *self, godwit_error_t **error)
{
    char old[REALM_FINGERPRINT_SIZE], new[REALM_FINGERPRINT_SIZE];
    realm_folder_t *const folder = &self->folder;
    if (folder->realm_count > 1 && !folder->has_next)
        return refuse (self,
                       "a rotation is under way, and the new key signs already; its last step is "
                       "`godwit realm rotate --finish`",
                       error);
    godwit_status_t status = folder->realm_count > 1 ? GODWIT_OK : make_next_key (self, error);
    if (!status)
        status = renew_everyone (self, error);
    if (status)
        return status;
    const bool is_first = memcmp (folder->realms[0], folder->signer, sizeof folder->signer) == 0;
    printf (
        "Step 1 of 3: files that are issued from now on trust a new realm key, %s, beside %s, which goes on "
        "signing.\n",
        realm_fingerprint (new, folder->realms[is_first]), realm_fingerprint (old, folder->signer));
    print_distribution (self);
    print_next (self, "--switch");
    return GODWIT_OK;
}

/* From here on the old key is gone; members still trust what it has signed. */
static godwit_status_t
take_next_key (rotate_t *self, godwit_error_t **error)
{
    realm_folder_t *const folder = &self->folder;
    realm_key_t next = {0};
    realm_path_t path;
    const char *const name = realm_folder_path (folder, REALM_KEY, &path);
    godwit_status_t status = realm_folder_open_key (folder, &next, REALM_KEY_NEXT, error);
    if (!status && memcmp (next.public_key, folder->realms[0], sizeof next.public_key) != 0 &&
        memcmp (next.public_key, folder->realms[1], sizeof next.public_key) != 0)
        status = refuse (self, REALM_KEY_NEXT " is another key than that of " REALM_PUB, error);
    if (!status &&
        (renameat (folder->fd, REALM_KEY_NEXT, folder->fd, REALM_KEY) < 0 || fsync (folder->fd) < 0))
        status = realm_system_error (error, name, "cannot replace it");
    if (status) {
        realm_key_close (&next);
        return status;
    }
    realm_key_close (&folder->key);
    folder->key = next;
    memcpy (folder->signer, next.public_key, sizeof folder->signer);
    folder->has_next = false;
    return GODWIT_OK;
}

/* A bulletin of the old key is none for those who have dropped that. */
static godwit_status_t
renew_bulletin (rotate_t *self, godwit_error_t **error)
{
    const realm_void_t nothing = {.is_renewal = true};
    const realm_entry_t *added = NULL;
    size_t count = 0;
    return realm_bulletin_is_current (&self->folder)
               ? GODWIT_OK
               : realm_bulletin_next (&self->folder, &nothing, self->now, &added, &count, error);
}

static godwit_status_t
switch_key (rotate_t *self, godwit_error_t **error)
{
    char fingerprint[REALM_FINGERPRINT_SIZE];
    if (self->folder.realm_count < 2)
        return refuse (
            self, "no rotation of the realm's key is under way: it begins with `godwit realm rotate`", error);
    godwit_status_t status = self->folder.has_next ? take_next_key (self, error) : GODWIT_OK;
    if (!status)
        status = renew_bulletin (self, error);
    if (!status)
        status = renew_everyone (self, error);
    if (status)
        return status;
    printf ("Step 2 of 3: the new realm key, %s, signs from now on; the old one is still trusted.\n",
            realm_fingerprint (fingerprint, self->folder.signer));
    print_distribution (self);
    print_next (self, "--finish");
    return GODWIT_OK;
}

static godwit_status_t
finish_key (rotate_t *self, godwit_error_t **error)
{
    char fingerprint[REALM_FINGERPRINT_SIZE];
    realm_folder_t *const folder = &self->folder;
    if (folder->realm_count < 2)
        return refuse (self, "no rotation of the realm's key is under way", error);
    if (folder->has_next)
        return refuse (
            self,
            "the new key does not sign yet: when every host has the files of the first step, it is the "
            "turn of `godwit realm rotate --switch`",
            error);
    memcpy (folder->realms[0], folder->signer, sizeof folder->signer);
    folder->realm_count = 1;
    godwit_status_t status = renew_bulletin (self, error);
    if (!status)
        status = renew_everyone (self, error);
    if (!status)
        status = realm_folder_write_realms (folder, error);
    if (status)
        return status;
    printf ("Step 3 of 3: the old realm key is dropped; %s is the only one in files that are issued from now "
            "on.\n",
            realm_fingerprint (fingerprint, folder->signer));
    print_distribution (self);
    printf ("\nA host trusts the old key until it has its new file.\n");
    return GODWIT_OK;
}

/* ---- the door ---- */

static godwit_status_t
begin_door (rotate_t *self, godwit_error_t **error)
{
    char new[REALM_FINGERPRINT_SIZE], old[REALM_FINGERPRINT_SIZE];
    realm_folder_t *const folder = &self->folder;
    uint8_t *const second = folder->doors + GODWIT__PUBLIC_SIZE;
    godwit_status_t status = GODWIT_OK;
    if (folder->door_count == 1) {
        memcpy (second, folder->doors, GODWIT__PUBLIC_SIZE);
        randombytes_buf (folder->doors, GODWIT__PUBLIC_SIZE);
        folder->door_count = 2;
        status = realm_folder_write_doors (folder, error);
    }
    if (!status)
        status = renew_everyone (self, error);
    if (status)
        return status;
    printf ("Step 1 of 2: files that are issued from now on have a new door, %s, before the old one, %s.\n",
            realm_door_fingerprint (new, folder->doors), realm_door_fingerprint (old, second));
    print_distribution (self);
    print_next (self, "--door --finish");
    return GODWIT_OK;
}

static godwit_status_t
finish_door (rotate_t *self, godwit_error_t **error)
{
    char fingerprint[REALM_FINGERPRINT_SIZE];
    if (self->folder.door_count < 2)
        return refuse (
            self, "no rotation of the door is under way: it begins with `godwit realm rotate --door`", error);
    self->folder.door_count = 1;
    godwit_status_t status = renew_everyone (self, error);
    if (!status)
        status = realm_folder_write_doors (&self->folder, error);
    if (status)
        return status;
    printf (
        "Step 2 of 2: the old door is dropped; %s is the only one in files that are issued from now on.\n",
        realm_door_fingerprint (fingerprint, self->folder.doors));
    print_distribution (self);
    printf ("\nA host opens the old door until it has its new file.\n");
    return GODWIT_OK;
}

/* ---- which step ---- */

static godwit_status_t
run (rotate_t *self, godwit_error_t **error)
{
    static godwit_status_t (*const key_steps[]) (rotate_t *, godwit_error_t **) = {begin_key, switch_key,
                                                                                   finish_key};
    const godwit_status_t status = realm_common_open (&self->common, &self->folder, error);
    if (status)
        return status;
    if (self->is_door)
        return self->step == STEP_FINISH ? finish_door (self, error) : begin_door (self, error);
    return key_steps[self->step](self, error);
}

int
realm_rotate (int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = on_option,
        .doc = "Replace the realm's key or its door, step by step, without a restart and without a "
               "lost call. Each step prints what the hosts need before the next one.\v"
               "The realm's key:\n\n"
               "  godwit realm rotate             files trust a new key, too\n"
               "  godwit realm rotate --switch    the new key signs\n"
               "  godwit realm rotate --finish    the old key is dropped\n\n"
               "The door, through which members reach each other:\n\n"
               "  godwit realm rotate --door\n"
               "  godwit realm rotate --door --finish\n\n"
               "A step that was interrupted can be repeated.\n\n"
               "Exit status: 0; 1 for a failure; 2 for arguments that make no sense."};
    rotate_t self = {.now = realm_now (), .folder = {.fd = -1, .lock = -1}};
    godwit_error_t *error = NULL;
    argp_err_exit_status = STATUS_USAGE;
    argp_parse (&argp, argc, argv, 0, NULL, &self);
    const godwit_status_t status = run (&self, &error);
    realm_folder_close (&self.folder);
    return status ? realm_fail (COMMAND, &error) : realm_done (COMMAND, EXIT_SUCCESS);
}
