/* SPDX-License-Identifier: Apache-2.0 */
/* The names that are nearest to one that was not found: "did you mean ...?". */
#ifndef GODWIT_TOOLS_NEAR_H
#define GODWIT_TOOLS_NEAR_H

#include <stddef.h>
#include <stdio.h>

#define NEAR_MAX 3
/* Longer names are cut off: they would be near to no other. */
#define NEAR_NAME_SIZE 65

typedef struct near {
    const char *wanted; /* borrowed */
    char names[NEAR_MAX][NEAR_NAME_SIZE];
    size_t distances[NEAR_MAX];
    size_t count; /* of names */
    size_t total; /* of different neighbours that were offered, as far as they are known to be different */
} near_t;

/* Offers a name, which is copied. */
void near_offer (near_t *near, const char *name);
/* Prints "; did you mean a, b or c?"; or, if none is near, what there is: "; there are a, b, c and 4 others";
 * nothing if no name was offered. what: "commands", "topics"... Names are cleaned. */
void near_print (FILE *to, const near_t *near, const char *what);
/* Prints only names that are really near. */
void near_print_close (FILE *to, const near_t *near);

#endif
