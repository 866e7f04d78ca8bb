/* SPDX-License-Identifier: Apache-2.0 */
/* Exponential back-off with jitter: how long to wait before the next attempt. Each delay is twice the last
 * one, up to a maximum. The caller waits a random part of it, so that callers who failed at the same time do
 * not retry at the same time. */
#ifndef GODWIT_SRC_BASE_DELAY_H
#define GODWIT_SRC_BASE_DELAY_H

#include <stdint.h>

typedef struct godwit__delay_rule {
    int64_t first_ns;
    int64_t max_ns;
    /* The wait is a random part of the delay, between these percentages. */
    int64_t least_percent;
    int64_t most_percent;
} godwit__delay_rule_t;

/* Returns how long to wait. *delay_ns is the last delay, 0 before the first; it is updated. random: any 64
 * bits. */
static inline int64_t
godwit__delay_next (int64_t *delay_ns, const godwit__delay_rule_t *rule, uint64_t random)
{
    const int64_t doubled_ns = *delay_ns ? 2 * *delay_ns : rule->first_ns;
    *delay_ns = doubled_ns < rule->max_ns ? doubled_ns : rule->max_ns;
    const int64_t least_ns = *delay_ns * rule->least_percent / 100;
    const int64_t most_ns = *delay_ns * rule->most_percent / 100;
    return most_ns > least_ns ? least_ns + (int64_t) (random % (uint64_t) (most_ns - least_ns)) : least_ns;
}

#endif
