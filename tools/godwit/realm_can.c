/* SPDX-License-Identifier: Apache-2.0 */
/* godwit can NAME EXCHANGE/TOPIC/METHOD: whether a certificate allows it, and by which of its rights. */
#include "tools/godwit/realm_commands.h"

#include "tools/godwit/clean.h"
#include "tools/godwit/realm_view.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMMAND "can"

enum { STATUS_NO = 1, STATUS_UNKNOWN = 3 }; /* STATUS_FAILED would be taken for a "no" */

typedef struct can {
    const char *name, *folder;
    char *what; /* cut into its parts */
    godwit__deed_t deed;
    bool has_verb;
} can_t;

/* ---- arguments ---- */

enum { KEY_VERB = 'v', KEY_HOST = 0x300 };

static const struct argp_option options[] = {
    {"verb", KEY_VERB, "VERB", 0, "What it would do there: call, serve, publish or inspect (call)", 0},
    {"host", KEY_HOST, NULL, 0, "Whether it may be a rendezvous", 0},
    {"realm", KEY_REALM, "PATH", 0,
     "The realm's folder, or a member file ($" REALM_FOLDER_VARIABLE ", the only one *" REALM_SUFFIX
     " in the working folder, or the member file of this host)",
     0},
    {NULL, 0, NULL, 0, NULL, 0},
};

/* Cuts EXCHANGE/TOPIC[/METHOD]. */
static bool
read_what (can_t *self)
{
    char *const topic = strchr (self->what, '/');
    char *const method = topic ? strchr (topic + 1, '/') : NULL;
    if (!topic || topic == self->what || !topic[1] || topic + 1 == method ||
        (method && (!method[1] || strchr (method + 1, '/'))))
        return false;
    *topic = '\0';
    if (method)
        *method = '\0';
    self->deed.exchange = self->what;
    self->deed.topic = topic + 1;
    self->deed.method = method ? method + 1 : NULL;
    self->deed.method_size = method ? strlen (method + 1) : 0;
    return true;
}

static void
check (can_t *self, const struct argp_state *state)
{
    const bool is_host = self->deed.verb == GODWIT__VERB_HOST;
    if (!self->name)
        argp_error (state, "the NAME of a certificate is missing");
    if (is_host && (self->what || self->has_verb))
        argp_error (state, "--host stands alone: a rendezvous has no topic");
    if (!is_host && !self->what)
        argp_error (state,
                    "what would it do? Give EXCHANGE/TOPIC/METHOD, such as godwit/billing/refund, or --host");
    if (self->what && !read_what (self))
        argp_error (state, "expected EXCHANGE/TOPIC or EXCHANGE/TOPIC/METHOD, got \"%s\"", self->what);
}

static void
take_verb (can_t *self, const struct argp_state *state, const char *text)
{
    godwit__verb_t verb;
    if (!godwit__verb_read (&verb, text, strlen (text)) || verb == GODWIT__VERB_HOST)
        argp_error (state, "--verb: expected call, serve, publish or inspect, got \"%s\"", text);
    self->deed.verb = verb;
    self->has_verb = true;
}

static error_t
on_option (int key, char *text, struct argp_state *state)
{
    can_t *self = state->input;
    switch (key) {
    case KEY_VERB:
        take_verb (self, state, text);
        return 0;
    case KEY_HOST:
        self->deed.verb = GODWIT__VERB_HOST;
        return 0;
    case KEY_REALM:
        self->folder = text;
        return 0;
    case ARGP_KEY_ARG:
        if (!self->name)
            self->name = text;
        else if (!self->what)
            self->what = text;
        else
            argp_error (state, "unexpected argument %s", text);
        return 0;
    case ARGP_KEY_END:
        check (self, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- the answer ---- */

/* The newest that is good, or else the newest. SIZE_MAX: there is none. */
static size_t
find_entry (const realm_view_t *view, const char *name)
{
    size_t found = SIZE_MAX;
    for (size_t i = view->entry_count; i-- > 0;) {
        if (strcmp (view->entries[i].name, name) != 0)
            continue;
        if (view->standings[i] == REALM_GOOD)
            return i;
        found = found == SIZE_MAX ? i : found;
    }
    return found;
}

static int
say_void (const realm_entry_t *entry, realm_standing_t standing)
{
    char date[REALM_DATE_SIZE];
    printf ("no: certificate \"%s\" (serial %" PRIx64 ") ", entry->name, entry->serial);
    if (standing == REALM_ENDED)
        printf ("has ended at %s\n", realm_date_print (date, entry->until));
    else
        printf ("%s\n", standing == REALM_REVOKED ? "was revoked" : "is of a realm key that was dropped");
    return STATUS_NO;
}

static int
answer (const can_t *self, const realm_view_t *view)
{
    char refusal[GODWIT__DEED_TEXT];
    const size_t i = find_entry (view, self->name);
    if (i == SIZE_MAX) {
        fprintf (stderr, "godwit " COMMAND ": %s has no certificate \"%s\": godwit realm show\n", view->path,
                 self->name);
        return STATUS_UNKNOWN;
    }
    const realm_entry_t *const entry = &view->entries[i];
    if (view->standings[i] != REALM_GOOD)
        return say_void (entry, view->standings[i]);
    const godwit__right_t *const right = godwit__rights_find (entry->rights, entry->right_count, &self->deed);
    if (right) {
        printf ("yes: %s%s", godwit__verb_name (right->verb), right->verb == GODWIT__VERB_HOST ? "" : " ");
        clean_print (stdout, right->verb == GODWIT__VERB_HOST ? "" : right->pattern);
        printf ("\n");
        return EXIT_SUCCESS;
    }
    godwit__deed_refusal (refusal, entry->name, &self->deed);
    printf ("no: %s\n", refusal);
    return STATUS_NO;
}

const struct argp argp_of_can = {
    .options = options,
    .parser = on_option,
    .args_doc = "NAME EXCHANGE/TOPIC[/METHOD]\nNAME --host",
    .doc = "Say whether the certificate of a name allows something, and by which of its rights.\v"
           "Of several certificates of a name the newest that is valid counts. Without METHOD: "
           "whether all methods are allowed.\n\n"
           "Examples:\n\n"
           "  godwit can web godwit/billing/refund\n"
           "  godwit can billing godwit/billing --verb=serve\n"
           "  godwit can web --host --realm=/etc/godwit/realm.member\n\n"
           "Exit status: 0, it may (\"yes: call godwit/*\"); 1, it may not (\"no: ...\"); 2 for "
           "arguments that make no sense; 3 if that cannot be told, because the file or the "
           "certificate is not there."};

int
command_can (int argc, char **argv)
{
    can_t self = {.deed = {.verb = GODWIT__VERB_CALL}};
    realm_view_t view;
    godwit_error_t *error = NULL;
    argp_err_exit_status = STATUS_USAGE;
    argp_parse (&argp_of_can, argc, argv, 0, NULL, &self);
    if (realm_view_open (&view, self.folder, realm_now (), &error) != GODWIT_OK)
        return realm_fail (COMMAND, &error) == STATUS_USAGE ? STATUS_USAGE : STATUS_UNKNOWN;
    const int status = answer (&self, &view);
    realm_view_close (&view);
    return realm_done (COMMAND, status) == status ? status : STATUS_UNKNOWN;
}
