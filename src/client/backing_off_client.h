/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that back off (contract 11): what they do besides, at the beginning and at the end of a call. Other
 * clients only test a flag at the beginning, and nothing more unless a call fails. */
#ifndef GODWIT_SRC_CLIENT_BACKING_OFF_CLIENT_H
#define GODWIT_SRC_CLIENT_BACKING_OFF_CLIENT_H

#include "src/client/call.h"

/* A call begins: gives the timeout of its method, and the key of the method, which is needed if the call
 * fails. The caller frees the key. OUT_OF_MEMORY. */
godwit_status_t godwit__backing_off_begin (const godwit_client_t *client, const char *method, char **key,
                                           int64_t *timeout_ms, godwit_error_t **error);
/* A call failed. If it was a MessagingTimeout of this call itself, doubles its method's timeout. may_sleep:
 * then sleeps, at most until the client or transport is destroyed. No lock held. */
void godwit__backing_off_failed (const godwit__call_t *call, godwit_status_t status, bool may_sleep);

#endif
