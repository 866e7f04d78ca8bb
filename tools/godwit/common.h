/* SPDX-License-Identifier: Apache-2.0 */
/* The options that all commands have which join a cluster. */
#ifndef GODWIT_TOOLS_COMMON_H
#define GODWIT_TOOLS_COMMON_H

#include "tools/godwit/style.h"

#include <argp.h>
#include <stdint.h>

typedef struct common {
    const char *command; /* for messages */
    const char *url;     /* NULL: $GODWIT_URL, or zmq:// */
    int64_t timeout_ms;
    bool json;
    style_when_t when; /* colours */
} common_t;

#define COMMON_OF(name_)                                                                                     \
    {                                                                                                        \
        .command = (name_), .timeout_ms = 10000                                                              \
    }

/* For argp.children. The parser of the command gives its common_t at ARGP_KEY_INIT:
 * state->child_inputs[0] = &self->common. */
extern const struct argp_child common_children[];

/* The end of a help text: what exit statuses say. */
#define COMMON_STATUS                                                                                        \
    "Exit status: 0; 1 for a failure, such as a rendezvous out of reach; 2 for arguments that make no "      \
    "sense; "                                                                                                \
    "3 if nothing of that name is there"

const char *common_url (const common_t *common);

#endif
