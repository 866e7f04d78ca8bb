/* SPDX-License-Identifier: Apache-2.0 */
/* godwit realm show: who is in a realm, and what a member file allows. */
#include "tools/godwit/realm_commands.h"

#include "src/value/json.h"
#include "tools/godwit/clean.h"
#include "tools/godwit/realm_view.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define COMMAND "realm show"

typedef struct show {
    const char *path;
    bool as_json, shows_all;
} show_t;

/* ---- arguments ---- */

enum { KEY_JSON = 'j', KEY_ALL = 'a' };

static const struct argp_option options[] = {
    {"json", KEY_JSON, NULL, 0, "Print one JSON object", 0},
    {"all", KEY_ALL, NULL, 0, "Print also certificates that have ended", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

static error_t
on_option (int key, char *text, struct argp_state *state)
{
    show_t *self = state->input;
    switch (key) {
    case KEY_JSON:
        self->as_json = true;
        return 0;
    case KEY_ALL:
        self->shows_all = true;
        return 0;
    case ARGP_KEY_ARG:
        if (self->path)
            argp_error (state, "unexpected argument %s", text);
        self->path = text;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- as text ---- */

static const char *
role_of_realm (const realm_view_t *view, size_t i)
{
    if (!view->is_folder)
        return "";
    if (strcmp (view->realms[i], view->signer) == 0)
        return view->has_passphrase ? ", signs (its file has a passphrase)" : ", signs";
    return view->has_next ? ", will sign (godwit realm rotate --switch)"
                          : ", does not sign any more (godwit realm rotate --finish)";
}

static void
print_keys (const realm_view_t *view)
{
    for (size_t i = 0; i < view->realm_count; i++)
        printf ("realm key %s%s\n", view->realms[i], role_of_realm (view, i));
    for (size_t i = 0; i < view->door_count; i++)
        printf ("door %s%s\n", view->doors[i], i ? ", the old one" : "");
}

static void
print_bulletin (const godwit__bulletin_t *bulletin)
{
    char issued[REALM_DATE_SIZE], before[REALM_DATE_SIZE];
    if (!bulletin) {
        printf ("no bulletin: nothing was revoked\n");
        return;
    }
    printf ("bulletin %" PRIu64 " of %s: %zu revoked", bulletin->number,
            realm_date_print (issued, bulletin->issued), bulletin->revoked_count);
    if (bulletin->before)
        printf (", and all that were made before %s", realm_date_print (before, bulletin->before));
    printf ("\n");
}

static void
print_certificate (const realm_entry_t *entry, realm_standing_t standing)
{
    char from[REALM_DATE_SIZE];
    printf ("certificate ");
    realm_print_entry (stdout, entry);
    if (standing != REALM_GOOD)
        printf ("; %s", realm_standing_name (standing));
    if (entry->from > realm_now ())
        printf ("; not valid before %s", realm_date_print (from, entry->from));
    if (entry->is_requested)
        printf ("; its identity never left its host");
    printf ("\n");
}

static void
print_text (const show_t *self, const realm_view_t *view)
{
    size_t hidden = 0;
    clean_print (stdout, view->path);
    printf ("\n");
    print_keys (view);
    print_bulletin (view->bulletin);
    for (size_t i = 0; i < view->entry_count; i++)
        if (view->is_folder && !self->shows_all && view->entries[i].until <= realm_now ())
            hidden++;
        else
            print_certificate (&view->entries[i], view->standings[i]);
    if (hidden)
        printf ("%zu more have ended: --all prints them\n", hidden);
}

/* ---- as JSON ---- */

static void
add_serial (godwit_builder_t *builder, const char *key, uint64_t serial)
{
    char text[17]; /* a number above 2^63 has no form in JSON */
    snprintf (text, sizeof text, "%" PRIx64, serial);
    godwit_builder_str (builder, key, text);
}

static void
add_date (godwit_builder_t *builder, const char *key, int64_t date)
{
    char text[REALM_DATE_SIZE];
    godwit_builder_str (builder, key, realm_date_print (text, date));
}

static void
add_keys (godwit_builder_t *builder, const realm_view_t *view)
{
    godwit_builder_open_list (builder, "realm_keys");
    for (size_t i = 0; i < view->realm_count; i++) {
        godwit_builder_open_map (builder, NULL);
        godwit_builder_str (builder, "fingerprint", view->realms[i]);
        if (view->is_folder)
            godwit_builder_bool (builder, "signs", strcmp (view->realms[i], view->signer) == 0);
        godwit_builder_close (builder);
    }
    godwit_builder_close (builder);
    godwit_builder_open_list (builder, "doors");
    for (size_t i = 0; i < view->door_count; i++) {
        godwit_builder_open_map (builder, NULL);
        godwit_builder_str (builder, "fingerprint", view->doors[i]);
        godwit_builder_close (builder);
    }
    godwit_builder_close (builder);
}

static void
add_bulletin (godwit_builder_t *builder, const godwit__bulletin_t *bulletin)
{
    if (!bulletin) {
        godwit_builder_nil (builder, "bulletin");
        return;
    }
    godwit_builder_open_map (builder, "bulletin");
    godwit_builder_int (builder, "number", (int64_t) bulletin->number);
    add_date (builder, "issued", bulletin->issued);
    if (bulletin->before)
        add_date (builder, "before", bulletin->before);
    else
        godwit_builder_nil (builder, "before");
    godwit_builder_open_list (builder, "revoked");
    for (size_t i = 0; i < bulletin->revoked_count; i++) {
        godwit_builder_open_map (builder, NULL);
        add_serial (builder, "serial", bulletin->revoked[i].serial);
        add_date (builder, "until", bulletin->revoked[i].until);
        godwit_builder_close (builder);
    }
    godwit_builder_close (builder);
    godwit_builder_close (builder);
}

static void
add_rights (godwit_builder_t *builder, const realm_entry_t *entry)
{
    godwit_builder_open_list (builder, "rights");
    for (size_t i = 0; i < entry->right_count; i++) {
        godwit_builder_open_map (builder, NULL);
        godwit_builder_str (builder, "verb", godwit__verb_name (entry->rights[i].verb));
        if (entry->rights[i].verb != GODWIT__VERB_HOST) {
            char *const pattern = clean_copy (entry->rights[i].pattern);
            godwit_builder_str (builder, "pattern", pattern ? pattern : "");
            free (pattern);
        }
        godwit_builder_close (builder);
    }
    godwit_builder_close (builder);
}

static void
add_certificate (godwit_builder_t *builder, const realm_view_t *view, const realm_entry_t *entry,
                 realm_standing_t standing)
{
    char key[REALM_KEY_TEXT_SIZE];
    godwit_builder_open_map (builder, NULL);
    godwit_builder_str (builder, "name", entry->name);
    add_serial (builder, "serial", entry->serial);
    godwit_builder_str (builder, "identity", realm_key_print (key, entry->key));
    add_date (builder, "from", entry->from);
    add_date (builder, "until", entry->until);
    godwit_builder_str (builder, "realm_key", entry->signer);
    if (view->is_folder)
        godwit_builder_bool (builder, "requested", entry->is_requested);
    godwit_builder_str (builder, "standing", realm_standing_name (standing));
    add_rights (builder, entry);
    godwit_builder_close (builder);
}

static godwit_status_t
make_value (godwit_value_t **value, const realm_view_t *view, godwit_error_t **error)
{
    godwit_builder_t *builder = godwit_builder_new ();
    char *const path = clean_copy (view->path);
    godwit_builder_open_map (builder, NULL);
    godwit_builder_str (builder, view->is_folder ? "folder" : "file", path ? path : "");
    if (view->is_folder)
        godwit_builder_bool (builder, "has_passphrase", view->has_passphrase);
    add_keys (builder, view);
    add_bulletin (builder, view->bulletin);
    godwit_builder_open_list (builder, "certificates");
    for (size_t i = 0; i < view->entry_count; i++)
        add_certificate (builder, view, &view->entries[i], view->standings[i]);
    godwit_builder_close (builder);
    godwit_builder_close (builder);
    free (path);
    return godwit_builder_finish (&builder, value, error);
}

static godwit_status_t
print_json (const realm_view_t *view, godwit_error_t **error)
{
    godwit_value_t *value = NULL, *text = NULL;
    godwit_status_t status = make_value (&value, view, error);
    if (!status)
        status = godwit__json_write (&text, value, error);
    if (!status)
        puts (godwit_value_as_str (text, ""));
    godwit_value_unref (&value);
    godwit_value_unref (&text);
    return status;
}

int
realm_show (int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = on_option,
        .args_doc = "[FILE|FOLDER]",
        .doc = "Print what a realm folder or a member file says: keys (as fingerprints), certificates "
               "with their rights and dates, and what is revoked. Never a secret.\v"
               "Without an argument: the realm folder that the other commands would use, or else the "
               "member file of this host.\n\n"
               "Examples:\n\n"
               "  godwit realm show\n"
               "  godwit realm show /etc/godwit/realm.member\n"
               "  godwit realm show --json prod.realm | jq '.certificates[] | select(.standing == "
               "\"good\") | .name'\n\n"
               "Exit status: 0; 1 for a failure; 2 for arguments that make no sense."};
    show_t self = {0};
    realm_view_t view;
    godwit_error_t *error = NULL;
    argp_err_exit_status = STATUS_USAGE;
    argp_parse (&argp, argc, argv, 0, NULL, &self);
    godwit_status_t status = realm_view_open (&view, self.path, realm_now (), &error);
    if (status)
        return realm_fail (COMMAND, &error);
    if (self.as_json)
        status = print_json (&view, &error);
    else
        print_text (&self, &view);
    realm_view_close (&view);
    return status ? realm_fail (COMMAND, &error) : realm_done (COMMAND, EXIT_SUCCESS);
}
