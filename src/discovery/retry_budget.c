/* SPDX-License-Identifier: Apache-2.0 */
#include "src/discovery/retry_budget.h"

#include "src/loop/reactor.h"

#define TOKEN 100 /* hundredths */
/* A token's hundredths are earned by percents, and by milliseconds. */
#define EARNED_PER_MS (GODWIT__RETRY_BUDGET_PER_S * TOKEN / 1000)
/* More calls than any rate reaches; further calls earn nothing, so that nothing overflows. */
#define CALLS_MAX 1000000000

_Static_assert(EARNED_PER_MS * 1000 == GODWIT__RETRY_BUDGET_PER_S * TOKEN, "a whole number in each ms");

void
godwit__retry_budget_open (godwit__retry_budget_t *budget, int64_t now_ns)
{
    *budget = (godwit__retry_budget_t){
        .seen_ns = now_ns,
        .hundredths = GODWIT__RETRY_BUDGET_RESERVE * TOKEN,
    };
}

/* Adds what was earned since the last look, less what has leaked away since. */
static void
reckon (godwit__retry_budget_t *budget, int percent, int64_t now_ns)
{
    const uint64_t calls = budget->call_count - budget->call_count_seen;
    const int64_t earned = (int64_t) (calls < CALLS_MAX ? calls : CALLS_MAX) * percent;
    const int64_t ms = (now_ns - budget->seen_ns) / GODWIT__NS_PER_MS;
    budget->call_count_seen = budget->call_count;
    if (ms < 0) { /* a clock that went back */
        budget->seen_ns = now_ns;
        return;
    }
    if (ms < GODWIT__RETRY_BUDGET_MS) {
        budget->hundredths -= budget->hundredths * ms / GODWIT__RETRY_BUDGET_MS;
        budget->hundredths += earned + ms * EARNED_PER_MS;
    } else { /* the calls are taken as evenly spread: the share of the last part counts */
        budget->hundredths = earned * GODWIT__RETRY_BUDGET_MS / ms + GODWIT__RETRY_BUDGET_RESERVE * TOKEN;
    }
    budget->seen_ns += ms * GODWIT__NS_PER_MS;
}

bool
godwit__retry_budget_take (godwit__retry_budget_t *budget, int percent, int64_t now_ns)
{
    if (percent == GODWIT__RETRY_BUDGET_UNLIMITED)
        return true;
    reckon (budget, percent, now_ns);
    if (budget->hundredths < TOKEN)
        return false;
    budget->hundredths -= TOKEN;
    return true;
}

void
godwit__retry_budget_give_back (godwit__retry_budget_t *budget)
{
    budget->hundredths += TOKEN;
}
