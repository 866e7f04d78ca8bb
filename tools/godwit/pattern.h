/* SPDX-License-Identifier: Apache-2.0 */
/* Which servers are meant: [EXCHANGE/]TOPIC[/SERVER]. Each part may hold the wildcards of a shell: * ? [...]
 *
 * Of two parts it is not known which they are: exchange and topic, or topic and server. Both are tried. */
#ifndef GODWIT_TOOLS_PATTERN_H
#define GODWIT_TOOLS_PATTERN_H

#include <stdbool.h>

#define PATTERN_PART_SIZE 256 /* names are shorter */

typedef struct pattern {
    const char *text; /* borrowed */
    unsigned count;   /* of parts, 1 to 3; 0: everything is meant */
    char parts[3][PATTERN_PART_SIZE];
} pattern_t;

/* text NULL: everything. False: it has an empty part, too many, or one that is too long. */
bool pattern_read (pattern_t *pattern, const char *text);
bool pattern_matches (const pattern_t *pattern, const char *exchange, const char *topic, const char *server);

#endif
