#include "src/call.h"

#include "src/backing_off_client.h"
#include "src/completion.h"
#include "src/error.h"
#include "src/pool.h"
#include "src/target.h"

#include <stdio.h>
#include <stdlib.h>

#define BACKOFF_FIRST_NS (1 * GODWIT__NS_PER_MS)
#define BACKOFF_MAX_NS (100 * GODWIT__NS_PER_MS)
/* How long one attempt of a finite number waits for a server to appear. */
#define ATTEMPT_NS (100 * GODWIT__NS_PER_MS)

/* ---- the request ---- */

void
godwit__shared_unref (void *data, void *hint)
{
    godwit__shared_t *shared = hint;
    (void) data;
    if (atomic_fetch_sub_explicit (&shared->refs, 1, memory_order_acq_rel) == 1)
        free (shared);
}

uint8_t *
godwit__call_data (godwit__call_t *call)
{
    return (call->shared ? call->shared->data : call->small) + GODWIT__KEY_SIZE;
}

static size_t
text_bound (const char *text)
{
    return text ? strlen (text) + 5 : 1;
}

static void
write_text (godwit__writer_t *writer, const char *text)
{
    if (text)
        godwit__write_str (writer, text, strlen (text));
    else
        godwit__write_nil (writer);
}

/* [context, method, args] and, when set, [..., namespace, version] (docs/protocol.md 4.2). False: the
 * arguments were not checked, and cannot be while they are written. */
static bool
write_body (godwit__writer_t *writer, const godwit_client_t *client, const godwit_value_t *context,
            const char *method, const godwit_fields_t *args, bool checked)
{
    const char *name_space = client->target.name_space;
    const char *version = client->target.version;
    godwit__write_array (writer, version ? 5 : name_space ? 4 : 3);
    if (context)
        godwit__write_value (writer, context);
    else
        godwit__write_map (writer, 0);
    godwit__write_str (writer, method, strlen (method));
    if (checked)
        godwit__write_fields (writer, args);
    else if (!godwit__write_fields_checked (writer, args))
        return false;
    if (version || name_space)
        write_text (writer, name_space);
    if (version)
        write_text (writer, version);
    return !writer->overflow;
}

static godwit_status_t
check_size (const godwit_client_t *client, size_t size, godwit_error_t **error)
{
    const size_t limit = client->transport->options.max_message_size;
    if (size <= limit)
        return GODWIT_OK;
    return godwit__error_set (error, GODWIT_ERR_LIMIT_EXCEEDED,
                              "The request has %zu bytes; max_message_size is %zu", size, limit);
}

static godwit_status_t
encode (godwit__call_t *call, const godwit_value_t *context, const char *method, const godwit_fields_t *args,
        godwit_error_t **error)
{
    const godwit_client_t *client = call->client;
    if (!method || !*method)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "method: expected a name, got %s",
                                  method ? "\"\"" : "NULL");
    if (context && godwit_value_type (context) != GODWIT_TYPE_MAP)
        return godwit__error_set (error, godwit__not_a_map (context), "context: expected map, got %s",
                                  godwit_type_name (godwit_value_type (context)));
    const size_t context_bound = context ? godwit__value_bound (context) : 1;
    if (!context_bound)
        return godwit__error_set (error, GODWIT_ERR_TYPE_MISMATCH,
                                  "context: expected values that can be sent, got object");

    godwit__writer_t writer = {godwit__call_data (call), GODWIT__HEADER_SIZE, GODWIT__CALL_INLINE, false};
    if (write_body (&writer, client, context, method, args, false)) {
        call->request_size = writer.size;
        return check_size (client, writer.size, error);
    }

    size_t bound = GODWIT__HEADER_SIZE + 1 + text_bound (method) + text_bound (client->target.name_space) +
                   text_bound (client->target.version) + context_bound;
    const godwit_status_t status = godwit__fields_bound (args, "args", &bound, error);
    if (status)
        return status;
    if (bound > GODWIT__CALL_INLINE) {
        call->shared = malloc (sizeof *call->shared + GODWIT__KEY_SIZE + bound);
        if (!call->shared)
            return godwit__error_no_memory (error);
        atomic_init (&call->shared->refs, 1);
    } else {
        bound = GODWIT__CALL_INLINE;
    }
    writer = (godwit__writer_t){godwit__call_data (call), GODWIT__HEADER_SIZE, bound, false};
    write_body (&writer, client, context, method, args, true);
    call->request_size = writer.size;
    return check_size (client, writer.size, error);
}

