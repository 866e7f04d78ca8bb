/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the text of an option as a value of the option's kind. Nothing depends on the locale. */
#ifndef GODWIT_SRC_CONFIG_OPTION_VALUE_H
#define GODWIT_SRC_CONFIG_OPTION_VALUE_H

#include "src/config/option_table.h"

typedef struct godwit__option_value {
    int64_t number; /* milliseconds, a bool, a level, GODWIT__PATH_... */
    const char *text;
} godwit__option_value_t;

/* INVALID_ARGUMENT says what was expected; text is borrowed. A bad transport URL is INVALID_URL, and the
 * error does not quote it. */
godwit_status_t godwit__option_read (const godwit__option_t *option, const char *text, godwit__said_t said,
                                     godwit__option_value_t *value, godwit_error_t **error);
/* The same for a value that is a number already. */
godwit_status_t godwit__option_check (const godwit__option_t *option, int64_t number, godwit__said_t said,
                                      godwit_error_t **error);
/* What godwit__option_read accepts: "a number from 1 to 65535". */
void godwit__option_expected (const godwit__option_t *option, char *text, size_t size);

/* Which kinds of address are used, to listen and to connect. */
enum { GODWIT__PATH_INPROC = 1, GODWIT__PATH_IPC = 2, GODWIT__PATH_TCP = 4, GODWIT__PATH_ALL = 7 };

/* The GODWIT__PATH_ bit of an address ("tcp://..."); 0 for an unknown kind. */
unsigned godwit__path_of (const char *address);

#endif
