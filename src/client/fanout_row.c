/* SPDX-License-Identifier: Apache-2.0 */
/* The call of a row: its request, its server, its errors. */
#include "src/client/fanout_row.h"

#include "src/error/error.h"

void
godwit__row_open (godwit__row_t *row, godwit__call_t *call)
{
    call->row = row;
    call->request.shared = NULL;
    call->request.size = row->request->size;
    call->request.trace_size = 0;
    if (!row->request->shared)
        godwit__encoded_request_copy (&call->request, row->request);
}

bool
godwit__row_write (godwit__call_t *call)
{
    const godwit__encoded_request_t *const request = call->row->request;
    return !request->shared || godwit__encoded_request_copy (&call->request, request);
}

godwit__pick_t
godwit__row_pick (const godwit__call_t *call, godwit__picked_t *picked)
{
    return godwit__directory_pick_ref (call->client->group, &call->row->member, &call->tried, picked);
}

godwit_status_t
godwit__row_fail (godwit__call_t *call, godwit__pick_t pick, godwit_error_t **error)
{
    const char *server = call->row->row.server;
    call->row->has_left = pick == GODWIT__PICK_NOBODY;
    if (call->row->has_left)
        return godwit__error_set_outcome (error, GODWIT_ERR_UNDELIVERABLE, call->outcome,
                                          "Server \"%.255s\" has left", server);
    return godwit__error_set_outcome (error, GODWIT_ERR_DELIVERY_FAILURE, call->outcome,
                                      "Server \"%.255s\" could not be connected to", server);
}
