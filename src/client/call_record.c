/* SPDX-License-Identifier: Apache-2.0 */
#include "src/client/call_record.h"

#include "src/blackbox/record.h"
#include "src/client/call_metrics.h"
#include "src/client/fanout_row.h"
#include "src/discovery/whereabouts.h"
#include "src/runtime/call_box.h"

#include <stdio.h>

void
godwit__call_begin_counted (godwit__call_t *call, const char *method, bool row)
{
    godwit__box_t *const box = call->client->transport->box;
    call->metric = godwit__call_begins (call->client, method, row);
    if (!box)
        return;
    call->record = godwit__box_begin (box, &(godwit__begun_t){
                                               .side = GODWIT__BOX_CLIENT,
                                               .kind = call->cast ? GODWIT__BOX_CAST : GODWIT__BOX_CALL,
                                               .at_ns = call->started_ns,
                                               .trace = &call->trace,
                                               .span = godwit__trace_span (&call->trace),
                                               .parent = call->parent,
                                               .name = godwit__metric_name (box, call->metric),
                                           });
}

void
godwit__call_note_sent (godwit__call_t *call, const godwit__connection_t *connection, int64_t now_ns)
{
    call->attempts++;
    godwit__box_sent (call->record, now_ns, connection->box_peer);
}

/* ---- in words; only when something went wrong ---- */

static void
note (const godwit__call_t *call, int64_t now_ns, const char *text)
{
    const godwit_client_t *const client = call->client;
    godwit__box_t *const box = client->transport->box;
    godwit__whereabouts_t at = {.server = "", .address = ""};
    if (!box)
        return;
    if (call->server_key)
        godwit__whereabouts_find (client->transport, client->group, call->server_key, &at);
    if (call->connection)
        snprintf (at.address, sizeof at.address, "%s", call->connection->address);
    if (!*at.server && call->row)
        snprintf (at.server, sizeof at.server, "%s", call->row->row.server);
    godwit__box_note (box, &(godwit__noted_t){.span = godwit__trace_span (&call->trace),
                                              .at_ns = now_ns,
                                              .attempt = call->attempts,
                                              .server = at.server,
                                              .address = at.address,
                                              .text = text});
}

void
godwit__call_note_attempt (godwit__call_t *call)
{
    call->noted = NULL; /* it may wait for the same reason as before this attempt */
    note (call, godwit__transport_now (call->client->transport), call->why);
}

void
godwit__call_note_waiting (godwit__call_t *call)
{
    if (call->noted == call->why)
        return;
    call->noted = call->why;
    note (call, godwit__transport_now (call->client->transport), call->why);
}

/* Whom its last attempt was for: the header tells. */
static uint32_t
server_of (godwit__call_t *call)
{
    return call->attempts ? godwit__get_u32 (godwit__encoded_request_data (&call->request) +
                                             GODWIT__HEADER_TARGET_OFFSET)
                          : 0;
}

void
godwit__call_end_counted (godwit__call_t *call, godwit_status_t status, const godwit_error_t *error,
                          int64_t now_ns)
{
    godwit__box_t *const box = call->client->transport->box;
    const size_t size = call->request.size;
    godwit__call_ends (call->metric, call->started_ns, status, now_ns);
    if (status)
        note (call, now_ns, error ? godwit_error_message (error) : call->why);
    const godwit__ended_t ended = {
        .ended_ns = now_ns,
        .status = status,
        .outcome = status ? godwit_error_outcome (error) : GODWIT_OUTCOME_RAN,
        .attempts = call->attempts,
        .flags = atomic_load (&call->pending.outcome) == GODWIT__PENDING_LOST ? GODWIT__BOX_LOST : 0,
        .request_size = size < UINT32_MAX ? (uint32_t) size : UINT32_MAX,
        .reply_size = call->reply_size,
        .wire_id = call->pending.id,
        .server_id = server_of (call),
    };
    godwit__box_finish (box, call->record, &ended);
}
