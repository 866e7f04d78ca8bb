/* SPDX-License-Identifier: Apache-2.0 */
/* Whether traffic went on: the longest time in which none of a client's calls succeeded. */
#ifndef GODWIT_TESTS_HOSTS_PAUSE_H
#define GODWIT_TESTS_HOSTS_PAUSE_H

#include <stdint.h>

/* Reads the client's history, between the first and the last of its calls (no casts) that succeeded. In
 * milliseconds; -1: fewer than two did, or it cannot be read. */
int64_t pause_longest_ms (const char *path);

#endif
