/* SPDX-License-Identifier: Apache-2.0 */
/* godwit realm revoke: makes certificates void, by the next bulletin, and brings it to where it is to hold.
 */
#include "tools/godwit/realm_commands.h"

#include "src/error/error.h"
#include "tools/godwit/realm_bulletin.h"
#include "tools/godwit/realm_tell.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define COMMAND "realm revoke"
#define TIMEOUT_MS 15000
#define TIMEOUT_MAX_S 3600

typedef struct revoke {
    realm_common_t common;
    const char *who, *url;
    bool has_before;
    int64_t before, timeout_ms, now;
    realm_folder_t folder;
} revoke_t;

/* ---- arguments ---- */

enum { KEY_BEFORE = 'b', KEY_TELL = 't', KEY_TIMEOUT = 0x300 };

static const struct argp_option options[] = {
    {"before", KEY_BEFORE, "DATE", 0,
     "Only certificates that were made before; without NAME or SERIAL: all of those. 2027-07-01, "
     "2027-07-01T10:00:00Z (UTC), or now",
     0},
    {"tell", KEY_TELL, "URL", 0,
     "Bring the bulletin to the rendezvous of this URL, and wait until it is there", 0},
    {"timeout", KEY_TIMEOUT, "SECONDS", 0, "How long --tell waits (15)", 0},
    REALM_OPTION_FOLDER,
    REALM_OPTION_PASSPHRASE,
    {NULL, 0, NULL, 0, NULL, 0},
};

static void
take_before (revoke_t *self, const struct argp_state *state, const char *text)
{
    if (!realm_date_read (&self->before, self->now, text))
        argp_error (
            state, "--before: expected a date such as 2027-07-01 or 2027-07-01T10:00:00Z, or now, got \"%s\"",
            text);
    if (self->before > self->now)
        argp_error (state,
                    "--before: %s is in the future: certificates that are still to be made would be void",
                    text);
    self->has_before = true;
}

static int64_t
read_timeout (const struct argp_state *state, const char *text)
{
    char *end = NULL;
    const long seconds = strtol (text, &end, 10);
    if (end == text || *end || seconds < 1 || seconds > TIMEOUT_MAX_S)
        argp_error (state, "--timeout: expected a number of seconds from 1 to %d, got \"%s\"", TIMEOUT_MAX_S,
                    text);
    return seconds * 1000;
}

static error_t
on_option (int key, char *text, struct argp_state *state)
{
    revoke_t *self = state->input;
    switch (key) {
    case KEY_BEFORE:
        take_before (self, state, text);
        return 0;
    case KEY_TELL:
        self->url = text;
        return 0;
    case KEY_TIMEOUT:
        self->timeout_ms = read_timeout (state, text);
        return 0;
    case ARGP_KEY_ARG:
        if (self->who)
            argp_error (state, "unexpected argument %s", text);
        self->who = text;
        return 0;
    case ARGP_KEY_END:
        if (!self->who && !self->has_before && !self->url)
            argp_error (state, "what is to be revoked? Give a NAME, a SERIAL or --before");
        return 0;
    default:
        return realm_common_option (&self->common, key, text);
    }
}

/* ---- what is meant ---- */

/* A name, if a certificate has it; or else a serial. */
static void
read_who (const revoke_t *self, realm_void_t *what)
{
    char *end = NULL;
    if (!self->who)
        return;
    what->name = self->who;
    if (!realm_issued_newest (&self->folder.issued, self->who) && isxdigit ((unsigned char) *self->who)) {
        const uint64_t serial = strtoull (self->who, &end, 16);
        if (!*end)
            what->serial = serial;
    }
}

/* ---- what is said ---- */

static void
tell_ways (const revoke_t *self)
{
    realm_path_t path;
    printf ("It holds where it has arrived. A process that has it passes it on to all that it is connected "
            "to:\n\n"
            "    godwit realm revoke --tell=zmq://RENDEZVOUS/ --realm=");
    realm_print_quoted (stdout, self->folder.path);
    printf ("\n    ssh HOST godwit realm accept <");
    realm_print_quoted (stdout, realm_folder_path (&self->folder, REALM_BULLETIN, &path));
    printf ("\n");
}

static void
tell_added (const revoke_t *self, const realm_entry_t *const *added, size_t count)
{
    char date[REALM_DATE_SIZE];
    const godwit__bulletin_t *const bulletin = self->folder.bulletin;
    if (self->who)
        printf ("bulletin %" PRIu64 " revokes:\n", bulletin->number);
    else
        printf ("bulletin %" PRIu64 " revokes all that were made before %s%s\n", bulletin->number,
                realm_date_print (date, bulletin->before), count ? ":" : "; none of these was still valid");
    for (size_t i = 0; i < count; i++) {
        printf ("    ");
        realm_print_entry (stdout, added[i]);
        printf ("\n");
    }
}

