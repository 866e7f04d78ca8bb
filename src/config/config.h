/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration: the options that a file sets, each checked against the table of options (contract 12). It
 * is read once and then only looked at.
 */
#ifndef GODWIT_SRC_CONFIG_CONFIG_H
#define GODWIT_SRC_CONFIG_CONFIG_H

#include <godwit/config.h>

#include "src/config/option_table.h"

/* A file with more bytes is refused. */
enum { GODWIT__CONFIG_MAX_SIZE = 1 << 20 };

typedef struct godwit__config_entry {
    const godwit__option_t *option; /* NULL: an option of the program, not of Godwit */
    const char *group;              /* "DEFAULT", or in lower case */
    const char *name;
    char *value;       /* continuation lines are joined with '\n' */
    const char *where; /* "conf:12" */
    char *texts;       /* the memory of group, name and where */
} godwit__config_entry_t;

/* In the order of the file. */
size_t godwit__config_entry_count (const godwit_config_t *config);
const godwit__config_entry_t *godwit__config_entry (const godwit_config_t *config, size_t index);
/* The index-th value (from 0) of an option that may be set several times; NULL: there are fewer. */
const char *godwit__config_value (const godwit_config_t *config, const char *group, const char *name,
                                  size_t index);
/* The value of a number option in a group that Godwit knows, or its default. config may be NULL. */
int64_t godwit__config_number (const godwit_config_t *config, const char *group, const char *name);
godwit__said_t godwit__config_said (const godwit__config_entry_t *entry);

#endif
