/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands that look into black boxes share: where they look, and what an id is. */
#ifndef GODWIT_TOOLS_LOOKING_H
#define GODWIT_TOOLS_LOOKING_H

#include "tools/godwit/sources.h"

#include <argp.h>

/* Where to look. */
typedef struct looking {
    const char *dir; /* the private folder; NULL: the usual ones */
    bool as_json;
} looking_t;

enum { LOOKING_DIR = 'd', LOOKING_JSON = 'j' };

/* The options --dir and --json. */
extern const struct argp_child looking_options[];

/* An id as it was typed: of a call (8 bytes) or of a trace (16). */
typedef struct looked_for {
    char text[33];
    uint8_t bytes[16];
    size_t size;
} looked_for_t;

/* Reads an id; ends the program with STATUS_USAGE if it is none. */
void looking_read_id (looked_for_t *id, const struct argp_state *state, const char *text);
/* Sets the filter to it. */
void looking_filter (godwit__box_filter_t *filter, const looked_for_t *id);

/* Asks all: the boxes of this machine. */
godwit_status_t looking_ask (const looking_t *looking, sources_t *sources, const godwit__box_filter_t *filter,
                             godwit_error_t **error);

/* Prints a value as JSON, on a line. False: memory is short. */
bool looking_print_json (const godwit_value_t *value);

#endif
