/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a request may run: what the certificate of its sender allows, and the policy of the server's
 * program (contract 13). */
#ifndef GODWIT_SRC_SERVER_REQUEST_RIGHTS_H
#define GODWIT_SRC_SERVER_REQUEST_RIGHTS_H

#include "src/server/request.h"
#include "src/server/server.h"

bool godwit__request_check_rights (godwit_request_t *request);

/* For a request that has waited in a queue. False: the certificate of its sender became void meanwhile, and
 * the request was refused as FORBIDDEN, which was counted and told. A renewed one counts, if a request has
 * come with it. */
bool godwit__request_sender_stays (godwit_request_t *request);

/* Whether the request may run: its body is decoded. route NULL: there is no such method, which only those
 * learn who may call it. False: the request was refused as FORBIDDEN, which was counted and told. */
static inline bool
godwit__request_is_allowed (godwit_request_t *request)
{
    return !request->server->checks_rights || godwit__request_check_rights (request);
}

#endif
