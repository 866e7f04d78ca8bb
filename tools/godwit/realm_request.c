/* SPDX-License-Identifier: Apache-2.0 */
/* godwit realm request: makes an identity on the host that it is for, and prints what the realm has to sign.
 */
#include "tools/godwit/realm_commands.h"

#include "src/realm/secret.h"
#include "tools/godwit/realm_identity.h"

#include <stdlib.h>
#include <unistd.h>

#define COMMAND "realm request"

typedef struct request {
    const char *to;
    bool is_new;
} request_t;

enum { KEY_TO = 't', KEY_NEW = 'n' };

static const struct argp_option options[] = {
    {"new", KEY_NEW, NULL, 0, "Make another identity, also if one waits for its certificate", 0},
    {"to", KEY_TO, "FILE", 0, "Where the member file will be (" REALM_MEMBER_PATH ")", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

static error_t
on_option (int key, char *text, struct argp_state *state)
{
    request_t *self = state->input;
    switch (key) {
    case KEY_TO:
        self->to = text;
        return 0;
    case KEY_NEW:
        self->is_new = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error (state, "unexpected argument %s", text);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static godwit_status_t
run (const request_t *self, godwit_error_t **error)
{
    char line[REALM_REQUEST_SIZE], *path = NULL;
    uint8_t *secret = NULL;
    godwit_status_t status = realm_beside (&path, self->to, REALM_BESIDE_REQUEST, error);
    if (!status)
        status = realm_make_parent (path, error);
    if (!status)
        status = realm_identity_make (&secret, path, self->is_new, error);
    if (!status) {
        printf ("%s", realm_request_print (line, secret));
        if (isatty (STDOUT_FILENO))
            fprintf (stderr,
                     "Give this line to the realm; then put its answer into `godwit realm accept` here:\n"
                     "    godwit realm issue NAME --request=FILE ...\n");
    }
    godwit__secret_free (secret);
    free (path);
    return status;
}

int
realm_request (int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = on_option,
        .doc = "Make an identity that never leaves this host, and print a line with its public key, "
               "for `godwit realm issue --request`.\v"
               "Example:\n\n"
               "  ssh web1 godwit realm request |\n"
               "      godwit realm issue web --request=- --call='godwit/*' |\n"
               "      ssh web1 godwit realm accept\n\n"
               "Until it is accepted, the secret part is in FILE with `.request` in the place of "
               "`.member`, mode 0600. Asking again prints the same line; --new puts another identity in its "
               "place, as after a host was stolen.\n\n"
               "Exit status: 0; 1 for a failure; 2 for arguments that make no sense."};
    request_t self = {.to = REALM_MEMBER_PATH};
    godwit_error_t *error = NULL;
    argp_err_exit_status = STATUS_USAGE;
    argp_parse (&argp, argc, argv, 0, NULL, &self);
    return run (&self, &error) ? realm_fail (COMMAND, &error) : realm_done (COMMAND, EXIT_SUCCESS);
}
