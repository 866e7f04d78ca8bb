/* SPDX-License-Identifier: Apache-2.0 */
/* How many refused JOINs a host answers: each answer costs it more than the JOIN has cost its sender. Each
 * certificate has a number of its own, so that a member that joins wrongly all the time takes the answers of
 * nobody else. Bounded; one thread. */
#ifndef GODWIT_MATCHMAKER_RENDEZVOUS_REFUSALS_H
#define GODWIT_MATCHMAKER_RENDEZVOUS_REFUSALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GODWIT__REFUSALS_PER_S 64
#define GODWIT__REFUSALS_MAX                                                                                 \
    64 /* certificates that are refused in one second; more share the common number */

typedef struct godwit__refusals {
    struct godwit__refusals_of {
        uint64_t serial;
        int64_t since_ns; /* the second in which `count` answers went out */
        unsigned count;
    } of[1 + GODWIT__REFUSALS_MAX]; /* the first: of all who have none of their own */
} godwit__refusals_t;

/* Whether a refusal is answered now; counts it. serial: of the certificate; 0: there is none. */
bool godwit__refusals_may_answer (godwit__refusals_t *refusals, uint64_t serial, int64_t now_ns);

#endif
