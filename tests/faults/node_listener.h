/* SPDX-License-Identifier: Apache-2.0 */
/* The listener of a node, for all priorities: it writes down what it gets, and how often that was delivered
 * before, works for a while, and is done with it or requeues it. */
#ifndef GODWIT_TESTS_FAULTS_NODE_LISTENER_H
#define GODWIT_TESTS_FAULTS_NODE_LISTENER_H

#include "tests/faults/history.h"
#include "tests/faults/node_options.h"

#include <godwit/godwit.h>

/* One in a process. All are borrowed until node_listener_stop. */
bool node_listener_start (godwit_transport_t *transport, history_t *history, const node_options_t *options,
                          godwit_error_t **error);
/* What it has accepted is handled and acknowledged. */
bool node_listener_stop (godwit_error_t **error);

#endif