static godwit_status_t
encode_with_serializer (godwit__call_t *call, const godwit_value_t *context, const char *method,
                        const godwit_fields_t *args, godwit_error_t **error)
{
    godwit__payload_t sent;
    godwit_status_t status =
        godwit__serialize_request (&sent, call->client->serializer, context, args, error);
    if (status)
        return status;
    status = encode (call, sent.context, method, &(godwit_fields_t){.value = sent.args}, error);
    godwit__payload_release (&sent);
    call->context = godwit_value_ref (context);
    return status;
}

godwit_status_t
godwit__call_init (godwit__call_t *call, godwit_client_t *client, bool cast, const godwit_value_t *context,
                   const char *method, const godwit_fields_t *args, godwit_error_t **error)
{
    memset (call, 0, offsetof (godwit__call_t, small));
    call->client = client;
    call->cast = cast;
    call->outcome = GODWIT_OUTCOME_NOT_SENT;
    call->why = "no server is known";
    call->retries_left = client->retry == GODWIT_RETRY_NONE ? 0 : client->retry > 0 ? client->retry : -1;

    godwit_status_t status = godwit__client_enter (client, error);
    if (status)
        return status;
    status = client->serializer ? encode_with_serializer (call, context, method, args, error)
                                : encode (call, context, method, args, error);
    if (status == GODWIT_OK)
        status = godwit__client_check (client, error);
    call->timeout_ms = godwit__client_timeout_ms (client);
    if (status == GODWIT_OK && client->backs_off && !cast)
        status = godwit__backing_off_begin (call, method, error);
    if (status) {
        godwit__call_release (call);
        return status;
    }
    call->started_ns = call->now_ns = godwit__transport_now (client->transport);
    call->deadline_ns = call->now_ns + call->timeout_ms * GODWIT__NS_PER_MS;
    atomic_store_explicit (&call->pending.deadline_ns, call->deadline_ns, memory_order_relaxed);
    call->pending.owner = client;
    if (client->call_monitor_timeout_ms && !cast)
        call->pending.monitor_ns = client->call_monitor_timeout_ms * GODWIT__NS_PER_MS;
    return GODWIT_OK;
}

void
godwit__call_release (godwit__call_t *call)
{
    godwit_client_t *client = call->client;
    if (call->connection)
        godwit__connection_unref (&call->connection);
    if (call->shared)
        godwit__shared_unref (NULL, call->shared);
    if (call->context)
        godwit_value_unref (&call->context);
    if (call->backoff_key)
        free (call->backoff_key);
    godwit__client_leave (client);
}

/* ---- attempts ---- */

static godwit__advance_t
fail (godwit_status_t *status, godwit_status_t is)
{
    *status = is;
    return GODWIT__ADVANCE_FAILED;
}

static godwit__advance_t
fail_late (godwit__call_t *call, godwit_status_t *status, godwit_error_t **error)
{
    const long long timeout_ms = (long long) call->timeout_ms;
    if (call->cast)
        return fail (status, godwit__error_set_outcome (error, GODWIT_ERR_DELIVERY_FAILURE, call->outcome,
                                                        "The cast was not accepted within %lld ms: %s",
                                                        timeout_ms, call->why));
    return fail (status, godwit__error_set_outcome (error, GODWIT_ERR_TIMEOUT, call->outcome,
                                                    "No reply within %lld ms: %s", timeout_ms, call->why));
}

static godwit_status_t
fail_to_send (const godwit__call_t *call, godwit_outcome_t outcome, const char *why, godwit_error_t **error)
{
    return godwit__target_error (error, GODWIT_ERR_CLIENT_SEND, outcome, &call->client->target,
                                 "Failed to send to target \"", why);
}

/* Counts a hand-over that failed, and one more that is to come. False if there is none. */
static bool
may_retry (godwit__call_t *call)
{
    if (call->retries_left == 0)
        return false;
    if (call->retries_left > 0)
        call->retries_left--;
    return true;
}

