/* SPDX-License-Identifier: Apache-2.0 */
/* How fast the threads of a node work, and that they end. */
#ifndef GODWIT_TESTS_FAULTS_NODE_PACE_H
#define GODWIT_TESTS_FAULTS_NODE_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* rate: a second and thread; 0: as fast as they can. */
void node_pace_start (double rate);
/* Waits until it is time for the next piece of work. due_ns: the thread's own, at first the present time.
 * False: it is over. */
bool node_pace_wait (uint64_t *due_ns);
void node_pace_stop (void);

#endif
