/* SPDX-License-Identifier: Apache-2.0 */
/* What `godwit spool` prints. */
#ifndef GODWIT_TOOLS_SPOOL_H
#define GODWIT_TOOLS_SPOOL_H

#include <godwit/sqlite_spool.h>

/* Prints what a spool holds, as text or as one JSON object. */
godwit_status_t spool_print (godwit_spool_t *spool, const char *path, bool as_json, godwit_error_t **error);
/* Prints items, each as one JSON object in a line. stream NULL: of all streams. */
godwit_status_t spool_export (godwit_spool_t *spool, const char *stream, godwit_error_t **error);

#endif
