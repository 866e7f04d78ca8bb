/* Options: one table of all of them, and how the options of a transport are settled (contract 8 and 12).
 *
 *     URL's query  >  godwit_transport_options_t  >  configuration file  >  default
 */
#ifndef GODWIT_SRC_CONFIG_OPTIONS_H
#define GODWIT_SRC_CONFIG_OPTIONS_H

#include <godwit/config.h>
#include <godwit/url.h>

#include <stdint.h>

/* Which kinds of address are used, to listen and to connect. */
enum { GODWIT__PATH_INPROC = 1, GODWIT__PATH_IPC = 2, GODWIT__PATH_TCP = 4, GODWIT__PATH_ALL = 7 };

enum { GODWIT__OPTION_MAX = 64 };

/* All options of a transport with defaults filled in. Strings are borrowed from where they were said. */
typedef struct godwit__settings {
    godwit_transport_options_t known; /* those that are in the struct */
    int paths;
    bool host_rendezvous;
    const char *static_list; /* the option `static`; NULL: unset */
    const char *static_file;
    const char *where[GODWIT__OPTION_MAX]; /* by the option's place in the table; NULL: the default holds */
} godwit__settings_t;

/* ---- the table ---- */

/* Where an option can be said. */
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
    int offset;     /* in godwit__settings_t; -1: of no transport, only kept for who asks the configuration */
    int64_t normal; /* the default of a number */
    int64_t least;
    int64_t most;
    const char *normal_text; /* the default of other kinds, for people */
    const char *unit;        /* "ms"; "" if there is none */
    const char *doc;
} godwit__option_t;

extern const godwit__option_t godwit__options[];
extern const size_t godwit__option_count;

/* place is one of GODWIT__IN_...; NULL: there is no such option there. */
const godwit__option_t *godwit__option_find (const char *name, unsigned place);

/* ---- reading a value ---- */

/* Where an option was said, for errors: "Option [DEFAULT] host (godwit.conf:12): ...". */
typedef struct godwit__said {
    const char *group; /* NULL: no group, as in a URL */
    const char *where;
    unsigned place;
} godwit__said_t;

typedef struct godwit__option_value {
    int64_t number; /* milliseconds, a bool, a level, GODWIT__PATH_... */
    const char *text;
} godwit__option_value_t;

/* INVALID_ARGUMENT says what was expected; text is borrowed. A bad transport URL is INVALID_URL, and not
 * quoted. */
godwit_status_t godwit__option_read (const godwit__option_t *option, const char *text, godwit__said_t said,
                                     godwit__option_value_t *value, godwit_error_t **error);
/* The same for a number that needs no reading. */
godwit_status_t godwit__option_check (const godwit__option_t *option, int64_t number, godwit__said_t said,
                                      godwit_error_t **error);
/* INVALID_ARGUMENT: there is no such option at this place, where it could be said or what is meant. */
godwit_status_t godwit__option_unknown (const char *name, godwit__said_t said, godwit_error_t **error);
/* What godwit__option_read accepts: "a number from 1 to 65535". */
void godwit__option_expected (const godwit__option_t *option, char *text, size_t size);

/* ---- settling ---- */

/* Fills *settings. config and given may be NULL; url_where says in errors where the URL comes from ("URL").
 * INVALID_ARGUMENT names the option, where it was set and what was expected. */
godwit_status_t godwit__options_settle (godwit__settings_t *settings, const godwit_config_t *config,
                                        const godwit_transport_options_t *given, const godwit_url_t *url,
                                        const char *url_where, godwit_error_t **error);

/* Where the option of that name, which is one of the URL's, was set. */
const char *godwit__settings_where (const godwit__settings_t *settings, const char *name);

/* The path bit of an address ("tcp://..."), 0 if it is of no kind that is known. */
unsigned godwit__path_of (const char *address);

#endif
