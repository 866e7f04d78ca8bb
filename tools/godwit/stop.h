/* SPDX-License-Identifier: Apache-2.0 */
/* SIGINT and SIGTERM, for commands that run until one comes. They arrive where they are waited for, and end
 * nothing by themselves. */
#ifndef GODWIT_TOOLS_STOP_H
#define GODWIT_TOOLS_STOP_H

#include <stdbool.h>
#include <stdint.h>

/* Before the threads of a transport are made. A reader of the standard output that goes away is an error of
 * writing from then on. False: errno says why. */
bool stop_open (void);
/* Waits for so long. True: a signal has come, also if it came before. */
bool stop_wait (int64_t timeout_ms);
/* A second signal ends the process at once. */
void stop_release (void);

/* Milliseconds of a clock that nobody sets. */
int64_t stop_now_ms (void);

#endif
