/* SPDX-License-Identifier: Apache-2.0 */
/* A URL as it may be shown: InvalidTransportURL's own data (contract 3). Nobody knows what is what in a URL
 * that could not be parsed, so everything that might be a password goes.
 */
#ifndef GODWIT_SRC_ADDRESS_URL_REDACT_H
#define GODWIT_SRC_ADDRESS_URL_REDACT_H

#include <godwit/error.h>

/* The text without what may be a password; a heap block, NULL when memory is short. */
char *godwit__url_redact (const char *text);
/* Gives an INVALID_URL that was just made its detail "url". Returns status. */
godwit_status_t godwit__url_error (godwit_error_t **error, godwit_status_t status, const char *text);

#endif
