/* SPDX-License-Identifier: Apache-2.0 */
/* How much this process may have. */
#ifndef BENCH_LIMITS_H
#define BENCH_LIMITS_H

#include <stddef.h>

/* Raises the number of descriptors to what the system allows; returns it. Children inherit it. */
size_t bench_limits_raise (void);

#endif
