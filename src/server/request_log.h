/* SPDX-License-Identifier: Apache-2.0 */
/* What the log hears of a request that failed. */
#ifndef GODWIT_SRC_SERVER_REQUEST_LOG_H
#define GODWIT_SRC_SERVER_REQUEST_LOG_H

#include "src/server/request.h"

/* As an error with its trace, or as debug if it is one that was expected. Without the lock. */
void godwit__request_log_failure (const godwit_request_t *request, const godwit_error_t *error);

#endif
