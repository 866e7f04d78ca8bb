/* SPDX-License-Identifier: Apache-2.0 */
#include "src/client/call_retry.h"

#include "src/base/delay.h"
#include "src/client/call_record.h"
#include "src/client/fanout_row.h"

/* Between half of the delay and all of it, so that calls which failed together do not come back together. */
static const godwit__delay_rule_t backoff = {
    .first_ns = 1 * GODWIT__NS_PER_MS,
    .max_ns = 100 * GODWIT__NS_PER_MS,
    .least_percent = 50,
    .most_percent = 100,
};
/* Many calls may wait for the budget. Their delay does not grow, so that a later call does not get it
 * sooner. */
static const godwit__delay_rule_t withheld = {
    .first_ns = 100 * GODWIT__NS_PER_MS,
    .max_ns = 100 * GODWIT__NS_PER_MS,
    .least_percent = 50,
    .most_percent = 100,
};

bool
godwit__call_may_retry (godwit__call_t *call)
{
    if (call->retries_left == 0)
        return false;
    if (call->retries_left > 0)
        call->retries_left--;
    return true;
}

bool
godwit__call_try_again (godwit__call_t *call, godwit__charge_t charge)
{
    if (!godwit__call_may_retry (call))
        return false;
    godwit__call_note_attempt (call);
    godwit__tried_add (&call->tried, call->server_key);
    call->charge = charge;
    GODWIT__COUNT (call->client->transport, calls_retried);
    return true;
}

/* In steps, because each end of a wait looks through all asynchronous calls that wait. */
static void
wait_delay (godwit__call_t *call, int64_t now_ns, int64_t *delay_ns, const godwit__delay_rule_t *rule)
{
    const uint64_t random = godwit__transport_random (call->client->transport, UINT64_MAX);
    const int64_t until_ns = now_ns + godwit__delay_next (delay_ns, rule, random);
    const int64_t step_ns = *delay_ns / 8;
    call->not_before_ns = until_ns + step_ns - until_ns % step_ns;
}

void
godwit__call_back_off (godwit__call_t *call, bool unserved, int64_t now_ns)
{
    wait_delay (call, now_ns, &call->backoff_ns, &backoff);
    call->tried.count = call->tried.total = 0;
    if (call->refused.count == 0 || unserved)
        return;
    call->tried = call->refused;
    call->tried.total = 0; /* of this round */
}

bool
godwit__call_try_elsewhere (godwit__call_t *call)
{
    godwit_transport_t *const transport = call->client->transport;
    if (call->row || call->refused.count == GODWIT__TRIED_MAX)
        return false;
    godwit__tried_add (&call->refused, call->server_key);
    pthread_mutex_lock (&transport->lock);
    const godwit__wish_t wish = {.server = call->client->target.server,
                                 .served = godwit__client_served (call->client)};
    const bool found = godwit__directory_serves_elsewhere (call->client->group, &wish, &call->refused);
    godwit__transport_unlock (transport);
    call->why = "the server does not have the version";
    return found && godwit__call_try_again (call, GODWIT__CHARGE_NONE);
}

void
godwit__call_withhold (godwit__call_t *call, int64_t now_ns)
{
    if (!call->withheld)
        GODWIT__COUNT (call->client->transport, retries_withheld);
    call->withheld = true;
    call->why = call->outcome == GODWIT_OUTCOME_MAYBE_RUN
                    ? "no retry budget is left for what may have run"
                    : "servers are overloaded, and no retry budget is left";
    int64_t delay_ns = 0;
    wait_delay (call, now_ns, &delay_ns, &withheld);
}

godwit__pick_t
godwit__call_pick (godwit__call_t *call, int64_t now_ns, godwit__picked_t *picked)
{
    godwit_client_t *client = call->client;
    godwit__retry_budget_t *budget = &client->group->retry_budget;
    const godwit__charge_t charge = call->charge;
    if (charge == GODWIT__CHARGE_RETRY &&
        !godwit__retry_budget_take (budget, client->transport->options.retry_budget, now_ns))
        return GODWIT__PICK_WITHHELD;
    godwit__pick_t pick;
    if (call->row) {
        pick = godwit__row_pick (call, picked);
    } else {
        const godwit__wish_t wish = {.server = client->target.server,
                                     .served = godwit__client_served (client),
                                     .waits_until_ns = call->spreads ? call->deadline_ns : 0,
                                     .blocks = !call->callback};
        pick = godwit__directory_pick (client->group, &wish, &call->tried, now_ns, picked);
    }
    if (pick == GODWIT__PICK_OK) {
        if (charge == GODWIT__CHARGE_FIRST)
            budget->call_count++;
        call->charge = GODWIT__CHARGE_NONE;
        call->withheld = false;
    } else if (charge == GODWIT__CHARGE_RETRY) {
        godwit__retry_budget_give_back (budget);
    }
    if (pick == GODWIT__PICK_SPREAD)
        call->not_before_ns = client->group->spread.until_ns;
    return pick;
}
