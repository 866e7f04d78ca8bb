#include "src/client/call_retry.h"

#include "src/client/fanout_row.h"

#define BACKOFF_FIRST_NS (1 * GODWIT__NS_PER_MS)
#define BACKOFF_MAX_NS (100 * GODWIT__NS_PER_MS)
/* Many may wait for the budget, and none of them should get it sooner because it came later. */
#define WITHHELD_NS (100 * GODWIT__NS_PER_MS)

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
    godwit__tried_add (&call->tried, call->server_key);
    call->charge = charge;
    GODWIT__COUNT (call->client->transport, calls_retried);
    return true;
}

/* Between half of it and all, so that calls which failed together do not come back together; but in steps,
 * because each end of a wait looks through all asynchronous calls that wait. */
static void
wait_at_most (godwit__call_t *call, int64_t now_ns, int64_t most_ns)
{
    const int64_t half_ns = most_ns / 2, step_ns = most_ns / 8;
    const int64_t until_ns =
        now_ns + half_ns + (int64_t) godwit__transport_random (call->client->transport, (uint64_t) half_ns);
    call->not_before_ns = until_ns + step_ns - until_ns % step_ns;
}

void
godwit__call_back_off (godwit__call_t *call, int64_t now_ns)
{
    call->backoff_ns = call->backoff_ns ? call->backoff_ns * 2 : BACKOFF_FIRST_NS;
    if (call->backoff_ns > BACKOFF_MAX_NS)
        call->backoff_ns = BACKOFF_MAX_NS;
    wait_at_most (call, now_ns, call->backoff_ns);
    call->tried.count = call->tried.total = 0;
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
    wait_at_most (call, now_ns, WITHHELD_NS);
}

godwit__pick_t
godwit__call_pick (godwit__call_t *call, int64_t now_ns, godwit__picked_t *picked)
{
    const godwit_client_t *client = call->client;
    godwit__retry_budget_t *budget = &client->group->retry_budget;
    const godwit__charge_t charge = call->charge;
    if (charge == GODWIT__CHARGE_RETRY &&
        !godwit__retry_budget_take (budget, client->transport->options.retry_budget, now_ns))
        return GODWIT__PICK_WITHHELD;
    const godwit__pick_t pick = call->row ? godwit__row_pick (call, picked)
                                          : godwit__directory_pick (client->group, client->target.server,
                                                                    &call->tried, now_ns, picked);
    if (pick == GODWIT__PICK_OK) {
        if (charge == GODWIT__CHARGE_FIRST)
            budget->call_count++;
        call->charge = GODWIT__CHARGE_NONE;
        call->withheld = false;
    } else if (charge == GODWIT__CHARGE_RETRY) {
        godwit__retry_budget_give_back (budget);
    }
    return pick;
}
