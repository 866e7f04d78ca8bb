/* SPDX-License-Identifier: Apache-2.0 */
/* Records of several processes in one list. */
#ifndef GODWIT_TOOLS_CALL_LIST_H
#define GODWIT_TOOLS_CALL_LIST_H

#include "tools/godwit/story.h"

typedef struct call_list {
    size_t count;
    story_part_t *parts;
} call_list_t;

/* All records of the sources, borrowed. False: memory is short. */
bool call_list_make (call_list_t *list, const sources_t *sources);
void call_list_free (call_list_t *list);

/* As a table: when, how long, side, method, status, id, process. */
void call_list_print (const call_list_t *list, size_t limit, FILE *to);
/* As a list of maps: the record, with the process. */
void call_list_tell (const call_list_t *list, size_t limit, godwit_builder_t *builder);

#endif
