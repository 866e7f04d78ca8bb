/* SPDX-License-Identifier: Apache-2.0 */
/* godwit spool COMMAND FILE: shows, exports and repairs a spool. The first two look at it, also while a
 * process uses it. */
#include "tools/godwit/spool.h"

#include "tools/godwit/clean.h"
#include "tools/godwit/commands.h"

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATUS_LOST = 3 }; /* it was repaired, and something is lost */

typedef struct arguments {
    const char *command;
    const char *path;
    const char *stream;
    bool as_json;
} arguments_t;

enum { KEY_JSON = 'j', KEY_STREAM = 's' };

static const struct argp_option options[] = {
    {"json", KEY_JSON, NULL, 0, "show: print one JSON object", 0},
    {"stream", KEY_STREAM, "NAME", 0, "export: only the items of this stream", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

static bool
is_command (const char *name)
{
    return strcmp (name, "show") == 0 || strcmp (name, "export") == 0 || strcmp (name, "repair") == 0;
}

/* Options that are another command's are a mistake. */
static void
check (const arguments_t *self, const struct argp_state *state)
{
    if (!self->command)
        argp_error (state, "a command is missing: show, export or repair");
    else if (!self->path)
        argp_error (state, "the path of a spool is missing");
    else if (self->as_json && strcmp (self->command, "show") != 0)
        argp_error (state, "--json is for show: export prints JSON in any case");
    else if (self->stream && strcmp (self->command, "export") != 0)
        argp_error (state, "--stream is for export");
}

static error_t
on_option (int key, char *text, struct argp_state *state)
{
    arguments_t *self = state->input;
    switch (key) {
    case KEY_JSON:
        self->as_json = true;
        return 0;
    case KEY_STREAM:
        self->stream = text;
        return 0;
    case ARGP_KEY_ARG:
        if (!self->command && !is_command (text))
            argp_error (state, "there is no command %s: expected show, export or repair", text);
        if (!self->command)
            self->command = text;
        else if (!self->path)
            self->path = text;
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

/* ---- commands ---- */

static int
fail (godwit_error_t *error)
{
    fprintf (stderr, "godwit spool: ");
    clean_print (stderr, godwit_error_message (error)); /* with names of the file in it */
    fprintf (stderr, "\n");
    godwit_error_destroy (&error);
    return STATUS_FAILED;
}

static int
look (const arguments_t *self)
{
    godwit_spool_t *spool = NULL;
    godwit_error_t *error = NULL;
    godwit_status_t status = godwit_sqlite_spool_open (
        &spool, self->path, GODWIT_SQLITE_SPOOL_OPTIONS (.read_only = true), &error);
    if (!status)
        status = strcmp (self->command, "show") == 0 ? spool_print (spool, self->path, self->as_json, &error)
                                                     : spool_export (spool, self->stream, &error);
    godwit_sqlite_spool_close (&spool);
    if (status)
        return fail (error);
    if (fflush (stdout) != 0 || ferror (stdout)) {
        perror ("godwit spool: standard output");
        return STATUS_FAILED;
    }
    return EXIT_SUCCESS;
}

static int
repair (const arguments_t *self)
{
    static godwit_sqlite_spool_repair_t report;
    godwit_error_t *error = NULL;
    if (godwit_sqlite_spool_repair (self->path, &report, sizeof report, &error) != GODWIT_OK)
        return fail (error);
    if (!report.is_damaged) {
        printf ("nothing is wrong with %s\n", self->path);
        return EXIT_SUCCESS;
    }
    clean_print (stdout, report.found);
    printf ("\n");
    printf ("kept: %" PRIu64 " items\n", report.kept);
    printf ("lost: %" PRIu64 " items\n", report.lost);
    if (report.streams_new)
        printf ("lost: the names of %" PRIu64 " streams, which are called recovered-N now\n",
                report.streams_new);
    if (report.pools_reset)
        printf ("lost: what %" PRIu64
                " pools have settled; they get all that is kept, and their names may be wrong\n",
                report.pools_reset);
    if (report.pools_lost)
        printf ("lost: the names of %" PRIu64 " pools\n", report.pools_lost);
    printf ("the damaged file is %s now\n", report.damaged);
    return report.lost || report.streams_new || report.pools_reset || report.pools_lost ? STATUS_LOST
                                                                                        : EXIT_SUCCESS;
}

const struct argp argp_of_spool = {
    .options = options,
    .parser = on_option,
    .args_doc = "show|export|repair FILE",
    .doc = "Show, export and repair a spool: the SQLite file in which a notifier keeps what is not "
           "acknowledged.\v"
           "Commands:\n\n"
           "  show      Print its streams, pools and owner\n"
           "  export    Print its items, each as a JSON object in a line\n"
           "  repair    Check it; save what can be read, if it is damaged\n\n"
           "Examples:\n\n"
           "  godwit spool show /var/lib/shop/notify.spool\n"
           "  godwit spool export notify.spool --stream notifications.error | jq .notification.payload\n"
           "  godwit spool repair notify.spool\n\n"
           "The first two work also while a process uses it. Exit status: 0; 1 for a failure; 2 for "
           "arguments "
           "that make no sense; 3 if it was repaired, and something is lost."};

int
command_spool (int argc, char **argv)
{
    arguments_t self = {0};
    argp_err_exit_status = STATUS_USAGE;
    argp_parse (&argp_of_spool, argc, argv, 0, NULL, &self);
    return strcmp (self.command, "repair") == 0 ? repair (&self) : look (&self);
}
