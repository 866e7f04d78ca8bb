/* SPDX-License-Identifier: Apache-2.0 */
/* The server of a node: methods for all that a client can ask. */
#include "node.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#define GIVEN_UP_MAX 64

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static tally_t taken;
static unsigned held[NODE_CLIENTS + 1], cancelled[NODE_CLIENTS + 1]; /* by client */
static godwit_request_t *given_up[GIVEN_UP_MAX];
static size_t given_up_count;
static godwit_transport_t *own_transport;
static godwit_server_t *server;
static const char *own_name;

/* ---- methods ---- */

struct note_args {
    int64_t client, number;
};

static const godwit_slot_t note_slots[] = {GODWIT_SLOT (struct note_args, client),
                                           GODWIT_SLOT (struct note_args, number)};

static godwit_status_t
note (godwit_request_t *request, void *self)
{
    const struct note_args *args = godwit_request_params (request);
    (void) self;
    pthread_mutex_lock (&lock);
    taken.notes++;
    taken.note_sum += node_mark (args->client, args->number);
    pthread_cond_broadcast (&changed);
    pthread_mutex_unlock (&lock);
    return godwit_request_reply (request, GODWIT_INT (NULL, args->number));
}

static godwit_status_t
told (godwit_request_t *request, void *self)
{
    const struct note_args *args = godwit_request_params (request);
    (void) self;
    pthread_mutex_lock (&lock);
    taken.told++;
    taken.told_sum += node_mark (args->client, args->number);
    pthread_cond_broadcast (&changed);
    pthread_mutex_unlock (&lock);
    return GODWIT_OK;
}

/* A list of the arguments, the context, the namespace and the version. */
static godwit_status_t
echo (godwit_request_t *request, void *self)
{
    const char *name_space = godwit_request_name_space (request);
    const char *version = godwit_request_version (request);
    (void) self;
    return godwit_request_reply (request,
                                 GODWIT_LIST (NULL, GODWIT_VALUE (NULL, godwit_request_args (request)),
                                              GODWIT_VALUE (NULL, godwit_request_context (request)),
                                              GODWIT_STR (NULL, name_space ? name_space : ""),
                                              GODWIT_STR (NULL, version ? version : "")));
}

static godwit_status_t
who (godwit_request_t *request, void *self)
{
    (void) self;
    return godwit_request_reply (request, GODWIT_STR (NULL, own_name));
}

static godwit_status_t
sell (godwit_request_t *request, void *self)
{
    godwit_error_t *error = GODWIT_ERROR_OF (&node_out_of_stock, "no %s left", "tea");
    (void) self;
    godwit_error_set_detail (error, "goods", "tea");
    return godwit_request_fail (request, &error);
}

/* Longer than the time for which a monitor waits. */
static godwit_status_t
linger (godwit_request_t *request, void *self)
{
    const struct timespec pause = {2, 500000000};
    (void) self;
    nanosleep (&pause, NULL);
    return godwit_request_reply (request, GODWIT_BOOL (NULL, true));
}

/* ---- requests that are given up ---- */

static size_t
client_of (const godwit_request_t *request)
{
    const int64_t client =
        godwit_value_as_int (godwit_value_get (godwit_request_args (request), "client"), 0);
    return client > 0 && client <= NODE_CLIENTS ? (size_t) client : 0;
}

/* It is given back at the end: a failure that is sent now could overtake the end of its caller's time. */
static void
on_cancel (godwit_request_t *request, void *user)
{
    (void) user;
    pthread_mutex_lock (&lock);
    if (given_up_count < GIVEN_UP_MAX)
        given_up[given_up_count++] = request;
    cancelled[client_of (request)]++;
    pthread_cond_broadcast (&changed);
    pthread_mutex_unlock (&lock);
}

/* Waits for the end of its caller's time, or for CANCEL. */
static godwit_status_t
hold (godwit_request_t *request, void *self)
{
    (void) self;
    const size_t client = client_of (request);
    const godwit_status_t status = godwit_request_on_cancel (godwit_request_keep (request), on_cancel, NULL);
    pthread_mutex_lock (&lock);
    held[client]++;
    pthread_cond_broadcast (&changed);
    pthread_mutex_unlock (&lock);
    return status;
}

