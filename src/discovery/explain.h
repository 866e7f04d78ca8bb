/* SPDX-License-Identifier: Apache-2.0 */
/* Says why a server is not known, and which are: for errors and the log, to be read by people. */
#ifndef GODWIT_SRC_DISCOVERY_EXPLAIN_H
#define GODWIT_SRC_DISCOVERY_EXPLAIN_H

#include "src/discovery/directory.h"

/* Enough for what is written, whatever the names are. */
#define GODWIT__EXPLAIN_SIZE 1536

/* Writes a line: which sources of names are out of reach, or awaited; what is not known (the topic, or its
 * server, if that is not NULL); what is known instead, near names first. With transport.lock held. */
void godwit__explain_unknown (const godwit__directory_t *directory, const godwit__group_t *group,
                              const char *server, char *text, size_t size);

#endif