static godwit__advance_t
fail_retries (godwit__call_t *call, godwit_status_t *status, godwit_error_t **error)
{
    return fail (status, godwit__error_set_outcome (
                             error, GODWIT_ERR_DELIVERY_FAILURE, call->outcome,
                             "The message could not be handed over, and no retry is left: %s", call->why));
}

static void
back_off (godwit__call_t *call, int64_t now_ns)
{
    call->backoff_ns = call->backoff_ns ? call->backoff_ns * 2 : BACKOFF_FIRST_NS;
    if (call->backoff_ns > BACKOFF_MAX_NS)
        call->backoff_ns = BACKOFF_MAX_NS;
    call->not_before_ns = now_ns + call->backoff_ns;
    call->tried.count = 0;
}

/* Contract 4: from now on the call waits for news of it, if that is shorter than all that is left of its
 * time. Returns how often the server has to tell. */
static uint32_t
begin_monitor (godwit__call_t *call, int64_t now_ns)
{
    godwit__pending_t *pending = &call->pending;
    const bool is_shorter = pending->monitor_ns < pending->left_ns;
    if (is_shorter)
        pending->left_ns = pending->monitor_ns;
    pending->end_ns = call->deadline_ns;
    atomic_store_explicit (&pending->deadline_ns, now_ns + pending->left_ns, memory_order_relaxed);
    const int64_t ms = pending->monitor_ns / GODWIT__NS_PER_MS;
    return !is_shorter ? 0 : ms < UINT32_MAX ? (uint32_t) ms : UINT32_MAX;
}

/* Hands the request to the server that was picked. Consumes the connection's reference. */
static godwit__io_t
hand_over (godwit__call_t *call, godwit__picked_t *picked, int64_t now_ns)
{
    uint8_t *data = godwit__call_data (call);
    call->pending.left_ns = call->deadline_ns - now_ns;
    const int64_t left_ms = (call->pending.left_ns + GODWIT__NS_PER_MS - 1) / GODWIT__NS_PER_MS;
    const uint32_t monitor_ms = call->pending.monitor_ns ? begin_monitor (call, now_ns) : 0;
    godwit__header_write (data, &(godwit__header_t){
                                    .type = GODWIT__REQUEST,
                                    .flags = call->cast ? GODWIT__FLAG_CAST : 0,
                                    .target = picked->server_id,
                                    .budget_ms = call->cast             ? 0
                                                 : left_ms < UINT32_MAX ? (uint32_t) left_ms
                                                                        : UINT32_MAX,
                                    .aux = monitor_ms,
                                });
    godwit__message_t message = {data, call->request_size, NULL, NULL};

    if (picked->local && !call->cast && !call->pending.ended &&
        godwit__pool_call_inline (call->client->transport->pool, &message, now_ns, &call->pending.frame,
                                  &call->now_ns)) {
        /* Nothing, if the request was kept and its time has passed. */
        const bool replied = godwit__header_read (&call->pending.header, call->pending.frame.data,
                                                  call->pending.frame.size) == GODWIT__HEADER_OK;
        atomic_store (&call->pending.ending, replied                                   ? GODWIT__REPLIED
                                             : godwit__client_is_closed (call->client) ? GODWIT__ABANDONED
                                                                                       : GODWIT__EXPIRED);
        godwit__connection_unref (&picked->connection);
        return GODWIT__IO_OK;
    }

    if (call->shared) {
        message.free_fn = godwit__shared_unref;
        message.hint = call->shared;
        atomic_fetch_add_explicit (&call->shared->refs, 1, memory_order_relaxed);
    }
    call->server_key = picked->key;
    call->connection = picked->connection;
    /* From here on an asynchronous call may end, and be freed, at any moment: if it was accepted, hands off.
     */
    godwit__shared_t *shared = call->shared;
    const bool cast = call->cast;
    const godwit__io_t io =
        godwit__connection_send (picked->connection, &message, cast ? NULL : &call->pending);
    if (io != GODWIT__IO_OK) {
        godwit__connection_unref (&call->connection);
        if (shared)
            godwit__shared_unref (NULL, shared);
    }
    return io;
}

