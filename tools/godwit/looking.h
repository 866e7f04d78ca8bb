/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands that look into black boxes share: where they look, and what an id is. */
#ifndef GODWIT_TOOLS_LOOKING_H
#define GODWIT_TOOLS_LOOKING_H

#include "tools/godwit/common.h"
#include "tools/godwit/sources.h"

#include <argp.h>

/* Where to look: on this machine, and in the cluster. */
typedef struct looking {
    common_t common;
    const char *dir;   /* the private folder; NULL: the usual ones */
    bool is_local;     /* nobody in the cluster is asked */
    char missing[256]; /* whom it could not ask; "": nobody */
} looking_t;

#define LOOKING_OF(name_)                                                                                    \
    {                                                                                                        \
        .common = COMMON_OF (name_)                                                                          \
    }

/* For argp.children. The parser of the command gives its looking_t at ARGP_KEY_INIT. */
extern const struct argp_child looking_options[];

/* An id as it was typed: of a call (8 bytes) or of a trace (16). */
typedef struct looked_for {
    char text[33];
    godwit__box_id_t id;
} looked_for_t;

/* False: TEXT is no id. */
bool looked_for_read (looked_for_t *id, const char *text);

/* The input of looking_on_id(): the arguments of a command that looks for one id. */
typedef struct look_up {
    looking_t looking;
    looked_for_t id; /* .text is "": none was given yet */
} look_up_t;

/* The parser of such a command, with looking_options as its children. */
error_t looking_on_id (int key, char *text, struct argp_state *state);

/* What is asked of all: texts NULL and numbers 0 are any. */
typedef struct looked {
    const looked_for_t *id;
    const char *topic;
    size_t limit;
    int64_t last_ms;
    bool slowest;
} looked_t;

/* Asks the boxes of this machine, and then the processes of the cluster that have none here. Whom it cannot
 * reach is in looking.missing. OUT_OF_MEMORY, INVALID_ARGUMENT. */
godwit_status_t looking_ask (looking_t *looking, sources_t *sources, const looked_t *looked,
                             godwit_error_t **error);
/* On standard error: whom it could not ask, if there is someone. */
void looking_print_missing (const looking_t *looking);
/* The second half of looking_ask. */
godwit_status_t looking_ask_cluster (looking_t *looking, sources_t *sources, const looked_t *looked,
                                     godwit_error_t **error);

#endif
