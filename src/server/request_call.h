/* SPDX-License-Identifier: Apache-2.0 */
/* From a request's body to its method: what is wrong with it, and its handler. */
#ifndef GODWIT_SRC_SERVER_REQUEST_CALL_H
#define GODWIT_SRC_SERVER_REQUEST_CALL_H

#include "src/server/request.h"

/* Decodes the body and finds the method; the arguments are checked. False: it cannot be run, and whoever sent
 * it was told. *malformed tells that the body was. */
bool godwit__request_prepare (godwit_request_t *request, bool *malformed);
/* Runs the handler and sees to its reply. The request is still the caller's. */
void godwit__request_call (godwit_request_t *request);

#endif
