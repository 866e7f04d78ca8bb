/* SPDX-License-Identifier: Apache-2.0 */
#include "src/client/call_attempt.h"

#include "src/address/target.h"
#include "src/base/hash.h"
#include "src/client/call_error.h"
#include "src/client/call_explain.h"
#include "src/client/call_record.h"
#include "src/client/call_retry.h"
#include "src/client/fanout_row.h"
#include "src/client/nobody.h"
#include "src/error/error.h"
#include "src/runtime/warnings.h"
#include "src/server/inline.h"

enum { KEY_FULL = 0x66 };

/* How long one attempt of a finite number waits for a server to appear. */
#define ATTEMPT_NS (100 * GODWIT__NS_PER_MS)

/* Contract 4: from now on the call waits for heartbeats, if their timeout is shorter than the time that is
 * left. Returns how often the server has to send them. */
static uint32_t
begin_monitor (godwit__call_t *call, int64_t now_ns)
{
    godwit__pending_t *pending = &call->pending;
    const bool is_shorter = pending->monitor_ns < pending->left_ns;
    if (is_shorter)
        pending->left_ns = pending->monitor_ns;
    pending->end_ns = call->deadline_ns;
    pending->sign_ns = 0;
    atomic_store_explicit (&pending->deadline_ns, now_ns + pending->left_ns, memory_order_relaxed);
    const int64_t ms = pending->monitor_ns / GODWIT__NS_PER_MS;
    return !is_shorter ? 0 : ms < UINT32_MAX ? (uint32_t) ms : UINT32_MAX;
}

/* Has all of the request, as the connection's driver takes it. False when memory is short. */
static bool
write_request (godwit__call_t *call, const godwit__channel_t *link)
{
    godwit__encoded_request_t *const request = &call->request;
    request->trace_size = 0;
    if (call->row && !godwit__row_write (call))
        return false;
    return !request->shared || !request->shared->inserts.count || link->ops->gathers ||
           godwit__encoded_request_join (request);
}

/* Not to a process of an older release, which would take it for a part of the body; and not if the message
 * would be longer than that process takes. */
static bool
takes_trace (godwit__call_t *call, const godwit__picked_t *picked)
{
    const godwit__message_t message = godwit__encoded_request_message (&call->request);
    return (picked->connection->features & GODWIT__FEATURE_TRACES) &&
           godwit__message_size (&message) + GODWIT__TRACE_SIZE <=
               call->client->transport->options.max_message_size;
}

/* Hands the request, which was written, to the server that was picked. Consumes the connection's reference.
 */
static godwit__io_t
hand_over (godwit__call_t *call, godwit__picked_t *picked, int64_t now_ns)
{
    uint8_t *data = godwit__encoded_request_data (&call->request);
    call->pending.left_ns = call->deadline_ns - now_ns;
    const int64_t left_ms = (call->pending.left_ns + GODWIT__NS_PER_MS - 1) / GODWIT__NS_PER_MS;
    const uint32_t monitor_ms = call->pending.monitor_ns ? begin_monitor (call, now_ns) : 0;
    const uint8_t traced = takes_trace (call, picked) ? GODWIT__FLAG_TRACED : 0;
    const uint8_t introspects = call->client->request_flags;
    if (traced)
        godwit__encoded_request_add_trace (&call->request, &call->trace);
    godwit__header_write (data, &(godwit__header_t){
                                    .type = GODWIT__REQUEST,
                                    .flags = traced | introspects |
                                             (call->cast          ? GODWIT__FLAG_CAST
                                              : call->redelivered ? GODWIT__FLAG_REDELIVERED
                                                                  : 0),
                                    .target = picked->server_id,
                                    .budget_ms = call->cast             ? 0
                                                 : left_ms < UINT32_MAX ? (uint32_t) left_ms
                                                                        : UINT32_MAX,
                                    .aux = monitor_ms,
                                });
    godwit__message_t message = godwit__encoded_request_message (&call->request);
    message.stays = call->cast || !call->pending.finished; /* the call cannot end before it is flushed */
    call->server_key = picked->key;
    godwit__call_note_sent (call, picked->connection, now_ns);

    if (picked->local && !call->cast && !call->pending.finished && !introspects &&
        godwit__pool_call_inline (call->client->transport->pool, &message, now_ns, &call->pending.frame,
                                  &call->now_ns)) {
        /* There is no reply if the request was kept and its time has passed. */
        const bool replied = godwit__header_read (&call->pending.header, call->pending.frame.data,
                                                  call->pending.frame.size) == GODWIT__HEADER_OK;
        atomic_store (&call->pending.outcome, replied ? GODWIT__PENDING_REPLIED
                                              : godwit__client_is_closed (call->client)
                                                  ? GODWIT__PENDING_ABANDONED
                                                  : GODWIT__PENDING_EXPIRED);
        godwit__connection_unref (&picked->connection);
        return GODWIT__IO_OK;
    }

    call->connection = picked->connection;
    /* From here on an asynchronous call may end, and be freed, at any moment: do not touch it if it was
     * accepted.
     */
    godwit__shared_t *shared = call->request.shared;
    if (shared)
        godwit__encoded_request_lend (&message, shared);
    if (call->row &&
        shared) { /* it is written for this attempt; the header is kept, since it is read later */
        memcpy (call->request.small + GODWIT__KEY_SIZE, data, GODWIT__HEADER_SIZE);
        call->request.shared = NULL;
    }
    const bool is_written_anew = call->row;
    const bool cast = call->cast;
    const godwit__io_t io =
        godwit__connection_send (picked->connection, &message, cast ? NULL : &call->pending);
    if (io != GODWIT__IO_OK) {
        godwit__connection_unref (&call->connection);
        godwit__message_release (&message);
    }
    if (is_written_anew && shared)
        godwit__shared_unref (NULL, shared);
    return io;
}

