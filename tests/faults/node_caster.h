/* SPDX-License-Identifier: Apache-2.0 */
/* The client of a node that makes durable casts, and the server that runs them. In the history they are a
 * notifier with a spool, and a listener of the pool "servers". */
#ifndef GODWIT_TESTS_FAULTS_NODE_CASTER_H
#define GODWIT_TESTS_FAULTS_NODE_CASTER_H

#include "tests/faults/history.h"
#include "tests/faults/node_options.h"

#include <godwit/godwit.h>

/* One of each in a process. All are borrowed until the stop. */
bool node_caster_start (godwit_transport_t *transport, history_t *history, const node_options_t *options,
                        godwit_error_t **error);
/* Waits until all that was accepted has run; what has not is written down. */
void node_caster_stop (void);

bool node_worker_start (godwit_transport_t *transport, history_t *history, const node_options_t *options,
                        godwit_error_t **error);
/* Drains it. */
bool node_worker_stop (godwit_error_t **error);

#endif
