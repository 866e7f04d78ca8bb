/* SPDX-License-Identifier: Apache-2.0 */
/* The errors of calls and casts that fail. */
#include "src/client/call_error.h"

#include "src/address/target.h"
#include "src/error/error.h"

godwit_status_t
godwit__call_fail_late (const godwit__call_t *call, const char *why, godwit_error_t **error)
{
    const long long timeout_ms = (long long) call->timeout_ms;
    if (call->cast)
        return godwit__error_set_outcome (error, GODWIT_ERR_DELIVERY_FAILURE, call->outcome,
                                          "The cast was not accepted within %lld ms: %s", timeout_ms, why);
    return godwit__error_set_outcome (error, GODWIT_ERR_TIMEOUT, call->outcome, "No reply within %lld ms: %s",
                                      timeout_ms, why);
}

/* A delivery failure means that the call did not run. */
godwit_status_t
godwit__call_fail_retries (const godwit__call_t *call, godwit_error_t **error)
{
    if (call->outcome == GODWIT_OUTCOME_MAYBE_RUN)
        return godwit__error_set_outcome (error, GODWIT_ERR_TIMEOUT, call->outcome,
                                          "No reply, and no retry is left: %s", call->why);
    return godwit__error_set_outcome (error, GODWIT_ERR_DELIVERY_FAILURE, call->outcome,
                                      "The message could not be handed over, and no retry is left: %s",
                                      call->why);
}

godwit_status_t
godwit__call_fail_to_send (const godwit__call_t *call, const char *why, godwit_error_t **error)
{
    return godwit__target_error (error, GODWIT_ERR_CLIENT_SEND, call->outcome, &call->client->target,
                                 "Failed to send to target \"", why);
}

godwit_status_t
godwit__call_fail_closed (const godwit__call_t *call, godwit_error_t **error)
{
    return godwit__error_set_outcome (error, GODWIT_ERR_CLOSED, call->outcome,
                                      "The client is being destroyed");
}
