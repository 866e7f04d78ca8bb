/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a request that was accepted, from its body to the end of its handler. */
#ifndef GODWIT_SRC_SERVER_WORKER_RUN_H
#define GODWIT_SRC_SERVER_WORKER_RUN_H

#include "src/server/worker.h"

/* Runs the request to the end. port: the one that the caller leads on, or NULL; worker: NULL in an external
 * loop. False: the caller leads on no port (any more). *malformed as in godwit__request_prepare; may be
 * NULL. */
bool godwit__worker_run (godwit__worker_t *worker, godwit__port_t *port, godwit_request_t *request,
                         bool *malformed);

#endif
