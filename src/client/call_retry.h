/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a call is tried once more, when, and what that costs. */
#ifndef GODWIT_SRC_CLIENT_CALL_RETRY_H
#define GODWIT_SRC_CLIENT_CALL_RETRY_H

#include "src/client/call.h"

/* Takes one of the call's retries. False: none is left. */
bool godwit__call_may_retry (godwit__call_t *call);
/* All connected servers were tried: the next round begins after a while. unserved: none of them says that it
 * serves the call; else those that have refused its version are left out. */
void godwit__call_back_off (godwit__call_t *call, bool unserved, int64_t now_ns);
/* No budget is left for the call's retry: the call waits for some. */
void godwit__call_withhold (godwit__call_t *call, int64_t now_ns);
/* Chooses a server, and pays for the attempt. With transport.lock held. */
godwit__pick_t godwit__call_pick (godwit__call_t *call, int64_t now_ns, godwit__picked_t *picked);
/* The server of the last attempt refused the call's namespace or version. True: another server says that it
 * serves them, and an attempt there will be made. Takes transport.lock. */
bool godwit__call_try_elsewhere (godwit__call_t *call);
/* An attempt has failed. True: another attempt will be made, at that cost. */
bool godwit__call_try_again (godwit__call_t *call, godwit__charge_t charge);

#endif
