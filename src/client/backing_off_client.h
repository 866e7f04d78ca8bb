/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that back off (contract 11): what they do more than others, at the beginning and at the end of a
 * call. Others pay a test of a flag at the beginning, and nothing more unless a call fails. */
#ifndef GODWIT_SRC_CLIENT_BACKING_OFF_CLIENT_H
#define GODWIT_SRC_CLIENT_BACKING_OFF_CLIENT_H

#include "src/client/call.h"

/* The timeout of a method, and its key for the time when the call fails, which the caller frees.
 * OUT_OF_MEMORY. */
godwit_status_t godwit__backing_off_begin (const godwit_client_t *client, const char *method, char **key,
                                           int64_t *timeout_ms, godwit_error_t **error);
/* It failed. If it is a MessagingTimeout of this call, its method's timeout is doubled; if it may sleep, it
 * then does, until its client or transport is destroyed at the latest. No lock held. */
void godwit__backing_off_failed (const godwit__call_t *call, godwit_status_t status, bool may_sleep);

#endif
