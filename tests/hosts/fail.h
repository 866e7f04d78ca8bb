/* SPDX-License-Identifier: Apache-2.0 */
/* How the program of the hosts waits, and how it ends when something is not as it must be: with a text, and
 * cleaned up. */
#ifndef GODWIT_TESTS_HOSTS_FAIL_H
#define GODWIT_TESTS_HOSTS_FAIL_H

#include <stdbool.h>
#include <stdint.h>

/* Says it on stderr and exits with 1; what atexit was told of is cleaned up. */
_Noreturn void hosts_fail (const char *format, ...) __attribute__ ((format (printf, 1, 2)));

/* From now on SIGINT, SIGTERM and SIGHUP make hosts_check_signals fail, and so does a run that is longer. */
void hosts_watch (unsigned limit_seconds);
/* At the end of the program: nothing stops the cleaning up. */
void hosts_stop_watching (void);
/* To be asked in every loop that waits. */
void hosts_check_signals (void);

/* Waits until the descriptor can be read. False: not within the time. */
bool hosts_wait (int fd, int64_t wait_limit_ms);

int64_t hosts_now_ms (void);
/* Of the monotonic clock, as the logs have them. */
int64_t hosts_now_ns (void);

#endif
