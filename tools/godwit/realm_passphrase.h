/* SPDX-License-Identifier: Apache-2.0 */
/* The passphrase of a realm's key: from a file, from the standard input, or typed on the terminal, where it
 * is not shown. It never is an argument or in the environment, where others could see it. */
#ifndef GODWIT_TOOLS_REALM_PASSPHRASE_H
#define GODWIT_TOOLS_REALM_PASSPHRASE_H

#include "tools/godwit/realm_file.h"

#define REALM_PASSPHRASE_MAX 1023 /* bytes */

/* Gets one: from a file (`-`: the standard input; the newline at its end is not part of it), or, with NULL,
 * by asking on the terminal. SYSTEM: it cannot be had, or is empty; CANCELLED. */
godwit_status_t realm_passphrase_get (realm_bytes_t *passphrase, const char *file, const char *prompt,
                                      godwit_error_t **error);
/* Gets one for a new key: on the terminal it is asked for twice. */
godwit_status_t realm_passphrase_new (realm_bytes_t *passphrase, const char *file, godwit_error_t **error);

#endif
