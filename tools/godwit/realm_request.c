/* SPDX-License-Identifier: Apache-2.0 */
/* godwit realm request: makes an identity on the host that it is for, and prints what the realm has to sign.
 */
#include "tools/godwit/realm_commands.h"

#include "src/realm/secret.h"
#include "tools/godwit/realm_identity.h"

#include <stdlib.h>
#include <unistd.h>

#define COMMAND "realm request"

enum { KEY_TO = 't' };

static const struct argp_option options[] = {
    {"to", KEY_TO, "FILE", 0, "Where the member file will be (" REALM_MEMBER_PATH ")", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

static error_t
on_option (int key, char *text, struct argp_state *state)
{
    const char **const to = state->input;
    switch (key) {
    case KEY_TO:
        *to = text;
        return 0;
    case ARGP_KEY_ARG:
        argp_error (state, "unexpected argument %s", text);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static godwit_status_t
run (const char *to, godwit_error_t **error)
{
    char line[REALM_REQUEST_SIZE], *path = NULL;
    uint8_t *secret = NULL;
    godwit_status_t status = realm_beside (&path, to, REALM_BESIDE_REQUEST, error);
    if (!status)
        status = realm_make_parent (path, error);
    if (!status)
        status = realm_identity_make (&secret, path, error);
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
               "`.member`, mode 0600. Asking again prints the same line.\n\n"
               "Exit status: 0; 1 for a failure; 2 for arguments that make no sense."};
    const char *to = REALM_MEMBER_PATH;
    godwit_error_t *error = NULL;
    argp_err_exit_status = STATUS_USAGE;
    argp_parse (&argp, argc, argv, 0, NULL, &to);
    return run (to, &error) ? realm_fail (COMMAND, &error) : realm_done (COMMAND, EXIT_SUCCESS);
}
