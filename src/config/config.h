/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration: the options that a file sets, each checked against the table of options (contract 12). It
 * is read once and then only looked at.
 */
#ifndef GODWIT_SRC_CONFIG_CONFIG_H
#define GODWIT_SRC_CONFIG_CONFIG_H

#include <godwit/config.h>

#include "src/config/option_table.h"

/* A file of more bytes is refused. */
enum { GODWIT__CONFIG_MAX_SIZE = 1 << 20 };

typedef struct godwit__config_entry {
    const godwit__option_t *option; /* NULL: the program's own */
    const char *group;              /* "DEFAULT", or in lower case */
    const char *name;
    char *value;       /* continuation lines are joined with '\n' */
    const char *where; /* "conf:12" */
    char *texts;       /* what the three lie in */
} godwit__config_entry_t;

/* In the order of the file. */
size_t godwit__config_entry_count (const godwit_config_t *config);
const godwit__config_entry_t *godwit__config_entry (const godwit_config_t *config, size_t index);
/* The index-th value of an option that may be said several times, from 0; NULL: there are not so many. */
const char *godwit__config_value (const godwit_config_t *config, const char *group, const char *name,
                                  size_t index);
/* A number of a group that Godwit knows, or its default. config may be NULL. */
int64_t godwit__config_number (const godwit_config_t *config, const char *group, const char *name);
godwit__said_t godwit__config_said (const godwit__config_entry_t *entry);

#endif
