/* SPDX-License-Identifier: Apache-2.0 */
/* Writes to the log that a request has failed. */
#ifndef GODWIT_SRC_SERVER_REQUEST_LOG_H
#define GODWIT_SRC_SERVER_REQUEST_LOG_H

#include "src/server/request.h"

/* As an error with its trace, or, if the failure was expected, as debug. Without the lock. */
void godwit__request_log_failure (const godwit_request_t *request, const godwit_error_t *error);

/* A handler, or whoever kept the request, replied to it a second time. Without the lock. */
void godwit__request_log_second_reply (const godwit_request_t *request);

#endif
