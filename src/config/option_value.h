/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the text of an option as what it should be. Nothing depends on the locale. */
#ifndef GODWIT_SRC_CONFIG_OPTION_VALUE_H
#define GODWIT_SRC_CONFIG_OPTION_VALUE_H

#include "src/config/option_table.h"

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
/* What godwit__option_read accepts: "a number from 1 to 65535". */
void godwit__option_expected (const godwit__option_t *option, char *text, size_t size);

/* Which kinds of address are used, to listen and to connect. */
enum { GODWIT__PATH_INPROC = 1, GODWIT__PATH_IPC = 2, GODWIT__PATH_TCP = 4, GODWIT__PATH_ALL = 7 };

/* The path bit of an address ("tcp://..."), 0 if it is of no kind that is known. */
unsigned godwit__path_of (const char *address);

#endif
