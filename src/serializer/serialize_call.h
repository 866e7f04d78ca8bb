/* SPDX-License-Identifier: Apache-2.0 */
/* How clients and servers use a serializer (contract 9). Calls without a serializer do not come here.
 *
 *     client  arguments (serialize_entity), context (serialize_context) -> request
 *     server  request -> context (deserialize_context), arguments (deserialize_entity) -> handler
 *     server  result (serialize_entity) -> reply                     not for casts
 *     client  reply -> result (deserialize_entity)
 *
 * No lock is held while a serializer's function runs. If the function fails, the program's error is passed on
 * as it is.
 */
#ifndef GODWIT_SRC_SERIALIZER_SERIALIZE_CALL_H
#define GODWIT_SRC_SERIALIZER_SERIALIZE_CALL_H

#include <godwit/serializer.h>

/* A request before or after a serializer. It owns both values. */
typedef struct godwit__payload {
    godwit_value_t *context; /* sent: a map, or NULL; received: whatever the serializer makes of it */
    godwit_value_t *args;    /* a map */
} godwit__payload_t;

void godwit__payload_release (godwit__payload_t *payload);

/* Client: makes what is sent. TYPE_MISMATCH: an argument or the context is still an object. */
godwit_status_t godwit__serialize_request (godwit__payload_t *sent, const godwit_serializer_t *serializer,
                                           const godwit_value_t *context, const godwit_fields_t *args,
                                           godwit_error_t **error);
/* Server: makes what the handler sees. */
godwit_status_t godwit__deserialize_request (godwit__payload_t *received,
                                             const godwit_serializer_t *serializer,
                                             const godwit_value_t *context, const godwit_value_t *args,
                                             godwit_error_t **error);
/* Server: makes the reply. context: as the handler sees it. */
godwit_status_t godwit__serialize_result (godwit_value_t **sent, const godwit_serializer_t *serializer,
                                          const godwit_value_t *context, const godwit_field_t *result,
                                          godwit_error_t **error);
/* Client: replaces *result; the old value is released, also on failure. context: as the program gave it. The
 * method has run, so a failure has outcome RAN. */
godwit_status_t godwit__deserialize_result (godwit_value_t **result, const godwit_serializer_t *serializer,
                                            const godwit_value_t *context, godwit_error_t **error);
/* Notifier: makes of a context what is sent, or the redacted copy of an object. *sent is whatever the
 * serializer makes of it, also NULL. */
godwit_status_t godwit__serialize_context (godwit_value_t **sent, const godwit_serializer_t *serializer,
                                           const godwit_value_t *context, godwit_error_t **error);

#endif