static godwit__advance_t
on_not_picked (godwit__call_t *call, godwit__pick_t pick, int64_t now_ns, godwit_status_t *status,
               godwit_error_t **error)
{
    if (pick == GODWIT__PICK_NOBODY && call->outcome == GODWIT_OUTCOME_NOT_SENT) {
        call->why = "no server is known";
        if (call->client->mandatory)
            return fail (status,
                         godwit__target_error (error, GODWIT_ERR_UNDELIVERABLE, GODWIT_OUTCOME_NOT_SENT,
                                               &call->client->target, "Nobody listens at ", ""));
    } else if (pick == GODWIT__PICK_WAIT && call->outcome == GODWIT_OUTCOME_NOT_SENT) {
        call->why = "no server could be connected to";
    }
    if (pick == GODWIT__PICK_EXCLUDED) {
        back_off (call, now_ns);
        return GODWIT__ADVANCE_STALLED;
    }
    /* Waiting for a server costs an attempt when it has lasted for the attempt's time. */
    if (call->retries_left >= 0) {
        if (call->not_before_ns == 0 && call->retries_left == 0 && pick == GODWIT__PICK_NOBODY)
            return fail_retries (call, status, error);
        if (call->not_before_ns != 0 && now_ns >= call->not_before_ns && !may_retry (call))
            return fail_retries (call, status, error);
        if (call->not_before_ns == 0 || now_ns >= call->not_before_ns)
            call->not_before_ns = now_ns + ATTEMPT_NS;
    } else {
        call->not_before_ns = 0;
    }
    return GODWIT__ADVANCE_STALLED;
}

godwit__advance_t
godwit__call_advance (godwit__call_t *call, godwit_status_t *status, godwit_error_t **error)
{
    godwit_transport_t *transport = call->client->transport;
    for (;;) {
        /* The first attempt follows at once: asking for the time again would cost as much as the attempt. */
        const bool is_first = call->now_ns != 0;
        const int64_t now_ns = is_first ? call->now_ns : godwit__transport_now (transport);
        call->now_ns = 0;
        /* A cast without any time still goes to a server that is ready. A call could never run. */
        if (now_ns >= call->deadline_ns && !(call->cast && is_first))
            return fail_late (call, status, error);
        if (atomic_load_explicit (&transport->closing, memory_order_relaxed) || call->given_up ||
            godwit__client_is_closed (call->client))
            return fail (status, godwit__error_set_outcome (error, GODWIT_ERR_CLOSED, call->outcome,
                                                            "The client is being destroyed"));
        godwit__picked_t picked;
        pthread_mutex_lock (&transport->lock);
        call->change_seen = transport->change_count;
        const godwit__pick_t pick =
            godwit__directory_pick (call->client->group, call->client->target.server, &call->tried, &picked);
        pthread_mutex_unlock (&transport->lock);
        if (pick != GODWIT__PICK_OK)
            return on_not_picked (call, pick, now_ns, status, error);

        switch (hand_over (call, &picked, now_ns)) {
        case GODWIT__IO_OK:
            return GODWIT__ADVANCE_SENT;
        case GODWIT__IO_REFUSED:
            return fail (status, fail_to_send (call, GODWIT_OUTCOME_NOT_SENT,
                                               "\": the driver refused the message", error));
        case GODWIT__IO_AGAIN:
            call->why = "the server's queue is full";
            break;
        case GODWIT__IO_CLOSED:
            call->why = "the connection was lost before the request was sent";
            break;
        }
        call->outcome = GODWIT_OUTCOME_NOT_SENT;
        godwit__tried_add (&call->tried, picked.key);
        if (!may_retry (call))
            return fail_retries (call, status, error);
        GODWIT__COUNT (transport, calls_retried);
    }
}

/* ---- ends ---- */

/* What the server says for people about a NACK, if it says something. */
static void
read_text (godwit__call_t *call, char *text, size_t size)
{
    godwit__block_t *block = NULL;
    if (call->pending.frame.size > GODWIT__HEADER_SIZE &&
        godwit__decode (&block, &call->pending.frame, GODWIT__HEADER_SIZE, &godwit__default_limits, NULL) ==
            GODWIT_OK) {
        snprintf (text, size, "the server refused it: %s",
                  godwit_value_as_str (&block->nodes[0], "no reason"));
        godwit__block_unref (block);
    }
}

