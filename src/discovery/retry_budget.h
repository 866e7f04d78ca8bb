/* SPDX-License-Identifier: Apache-2.0 */
/* How many attempts more than calls a topic's servers may be made to look at, so that retries never multiply
 * the load that they come from. A bucket of tokens, as in Finagle's and Linkerd's retry budgets: each call of
 * the topic puts a share of a token in (`retry_budget`, in percent), each second puts a few in, each retry
 * that a server has to look at takes one out. What is in it leaks away within GODWIT__RETRY_BUDGET_MS or so:
 * there is never more than that time has earned, however quiet the hour before it was.
 *
 * Nobody waits here, and nothing is done for a call that succeeds at once but to count it: what was earned is
 * reckoned when it is asked for.
 *
 * Guarded by transport.lock, as the group that it is of.
 */
#ifndef GODWIT_SRC_DISCOVERY_RETRY_BUDGET_H
#define GODWIT_SRC_DISCOVERY_RETRY_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

/* Without a limit. */
#define GODWIT__RETRY_BUDGET_UNLIMITED (-1)
/* What a second puts in, so that the call of somebody who makes few can be retried. */
#define GODWIT__RETRY_BUDGET_PER_S INT64_C (10)
/* How long what was earned lasts. */
#define GODWIT__RETRY_BUDGET_MS 10000
/* What is there at the beginning, and when nothing was called for long. */
#define GODWIT__RETRY_BUDGET_RESERVE (GODWIT__RETRY_BUDGET_PER_S * GODWIT__RETRY_BUDGET_MS / 1000)

typedef struct godwit__retry_budget {
    uint64_t call_count; /* calls so far: raised by whoever hands over the first attempt of one */
    uint64_t call_count_seen;
    int64_t seen_ns;
    int64_t hundredths; /* of a token */
} godwit__retry_budget_t;

void godwit__retry_budget_open (godwit__retry_budget_t *budget, int64_t now_ns);
/* Takes a token. False: there is none. percent: the option's value. */
bool godwit__retry_budget_take (godwit__retry_budget_t *budget, int percent, int64_t now_ns);
/* It was not used. */
void godwit__retry_budget_give_back (godwit__retry_budget_t *budget);

#endif
