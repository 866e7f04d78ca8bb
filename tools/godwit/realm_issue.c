/* SPDX-License-Identifier: Apache-2.0 */
/* godwit realm issue NAME: signs a certificate, and makes the member file with it. */
#include "tools/godwit/realm_commands.h"

#include "src/error/error.h"
#include "tools/godwit/realm_again.h"
#include "tools/godwit/realm_certify.h"
#include "tools/godwit/realm_identity.h"
#include "tools/godwit/realm_member.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMMAND "realm issue"

typedef struct issue {
    realm_common_t common;
    const char *name, *request, *to;
    int64_t days; /* 0: not given */
    bool again;
    godwit__right_t rights[GODWIT__RIGHT_MAX];
    size_t right_count;

    realm_folder_t folder;
    uint8_t requested_key[GODWIT__PUBLIC_SIZE];
    bool is_requested;
    char *default_to;
} issue_t;

/* ---- arguments ---- */

enum {
    KEY_SERVE = 's',
    KEY_CALL = 'c',
    KEY_PUBLISH = 'p',
    KEY_INSPECT = 'i',
    KEY_HOST = 0x300,
    KEY_DAYS = 'd',
    KEY_TO = 't',
    KEY_REQUEST = 'r',
    KEY_AGAIN = 'a'
};

static const struct argp_option options[] = {
    {"serve", KEY_SERVE, "PATTERN", 0,
     "It may be a server of EXCHANGE/TOPIC, and get publications and notifications; may come several times",
     0},
    {"call", KEY_CALL, "PATTERN", 0, "It may call EXCHANGE/TOPIC[/METHOD]; may come several times", 0},
    {"publish", KEY_PUBLISH, "PATTERN", 0,
     "It may send fanouts and notifications to EXCHANGE/TOPIC[/METHOD]; may come several times", 0},
    {"inspect", KEY_INSPECT, "PATTERN", 0,
     "It may ask servers of EXCHANGE/TOPIC about themselves; may come several times", 0},
    {"host", KEY_HOST, NULL, 0, "It may be a rendezvous", 0},
    {"again", KEY_AGAIN, NULL, 0, "With the rights and the number of days of its last certificate", 0},
    {"days", KEY_DAYS, "N", 0, "How long it is valid (365)", 0},
    {"request", KEY_REQUEST, "FILE", 0,
     "For the identity that `godwit realm request` has made on its host; - for the standard input", 0},
    {"to", KEY_TO, "FILE", 0,
     "Where the member file goes; - for the standard output (that, or NAME.member if that is a terminal)", 0},
    REALM_OPTION_FOLDER,
    REALM_OPTION_PASSPHRASE,
    {NULL, 0, NULL, 0, NULL, 0},
};

static void
add_right (issue_t *self, const struct argp_state *state, godwit__verb_t verb, const char *pattern)
{
    const char *const wrong = godwit__pattern_wrong (pattern);
    if (wrong)
        argp_error (state, "--%s: %s, got \"%s\"", godwit__verb_name (verb), wrong, pattern);
    const char *const first = strchr (pattern, '/');
    const char *const method = first ? strchr (first + 1, '/') : NULL;
    if (verb == GODWIT__VERB_SERVE && method && strcmp (method, "/*") != 0)
        argp_error (
            state,
            "--serve: expected EXCHANGE/TOPIC, because a server has all methods of its topic, got \"%s\"",
            pattern);
    if (verb == GODWIT__VERB_INSPECT && method && strcmp (method, "/*") != 0)
        argp_error (
            state,
            "--inspect: expected EXCHANGE/TOPIC, because a server tells of itself as a whole, got \"%s\"",
            pattern);
    if (self->right_count == GODWIT__RIGHT_MAX)
        argp_error (state, "expected at most %d rights", GODWIT__RIGHT_MAX);
    self->rights[self->right_count++] = (godwit__right_t){verb, pattern};
}

static void
check (const issue_t *self, const struct argp_state *state)
{
    if (!self->name)
        argp_error (state, "the NAME of the certificate is missing, such as billing");
    if (self->again && self->right_count)
        argp_error (state, "--again gives the rights of the last certificate: give either that, or rights");
    if (!self->again && !self->right_count)
        argp_error (state, "which rights? Give --serve, --call, --publish, --inspect, --host or --again");
    if (self->request && self->common.passphrase_file && strcmp (self->request, "-") == 0 &&
        strcmp (self->common.passphrase_file, "-") == 0)
        argp_error (state, "--request and --passphrase-file cannot both be the standard input");
}

static void
take_name (issue_t *self, const struct argp_state *state, const char *text)
{
    if (self->name)
        argp_error (state, "unexpected argument %s", text);
    if (!godwit__certificate_is_name (text))
        argp_error (state, "NAME: expected 1 to %d of a-z 0-9 . _ -, got \"%s\"",
                    GODWIT__CERTIFICATE_NAME_MAX, text);
    if (strcmp (text, REALM_ADMIN) == 0)
        argp_error (state, "NAME: \"" REALM_ADMIN "\" is the name of `godwit realm revoke --tell`");
    self->name = text;
}

