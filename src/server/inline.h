/* SPDX-License-Identifier: Apache-2.0 */
/* Calls within the process: methods that are INLINE run on the caller's thread. */
#ifndef GODWIT_SRC_SERVER_INLINE_H
#define GODWIT_SRC_SERVER_INLINE_H

#include "src/interface/driver.h"

struct godwit__pool;

/* For a caller on the same transport (client side). If the request's server is here and accepts, and the
 * method that this request body names is INLINE, runs it on this thread and returns true, with the reply
 * frame (REPLY, FAILURE or NACK, header included) in *reply; *reply is empty if the handler kept the request
 * for longer than its time. Otherwise returns false and does nothing. request is a whole REQUEST frame,
 * borrowed. now_ns: the time; *ended_ns: the time when the method ended, if it is known. */
bool godwit__pool_call_inline (struct godwit__pool *pool, const godwit__message_t *request, int64_t now_ns,
                               godwit__frame_t *reply, int64_t *ended_ns);

#endif
