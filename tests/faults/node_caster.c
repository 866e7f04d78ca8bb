/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/faults/node_caster.h"

#include "tests/faults/node_pace.h"
#include "tests/faults/node_spool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define POOL "servers"
#define THREADS_MAX 16u
#define EMPTY_MS 60000

static history_t *history;
static const node_options_t *options;

static void
note (history_event_t event, uint16_t status, uint16_t what, const char *text)
{
    history_record_t record = {.event = (uint16_t) event, .note = {.status = status, .what = what}};
    snprintf (record.note.text, sizeof record.note.text, "%s", text);
    history_put (history, record);
}

/* ---- the client ---- */

static godwit_client_t *client;
static godwit_spool_t *spool;
static pthread_t threads[THREADS_MAX];
static uint32_t thread_count;

static void
cast (void)
{
    godwit_error_t *error = NULL;
    const uint64_t id = history_next_id (history);
    history_put (history, (history_record_t){.call = id, .event = HISTORY_NOTICE_BEGIN});
    const godwit_status_t status =
        godwit_client_cast (client, NULL, "take", GODWIT_ARGS (GODWIT_INT ("id", (int64_t) id)), &error);
    history_put (history, (history_record_t){
                              .call = id, .event = HISTORY_NOTICE_END, .notice.status = (uint16_t) status});
    godwit_error_destroy (&error);
}

static void *
run (void *user)
{
    uint64_t due_ns = history_now_ns ();
    (void) user;
    while (node_pace_wait (&due_ns))
        cast ();
    return NULL;
}

bool
node_caster_start (godwit_transport_t *transport, history_t *history_, const node_options_t *options_,
                   godwit_error_t **error)
{
    history = history_;
    options = options_;
    if (!options->spool || !node_spool_open (&spool, options->spool, error))
        return false;
    note (HISTORY_NOTIFIER_UP, 0, HISTORY_HAS_SPOOL | HISTORY_HAS_NO_ORDER, options->name);
    note (HISTORY_POOL, 0, 0, POOL);
    if (godwit_client_new (&client, transport, GODWIT_TARGET (.topic = options->topic),
                           GODWIT_CLIENT_OPTIONS (.spool = spool, .durable = GODWIT_YES), error))
        return false;
    node_pace_start (options->rate);
    while (thread_count < options->threads && thread_count < THREADS_MAX) {
        if (pthread_create (&threads[thread_count], NULL, run, NULL))
            return false;
        thread_count++;
    }
    return true;
}

void
node_caster_stop (void)
{
    char stream[128];
    node_pace_stop ();
    for (uint32_t i = 0; i < thread_count; i++)
        pthread_join (threads[i], NULL);
    snprintf (stream, sizeof stream, "cast/godwit/%s", options->topic);
    const bool is_empty = node_spool_await (spool, stream, POOL, EMPTY_MS);
    note (HISTORY_NOTIFIER_DOWN, is_empty ? GODWIT_OK : GODWIT_ERR_TIMEOUT, 0, "");
    godwit_client_destroy (&client);
    node_spool_close (&spool);
}

/* ---- the server ---- */

static godwit_server_t *server;

/* How often a cast has run is not told, only whether it may have: each mark is a count of its own. */
static uint32_t
new_count (void)
{
    static atomic_uint last;
    return options->node << 20 | ((atomic_fetch_add (&last, 1) + 1) & 0xfffff);
}

static godwit_status_t
take (godwit_request_t *request, void *self)
{
    (void) self;
    const uint64_t id =
        (uint64_t) godwit_value_as_int (godwit_value_get (godwit_request_args (request), "id"), 0);
    history_put (history, (history_record_t){.call = id,
                                             .event = HISTORY_TAKEN,
                                             .notice.redeliveries =
                                                 godwit_request_is_redelivered (request) ? new_count () : 0});
    const struct timespec work = {0, (long) options->work_us * 1000};
    if (options->work_us) /* this is what it does, not a wait for something */
        nanosleep (&work, NULL);
    history_put (history, (history_record_t){.call = id, .event = HISTORY_SETTLED});
    return GODWIT_OK;
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("take", take, 0)};

bool
node_worker_start (godwit_transport_t *transport, history_t *history_, const node_options_t *options_,
                   godwit_error_t **error)
{
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods);
    history = history_;
    options = options_;
    if (godwit_server_new (&server, transport,
                           GODWIT_TARGET (.topic = options->topic, .server = options->name), &endpoint, 1,
                           NULL, error))
        return false;
    note (HISTORY_LISTENER_UP, 0, 0, POOL); /* before: casts come before start returns */
    return godwit_server_start (server, NULL, error) == GODWIT_OK;
}

bool
node_worker_stop (godwit_error_t **error)
{
    if (godwit_server_stop (server, NULL, error) || godwit_server_wait (server, NULL, error))
        return false;
    note (HISTORY_LISTENER_DOWN, 0, 0, POOL);
    godwit_server_destroy (&server);
    return true;
}
