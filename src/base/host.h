/* SPDX-License-Identifier: Apache-2.0 */
/* Facts about the process and the machine: was it forked, which host is it, when did it start. */
#ifndef GODWIT_SRC_BASE_HOST_H
#define GODWIT_SRC_BASE_HOST_H

#include <stdint.h>

/* A byte that is 1 in this process and 0 in any child that fork() makes: reading it costs no system call.
 * NULL when memory is short. */
const unsigned char *godwit__fork_guard_new (void);
void godwit__fork_guard_free (const unsigned char *guard);

/* An opaque name of this machine, equal for processes that can reach each other's ipc addresses: the same
 * boot and the same network and mount namespaces. The caller frees it; NULL when memory is short. */
char *godwit__host_id (void);

/* A number that grows from one start to the next: microseconds of the wall clock. */
uint64_t godwit__incarnation (void);

#endif
