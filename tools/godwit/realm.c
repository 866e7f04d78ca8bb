/* SPDX-License-Identifier: Apache-2.0 */
/* godwit realm COMMAND ARGUMENT...: finds the command, and what all of them use. */
#include "tools/godwit/realm_commands.h"

#include "tools/godwit/clean.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- what they have in common ---- */

error_t
realm_common_option (realm_common_t *common, int key, const char *text)
{
    if (key == KEY_REALM)
        common->folder = text;
    else if (key == KEY_PASSPHRASE_FILE)
        common->passphrase_file = text;
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

godwit_status_t
realm_common_open (const realm_common_t *common, realm_folder_t *folder, godwit_error_t **error)
{
    char *path = NULL;
    godwit_status_t status = realm_folder_find (&path, common->folder, error);
    if (!status)
        status = realm_folder_open (folder, path, REALM_CHANGE, error);
    free (path);
    if (status)
        return status;
    status = realm_folder_unlock (folder, common->passphrase_file, error);
    if (status)
        realm_folder_close (folder);
    return status;
}

int64_t
realm_days (const struct argp_state *state, const char *text)
{
    char *end = NULL;
    const long days = strtol (text, &end, 10);
    if (end == text || *end || days < 1 || days > REALM_DAYS_MAX)
        argp_error (state, "--days: expected a number from 1 to %d, got \"%s\"", REALM_DAYS_MAX, text);
    return days;
}

int64_t
realm_now (void)
{
    return time (NULL);
}

int
realm_fail (const char *command, godwit_error_t **error)
{
    const bool is_usage = godwit_error_status (*error) == GODWIT_ERR_INVALID_ARGUMENT ||
                          godwit_error_status (*error) == GODWIT_ERR_INVALID_URL;
    fprintf (stderr, "godwit %s: ", command);
    clean_print (stderr, godwit_error_message (*error)); /* with names of files in it */
    fputc ('\n', stderr);
    godwit_error_destroy (error);
    return is_usage ? STATUS_USAGE : STATUS_FAILED;
}

int
realm_done (const char *command, int status)
{
    if (fflush (stdout) == 0 && !ferror (stdout))
        return status;
    fprintf (stderr, "godwit %s: cannot write to the standard output\n", command);
    return STATUS_FAILED;
}

void
realm_print_entry (FILE *to, const realm_entry_t *entry)
{
    char until[REALM_DATE_SIZE];
    fprintf (to, "%s (serial %" PRIx64 ", until %s): ", entry->name, entry->serial,
             realm_date_print (until, entry->until));
    if (entry->right_count)
        realm_rights_print (to, entry->rights, entry->right_count);
    else
        fprintf (to, "no rights");
}

static bool
is_plain_word (const char *word)
{
    return *word && strspn (word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/+:@-") ==
                        strlen (word);
}

void
realm_print_quoted (FILE *to, const char *word)
{
    if (is_plain_word (word)) {
        fprintf (to, "%s", word);
        return;
    }
    fputc ('\'', to);
    for (; *word; word++)
        fprintf (to, *word == '\'' ? "'\\''" : "%c", *word);
    fputc ('\'', to);
}

/* ---- which command ---- */

static char init_name[] = "godwit realm init";
static char issue_name[] = "godwit realm issue";
static char request_name[] = "godwit realm request";
static char accept_name[] = "godwit realm accept";
static char revoke_name[] = "godwit realm revoke";
static char show_name[] = "godwit realm show";
static char rotate_name[] = "godwit realm rotate";

static const struct own_command {
    const char *name;
    char *full_name; /* its argv[0] */
    int (*run) (int argc, char **argv);
} own_commands[] = {
    {"init", init_name, realm_init},          {"issue", issue_name, realm_issue},
    {"request", request_name, realm_request}, {"accept", accept_name, realm_accept},
    {"revoke", revoke_name, realm_revoke},    {"show", show_name, realm_show},
    {"rotate", rotate_name, realm_rotate},
};

static const struct own_command *found;
static int arguments_at;

static error_t
on_option (int key, char *text, struct argp_state *state)
{
    switch (key) {
    case ARGP_KEY_ARG:
        for (size_t i = 0; i < sizeof own_commands / sizeof *own_commands; i++)
            if (strcmp (own_commands[i].name, text) == 0)
                found = &own_commands[i];
        if (!found)
            argp_error (
                state,
                "there is no command %s: expected init, issue, request, accept, revoke, show or rotate",
                text);
        arguments_at = state->next - 1;
        state->next = state->argc; /* the other arguments are the command's */
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error (state, "a command is missing: init, issue, request, accept, revoke, show or rotate");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp argp_of_realm = {
    .parser = on_option,
    .args_doc = "COMMAND [ARGUMENT...]",
    .doc = "Make a realm, and say who is in it, and who may do what.\v"
           "Where the realm is administered:\n\n"
           "  init       Make a realm\n"
           "  issue      Make a member file, for a service or a host\n"
           "  revoke     Make certificates void\n"
           "  rotate     Replace the realm's key or door, without a lost call\n"
           "  show       Print who is in a realm, or what a member file allows\n\n"
           "On a host:\n\n"
           "  request    Make an identity that never leaves this host\n"
           "  accept     Check a member file or a bulletin, and put it in place\n\n"
           "Examples:\n\n"
           "  godwit realm init prod\n"
           "  ssh web1 godwit realm accept <prod.realm/everyone.member\n"
           "  godwit realm issue web --call='godwit/*' | ssh web1 godwit realm accept\n\n"
           "godwit realm COMMAND --help tells more of one; `godwit can` says what a certificate "
           "allows."};

int
command_realm (int argc, char **argv)
{
    argp_err_exit_status = STATUS_USAGE;
    argp_parse (&argp_of_realm, argc, argv, ARGP_IN_ORDER, NULL, NULL);
    argv[arguments_at] = found->full_name;
    return found->run (argc - arguments_at, argv + arguments_at);
}
