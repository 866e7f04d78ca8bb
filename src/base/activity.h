/* SPDX-License-Identifier: Apache-2.0 */
/* What the system knows of a thread of this process. Both functions cost system calls. */
#ifndef GODWIT_SRC_BASE_ACTIVITY_H
#define GODWIT_SRC_BASE_ACTIVITY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* The clock of the processor time of the thread that calls it, which any thread may read. */
clockid_t godwit__thread_clock (void);
/* Nanoseconds of processor time that a thread has used. 0: that cannot be told. */
int64_t godwit__thread_used_ns (clockid_t clock);
/* True if a thread runs, or waits for its turn on a processor. False if it is blocked, or if that cannot be
 * told (no /proc, no descriptor). */
bool godwit__thread_is_runnable (pid_t id);

#endif
