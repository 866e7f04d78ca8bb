/* SPDX-License-Identifier: Apache-2.0 */
/* One durable cast: from its bytes in the spool to an asynchronous call, and what became of that. */
#include "src/base/hash.h"
#include "src/client/async.h"
#include "src/client/call_record.h"
#include "src/client/durable_inside.h"
#include "src/connection/completion.h"
#include "src/error/error.h"
#include "src/runtime/warnings.h"

#include <stdlib.h>

enum { KEY_REFUSED = 0x6472 };

/* 30 days: so long a call waits for a server, and so long its method may run; then it is made again. */
#define TIMEOUT_MS INT64_C (2592000000)
/* A server that does not say for so many times the heartbeats' timeout that the method still runs is given
 * up. */
#define MONITOR_TIMEOUTS 5

/* ---- making ---- */

static bool
decode (godwit__job_t *job, const godwit__limits_t *limits, bool *is_malformed)
{
    godwit__frame_t frame;
    godwit__block_t *block = NULL;
    const size_t server_size = strlen (job->server) + 1;
    if (!godwit__frame_copy (&frame, job->server + server_size, job->size - server_size))
        return false;
    const godwit_status_t status = godwit__decode (&block, &frame, 0, limits, NULL);
    *is_malformed = status && status != GODWIT_ERR_OUT_OF_MEMORY;
    if (status)
        return false;
    job->body = godwit__block_nodes (block);
    *is_malformed = godwit_value_type (godwit_value_at (job->body, 1)) != GODWIT_TYPE_STR;
    return !*is_malformed;
}

godwit__job_t *
godwit__job_new (godwit__queue_t *queue, uint64_t number, const void *data, size_t size, bool *is_malformed)
{
    const godwit__limits_t limits = {.size = size, .depth = GODWIT__BODY_DEPTH, .count = GODWIT__BODY_COUNT};
    *is_malformed = size == 0 || !memchr (data, '\0', size);
    if (*is_malformed)
        return NULL;
    godwit__job_t *const job = malloc (sizeof *job + size);
    if (!job)
        return NULL;
    *job = (godwit__job_t){
        .queue = queue, .number = number, .size = size, .may_have_run = number <= queue->doubtful};
    memcpy (job->server, data, size);
    if (decode (job, &limits, is_malformed))
        return job;
    godwit__job_free (job);
    return NULL;
}

void
godwit__job_free (godwit__job_t *job)
{
    godwit_client_destroy (&job->client);
    godwit_value_unref (&job->body);
    free (job);
}

/* ---- sending ---- */

static const char *
method_of (const godwit__job_t *job)
{
    return godwit_value_as_str (godwit_value_at (job->body, 1), "");
}

/* A refusal may go on for ever; a server that is missing is told by others. */
static void
warn_refused (const godwit__job_t *job, const godwit_error_t *error)
{
    const char *const topic = job->queue->sender->target.topic;
    if (error && godwit_error_outcome (error) == GODWIT_OUTCOME_REJECTED)
        godwit__warn (
            job->queue->durable->transport, godwit__hash_text (KEY_REFUSED, topic),
            "a durable cast of the method %.64s to the topic %.64s was refused, and is tried again: "
            "%.256s",
            method_of (job), topic, godwit_error_message (error));
}

/* The completion thread. */
static void
on_ended (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    godwit__job_t *const job = user;
    godwit__durable_t *const durable = job->queue->durable;
    const godwit_outcome_t outcome = error ? godwit_error_outcome (error) : GODWIT_OUTCOME_NOT_SENT;
    (void) result;
    if (status)
        warn_refused (job, error);
    pthread_mutex_lock (&durable->lock);
    job->has_run = status == GODWIT_OK || outcome == GODWIT_OUTCOME_RAN;
    job->may_have_run |= outcome == GODWIT_OUTCOME_MAYBE_RUN;
    godwit__list_remove (&job->in_queue);
    godwit__list_append (&job->queue->ended, &job->in_queue);
    godwit__change_tell (&durable->changed);
    pthread_mutex_unlock (&durable->lock);
}

/* The client that sends it, made the first time. */
static godwit_client_t *
client_of (godwit__job_t *job)
{
    const godwit_value_t *const name_space = godwit_value_at (job->body, 3);
    const godwit_value_t *const version = godwit_value_at (job->body, 4);
    if (!job->client)
        godwit_client_prepare (&job->client, job->queue->sender,
                               GODWIT_OVERRIDES (.name_space = godwit_value_as_str (name_space, NULL),
                                                 .version = godwit_value_as_str (version, NULL),
                                                 .server = *job->server ? job->server : NULL),
                               NULL);
    return job->client;
}

static godwit__call_t *
make_call (godwit__job_t *job)
{
    godwit_client_t *const client = client_of (job);
    const godwit_transport_t *const transport = job->queue->durable->transport;
    godwit__call_t *const call = client ? malloc (sizeof *call) : NULL;
    if (!call || godwit__call_open (call, client, false, NULL)) {
        free (call);
        return NULL;
    }
    const size_t server_size = strlen (job->server) + 1;
    if (!godwit__encode_body (&call->request, godwit__job_body (job), job->size - server_size)) {
        godwit__client_leave (client);
        free (call);
        return NULL;
    }
    call->redelivered = job->may_have_run;
    call->timeout_ms = TIMEOUT_MS;
    call->retries_left = *job->server ? 0 : -1; /* others do not wait for a server that is not theirs */
    call->callback = on_ended;
    call->user = job;
    call->now_ns = godwit__transport_now (transport);
    godwit__call_begin_time (call, call->now_ns);
    call->pending.monitor_ns = MONITOR_TIMEOUTS * godwit__ns_of_ms (transport->options.heartbeat_timeout_ms);
    return call;
}

bool
godwit__job_send (godwit__job_t *job)
{
    godwit__call_t *const call = make_call (job);
    if (!call)
        return false;
    if (godwit__completion_start (job->queue->durable->transport->completion, NULL)) {
        godwit__call_release (call);
        free (call);
        return false;
    }
    GODWIT__COUNT (job->queue->durable->transport, calls_started);
    godwit__call_begin_counted (call, method_of (job), false);
    return godwit__call_start (call, NULL) == GODWIT_OK;
}
