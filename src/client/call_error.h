/* SPDX-License-Identifier: Apache-2.0 */
/* The errors of calls and casts that fail. Each function makes the error and returns its status. */
#ifndef GODWIT_SRC_CLIENT_CALL_ERROR_H
#define GODWIT_SRC_CLIENT_CALL_ERROR_H

#include "src/client/call.h"

/* The call's time is spent. why: the reason why it has no result. */
godwit_status_t godwit__call_fail_late (const godwit__call_t *call, const char *why, godwit_error_t **error);
/* No retry is left. */
godwit_status_t godwit__call_fail_retries (const godwit__call_t *call, godwit_error_t **error);
/* The request cannot be sent. why: the text behind the target's closing quote. */
godwit_status_t godwit__call_fail_to_send (const godwit__call_t *call, const char *why,
                                           godwit_error_t **error);
/* The client or its transport is being destroyed. */
godwit_status_t godwit__call_fail_closed (const godwit__call_t *call, godwit_error_t **error);

#endif
