/* SPDX-License-Identifier: Apache-2.0 */
/* Applies a server's serializer to a request (contract 9), and finds the request's counters (contract 12). */
#ifndef GODWIT_SRC_SERVER_REQUEST_SERIALIZED_H
#define GODWIT_SRC_SERVER_REQUEST_SERIALIZED_H

#include "src/server/request.h"

/* Makes the context and the arguments that the handler sees, from those that came. */
godwit_status_t godwit__request_deserialize (godwit_request_t *request, const godwit_value_t *context,
                                             const godwit_value_t *args, godwit_error_t **error);
/* Gives them back. */
void godwit__request_forget_serialized (godwit_request_t *request);
/* Serializes a result; *status and *error tell whether it succeeded. False: the request was kept, and its
 * server is gone, with the serializer. */
bool godwit__request_serialize (godwit_request_t *request, const godwit_field_t *result,
                                godwit_value_t **sent, godwit_status_t *status, godwit_error_t **error);

/* The counters of the request's method, which its route remembers, or the counters of all requests without a
 * method. */
godwit__metric_t *godwit__request_metric (const godwit_request_t *request);
/* The same for a request that is about to run: it keeps them. */
static inline godwit__metric_t *
godwit__request_set_metric (godwit_request_t *request)
{
    request->metric =
        atomic_load_explicit (&request->route->metrics[request->is_fanout], memory_order_acquire);
    if (!request->metric)
        request->metric = godwit__request_metric (request);
    return request->metric;
}

#endif
