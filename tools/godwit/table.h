/* SPDX-License-Identifier: Apache-2.0 */
/* A table for a terminal. Its columns are as wide as what is in them; if that is too wide, the widest shrink,
 * and what does not fit is cut off. Texts may come from others: they are cleaned (clean.h). */
#ifndef GODWIT_TOOLS_TABLE_H
#define GODWIT_TOOLS_TABLE_H

#include "tools/godwit/style.h"

#include <stddef.h>
#include <stdio.h>

typedef struct table_column {
    const char *title;
    bool is_right; /* numbers: aligned at their ends */
    bool keeps;    /* it never shrinks */
} table_column_t;

typedef struct table table_t;

/* columns are borrowed. NULL when memory is short; the functions below take that, and then table_print
 * returns false. */
table_t *table_new (const table_column_t *columns, size_t count);
void table_destroy (table_t **table);
/* Adds the next cell, from left to right, row after row. */
void table_add (table_t *table, style_t style, const char *text);
/* The same, printf-like. A text of more than 255 bytes is cut. */
void table_add_format (table_t *table, style_t style, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));
/* Prints the titles and the rows in so many columns of the terminal. False: memory was short. */
bool table_print (const table_t *table, FILE *to, unsigned width, bool is_coloured);

#endif