static error_t
on_option (int key, char *text, struct argp_state *state)
{
    issue_t *self = state->input;
    switch (key) {
    case KEY_SERVE:
        add_right (self, state, GODWIT__VERB_SERVE, text);
        return 0;
    case KEY_CALL:
        add_right (self, state, GODWIT__VERB_CALL, text);
        return 0;
    case KEY_PUBLISH:
        add_right (self, state, GODWIT__VERB_PUBLISH, text);
        return 0;
    case KEY_INSPECT:
        add_right (self, state, GODWIT__VERB_INSPECT, text);
        return 0;
    case KEY_HOST:
        add_right (self, state, GODWIT__VERB_HOST, GODWIT__HOST_PATTERN);
        return 0;
    case KEY_AGAIN:
        self->again = true;
        return 0;
    case KEY_DAYS:
        self->days = realm_days (state, text);
        return 0;
    case KEY_REQUEST:
        self->request = text;
        return 0;
    case KEY_TO:
        self->to = text;
        return 0;
    case ARGP_KEY_ARG:
        take_name (self, state, text);
        return 0;
    case ARGP_KEY_END:
        check (self, state);
        return 0;
    default:
        return realm_common_option (&self->common, key, text);
    }
}

/* ---- what is asked for ---- */

static godwit_status_t
read_request (issue_t *self, godwit_error_t **error)
{
    realm_bytes_t text = {0};
    const bool is_input = self->request && strcmp (self->request, "-") == 0;
    const char *const name = is_input ? "the standard input" : self->request;
    if (!self->request)
        return GODWIT_OK;
    godwit_status_t status =
        is_input ? realm_read_fd (&text, STDIN_FILENO, REALM_REQUEST_MAX, name, error)
                 : realm_read_file (&text, AT_FDCWD, name, name, REALM_REQUEST_MAX, REALM_PUBLIC, error);
    if (!status)
        status = realm_request_read (self->requested_key, &text, name, error);
    self->is_requested = !status;
    realm_bytes_free (&text);
    return status;
}

/* The identity that --again is for. An answer for another host would be refused there. */
static godwit_status_t
choose_identity (issue_t *self, godwit_error_t **error)
{
    const uint8_t *key = NULL;
    switch (realm_again (&self->folder, self->name, realm_now (), &key)) {
    case REALM_AGAIN_HERE:
        return GODWIT_OK;
    case REALM_AGAIN_THERE:
        memcpy (self->requested_key, key, sizeof self->requested_key);
        self->is_requested = true;
        return GODWIT_OK;
    case REALM_AGAIN_ASK:
        break;
    }
    return godwit__error_set (
        error, GODWIT_ERR_FAILED,
        "--again: \"%s\" has more than one identity (godwit realm show): which host is meant? Let it ask: "
        "ssh HOST godwit realm request --new | godwit realm issue %s --again --request=- | "
        "ssh HOST godwit realm accept; or revoke those that are not used any more: godwit realm revoke "
        "SERIAL",
        self->name, self->name);
}

/* Rights, days, and an identity that is on its host, from the last certificate of this name. */
static godwit_status_t
repeat_last (issue_t *self, godwit_error_t **error)
{
    if (!self->again)
        return GODWIT_OK;
    const realm_entry_t *const last = realm_issued_newest (&self->folder.issued, self->name);
    if (!last) {
        return godwit__error_set (
            error, GODWIT_ERR_NOT_FOUND,
            "--again: %s has no certificate of \"%s\" (godwit realm show); give its rights",
            self->folder.path, self->name);
    }
    self->right_count = last->right_count;
    memcpy (self->rights, last->rights, last->right_count * sizeof *last->rights);
    if (!self->days)
        self->days = (last->until - last->from + REALM_DAY_S - 1) / REALM_DAY_S;
    return self->is_requested ? GODWIT_OK : choose_identity (self, error);
}

/* An identity whose certificate was revoked may be with somebody else. A new certificate would let him in
 * again: he sees it in a handshake, and can prove processes for it. */
static godwit_status_t
check_identity (const issue_t *self, godwit_error_t **error)
{
    const realm_entry_t *last = NULL;
    const char *const doubt =
        self->is_requested ? realm_doubt (&self->folder, self->requested_key, realm_now (), &last) : NULL;
    if (!doubt)
        return GODWIT_OK;
    return godwit__error_set (error, GODWIT_ERR_FAILED,
                              "the identity was that of \"%s\" (serial %" PRIx64
                              "), which %s. A new one is made by `godwit realm "
                              "request --new` on the host: --request=FILE; or here, if its rights are given "
                              "in the place of --again",
                              last->name, last->serial, doubt);
}