static godwit__advance_t
fail (godwit_status_t *status, godwit_status_t is)
{
    *status = is;
    return GODWIT__ADVANCE_FAILED;
}

/* ---- nobody, or nobody yet ---- */

/* Of call->why: the error says who is known instead. */
static const char no_server[] = "no server is known";

/* Why the call fails. The text lies in room, or is static. */
static const char *
why_of (const godwit__call_t *call, char room[GODWIT__EXPLAIN_SIZE])
{
    if (call->timeout_ms == 0 && !call->cast)
        return "a call without any time is not sent";
    if (call->why != no_server)
        return call->why;
    godwit__nobody_explain (call->client, room, GODWIT__EXPLAIN_SIZE);
    return room;
}

static godwit_status_t
fail_late (const godwit__call_t *call, godwit_error_t **error)
{
    char room[GODWIT__EXPLAIN_SIZE];
    return godwit__call_fail_late (call, error ? why_of (call, room) : call->why, error);
}

static godwit_status_t
fail_retries (godwit__call_t *call, godwit_error_t **error)
{
    char room[GODWIT__EXPLAIN_SIZE];
    const char *const why = call->why;
    if (error)
        call->why = why_of (call, room);
    const godwit_status_t status = godwit__call_fail_retries (call, error);
    call->why = why;
    return status;
}

/* Waiting for a server costs an attempt once it has lasted for ATTEMPT_NS. */
static godwit__advance_t
stall_attempt (godwit__call_t *call, int64_t now_ns, godwit_status_t *status, godwit_error_t **error)
{
    if (call->retries_left < 0) {
        call->not_before_ns = 0;
        return GODWIT__ADVANCE_STALLED;
    }
    if (call->not_before_ns != 0 && now_ns >= call->not_before_ns && !godwit__call_may_retry (call))
        return fail (status, fail_retries (call, error));
    if (call->not_before_ns == 0 || now_ns >= call->not_before_ns)
        call->not_before_ns = now_ns + ATTEMPT_NS;
    return GODWIT__ADVANCE_STALLED;
}

/* No server is known, or none by this name. Until all names were told, that means nothing, and costs no
 * attempt. */
static godwit__advance_t
on_nobody (godwit__call_t *call, godwit__names_state_t names, int64_t now_ns, godwit_status_t *status,
           godwit_error_t **error)
{
    /* The program's own loop cannot run while a thread waits in it: then what is known by now counts. */
    const bool may_wait = call->callback || godwit__nobody_may_wait (call->client->transport);
    if (call->outcome == GODWIT_OUTCOME_NOT_SENT)
        call->why = no_server;
    if (names == GODWIT__NAMES_AWAITED && may_wait) {
        call->not_before_ns = 0;
    } else {
        /* If an attempt may have run, the call may have been delivered: so this is not UNDELIVERABLE. */
        if (call->client->mandatory && call->outcome < GODWIT_OUTCOME_MAYBE_RUN)
            return fail (status, godwit__nobody_error (call->client, names == GODWIT__NAMES_TOLD,
                                                       call->outcome, error));
        if (call->not_before_ns == 0 && call->retries_left == 0)
            return fail (status, fail_retries (call, error));
        if (stall_attempt (call, now_ns, status, error) == GODWIT__ADVANCE_FAILED)
            return GODWIT__ADVANCE_FAILED;
    }
    if (now_ns >= call->log_ns)
        call->log_ns = godwit__nobody_log (call->client, call->started_ns, now_ns);
    return GODWIT__ADVANCE_STALLED;
}

