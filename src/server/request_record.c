/* SPDX-License-Identifier: Apache-2.0 */
#include "src/server/request_record.h"

#include "src/blackbox/record.h"
#include "src/wire/wire.h"

#include <stdio.h>

/* Inline, since it is a part of each call. */
static inline godwit__begun_t
begun_of (const godwit_request_t *request)
{
    return (godwit__begun_t){
        .side = GODWIT__BOX_SERVER,
        .kind = request->is_fanout ? GODWIT__BOX_FANOUT
                : request->is_cast ? GODWIT__BOX_CAST
                                   : GODWIT__BOX_CALL,
        .at_ns = request->received_ns,
        .trace = &request->trace,
        .span = request->span ? request->span : godwit__trace_span (&request->trace),
        .wire_id = request->id,
        .name = request->box_name,
        .peer = request->box_peer,
        .sent_ns = request->started_ns,
        .load = (uint64_t) request->queued_then << 32 | request->running_then,
        .server_id = request->server_id,
    };
}

static godwit__ended_t
ended_of (const godwit_request_t *request, int64_t ended_ns)
{
    return (godwit__ended_t){
        .ended_ns = ended_ns,
        .replied_ns = request->replied_ns,
        .status = request->failure,
        .outcome = GODWIT_OUTCOME_RAN,
        .attempts = 1,
        .flags = (request->was_queued ? GODWIT__BOX_QUEUED : 0u) | (request->kept ? GODWIT__BOX_KEPT : 0u),
        .request_size = request->frame_size,
        .reply_size = request->reply_size,
        .wire_id = request->id,
        .server_id = request->server_id,
    };
}

void
godwit__request_record_began (godwit_request_t *request)
{
    godwit__box_t *const box = request->pool->box;
    if (!box)
        return;
    request->box_name = godwit__metric_name (box, request->metric); /* the metrics may be gone at its end */
    const godwit__begun_t begun = begun_of (request);
    request->record = godwit__box_begin (box, &begun);
}

void
godwit__request_record_ended (godwit_request_t *request, int64_t ended_ns)
{
    godwit__box_record_t *const record = request->record;
    if (!record)
        return;
    const godwit__ended_t ended = ended_of (request, ended_ns);
    request->record = NULL;
    godwit__box_finish (request->pool->box, record, &ended);
}

/* ---- in words; only when something went wrong ---- */

static void
note (godwit__box_t *box, uint64_t span, int64_t now_ns, const char *text)
{
    godwit__box_note (
        box, &(godwit__noted_t){.span = span, .side = GODWIT__BOX_SERVER, .at_ns = now_ns, .text = text});
}

/* A request that failed before its handler began has no record yet. */
static void
add_failure (const godwit_request_t *request, godwit_status_t status, unsigned flags, int64_t now_ns)
{
    godwit__begun_t begun = begun_of (request);
    godwit__ended_t ended = ended_of (request, now_ns);
    begun.sent_ns = 0;
    ended.status = status;
    ended.outcome = GODWIT_OUTCOME_REJECTED;
    ended.flags |= flags;
    godwit__box_add_failure (request->pool->box, &begun, &ended);
}

void
godwit__request_record_failure (godwit_request_t *request, const godwit_error_t *error)
{
    godwit__box_t *const box = request->pool->box;
    const godwit_status_t status = godwit_error_status (error);
    request->failure = status ? status : GODWIT_ERR_FAILED; /* the error may be the program's own */
    if (!box)
        return;
    const godwit__begun_t begun = begun_of (request);
    const int64_t now_ns = godwit__clock_now (&request->pool->clock);
    note (box, begun.span, now_ns, godwit_error_message (error));
    if (!request->record)
        add_failure (request, request->failure, 0, now_ns);
}

static godwit_status_t
status_of (godwit__nack_t reason)
{
    switch (reason) {
    case GODWIT__NACK_EXPIRED:
        return GODWIT_ERR_TIMEOUT;
    case GODWIT__NACK_FORBIDDEN:
        return GODWIT_ERR_PERMISSION_DENIED;
    case GODWIT__NACK_MALFORMED:
        return GODWIT_ERR_MALFORMED;
    case GODWIT__NACK_OVERLOADED:
        return GODWIT_ERR_OVERLOADED;
    default:
        return GODWIT_ERR_DELIVERY_FAILURE;
    }
}

static void
note_refusal (godwit__box_t *box, uint64_t span, int64_t now_ns, godwit__nack_t reason, const char *text)
{
    char line[256];
    snprintf (line, sizeof line, "refused: %s%s%.200s", godwit__nack_name (reason), text ? ": " : "",
              text ? text : "");
    note (box, span, now_ns, line);
}

void
godwit__request_record_refusal (const godwit_request_t *request, godwit__nack_t reason, const char *text)
{
    godwit__box_t *const box = request->pool->box;
    if (!box)
        return;
    const godwit__begun_t begun = begun_of (request);
    const int64_t now_ns = godwit__clock_now (&request->pool->clock);
    note_refusal (box, begun.span, now_ns, reason, text);
    add_failure (request, status_of (reason), GODWIT__BOX_REFUSED, now_ns);
}

void
godwit__port_record_refusal (const godwit__port_t *port, const godwit__header_t *header,
                             const godwit__frame_t *frame, uint32_t peer, godwit__nack_t reason)
{
    godwit__box_t *const box = port->pool->box;
    godwit_trace_t trace;
    if (!box || !(header->flags & GODWIT__FLAG_TRACED) ||
        frame->size < GODWIT__HEADER_SIZE + GODWIT__TRACE_SIZE)
        return;
    const int64_t now_ns = godwit__clock_now (&port->pool->clock);
    memcpy (&trace, frame->data + frame->size - sizeof trace, sizeof trace);
    const godwit__begun_t begun = {
        .side = GODWIT__BOX_SERVER,
        .kind = GODWIT__BOX_CAST,
        .at_ns = now_ns,
        .trace = &trace,
        .span = godwit__trace_span (&trace),
        .peer = peer,
        .server_id = header->target,
    };
    const godwit__ended_t ended = {
        .ended_ns = now_ns,
        .status = status_of (reason),
        .outcome = GODWIT_OUTCOME_REJECTED,
        .attempts = 1,
        .flags = GODWIT__BOX_REFUSED,
        .wire_id = header->id,
        .server_id = header->target,
    };
    note_refusal (box, begun.span, now_ns, reason, NULL);
    godwit__box_add_failure (box, &begun, &ended);
}
