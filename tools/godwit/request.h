/* SPDX-License-Identifier: Apache-2.0 */
/* What call, cast and fanout have in common: TARGET METHOD ARGUMENT..., and what of it is sent. */
#ifndef GODWIT_TOOLS_REQUEST_H
#define GODWIT_TOOLS_REQUEST_H

#include "tools/godwit/arguments.h"
#include "tools/godwit/cluster.h"

typedef struct request {
    common_t common;
    pattern_t pattern; /* [EXCHANGE/]TOPIC[/SERVER], as it was given */
    const char *method;
    texts_t texts;    /* KEY=TEXT, KEY:=JSON */
    bool reads_input; /* the arguments are JSON from the standard input */
    const char *context_path, *name_space, *version, *server;
    int64_t retry; /* as godwit_client_options_t */
    bool is_unchecked;

    cluster_t cluster;
    servers_t servers; /* those that are meant; the target's names are theirs */
    godwit_target_t target;
    godwit_value_t *context, *args;
    godwit_client_t *client;
} request_t;

extern const struct argp_option request_options[];
error_t request_option (request_t *self, int key, char *text, struct argp_state *state);

/* Reads the arguments and the context, joins the cluster, finds the target and makes a client for it. Returns
 * an exit status: 0, or what was printed. Ends with request_close in any case. */
int request_open (request_t *self);
/* Checks the arguments against what the server tells of the method, if it does. As request_open. */
int request_check (request_t *self);
void request_close (request_t *self);

#define REQUEST_DOC                                                                                          \
    "The arguments are KEY=TEXT and KEY:=JSON; with a single - they are the JSON of the standard input, a "  \
    "map. The target is [EXCHANGE/]TOPIC[/SERVER]."

#endif
