/* SPDX-License-Identifier: Apache-2.0 */
/* godwit realm init NAME: makes a realm, its door and everyone.member. The folder is made under another name,
 * and gets its own when all is in it. */
#include "tools/godwit/realm_commands.h"

#include "src/error/error.h"
#include "src/realm/secret.h"
#include "tools/godwit/realm_certify.h"
#include "tools/godwit/realm_passphrase.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COMMAND "realm init"

typedef struct init {
    const char *name;
    int64_t days;
    bool asks;
    const char *passphrase_file;
    char path[GODWIT__CERTIFICATE_NAME_MAX + sizeof REALM_SUFFIX];
    char temporary[GODWIT__CERTIFICATE_NAME_MAX + sizeof REALM_SUFFIX +
                   16]; /* where it is made; "": nowhere */
} init_t;

/* ---- arguments ---- */

enum { KEY_DAYS = 'd', KEY_PASSPHRASE = 'p' };

static const struct argp_option options[] = {
    {"days", KEY_DAYS, "N", 0, "How long everyone.member is valid (365)", 0},
    {"passphrase", KEY_PASSPHRASE, NULL, 0,
     "Seal the realm's key with a passphrase, which is asked for on the terminal", 0},
    {"passphrase-file", KEY_PASSPHRASE_FILE, "FILE", 0,
     "The same, with the one in a file; - for the standard input", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

static error_t
on_option (int key, char *text, struct argp_state *state)
{
    init_t *self = state->input;
    switch (key) {
    case KEY_DAYS:
        self->days = realm_days (state, text);
        return 0;
    case KEY_PASSPHRASE:
        self->asks = true;
        return 0;
    case KEY_PASSPHRASE_FILE:
        self->passphrase_file = text;
        return 0;
    case ARGP_KEY_ARG:
        if (self->name)
            argp_error (state, "unexpected argument %s", text);
        if (!godwit__certificate_is_name (text) || *text == '.')
            argp_error (state, "NAME: expected 1 to %d of a-z 0-9 . _ -, not with a dot in front, got \"%s\"",
                        GODWIT__CERTIFICATE_NAME_MAX, text);
        self->name = text;
        return 0;
    case ARGP_KEY_END:
        if (!self->name)
            argp_error (state, "the NAME of the realm is missing, such as prod");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- making it ---- */

static godwit_status_t
check_free (const init_t *self, godwit_error_t **error)
{
    struct stat state;
    if (lstat (self->path, &state) < 0 && errno == ENOENT)
        return GODWIT_OK;
    return godwit__error_set (
        error, GODWIT_ERR_FAILED,
        "%s is there already: a realm is never replaced. Take another name, or move it away", self->path);
}

static godwit_status_t
make_keys (realm_folder_t *folder, godwit_error_t **error)
{
    godwit_status_t status = realm_key_new (&folder->key, error);
    if (status)
        return status;
    memcpy (folder->signer, folder->key.public_key, sizeof folder->signer);
    memcpy (folder->realms[0], folder->signer, sizeof folder->signer);
    folder->realm_count = 1;
    folder->doors = godwit__secret_new ();
    if (!folder->doors)
        return godwit__error_no_memory (error);
    randombytes_buf (folder->doors, GODWIT__PUBLIC_SIZE); /* any 32 bytes are a secret key of X25519 */
    folder->door_count = 1;
    return GODWIT_OK;
}

static godwit_status_t
write_keys (const realm_folder_t *folder, godwit_error_t **error)
{
    realm_bytes_t file = {0};
    godwit_status_t status = realm_key_write (&folder->key, &folder->passphrase, &file, error);
    if (!status)
        status = realm_folder_write (folder, REALM_KEY, file.data, file.size, error);
    realm_bytes_free (&file);
    if (!status)
        status = realm_folder_write_realms (folder, error);
    return status ? status : realm_folder_write_doors (folder, error);
}

static godwit_status_t
make_folder (init_t *self, realm_folder_t *folder, godwit_error_t **error)
{
    snprintf (self->temporary, sizeof self->temporary, ".%s.XXXXXX", self->path);
    if (!mkdtemp (self->temporary)) {
        *self->temporary = '\0';
        return realm_system_error (error, self->path, "cannot make this folder");
    }
    folder->path = strdup (self->path);
    if (!folder->path)
        return godwit__error_no_memory (error);
    folder->fd = open (self->temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder->fd < 0 ? realm_system_error (error, self->path, "cannot open this folder") : GODWIT_OK;
}

/* An empty folder of this name may have come meanwhile: rename() replaces that, and nothing else. */
static godwit_status_t
name_folder (init_t *self, godwit_error_t **error)
{
    const int parent = open (".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int result = parent < 0 || rename (self->temporary, self->path) < 0 ? -1 : fsync (parent);
    const int reason = errno;
    if (parent >= 0)
        close (parent);
    errno = reason;
    if (result < 0)
        return realm_system_error (error, self->path, "cannot make this folder");
    *self->temporary = '\0';
    return GODWIT_OK;
}

/* Nobody has seen what is in it. */
static void
remove_folder (const init_t *self)
{
    DIR *const entries = *self->temporary ? opendir (self->temporary) : NULL;
    for (const struct dirent *entry; entries && (entry = readdir (entries));)
        if (strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0)
            unlinkat (dirfd (entries), entry->d_name, 0);
    if (entries)
        closedir (entries);
    if (*self->temporary)
        rmdir (self->temporary);
}

static void
tell (const realm_folder_t *folder, const realm_entry_t *everyone)
{
    char fingerprint[REALM_FINGERPRINT_SIZE], until[REALM_DATE_SIZE];
    printf ("%s: a new realm, %s. Keep this folder on one machine, and a copy of it in a safe place: its key "
            "decides "
            "who is in.\n\n",
            folder->path, realm_fingerprint (fingerprint, folder->signer));
    printf ("Put everyone.member on each host. Then all are in, with all rights, until %s:\n\n"
            "    ssh HOST godwit realm accept <%s/" REALM_EVERYONE_FILE "\n\n",
            realm_date_print (until, everyone->until), folder->path);
    printf ("Or give each service its own, with the rights that it needs; and when all have theirs, revoke "
            "the wide "
            "one:\n\n"
            "    godwit realm issue billing --serve=godwit/billing --call='godwit/*' --realm=%s | ssh HOST "
            "godwit realm "
            "accept\n"
            "    godwit realm revoke " REALM_EVERYONE " --realm=%s\n",
            folder->path, folder->path);
}

static godwit_status_t
run (init_t *self, realm_folder_t *folder, godwit_error_t **error)
{
    const realm_entry_t *everyone = NULL;
    const int64_t now = realm_now ();
    const realm_grant_t all = {.name = REALM_EVERYONE,
                               .rights = realm_all_rights,
                               .right_count = sizeof realm_all_rights / sizeof *realm_all_rights,
                               .from = now,
                               .until = now + self->days * REALM_DAY_S};
    snprintf (self->path, sizeof self->path, "%s" REALM_SUFFIX, self->name);
    godwit_status_t status = check_free (self, error);
    if (!status && (self->asks || self->passphrase_file))
        status = realm_passphrase_new (&folder->passphrase, self->passphrase_file, error);
    if (!status && sodium_init () < 0)
        status = godwit__error_no_memory (error);
    if (!status)
        status = make_folder (self, folder, error);
    if (!status)
        status = make_keys (folder, error);
    if (!status)
        status = write_keys (folder, error);
    if (!status)
        status = realm_certify_everyone (folder, &all, &everyone, error);
    if (!status)
        status = name_folder (self, error);
    if (!status)
        tell (folder, everyone);
    return status;
}

int
realm_init (int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = on_option,
        .args_doc = "NAME",
        .doc = "Make a realm: the folder NAME.realm, with its key, its door, and the member file "
               "everyone.member, which has all rights. Says what to do next.\v"
               "Examples:\n\n"
               "  godwit realm init prod\n"
               "  godwit realm init prod --passphrase --days=90\n\n"
               "Who has the folder can let anybody in, or revoke: keep it where you would keep an SSH "
               "key. A passphrase seals the realm's key (Argon2id), and then issue, revoke and rotate "
               "ask for it. An existing folder is never touched.\n\n"
               "Exit status: 0; 1 for a failure; 2 for arguments that make no sense."};
    init_t self = {.days = REALM_DAYS};
    realm_folder_t folder = {.fd = -1, .lock = -1};
    godwit_error_t *error = NULL;
    argp_err_exit_status = STATUS_USAGE;
    argp_parse (&argp, argc, argv, 0, NULL, &self);
    const godwit_status_t status = run (&self, &folder, &error);
    remove_folder (&self);
    realm_folder_close (&folder);
    return status ? realm_fail (COMMAND, &error) : realm_done (COMMAND, EXIT_SUCCESS);
}
