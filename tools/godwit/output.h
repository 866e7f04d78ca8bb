/* SPDX-License-Identifier: Apache-2.0 */
/* Values as JSON, on one line or laid out. Unlike src/value/json.h it has a form for every value, because
 * it shows what others sent: binary data is a text of hexadecimal digits, "0x00ff"; a double that is no
 * number is null; bytes that are not UTF-8 are U+FFFD; control characters are escaped. */
#ifndef GODWIT_TOOLS_OUTPUT_H
#define GODWIT_TOOLS_OUTPUT_H

#include <godwit/value.h>

#include <stdio.h>

/* On one line, without its end. */
void output_json (FILE *to, const godwit_value_t *value);
/* A list or map that is too long for a line of so many columns is broken into lines, with their ends. */
void output_pretty (FILE *to, const godwit_value_t *value, unsigned width);
/* Finishes a builder, prints its value on a line of the standard output, and drops both. False: it was
 * printed why not. */
bool output_built (const char *command, godwit_builder_t **builder);
/* Writes what is left to the standard output. Returns the exit status: the given one, or STATUS_FAILED if it
 * could not be written. A reader that went away is no failure. */
int output_end (const char *command, int status);

#endif
