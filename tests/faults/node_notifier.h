/* SPDX-License-Identifier: Apache-2.0 */
/* The notifier of a node: threads that notify, each at a priority of its own, and write down how that ends.
 */
#ifndef GODWIT_TESTS_FAULTS_NODE_NOTIFIER_H
#define GODWIT_TESTS_FAULTS_NODE_NOTIFIER_H

#include "tests/faults/history.h"
#include "tests/faults/node_options.h"

#include <godwit/godwit.h>

/* One in a process. All are borrowed until node_notifier_stop. The process gets SIGUSR1 when all that it was
 * to send was sent. */
bool node_notifier_start (godwit_transport_t *transport, history_t *history, const node_options_t *options,
                          godwit_error_t **error);
/* Waits until all that was accepted is acknowledged; what is left is written down. */
void node_notifier_stop (void);

#endif
