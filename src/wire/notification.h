/* SPDX-License-Identifier: Apache-2.0 */
/* A notification, and its body on the wire (docs/protocol.md). There are two forms of the body:
 *
 *     plain      [context, publisher_id, event_type, priority, payload, message_id, timestamp]
 *     enveloped  {"oslo.version": "2.0", "oslo.message": {"context": ..., "publisher_id": ..., ...}}
 *
 * The priority is upper case ("INFO"). Further elements and keys are ignored, so that later versions can add
 * some.
 */
#ifndef GODWIT_SRC_WIRE_NOTIFICATION_H
#define GODWIT_SRC_WIRE_NOTIFICATION_H

#include <godwit/notification.h>

#include "src/value/msgpack/codec.h"

/* What is not said to be its own is borrowed from body, from own_..., or from whoever filled it in. */
struct godwit_notification {
    const godwit_value_t *context; /* a map, or what a serializer made of it */
    const godwit_value_t *payload;
    const char *publisher_id;
    const char *event_type;
    const char *message_id;
    const char *timestamp;
    const char *exchange;
    const char *topic;
    godwit_priority_t priority;
    unsigned redeliveries;
    godwit_value_t *body;        /* a reference to what it was read from; NULL: nothing */
    godwit_value_t *own_context; /* what a serializer made; NULL: nothing */
    godwit_value_t *own_payload;
};

/* The name of a priority as it travels: "INFO". priority is one that exists. Static text. */
const char *godwit__priority_upper (godwit_priority_t priority);

/* Drops the references that the notification has. */
void godwit__notification_release (godwit_notification_t *notification);

/* Fills in what travels, from a decoded body of either form; all of it is borrowed from body, and the other
 * members stay as they are. Allocates nothing. False: the body is malformed, and some may be filled in. */
bool godwit__notification_read (godwit_notification_t *notification, const godwit_value_t *body);

/* ---- writing ---- */

#define GODWIT__MESSAGE_ID_SIZE 36 /* characters of a UUID */
#define GODWIT__TIMESTAMP_SIZE 26  /* characters of "2026-11-29 17:05:01.123456" */

/* What a body is made of; all is borrowed. */
typedef struct godwit__notification_parts {
    const godwit_value_t *context; /* a map; NULL: {} */
    const char *publisher_id;
    size_t publisher_id_size;
    const char *event_type;
    size_t event_type_size;
    godwit_priority_t priority;
    godwit_field_t payload;
    const char *message_id; /* of its size, and need not end with a NUL; the same with timestamp */
    const char *timestamp;
} godwit__notification_parts_t;

/* A body that fits needs no allocation. */
#define GODWIT__NOTIFICATION_INLINE 1024

/* An encoded body. */
typedef struct godwit__encoded_notification {
    uint8_t *data; /* small, or memory of its own */
    size_t size;
    uint8_t small[GODWIT__NOTIFICATION_INLINE];
} godwit__encoded_notification_t;

typedef enum godwit__notification_form {
    GODWIT__NOTIFICATION_PLAIN,
    GODWIT__NOTIFICATION_ENVELOPED
} godwit__notification_form_t;

/* Encodes a body. The payload is checked; an error names what is wrong with it by its path ("payload.a.b:
 * ..."). limit: of the bytes of the body. The result is to be released, also after a failure.
 * INVALID_ARGUMENT, TYPE_MISMATCH (an object), LIMIT_EXCEEDED, OUT_OF_MEMORY. */
godwit_status_t godwit__notification_encode (godwit__encoded_notification_t *encoded,
                                             const godwit__notification_parts_t *parts,
                                             godwit__notification_form_t form, size_t limit,
                                             godwit_error_t **error);

void godwit__encoded_notification_free (godwit__encoded_notification_t *encoded);

static inline void
godwit__encoded_notification_release (godwit__encoded_notification_t *encoded)
{
    if (encoded->data != encoded->small)
        godwit__encoded_notification_free (encoded);
}

#endif
