/* SPDX-License-Identifier: Apache-2.0 */
/* The methods that a caller could have meant, for the error that says that there is no such method. */
#ifndef GODWIT_SRC_SERVER_METHOD_LIST_H
#define GODWIT_SRC_SERVER_METHOD_LIST_H

#include <stddef.h>

/* Names that are written. */
#define GODWIT__METHOD_LIST_MAX 10

/* The names that are nearest to the wanted one, the nearest first; of those that are as near, in the order in
 * which they were added. Names are borrowed. */
typedef struct godwit__method_list {
    const char *wanted;
    const char *names[GODWIT__METHOD_LIST_MAX];
    size_t distances[GODWIT__METHOD_LIST_MAX];
    size_t count; /* of names */
    size_t total;
} godwit__method_list_t;

void godwit__method_list_add (godwit__method_list_t *list, const char *name);
/* "add, sub and 3 more". size is at least 64. */
void godwit__method_list_print (const godwit__method_list_t *list, char *text, size_t size);

#endif
