/* SPDX-License-Identifier: Apache-2.0 */
/* Hides passwords in a URL that could not be parsed, so that an error may show it (InvalidTransportURL,
 * contract 3). Nobody knows the parts of such a URL, so everything that might be a password is hidden.
 */
#ifndef GODWIT_SRC_ADDRESS_URL_REDACT_H
#define GODWIT_SRC_ADDRESS_URL_REDACT_H

#include <godwit/error.h>

/* The text without what may be a password; a heap block, NULL when memory is short. */
char *godwit__url_redact (const char *text);
/* Gives an INVALID_URL that was just made its detail "url". Returns status. */
godwit_status_t godwit__url_error (godwit_error_t **error, godwit_status_t status, const char *text);

#endif
