/* SPDX-License-Identifier: Apache-2.0 */
/* The lock of what exists once in a process: the apmec module's transport and modules, the table of timeouts
 * (contract 11). It is the only lock of the library that fork() waits for, so that a child finds it free; its
 * first use arranges that. Hold it for a moment only; never while user code runs or a transport is made. */
#ifndef GODWIT_SRC_BASE_PROCESS_H
#define GODWIT_SRC_BASE_PROCESS_H

void godwit__process_lock (void);
void godwit__process_unlock (void);

#endif