/* names: as they were when nobody was picked. */
static godwit__advance_t
on_not_picked (godwit__call_t *call, godwit__pick_t pick, godwit__names_state_t names, int64_t now_ns,
               godwit_status_t *status, godwit_error_t **error)
{
    if (call->row && (pick == GODWIT__PICK_NOBODY || pick == GODWIT__PICK_UNREACHABLE))
        return fail (status, godwit__row_fail (call, pick, error));
    if (pick == GODWIT__PICK_NOBODY)
        return on_nobody (call, names, now_ns, status, error);
    call->log_ns = 0;
    switch (pick) {
    case GODWIT__PICK_EXCLUDED:
    case GODWIT__PICK_UNSERVED:
        godwit__call_back_off (call, pick == GODWIT__PICK_UNSERVED, now_ns);
        return GODWIT__ADVANCE_STALLED;
    case GODWIT__PICK_WITHHELD:
        godwit__call_withhold (call, now_ns);
        return GODWIT__ADVANCE_STALLED;
    case GODWIT__PICK_UNTOLD: /* costs no attempt */
        call->not_before_ns = 0;
        call->why = "no server is known that has the version, and not all were told of yet";
        return GODWIT__ADVANCE_STALLED;
    case GODWIT__PICK_SPREAD:
        return GODWIT__ADVANCE_STALLED;
    default:
        break;
    }
    if (call->outcome == GODWIT_OUTCOME_NOT_SENT)
        call->why = "no server could be connected to";
    return stall_attempt (call, now_ns, status, error);
}

static void
warn_of_full (const godwit__call_t *call)
{
    const godwit_transport_t *const transport = call->client->transport;
    const char *const topic = call->client->target.topic;
    godwit__warn (
        transport, godwit__hash_text (KEY_FULL, topic),
        "calls of topic %.64s wait: a connection to one of its servers has no room (queue_limit %d, "
        "max_queue_size %zu)",
        topic, transport->options.queue_limit, transport->options.max_queue_size);
}

static godwit__advance_t
advance (godwit__call_t *call, godwit_status_t *status, godwit_error_t **error)
{
    godwit_transport_t *transport = call->client->transport;
    for (;;) {
        /* The first attempt follows at once: asking the clock again would cost as much as the attempt. */
        const bool is_first = call->now_ns != 0;
        const int64_t now_ns = is_first ? call->now_ns : godwit__transport_now (transport);
        call->now_ns = 0;
        /* A cast without any time still goes to a server that is ready. A call could never run. */
        if (now_ns >= call->deadline_ns && !(call->cast && is_first))
            return fail (status, fail_late (call, error));
        if (atomic_load_explicit (&transport->closing, memory_order_relaxed) || call->given_up ||
            godwit__client_is_closed (call->client))
            return fail (status, godwit__call_fail_closed (call, error));
        godwit__picked_t picked;
        pthread_mutex_lock (&transport->lock);
        call->change_seen = transport->change_count;
        const godwit__pick_t pick = godwit__call_pick (call, now_ns, &picked);
        const godwit__names_state_t names = transport->directory->names.state;
        godwit__transport_unlock (transport);
        if (pick != GODWIT__PICK_OK)
            return on_not_picked (call, pick, names, now_ns, status, error);

        if (!write_request (call, picked.connection->link)) {
            godwit__connection_unref (&picked.connection);
            return fail (status, godwit__error_set_outcome (error, GODWIT_ERR_OUT_OF_MEMORY, call->outcome,
                                                            "out of memory"));
        }
        switch (hand_over (call, &picked, now_ns)) {
        case GODWIT__IO_OK:
            return GODWIT__ADVANCE_SENT;
        case GODWIT__IO_REFUSED:
            return fail (status,
                         godwit__call_fail_to_send (call, "\": the driver refused the message", error));
        case GODWIT__IO_AGAIN:
            call->why = "the server's queue is full";
            warn_of_full (call);
            break;
        case GODWIT__IO_CLOSED:
            call->why = "the connection was lost before the request was sent";
            break;
        }
        call->server_key = picked.key;
        if (!godwit__call_try_again (call, GODWIT__CHARGE_NONE))
            return fail (status, godwit__call_fail_retries (call, error));
    }
}

godwit__advance_t
godwit__call_advance (godwit__call_t *call, godwit_status_t *status, godwit_error_t **error)
{
    const godwit__advance_t what = advance (call, status, error);
    if (what == GODWIT__ADVANCE_FAILED) /* otherwise it may be gone already */
        godwit__call_explain (call, error);
    else if (what == GODWIT__ADVANCE_STALLED)
        godwit__call_note_waiting (call);
    return what;
}
