/* SPDX-License-Identifier: Apache-2.0 */
/* The serializer of a server at work on a request (contract 9), and the request's counters (contract 12). */
#ifndef GODWIT_SRC_SERVER_REQUEST_SERIALIZED_H
#define GODWIT_SRC_SERVER_REQUEST_SERIALIZED_H

#include "src/server/request.h"

/* Makes the context and the arguments that the handler sees, from those that came. */
godwit_status_t godwit__request_deserialize (godwit_request_t *request, const godwit_value_t *context,
                                             const godwit_value_t *args, godwit_error_t **error);
/* Gives them back. */
void godwit__request_forget_serialized (godwit_request_t *request);
/* Makes what is sent of a result; *status and *error tell whether it could. False: the request was kept, and
 * its server, whose serializer it is, is gone. */
bool godwit__request_serialize (godwit_request_t *request, const godwit_field_t *result,
                                godwit_value_t **sent, godwit_status_t *status, godwit_error_t **error);

/* The counters of its method, which its route remembers, or those of all requests that no method is for. */
godwit__metric_t *godwit__request_metric (const godwit_request_t *request);

#endif