static godwit__verdict_t
judge_expired_nack (godwit__call_t *call, godwit_status_t *status, godwit_error_t **error)
{
    char text[256] = "the server refused it because its time was spent";
    read_text (call, text, sizeof text);
    call->why = text;
    fail_late (call, status, error);
    call->why = "the server refused it";
    return GODWIT__VERDICT_FINAL;
}

static godwit__verdict_t
judge_nack (godwit__call_t *call, uint32_t reason, uint32_t revision, godwit_status_t *status,
            godwit_error_t **error)
{
    godwit_transport_t *transport = call->client->transport;
    call->outcome = GODWIT_OUTCOME_REJECTED;
    switch (reason) {
    case GODWIT__NACK_EXPIRED:
        return judge_expired_nack (call, status, error);
    case GODWIT__NACK_DUPLICATE:
    case GODWIT__NACK_MALFORMED:
        *status = reason == GODWIT__NACK_DUPLICATE
                      ? fail_to_send (call, GODWIT_OUTCOME_MAYBE_RUN,
                                      "\": the server refused the request as DUPLICATE", error)
                      : fail_to_send (call, GODWIT_OUTCOME_REJECTED,
                                      "\": the server refused the request as MALFORMED", error);
        return GODWIT__VERDICT_FINAL;
    case GODWIT__NACK_DRAINING:
        godwit__directory_refused (transport, call->server_key, revision, false);
        call->why = "the server is draining";
        break;
    case GODWIT__NACK_NOT_HERE:
        godwit__directory_refused (transport, call->server_key, 0, true);
        call->why = "the server is not there any more";
        break;
    case GODWIT__NACK_OVERLOADED:
        call->why = "the server is overloaded";
        break;
    default:
        call->why = "the server refused the connection's identity";
        break;
    }
    if (!may_retry (call)) {
        fail_retries (call, status, error);
        return GODWIT__VERDICT_FINAL;
    }
    godwit__tried_add (&call->tried, call->server_key);
    GODWIT__COUNT (transport, calls_retried);
    return GODWIT__VERDICT_AGAIN;
}

static godwit__verdict_t
judge_unsent (godwit__call_t *call, godwit_status_t *status, godwit_error_t **error)
{
    call->outcome = GODWIT_OUTCOME_NOT_SENT;
    call->why = "the connection was lost before the request was sent";
    if (!may_retry (call)) {
        fail_retries (call, status, error);
        return GODWIT__VERDICT_FINAL;
    }
    godwit__tried_add (&call->tried, call->server_key);
    GODWIT__COUNT (call->client->transport, calls_retried);
    return GODWIT__VERDICT_AGAIN;
}

static godwit__verdict_t
judge_reply (godwit__call_t *call, godwit_status_t *status, godwit_value_t **result, godwit_error_t **error)
{
    const godwit__header_t *header = &call->pending.header;
    if (header->type == GODWIT__NACK) {
        const godwit__verdict_t verdict = judge_nack (call, header->aux, header->target, status, error);
        godwit__frame_release (&call->pending.frame);
        return verdict;
    }
    if (header->type == GODWIT__FAILURE) {
        bool is_malformed = false;
        godwit_error_t *failure = godwit__failure_read (
            &call->pending.frame, call->client->transport->error_classes, &is_malformed);
        *status = godwit_error_status (failure);
        if (is_malformed)
            GODWIT__COUNT (call->client->transport, frames_malformed);
        if (error)
            *error = failure;
        else
            godwit_error_destroy (&failure);
        return GODWIT__VERDICT_FINAL;
    }
    if (header->type != GODWIT__REPLY) { /* RESOLVED: an answer to something else */
        GODWIT__COUNT (call->client->transport, frames_malformed);
        godwit__frame_release (&call->pending.frame);
        *status = godwit__error_set_outcome (error, GODWIT_ERR_MALFORMED, GODWIT_OUTCOME_MAYBE_RUN,
                                             "The answer is no reply");
        return GODWIT__VERDICT_FINAL;
    }
    godwit__limits_t limits = godwit__default_limits;
    limits.size = call->client->transport->options.max_message_size;
    godwit__block_t *block = NULL;
    godwit_error_t *malformed = NULL;
    *status = godwit__decode (&block, &call->pending.frame, GODWIT__HEADER_SIZE, &limits, &malformed);
    if (*status == GODWIT_OK) {
        *result = &block->nodes[0];
        return GODWIT__VERDICT_FINAL;
    }
    if (*status != GODWIT_ERR_OUT_OF_MEMORY)
        GODWIT__COUNT (call->client->transport, frames_malformed);
    godwit__error_set_outcome_of (malformed, GODWIT_OUTCOME_RAN);
    if (error)
        *error = malformed;
    else
        godwit_error_destroy (&malformed);
    return GODWIT__VERDICT_FINAL;
}

