/* SPDX-License-Identifier: Apache-2.0 */
/* The end of an attempt whose request was handed over: a result, an error, or another attempt. */
#ifndef GODWIT_SRC_CLIENT_CALL_FINISH_H
#define GODWIT_SRC_CLIENT_CALL_FINISH_H

#include "src/client/call.h"
#include "src/client/call_explain.h"
#include "src/serializer/serialize_call.h"

typedef enum godwit__finish { GODWIT__FINISH_DONE, GODWIT__FINISH_AGAIN } godwit__finish_t;

/* Turns the outcome of an attempt into a result or an error (DONE), or asks for another attempt (AGAIN:
 * advance). */
godwit__finish_t godwit__call_finish (godwit__call_t *call, godwit_status_t *status, godwit_value_t **result,
                                      godwit_error_t **error);

/* The end of a successful call: its client's serializer converts the result for the program. On failure the
 * result is freed. User code runs. */
static inline godwit_status_t
godwit__call_convert (godwit__call_t *call, godwit_value_t **result, godwit_error_t **error)
{
    const godwit_serializer_t *const serializer = call->client->serializer;
    if (!serializer)
        return GODWIT_OK;
    const godwit_status_t status = godwit__deserialize_result (result, serializer, call->context, error);
    if (status)
        godwit__call_explain (call, error);
    return status;
}

#endif