/* ---- where it goes ---- */

/* Decided before anything is signed. */
static godwit_status_t
choose_target (issue_t *self, godwit_error_t **error)
{
    const bool is_terminal = isatty (STDOUT_FILENO);
    if (!self->to && is_terminal) {
        if (asprintf (&self->default_to, "%s.member", self->name) < 0)
            return godwit__error_no_memory (error);
        self->to = self->default_to;
    } else if (!self->to)
        self->to = "-";
    if (strcmp (self->to, "-") == 0 && is_terminal)
        return godwit__error_set (
            error, GODWIT_ERR_FAILED,
            "a member file holds keys, which are not shown on a terminal: use a pipe, or "
            "--to=FILE");
    if (strcmp (self->to, "-") == 0)
        return GODWIT_OK;
    const realm_target_t target = {.folder = AT_FDCWD, .path = self->to, .name = self->to};
    const godwit_status_t status = realm_may_write (&target, error);
    return status ? status
                  : realm_member_may_replace (self->to,
                                              (const uint8_t (*)[GODWIT__PUBLIC_SIZE]) self->folder.realms,
                                              self->folder.realm_count, "--to=FILE names another", error);
}

static godwit_status_t
put (const issue_t *self, const realm_bytes_t *file, godwit_error_t **error)
{
    const realm_target_t target = {.folder = AT_FDCWD, .path = self->to, .name = self->to};
    return strcmp (self->to, "-") == 0
               ? realm_write_fd (STDOUT_FILENO, file->data, file->size, "the standard output", error)
               : realm_write_file (&target, file->data, file->size, error);
}

static void
tell (const issue_t *self, const realm_entry_t *entry)
{
    const bool is_output = strcmp (self->to, "-") == 0;
    FILE *const to = is_output ? stderr : stdout;
    const uint8_t *key = NULL;
    if (!is_output)
        fprintf (to, "%s: ", self->to);
    realm_print_entry (to, entry);
    fputc ('\n', to);
    if (!is_output)
        fprintf (to, "    ssh HOST godwit realm accept <%s\n", self->to);
    if (realm_again (&self->folder, self->name, realm_now (), &key) == REALM_AGAIN_ASK)
        fprintf (
            to,
            "\"%s\" has more than one identity now. Is there one that is not used any more? godwit realm "
            "show, and godwit realm revoke SERIAL\n",
            self->name);
}

static godwit_status_t
run (issue_t *self, godwit_error_t **error)
{
    const realm_entry_t *entry = NULL;
    realm_bytes_t file = {0};
    const int64_t now = realm_now ();
    godwit_status_t status = read_request (self, error);
    if (!status)
        status = realm_common_open (&self->common, &self->folder, error);
    if (!status)
        status = repeat_last (self, error);
    if (!status)
        status = check_identity (self, error);
    if (!status)
        status = choose_target (self, error);
    if (!status) {
        const realm_grant_t grant = {.name = self->name,
                                     .rights = self->rights,
                                     .right_count = self->right_count,
                                     .from = now,
                                     .until = now + (self->days ? self->days : REALM_DAYS) * REALM_DAY_S,
                                     .requested_key = self->is_requested ? self->requested_key : NULL};
        status = realm_certify (&self->folder, &grant, &file, &entry, error);
    }
    if (!status)
        status = put (self, &file, error);
    if (!status)
        tell (self, entry);
    realm_bytes_free (&file);
    return status;
}

int
realm_issue (int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = on_option,
        .args_doc = "NAME",
        .doc = "Make a member file for a service or a host: a certificate with its name and rights, "
               "and the keys that it needs to be in the realm.\v"
               "A pattern is EXCHANGE/TOPIC or EXCHANGE/TOPIC/METHOD; each part may end in *, which "
               "stands for any rest. Put it in quotes.\n\n"
               "Examples:\n\n"
               "  godwit realm issue billing --serve=godwit/billing --call='godwit/*' |\n"
               "      ssh billing1 godwit realm accept\n"
               "  godwit realm issue web --call=godwit/billing/get --to=web.member\n"
               "  godwit realm issue web --again | ssh web1 godwit realm accept\n"
               "  ssh web1 godwit realm request |\n"
               "      godwit realm issue web --request=- --call='godwit/*' |\n"
               "      ssh web1 godwit realm accept\n\n"
               "Exit status: 0; 1 for a failure; 2 for arguments that make no sense."};
    issue_t self = {.folder = {.fd = -1, .lock = -1}};
    godwit_error_t *error = NULL;
    argp_err_exit_status = STATUS_USAGE;
    argp_parse (&argp, argc, argv, 0, NULL, &self);
    const godwit_status_t status = run (&self, &error);
    realm_folder_close (&self.folder);
    free (self.default_to);
    return status ? realm_fail (COMMAND, &error) : realm_done (COMMAND, EXIT_SUCCESS);
}
