/* SPDX-License-Identifier: Apache-2.0 */
/* Holds requests that were kept, and answers each when its time has come, in a thread of its own. */
#ifndef GODWIT_TESTS_FAULTS_NODE_KEEPER_H
#define GODWIT_TESTS_FAULTS_NODE_KEEPER_H

#include <godwit/server.h>

#include <stdbool.h>

/* Owns the request. */
typedef void node_keeper_fn (godwit_request_t *request);

bool node_keeper_start (node_keeper_fn *answer);
/* Takes the request. Any thread. */
void node_keeper_keep (godwit_request_t *request, int64_t ms);
/* When nothing is kept any more. */
void node_keeper_stop (void);

#endif
