/* SPDX-License-Identifier: Apache-2.0 */
/* The one table of all options: where each can be set, what it takes, and its default. A test compares
 * docs/options.md with it.
 */
#ifndef GODWIT_SRC_CONFIG_OPTION_TABLE_H
#define GODWIT_SRC_CONFIG_OPTION_TABLE_H

#include <godwit/error.h>

#include <stddef.h>
#include <stdint.h>

/* Where an option can be set. */
enum {
    GODWIT__IN_STRUCT = 1,        /* a field of godwit_transport_options_t */
    GODWIT__IN_URL = 2,           /* the URL's query */
    GODWIT__IN_DEFAULT = 4,       /* a file's [DEFAULT] */
    GODWIT__IN_GODWIT = 8,        /* a file's [godwit] */
    GODWIT__IN_NOTIFICATIONS = 16 /* a file's [oslo_messaging_notifications] */
};

typedef enum godwit__option_kind {
    GODWIT__KIND_TEXT,    /* const char *; least to most bytes */
    GODWIT__KIND_INT,     /* int */
    GODWIT__KIND_INT64,   /* int64_t */
    GODWIT__KIND_SIZE,    /* size_t */
    GODWIT__KIND_SECONDS, /* int64_t milliseconds, written as seconds with a fraction */
    GODWIT__KIND_BOOL,    /* bool */
    GODWIT__KIND_LEVEL,   /* godwit_log_level_t */
    GODWIT__KIND_PATHS,   /* int: a list of kinds of address */
    GODWIT__KIND_URL,     /* a transport URL */
    GODWIT__KIND_NAMES,   /* a list of names, none of them empty */
    GODWIT__KIND_NOTIFY,  /* the name of a notification driver */
    GODWIT__KIND_POINTER  /* code and data of the program: in the struct only */
} godwit__option_kind_t;

typedef struct godwit__option {
    const char *name;
    godwit__option_kind_t kind;
    unsigned places;
    int offset;     /* in godwit__settings_t; -1: no transport uses it; only the configuration shows it */
    int64_t normal; /* the default of a number */
    int64_t least;
    int64_t most;
    const char *normal_text; /* the default of other kinds, human-readable */
    const char *unit;        /* "ms"; "" if there is none */
    const char *doc;
} godwit__option_t;

extern const godwit__option_t godwit__options[];
extern const size_t godwit__option_count;

/* place is one of GODWIT__IN_...; NULL: there is no such option there. */
const godwit__option_t *godwit__option_find (const char *name, unsigned place);

/* Where an option was set, for errors: "Option [DEFAULT] host (godwit.conf:12): ...". */
typedef struct godwit__said {
    const char *group; /* NULL: no group, as in a URL */
    const char *where;
    unsigned place;
} godwit__said_t;

/* INVALID_ARGUMENT: there is no such option at this place. The error says where it can be set, or which name
 * may be meant. */
godwit_status_t godwit__option_unknown (const char *name, godwit__said_t said, godwit_error_t **error);

#endif
