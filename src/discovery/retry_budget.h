/* SPDX-License-Identifier: Apache-2.0 */
/* The retry budget of a topic: how many retries its servers may get besides calls, so that retries never
 * multiply an overload. It is a bucket of tokens, as in Finagle's and Linkerd's retry budgets. Each call of
 * the topic puts in a share of a token (`retry_budget`, in percent), and each second puts in a few. Each
 * retry that a server has to look at takes one out. Tokens leak away within about GODWIT__RETRY_BUDGET_MS:
 * the bucket never holds more than that time has earned, even after a quiet hour.
 *
 * Nobody waits here. A call that succeeds at once is only counted: what calls have earned is added up when a
 * retry asks for a token.
 *
 * Guarded by transport.lock, like the group that it belongs to.
 */
#ifndef GODWIT_SRC_DISCOVERY_RETRY_BUDGET_H
#define GODWIT_SRC_DISCOVERY_RETRY_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

/* As percent: no limit. */
#define GODWIT__RETRY_BUDGET_UNLIMITED (-1)
/* Tokens that a second puts in, so that a client with few calls can retry, too. */
#define GODWIT__RETRY_BUDGET_PER_S INT64_C (10)
/* How long a token lasts. */
#define GODWIT__RETRY_BUDGET_MS 10000
/* Tokens at the beginning, and after a long time without calls. */
#define GODWIT__RETRY_BUDGET_RESERVE (GODWIT__RETRY_BUDGET_PER_S * GODWIT__RETRY_BUDGET_MS / 1000)

typedef struct godwit__retry_budget {
    uint64_t call_count; /* calls so far: raised when the first attempt of a call is handed over */
    uint64_t call_count_seen;
    int64_t seen_ns;
    int64_t hundredths; /* of a token */
} godwit__retry_budget_t;

void godwit__retry_budget_open (godwit__retry_budget_t *budget, int64_t now_ns);
/* Takes a token. False: there is none. percent: the option's value. */
bool godwit__retry_budget_take (godwit__retry_budget_t *budget, int percent, int64_t now_ns);
/* Gives back a token that was not used. */
void godwit__retry_budget_give_back (godwit__retry_budget_t *budget);

#endif
