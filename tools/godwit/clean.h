/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that come from others, such as names in a file: on a terminal they could change it, or look like
 * another line, and in JSON they may not be UTF-8. What has no place there is written as \xNN. */
#ifndef GODWIT_TOOLS_CLEAN_H
#define GODWIT_TOOLS_CLEAN_H

#include <stdio.h>

/* Prints a text without control characters. */
void clean_print (FILE *to, const char *text);
/* A copy of a text that is UTF-8; JSON has a form for control characters. The caller's; NULL when memory is
 * short. */
char *clean_copy (const char *text);

/* A copy of a text without control characters. The caller's; NULL when memory is short. */
char *clean_line (const char *text);
/* Prints a text of several lines: only their ends stay. */
void clean_print_lines (FILE *to, const char *text);

#endif
