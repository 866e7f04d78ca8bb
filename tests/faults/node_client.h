/* SPDX-License-Identifier: Apache-2.0 */
/* The client of a node: threads that make a seeded mix of calls, and write down how each ends. */
#ifndef GODWIT_TESTS_FAULTS_NODE_CLIENT_H
#define GODWIT_TESTS_FAULTS_NODE_CLIENT_H

#include "tests/faults/history.h"
#include "tests/faults/node_options.h"

#include <godwit/godwit.h>

/* One in a process. All are borrowed until node_client_stop. The process gets SIGUSR1 when the calls that it
 * was to make have ended. */
bool node_client_start (godwit_transport_t *transport, history_t *history, const node_options_t *options,
                        godwit_error_t **error);
/* When every call has ended. */
void node_client_stop (void);

#endif
