/* SPDX-License-Identifier: Apache-2.0 */
/* Where in a value something is wrong: "args.m[2].x". */
#ifndef GODWIT_SRC_BASE_PATH_H
#define GODWIT_SRC_BASE_PATH_H

#include <stddef.h>

/* One step on the way through a value. Steps lie on the stack of the functions that walk, each linked to its
 * parent. They become text only for an error. */
typedef struct godwit__path {
    const struct godwit__path *parent;
    const char *name; /* of the root or of a map's entry; NULL: an index */
    size_t index;
} godwit__path_t;

enum { GODWIT__PATH_SIZE = 256 };

/* Writes the path, cut if it is longer, and returns text. Control characters become '?', because names may be
 * remote. */
const char *godwit__path_print (const godwit__path_t *path, char text[GODWIT__PATH_SIZE]);

#endif
