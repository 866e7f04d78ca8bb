/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the text of an INI file as oslo.config does. The reader passes each option, piece by piece, to
 * functions of the caller.
 */
#ifndef GODWIT_SRC_CONFIG_CONFIG_INI_H
#define GODWIT_SRC_CONFIG_CONFIG_INI_H

#include <godwit/error.h>

#include <stdbool.h>
#include <stddef.h>

/* A piece of a value. All texts are borrowed. */
typedef struct godwit__ini_piece {
    const char *text;
    bool begins_line; /* of the file */
    bool ends_line;
} godwit__ini_piece_t;

/* Called in the order of the file. A status other than OK ends the reading. */
typedef struct godwit__ini_events {
    /* name = value, or the beginning of the value */
    godwit_status_t (*option) (void *user, size_t line, const char *group, const char *name,
                               const godwit__ini_piece_t *piece, godwit_error_t **error);
    /* The next piece of the last value. */
    godwit_status_t (*more) (void *user, const godwit__ini_piece_t *piece, godwit_error_t **error);
} godwit__ini_events_t;

/* Reads a text as oslo.config does. MALFORMED: "name:12: ...". */
godwit_status_t godwit__ini_read (const char *text, const char *name, const godwit__ini_events_t *events,
                                  void *user, godwit_error_t **error);

#endif
