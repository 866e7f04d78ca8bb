/* SPDX-License-Identifier: Apache-2.0 */
/* Answering a request, exactly once: with a reply, a failure or a refusal. */
#ifndef GODWIT_SRC_SERVER_REPLY_H
#define GODWIT_SRC_SERVER_REPLY_H

#include "src/server/request.h"
#include "src/wire/wire.h"

/* Tells the caller that the request failed, unless it was replied to: then this is false. Consumes the error.
 */
bool godwit__request_fail (godwit_request_t *request, godwit_error_t *error);
/* The same, and that the method was not run. */
void godwit__request_reject (godwit_request_t *request, godwit_error_t *error);
/* Answers with a frame: SETTLED. False: it was answered before; then the message is released, too. */
bool godwit__request_answer (godwit_request_t *request, const godwit__message_t *message);
/* Tells the caller that the request was refused and not run. */
void godwit__request_refuse (godwit_request_t *request, godwit__nack_t reason);
/* The same, with a human-readable text of less than GODWIT__REFUSAL_TEXT bytes, or NULL. */
void godwit__request_refuse_saying (godwit_request_t *request, godwit__nack_t reason, const char *text);

#endif
