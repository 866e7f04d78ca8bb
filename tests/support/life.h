/* SPDX-License-Identifier: Apache-2.0 */
/* Servers in processes of their own (tests/e2e/programs/life_server), a rendezvous that stays when they die,
 * and a client of their topic. */
#ifndef GODWIT_TESTS_SUPPORT_LIFE_H
#define GODWIT_TESTS_SUPPORT_LIFE_H

#include <godwit/godwit.h>

#include "tests/support/process.h"

typedef struct life {
    char rendezvous[32];
    char url[160]; /* the rendezvous with the query */
    godwit_transport_t *host;
    godwit_transport_t *transport;
    godwit_client_t *client; /* of the topic, with PROCESS_WAIT_LIMIT_MS */
    godwit_client_t *to_one; /* of the server "one" */
} life_t;

/* options: of the client's transport; may be NULL. */
void life_open (life_t *life, const char *query, const godwit_transport_options_t *options);
void life_close (life_t *life);
/* Returns when it is up. The url may be another one than the client's. */
void life_start (process_t *server, const char *url, const char *name);
/* One of the numbers that the server says when it is told "stats". */
unsigned long long life_stat (process_t *server, const char *name);
/* True in a build with sanitizers, where times and memory say little. */
bool life_is_sanitized (void);

#endif