static bool
has_identity_of (const realm_entry_t *entry, const realm_entry_t *const *added, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (memcmp (entry->key, added[i]->key, sizeof entry->key) == 0)
            return true;
    return false;
}

/* One request may have got several certificates: under two names, or by --again. */
static void
tell_left (const revoke_t *self, const realm_entry_t *const *added, size_t count)
{
    const realm_issued_t *const issued = &self->folder.issued;
    bool is_first = true;
    for (size_t i = 0; i < issued->count; i++) {
        const realm_entry_t *const entry = &issued->entries[i];
        if (!entry->is_requested || !has_identity_of (entry, added, count) ||
            realm_folder_standing (&self->folder, entry, self->now) != REALM_GOOD)
            continue;
        if (is_first)
            printf ("These are of the same identity, and stay good, also for a thief; to end them: godwit "
                    "realm revoke SERIAL\n");
        is_first = false;
        printf ("    ");
        realm_print_entry (stdout, entry);
        printf ("\n");
    }
}

/* ---- doing it ---- */

static godwit_status_t
make_bulletin (revoke_t *self, godwit_error_t **error)
{
    const uint64_t last = self->folder.bulletin ? self->folder.bulletin->number : 0;
    const realm_entry_t **const added = calloc (self->folder.issued.count + 1, sizeof (realm_entry_t *));
    realm_void_t what = {.has_before = self->has_before, .before = self->before};
    size_t count = 0;
    read_who (self, &what);
    godwit_status_t status = added
                                 ? realm_bulletin_next (&self->folder, &what, self->now, added, &count, error)
                                 : godwit__error_no_memory (error);
    if (status == GODWIT_ERR_LIMIT_EXCEEDED) {
        godwit_error_destroy (error);
        godwit__error_set (error, status,
                           "%s: more are revoked than a bulletin holds: issue those that stay again, "
                           "and then: godwit realm revoke --before=DATE",
                           self->folder.path);
    }
    if (!status && (!self->folder.bulletin || self->folder.bulletin->number == last))
        printf ("nothing is left to revoke: all of these have ended, or were revoked before\n");
    else if (!status) {
        tell_added (self, added, count);
        if (self->who)
            tell_left (self, added, count);
        if (!self->url)
            tell_ways (self);
    }
    free (added);
    return status;
}

static godwit_status_t
bring (revoke_t *self, godwit_error_t **error)
{
    if (!self->folder.bulletin)
        return godwit__error_set (error, GODWIT_ERR_NOT_FOUND, "%s has no bulletin: nothing was revoked yet",
                                  self->folder.path);
    fflush (stdout);
    const godwit_status_t status = realm_tell (&self->folder, self->url, self->timeout_ms, error);
    if (status)
        return status;
    printf ("bulletin %" PRIu64 " is at the rendezvous of %s, and spreads from there\n",
            self->folder.bulletin->number, self->url);
    return GODWIT_OK;
}

static godwit_status_t
run (revoke_t *self, godwit_error_t **error)
{
    godwit_status_t status = realm_common_open (&self->common, &self->folder, error);
    if (!status && (self->who || self->has_before))
        status = make_bulletin (self, error);
    if (!status && self->url)
        status = bring (self, error);
    return status;
}

int
realm_revoke (int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = on_option,
        .args_doc = "NAME|SERIAL\n--before=DATE\n--tell=URL",
        .doc = "Make certificates void: all of a name, one by its serial, or all that were made before "
               "a date. Writes the realm's next bulletin; where that arrives, connections of the "
               "revoked are closed.\v"
               "--tell alone brings the bulletin that is there.\n\n"
               "Examples:\n\n"
               "  godwit realm revoke web\n"
               "  godwit realm revoke 7f3a0c29d1e0b865 --tell=zmq://10.0.0.1/\n"
               "  godwit realm revoke web --before=2027-07-01      (what was issued since then stays)\n"
               "  ssh web1 godwit realm accept <prod.realm/bulletin\n\n"
               "Exit status: 0; 1 for a failure (with --tell: also if nobody was reached; what was "
               "revoked stays so); 2 for arguments that make no sense."};
    revoke_t self = {.timeout_ms = TIMEOUT_MS, .now = realm_now (), .folder = {.fd = -1, .lock = -1}};
    godwit_error_t *error = NULL;
    argp_err_exit_status = STATUS_USAGE;
    argp_parse (&argp, argc, argv, 0, NULL, &self);
    const godwit_status_t status = run (&self, &error);
    fflush (stdout);
    realm_folder_close (&self.folder);
    return status ? realm_fail (COMMAND, &error) : realm_done (COMMAND, EXIT_SUCCESS);
}