/* Nobody waits for it any more: the server hears of it. */
static void
cancel (godwit__call_t *call)
{
    if (call->connection)
        godwit__connection_cancel (call->connection, godwit__get_u32 (godwit__call_data (call) + 4),
                                   call->pending.id);
}

static void
judge_expired (godwit__call_t *call, godwit_status_t *status, godwit_error_t **error)
{
    const godwit__pending_t *pending = &call->pending;
    call->outcome = GODWIT_OUTCOME_MAYBE_RUN;
    call->why = "the server did not answer";
    if (pending->monitor_ns && pending->deadline_ns < call->deadline_ns)
        *status = godwit__error_set_outcome (
            error, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN,
            "The call monitor ended the call: the server gave no sign of life for %lld ms",
            (long long) (pending->monitor_ns / GODWIT__NS_PER_MS));
    else
        fail_late (call, status, error);
}

godwit__verdict_t
godwit__call_judge (godwit__call_t *call, godwit_status_t *status, godwit_value_t **result,
                    godwit_error_t **error)
{
    if (call->pending.ending > GODWIT__LOST)
        cancel (call);
    if (call->connection)
        godwit__connection_unref (&call->connection);
    switch (atomic_load_explicit (&call->pending.ending, memory_order_acquire)) {
    case GODWIT__REPLIED:
        return judge_reply (call, status, result, error);
    case GODWIT__LOST:
        *status =
            godwit__error_set_outcome (error, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN,
                                       "No reply: the connection was lost after the request was handed over");
        break;
    case GODWIT__UNSENT:
        return judge_unsent (call, status, error);
    case GODWIT__ABANDONED:
        *status = godwit__error_set_outcome (error, GODWIT_ERR_CLOSED, GODWIT_OUTCOME_MAYBE_RUN,
                                             "The client is being destroyed");
        break;
    case GODWIT__EXPIRED:
    case GODWIT__WAITING:
        judge_expired (call, status, error);
        break;
    }
    return GODWIT__VERDICT_FINAL;
}

/* ---- on the calling thread ---- */

/* Waits until a stalled call may be advanced. */
static void
wait_stalled (const godwit__call_t *call)
{
    godwit_transport_t *transport = call->client->transport;
    int64_t until_ns = call->deadline_ns;
    const bool backs_off = call->not_before_ns != 0;
    if (backs_off && call->not_before_ns < until_ns)
        until_ns = call->not_before_ns;
    pthread_mutex_lock (&transport->lock);
    for (;;) {
        const int64_t left_ns = until_ns - godwit__transport_now (transport);
        if (left_ns <= 0 || transport->change_count != call->change_seen ||
            atomic_load (&transport->closing) || godwit__client_is_closed (call->client))
            break;
        godwit__transport_wait_changed (transport, left_ns);
    }
    pthread_mutex_unlock (&transport->lock);
}

godwit_status_t
godwit__call_run (godwit__call_t *call, godwit_value_t **result, godwit_error_t **error)
{
    godwit_status_t status = GODWIT_OK;
    for (;;) {
        switch (godwit__call_advance (call, &status, error)) {
        case GODWIT__ADVANCE_FAILED:
            return status;
        case GODWIT__ADVANCE_STALLED:
            wait_stalled (call);
            continue;
        case GODWIT__ADVANCE_SENT:
            break;
        }
        if (call->cast)
            return GODWIT_OK;
        if (call->connection)
            godwit__connection_await (call->connection, &call->pending);
        if (godwit__call_judge (call, &status, result, error) == GODWIT__VERDICT_FINAL)
            return status;
    }
}
