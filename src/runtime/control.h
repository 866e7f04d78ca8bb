/* SPDX-License-Identifier: Apache-2.0 */
/* The control thread: starting and ending it, and running its reactor from the program's own loop. */
#ifndef GODWIT_SRC_RUNTIME_CONTROL_H
#define GODWIT_SRC_RUNTIME_CONTROL_H

#include "src/runtime/transport.h"

/* Starts the thread; with external_loop, does nothing. */
godwit_status_t godwit__control_start (godwit_transport_t *transport, godwit_error_t **error);
/* Ends the thread, if there is one, and waits for it. */
void godwit__control_stop (godwit_transport_t *transport);

/* Runs the control reactor once without waiting, for a simulated cluster, in its thread. True if it did
 * anything. */
bool godwit__transport_run (godwit_transport_t *transport);

/* Runs the control reactor for godwit_transport_process: waits for at most timeout_ns, then runs what became
 * due by that, for a few rounds. */
void godwit__control_process (godwit_transport_t *transport, int64_t timeout_ns);

#endif
