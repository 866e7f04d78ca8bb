/* SPDX-License-Identifier: Apache-2.0 */
/* An encoded request: the bytes that a client sends for a call, a cast, a row of a fanout call or a fanout.
 *
 *     | room for a publication's key | room for a header | [context, method, args, ...] | room for a trace |
 *
 * The body is encoded once. Whoever sends the request writes the header before each attempt, and the trace
 * context if the server takes it; a fanout also writes the key. A small request lies in the struct itself. A
 * larger one lies in memory of its own, which is shared with the driver: it is sent without a copy. Large
 * strings and bins of values lie where they are: the request refers to them (inserts).
 */
#ifndef GODWIT_SRC_CLIENT_ENCODED_REQUEST_H
#define GODWIT_SRC_CLIENT_ENCODED_REQUEST_H

#include "src/base/trace.h"
#include "src/client/client.h"

/* A request that fits needs no allocation. */
#define GODWIT__REQUEST_INLINE 512

/* The memory of a request that does not fit. */
typedef struct godwit__shared {
    atomic_uint refs;
    godwit__inserts_t inserts; /* their items lie behind the data */
    uint8_t data[];
} godwit__shared_t;

typedef struct godwit__encoded_request {
    godwit__shared_t *shared; /* NULL: it is in small */
    size_t size;              /* of header and body, without inserts */
    size_t trace_size;        /* GODWIT__TRACE_SIZE: a trace context follows the body; 0: none does */
    size_t method_at;         /* where the name of the method begins, for errors */
    uint8_t small[GODWIT__KEY_SIZE + GODWIT__REQUEST_INLINE + GODWIT__TRACE_SIZE];
} godwit__encoded_request_t;

/* Encodes the request of a client, whose serializer is asked first, and checks that the client may send it.
 * The request is to be released after a failure, too. User code may run. */
godwit_status_t godwit__encode_request (godwit__encoded_request_t *request, const godwit_client_t *client,
                                        const godwit_value_t *context, const char *method,
                                        const godwit_fields_t *args, godwit_error_t **error);
/* The same for a fanout, whose message is longer by the key. */
godwit_status_t godwit__encode_publication (godwit__encoded_request_t *request, const godwit_client_t *client,
                                            const godwit_value_t *context, const char *method,
                                            const godwit_fields_t *args, godwit_error_t **error);
/* Makes the request of a body that was encoded before. False if memory is short: it is empty then. */
bool godwit__encode_body (godwit__encoded_request_t *request, const void *body, size_t size);
/* A copy with memory of its own, which refers to the same inserts. False if memory is short: it is empty
 * then. */
bool godwit__encoded_request_copy (godwit__encoded_request_t *to, const godwit__encoded_request_t *from);
/* Copies the inserts of a call's request between its own bytes, for a driver that does not gather. It has no
 * trace context afterwards. False if memory is short: it is unchanged then. */
bool godwit__encoded_request_join (godwit__encoded_request_t *request);

/* How many bytes the namespace and the version of a target take at the most at the end of a request, and
 * these bytes themselves: all requests of a client end with them. write returns how many there are. */
size_t godwit__request_names_bound (const godwit_target_t *target);
size_t godwit__request_names_write (const godwit_target_t *target, uint8_t *to, size_t capacity);

/* The name of the method, which is not terminated; NULL: there is none. Borrowed. */
const char *godwit__encoded_request_method (const godwit__encoded_request_t *request, size_t *size);

/* The free_fn of a message whose data is shared; hint is the godwit__shared_t. */
void godwit__shared_unref (void *data, void *hint);

/* The request, header first; GODWIT__KEY_SIZE bytes in front of it may be written to. */
static inline uint8_t *
godwit__encoded_request_data (godwit__encoded_request_t *request)
{
    return (request->shared ? request->shared->data : request->small) + GODWIT__KEY_SIZE;
}

/* The message of the request. Borrowed: a driver copies what it consists of, unless it was lent. */
static inline godwit__message_t
godwit__encoded_request_message (godwit__encoded_request_t *request)
{
    const godwit__inserts_t *const inserts = request->shared ? &request->shared->inserts : NULL;
    return (godwit__message_t){.data = godwit__encoded_request_data (request),
                               .size = request->size + request->trace_size,
                               .inserts = inserts ? inserts->items : NULL,
                               .insert_count = inserts ? inserts->count : 0};
}

/* Writes a trace context behind the body: the message has it from now on. */
static inline void
godwit__encoded_request_add_trace (godwit__encoded_request_t *request, const godwit_trace_t *trace)
{
    memcpy (godwit__encoded_request_data (request) + request->size, trace, GODWIT__TRACE_SIZE);
    request->trace_size = GODWIT__TRACE_SIZE;
}

/* Makes a driver the owner of what a message consists of, if it takes it: the message has references of its
 * own, to be given back (godwit__message_release) if it does not. shared: the request's. */
void godwit__encoded_request_lend (godwit__message_t *message, godwit__shared_t *shared);

static inline void
godwit__encoded_request_release (godwit__encoded_request_t *request)
{
    if (request->shared)
        godwit__shared_unref (NULL, request->shared);
}

#endif
