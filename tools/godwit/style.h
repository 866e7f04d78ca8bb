/* SPDX-License-Identifier: Apache-2.0 */
/* Colours and the width of lines: as the terminal has them. */
#ifndef GODWIT_TOOLS_STYLE_H
#define GODWIT_TOOLS_STYLE_H

#include <stdbool.h>

typedef enum style { STYLE_PLAIN, STYLE_TITLE, STYLE_GOOD, STYLE_DOUBTFUL, STYLE_BAD, STYLE_FAINT } style_t;

typedef enum style_when {
    STYLE_AUTO, /* on a terminal, unless NO_COLOR is set or TERM is "dumb" */
    STYLE_ALWAYS,
    STYLE_NEVER
} style_when_t;

/* False: text is none of auto, always and never. */
bool style_parse (style_when_t *when, const char *text);
/* Whether there are colours on this descriptor. */
bool style_is_on (style_when_t when, int fd);

/* What begins a style, and what ends it: "" without colours, and for PLAIN. Static text. */
const char *style_begin (style_t style, bool is_on);
const char *style_end (style_t style, bool is_on);

/* Columns of the terminal; 80 if this is none, or does not tell. COLUMNS in the environment counts first. */
unsigned style_width (int fd);

#endif
