/* SPDX-License-Identifier: Apache-2.0 */
/* What the black box hears of requests (src/blackbox/blackbox.h). */
#ifndef GODWIT_SRC_SERVER_REQUEST_RECORD_H
#define GODWIT_SRC_SERVER_REQUEST_RECORD_H

#include "src/runtime/call_box.h"
#include "src/server/request.h"

/* The handler begins: the request has its counters. */
void godwit__request_record_began (godwit_request_t *request);
/* It has failed, or was rejected: in words. Sets request->failure, also without a black box. */
void godwit__request_record_failure (godwit_request_t *request, const godwit_error_t *error);
/* It was taken, and did not run. */
void godwit__request_record_refusal (const godwit_request_t *request, godwit__nack_t reason,
                                     const char *text);
/* The handler of a request that was not kept has ended; or a request that was kept was given back. */
void godwit__request_record_ended (godwit_request_t *request, int64_t ended_ns);

/* A cast that came over a port was not taken. Nobody else hears of it. */
void godwit__port_record_refusal (const godwit__port_t *port, const godwit__header_t *header,
                                  const godwit__frame_t *frame, uint32_t peer, godwit__nack_t reason);

#endif
