/* What the files of a call share: call.c (its request, its end, the thread that waits), call_attempt.c (a
 * server is chosen, and the request handed over), call_finish.c (what became of it), call_retry.c (whether
 * there is one more attempt, and when).
 */
#ifndef GODWIT_SRC_CLIENT_CALL_INSIDE_H
#define GODWIT_SRC_CLIENT_CALL_INSIDE_H

#include "src/client/call.h"

/* ---- call_retry.c ---- */

/* Counts a hand-over that failed, and one more that is to come. False if there is none. */
bool godwit__call_may_retry (godwit__call_t *call);
/* All that are connected were tried: the next round begins after a while. */
void godwit__call_back_off (godwit__call_t *call, int64_t now_ns);
/* No budget is left for its retry: it waits for some. */
void godwit__call_withhold (godwit__call_t *call, int64_t now_ns);
/* Chooses a server, and pays for the attempt. With transport.lock held. */
godwit__pick_t godwit__call_pick (godwit__call_t *call, int64_t now_ns, godwit__picked_t *picked);
/* An attempt has failed. True: there is another one to come, at that cost. */
bool godwit__call_try_again (godwit__call_t *call, godwit__charge_t charge);
/* What came of an attempt: it can only be more than what came of those before. */
static inline void
godwit__call_raise (godwit__call_t *call, godwit_outcome_t outcome)
{
    if (outcome > call->outcome)
        call->outcome = outcome;
}

/* ---- call_finish.c: *status and *error are set, for a call that has failed ---- */

godwit__advance_t godwit__call_fail (godwit_status_t *status, godwit_status_t is);
/* Its time is spent; why nothing has come of it. */
godwit__advance_t godwit__call_fail_late (const godwit__call_t *call, const char *why,
                                          godwit_status_t *status, godwit_error_t **error);
/* No retry is left. */
godwit__advance_t godwit__call_fail_retries (const godwit__call_t *call, godwit_status_t *status,
                                             godwit_error_t **error);
/* why begins behind the target's closing quote. */
godwit_status_t godwit__call_fail_to_send (const godwit__call_t *call, const char *why,
                                           godwit_error_t **error);

#endif
