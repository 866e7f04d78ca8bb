/* SPDX-License-Identifier: Apache-2.0 */
/* From a request's body to its method: checks the request, and runs its handler. */
#ifndef GODWIT_SRC_SERVER_REQUEST_CALL_H
#define GODWIT_SRC_SERVER_REQUEST_CALL_H

#include "src/server/request.h"

/* Decodes the body, finds the method, and checks the arguments. False: the request cannot be run, and its
 * sender was told. *malformed: true if the body was malformed. */
bool godwit__request_prepare (godwit_request_t *request, bool *malformed);
/* Runs the handler, and replies if the handler neither replied nor kept the request. The request is still
 * the caller's, who has counted its start (godwit__request_set_metric). */
void godwit__request_call (godwit_request_t *request);

#endif
