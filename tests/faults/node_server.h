/* SPDX-License-Identifier: Apache-2.0 */
/* The server of a node. Its methods take "id" (the call's number in the history), and answer with a map of
 * "node" and "life", so that the caller's history says who answered.
 *
 *     quick             answers at once
 *     slow  ms          takes so long
 *     fail              fails
 *     large size        answers with so many bytes more
 *     keep  ms          is kept, and answered by another thread after so long
 */
#ifndef GODWIT_TESTS_FAULTS_NODE_SERVER_H
#define GODWIT_TESTS_FAULTS_NODE_SERVER_H

#include "tests/faults/history.h"
#include "tests/faults/node_options.h"

#include <godwit/godwit.h>

/* One in a process. All are borrowed until node_server_stop. */
bool node_server_start (godwit_transport_t *transport, history_t *history, const node_options_t *options,
                        godwit_error_t **error);
/* Drains it. */
bool node_server_stop (godwit_error_t **error);

#endif
