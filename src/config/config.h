/* The inside of a configuration: what a file says, checked. */
#ifndef GODWIT_SRC_CONFIG_CONFIG_H
#define GODWIT_SRC_CONFIG_CONFIG_H

#include <godwit/config.h>

#include "src/config/options.h"

/* A file of more bytes is refused. */
enum { GODWIT__CONFIG_MAX_SIZE = 1 << 20, GODWIT__CONFIG_GROUP_MAX = 49 };

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

/* A piece of a value. All texts are borrowed. */
typedef struct godwit__ini_piece {
    const char *text;
    bool begins_line; /* of the file */
    bool ends_line;
} godwit__ini_piece_t;

/* What is read from the text of a file, in order. A status ends the reading. */
typedef struct godwit__ini_events {
    /* name = value, or the beginning of the value */
    godwit_status_t (*option) (void *user, size_t line, const char *group, const char *name,
                               const godwit__ini_piece_t *piece, godwit_error_t **error);
    /* More of the last value. */
    godwit_status_t (*more) (void *user, const godwit__ini_piece_t *piece, godwit_error_t **error);
} godwit__ini_events_t;

/* Reads a text as oslo.config does. MALFORMED: "name:12: ...". */
godwit_status_t godwit__ini_read (const char *text, const char *name, const godwit__ini_events_t *events,
                                  void *user, godwit_error_t **error);

#endif
