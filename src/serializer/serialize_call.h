/* SPDX-License-Identifier: Apache-2.0 */
/* What clients and servers do with a serializer (contract 9). Only what was given one comes here.
 *
 *     client  arguments (serialize_entity), context (serialize_context) -> request
 *     server  request -> context (deserialize_context), arguments (deserialize_entity) -> handler
 *     server  result (serialize_entity) -> reply                     not for casts
 *     client  reply -> result (deserialize_entity)
 *
 * No lock is held while a serializer's function runs. A failure of one is the program's error, which is
 * passed on as it is.
 */
#ifndef GODWIT_SRC_SERIALIZER_SERIALIZE_CALL_H
#define GODWIT_SRC_SERIALIZER_SERIALIZE_CALL_H

#include <godwit/serializer.h>

/* A request in one of its forms. Both belong to it. */
typedef struct godwit__payload {
    godwit_value_t *context; /* sent: a map, or NULL; received: whatever the serializer makes of it */
    godwit_value_t *args;    /* a map */
} godwit__payload_t;

void godwit__payload_release (godwit__payload_t *payload);

/* The client's: what is sent. An argument or a context that is an object still is TYPE_MISMATCH. */
godwit_status_t godwit__serialize_request (godwit__payload_t *sent, const godwit_serializer_t *serializer,
                                           const godwit_value_t *context, const godwit_fields_t *args,
                                           godwit_error_t **error);
/* The server's: what the handler sees. */
godwit_status_t godwit__deserialize_request (godwit__payload_t *received,
                                             const godwit_serializer_t *serializer,
                                             const godwit_value_t *context, const godwit_value_t *args,
                                             godwit_error_t **error);
/* The server's reply. context: as the handler sees it. */
godwit_status_t godwit__serialize_result (godwit_value_t **sent, const godwit_serializer_t *serializer,
                                          const godwit_value_t *context, const godwit_field_t *result,
                                          godwit_error_t **error);
/* The client's: replaces *result, which on failure is given back. context: as the program gave it. The
 * method has run, and a failure says so. */
godwit_status_t godwit__deserialize_result (godwit_value_t **result, const godwit_serializer_t *serializer,
                                            const godwit_value_t *context, godwit_error_t **error);

#endif
