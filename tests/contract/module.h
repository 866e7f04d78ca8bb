/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of contract 11 stand on: the module in the world of the other sections, and a server's
 * methods. */
#ifndef GODWIT_TESTS_CONTRACT_MODULE_H
#define GODWIT_TESTS_CONTRACT_MODULE_H

#include "tests/contract/contract.h"

#include <godwit/service.h>

/* Joins the world of the core. more: further lines of [DEFAULT]. */
void module_init (const core_t *core, const char *more);
void module_cleanup (void);
godwit_client_t *module_client (const char *topic);

/* What the handlers did: answer (value) -> value, _secret: the same, block: waits for the gate. */
typedef struct worker {
    tally_t running; /* handlers that began */
    tally_t gate;    /* block ends when it is raised */
    atomic_int order;
    atomic_int ended; /* the place in the order at which block ended */
    atomic_int destroyed;
} worker_t;

void worker_open (worker_t *worker);
void worker_close (worker_t *worker);
godwit_endpoint_t endpoint_of (worker_t *worker);
/* A consumer with that endpoint. */
void add_consumer (godwit_rpc_connection_t *connection, worker_t *worker, const char *topic,
                   const char *host);
/* The call succeeds. */
void answers (godwit_client_t *client);
/* Somebody takes requests of the client's topic now. */
bool is_served (godwit_client_t *client);
void wait_stopped (godwit_client_t *client);
/* A godwit_reply_fn: raises the tally. */
void add_to_tally (void *user, godwit_status_t status, const godwit_value_t *result,
                   const godwit_error_t *error);

/* A serializer that counts what it is asked, and passes everything on. */
typedef struct counts {
    atomic_int entities_out, entities_in, contexts;
} counts_t;

godwit_serializer_t counting (counts_t *counts);

#define ANSWER_ARGS GODWIT_ARGS (GODWIT_INT ("value", 42))

#endif