/* Replies when as many requests of this client were held, or cancelled, as it says. */
static godwit_status_t
wait_for (godwit_request_t *request, const unsigned *counts)
{
    const int64_t count = godwit_value_as_int (godwit_value_get (godwit_request_args (request), "count"), 0);
    const size_t client = client_of (request);
    pthread_mutex_lock (&lock);
    while (counts[client] < count)
        pthread_cond_wait (&changed, &lock);
    pthread_mutex_unlock (&lock);
    return GODWIT_OK;
}

static godwit_status_t
await_held (godwit_request_t *request, void *self)
{
    (void) self;
    return wait_for (request, held);
}

static godwit_status_t
await_cancelled (godwit_request_t *request, void *self)
{
    (void) self;
    return wait_for (request, cancelled);
}

/* ---- its life ---- */

void
node_server_open (godwit_transport_t *transport, const char *name)
{
    static const godwit_method_t methods[] = {
        GODWIT_METHOD_WITH ("note", note, struct note_args, note_slots, 0),
        GODWIT_METHOD_WITH ("told", told, struct note_args, note_slots, 0),
        GODWIT_METHOD ("echo", echo, 0),
        GODWIT_METHOD ("who", who, 0),
        GODWIT_METHOD ("sell", sell, 0),
        GODWIT_METHOD ("linger", linger, GODWIT_METHOD_SLOW | GODWIT_METHOD_RUNS_LATE),
        GODWIT_METHOD ("hold", hold, GODWIT_METHOD_RUNS_LATE),
        GODWIT_METHOD ("await_held", await_held, GODWIT_METHOD_SLOW | GODWIT_METHOD_RUNS_LATE),
        GODWIT_METHOD ("await_cancelled", await_cancelled, GODWIT_METHOD_SLOW | GODWIT_METHOD_RUNS_LATE)};
    static const godwit_method_t further[] = {GODWIT_METHOD ("echo", echo, 0)};
    const godwit_endpoint_t endpoints[] = {
        GODWIT_ENDPOINT (methods, .version = "1.4"),
        GODWIT_ENDPOINT (further, .name_space = "further", .version = "2.1")};
    godwit_error_t *error = NULL;
    own_name = name;
    own_transport = transport;
    node_must (godwit_server_new (&server, transport, GODWIT_TARGET (.topic = NODE_TOPIC, .server = name),
                                  endpoints, sizeof endpoints / sizeof endpoints[0],
                                  GODWIT_SERVER_OPTIONS (.concurrency = 256, .queue_limit = 100000), &error),
               &error);
    node_must (godwit_server_start (server, NULL, &error), &error);
}

static void
await (const unsigned long long *count, unsigned long long enough)
{
    pthread_mutex_lock (&lock);
    while (*count < enough)
        pthread_cond_wait (&changed, &lock);
    pthread_mutex_unlock (&lock);
}

static bool
is_hosting (const godwit_transport_stats_t *stats, unsigned long long number)
{
    (void) number;
    return stats->rendezvous_hosted > 0;
}

void
node_server_word (const char *word, unsigned long long number)
{
    if (!strcmp (word, "await")) {
        await (&taken.notes, number);
        node_say ("awaited");
    } else if (!strcmp (word, "told")) {
        await (&taken.told, number);
        node_say ("told");
    } else if (!strcmp (word, "hosting")) {
        node_await_stats (own_transport, is_hosting, 0);
        node_say ("hosting");
    }
}

void
node_server_close (tally_t *tally)
{
    godwit_error_t *error = NULL;
    node_must (godwit_server_stop (server, GODWIT_STEP_OPTIONS (.timeout_ms = 60000), &error), &error);
    while (given_up_count > 0)
        godwit_request_destroy (&given_up[--given_up_count]);
    node_must (godwit_server_wait (server, GODWIT_STEP_OPTIONS (.timeout_ms = 60000), &error), &error);
    *tally = taken;
    godwit_server_destroy (&server);
}
