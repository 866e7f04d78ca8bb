/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of `godwit realm`, and what they have in common. */
#ifndef GODWIT_TOOLS_REALM_COMMANDS_H
#define GODWIT_TOOLS_REALM_COMMANDS_H

#include "tools/godwit/commands.h"
#include "tools/godwit/realm_folder.h"

#include <argp.h>

#define REALM_MEMBER_PATH "/etc/godwit/realm.member"
/* The name of the certificate by which `revoke --tell` connects. */
#define REALM_ADMIN "realm-admin"
#define REALM_DAYS 365
#define REALM_DAYS_MAX 36500

int realm_init (int argc, char **argv);
int realm_issue (int argc, char **argv);
int realm_request (int argc, char **argv);
int realm_accept (int argc, char **argv);
int realm_revoke (int argc, char **argv);
int realm_show (int argc, char **argv);
int realm_rotate (int argc, char **argv);

/* ---- options that several of them have ---- */

enum { KEY_REALM = 0x200, KEY_PASSPHRASE_FILE };

#define REALM_OPTION_FOLDER                                                                                  \
    {                                                                                                        \
        "realm", KEY_REALM, "FOLDER", 0,                                                                     \
            "The realm's folder ($" REALM_FOLDER_VARIABLE ", or the only one *" REALM_SUFFIX                 \
            " in the working folder)",                                                                       \
            0                                                                                                \
    }
#define REALM_OPTION_PASSPHRASE                                                                              \
    {                                                                                                        \
        "passphrase-file", KEY_PASSPHRASE_FILE, "FILE", 0,                                                   \
            "Where the passphrase of the realm's key is; - for the standard input. Without it, a key that "  \
            "has one "                                                                                       \
            "is asked for on the terminal",                                                                  \
            0                                                                                                \
    }

typedef struct realm_common {
    const char *folder, *passphrase_file;
} realm_common_t;

/* Takes one of these two options. ARGP_ERR_UNKNOWN for any other. */
error_t realm_common_option (realm_common_t *common, int key, const char *text);
/* Opens the folder that is meant, to change it, and its key. On OK the caller closes it. */
godwit_status_t realm_common_open (const realm_common_t *common, realm_folder_t *folder,
                                   godwit_error_t **error);
/* Reads the argument of --days. */
int64_t realm_days (const struct argp_state *state, const char *text);

/* Seconds of Unix's clock. */
int64_t realm_now (void);
/* Prints "godwit COMMAND: ..." and destroys the error. Returns the exit status: STATUS_USAGE if an argument
 * was wrong, or else STATUS_FAILED. */
int realm_fail (const char *command, godwit_error_t **error);
/* STATUS_FAILED if what was printed could not be written; or else status. */
int realm_done (const char *command, int status);
/* Prints `web (serial 7f3a, until 2027-07-01T10:00:00Z): call=godwit/x*`, without a newline. */
void realm_print_entry (FILE *to, const realm_entry_t *entry);
/* Prints a word as a shell takes it. */
void realm_print_quoted (FILE *to, const char *word);

#endif
