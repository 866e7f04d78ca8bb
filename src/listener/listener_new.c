/* SPDX-License-Identifier: Apache-2.0 */
/* Makes listeners: checks what the program gives, copies it, and makes a lane for each topic and priority. */
#include "src/address/target.h"
#include "src/error/error.h"
#include "src/error/struct_size.h"
#include "src/listener/listener_end.h"
#include "src/serializer/serializer.h"
#include "src/server/server.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_CREDIT 512
#define DEFAULT_BATCH_TIMEOUT_MS 1000
/* NOTIFYs that wait for a handler; of honest notifiers the credit allows fewer. */
#define QUEUE_LIMIT 65536
/* "notify:TOPIC.critical" is the topic of a record, whose names have at most 255 bytes. */
#define TOPIC_MAX 239
#define EXCHANGE_MAX 255
#define ALL_PRIORITIES ((1u << GODWIT_PRIORITY_COUNT) - 1)

/* ---- options ---- */

static godwit_status_t
check_numbers (const godwit_listener_options_t *options, godwit_error_t **error)
{
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {{"concurrency", options->concurrency},
                   {"batch_size", options->batch_size},
                   {"batch_timeout_ms", options->batch_timeout_ms},
                   {"credit", options->credit},
                   {"drop_duplicates", options->drop_duplicates}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i].value < 0)
            return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                      "%s: expected 0 (the default) or more, got %lld", numbers[i].name,
                                      (long long) numbers[i].value);
    return GODWIT_OK;
}

static godwit_status_t
take_options (godwit_listener_t *listener, const godwit_listener_options_t *given, godwit_error_t **error)
{
    godwit_listener_options_t *const options = &listener->options;
    godwit_status_t status = godwit__struct_read (&godwit__struct_listener_options, options, given, error);
    if (!status)
        status = check_numbers (options, error);
    if (!status)
        status = godwit__serializer_check (options->serializer, error);
    if (status)
        return status;
    if (!options->pool)
        options->pool = "";
    if (!options->executor)
        options->executor = "pool";
    if (!options->batch_size)
        options->batch_size = 1;
    if (!options->batch_timeout_ms)
        options->batch_timeout_ms = DEFAULT_BATCH_TIMEOUT_MS;
    if (!options->credit)
        options->credit = DEFAULT_CREDIT;
    if (options->credit < options->batch_size) /* or no batch would ever be full */
        options->credit = options->batch_size;
    /* What only waits is taken in order. */
    if (!options->concurrency || options->pull || options->batch_size > 1)
        options->concurrency = 1;
    listener->credit = (uint32_t) options->credit;
    if (options->batch_size > 1 && (int64_t) options->batch_size * 2 <= UINT32_MAX &&
        options->credit < options->batch_size * 2)
        listener->credit = (uint32_t) options->batch_size * 2;
    return GODWIT_OK;
}

/* ---- endpoints ---- */

static godwit_status_t
take_endpoint (godwit_listener_t *listener, const godwit_notification_endpoint_t *from,
               godwit_error_t **error)
{
    godwit__listening_endpoint_t *const to = &listener->endpoints[listener->endpoint_count];
    godwit_notified_fn *const functions[GODWIT_PRIORITY_COUNT] = {
        from->audit, from->debug, from->info, from->warn, from->error, from->critical, from->sample};
    const godwit_status_t status = godwit__filter_new (&to->filter, from->filter, error);
    if (status)
        return status;
    listener->endpoint_count++;
    memcpy (to->functions, functions, sizeof functions);
    to->batch = from->batch;
    to->batch_priorities = from->batch_priorities ? from->batch_priorities : ALL_PRIORITIES;
    to->self = from->self;
    to->on_destroy = from->on_destroy;
    return GODWIT_OK;
}

static godwit_status_t
take_endpoints (godwit_listener_t *listener, const godwit_notification_endpoint_t *endpoints, size_t count,
                godwit_error_t **error)
{
    listener->endpoints = calloc (count + 1, sizeof *listener->endpoints);
    if (!listener->endpoints)
        return godwit__error_no_memory (error);
    const char *at = (const char *) endpoints;
    godwit_status_t status = GODWIT_OK;
    for (size_t i = 0; i < count && !status; i++) {
        godwit_notification_endpoint_t endpoint;
        status = godwit__struct_read (&godwit__struct_notification_endpoint, &endpoint, at, error);
        if (!status)
            status = take_endpoint (listener, &endpoint, error);
        at += endpoints->struct_size; /* all have the size of the first */
    }
    return status;
}

/* The priorities for which there is something to do, a bit each. */
static unsigned
wanted (const godwit_listener_t *listener)
{
    unsigned priorities = 0;
    if (listener->options.pull)
        return listener->options.priorities ? listener->options.priorities & ALL_PRIORITIES : ALL_PRIORITIES;
    for (size_t i = 0; i < listener->endpoint_count; i++) {
        const godwit__listening_endpoint_t *const endpoint = &listener->endpoints[i];
        if (listener->options.batch_size > 1) {
            priorities |= endpoint->batch ? endpoint->batch_priorities & ALL_PRIORITIES : 0;
            continue;
        }
        for (unsigned j = 0; j < GODWIT_PRIORITY_COUNT; j++)
            priorities |= endpoint->functions[j] ? 1u << j : 0;
    }
    return priorities;
}

/* ---- lanes ---- */

static void
lane_over (void *self)
{
    ((godwit__lane_t *) self)->is_over = true;
}

static const godwit_method_t lane_methods[] = {{.name = "notify", .handler = godwit__lane_notified}};

/* The caller's; NULL when memory is short. */
static char *
join (const char *a, const char *b, const char *c, const char *d)
{
    const size_t size = strlen (a) + strlen (b) + strlen (c) + strlen (d) + 1;
    char *const text = malloc (size);
    if (text)
        snprintf (text, size, "%s%s%s%s", a, b, c, d);
    return text;
}

/* A lane is a server of the topic "notify:TOPIC.PRIORITY". Its record tells the pool as a namespace, and the
 * credit as that one's minor version, and how large a frame it takes as the revision (docs/protocol.md). */
static godwit_status_t
make_server (godwit__lane_t *lane, const char *name, godwit_error_t **error)
{
    const godwit_listener_t *const listener = lane->listener;
    char version[32];
    const size_t size_max = listener->transport->options.max_message_size;
    snprintf (version, sizeof version, "1.%u.%u", listener->credit,
              size_max < UINT32_MAX ? (unsigned) size_max : UINT32_MAX);
    char *topic = join (GODWIT__LANE_PREFIX, lane->topic, ".", godwit_priority_name (lane->priority));
    char *pool = join (listener->options.transient ? GODWIT__TRANSIENT_PREFIX : GODWIT__POOL_PREFIX,
                       listener->options.pool, "", "");
    godwit_status_t status = GODWIT_ERR_OUT_OF_MEMORY;
    if (topic && pool) {
        const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (
            lane_methods, .name_space = pool, .version = version, .self = lane, .on_destroy = lane_over);
        const godwit_target_t *const target =
            GODWIT_TARGET (.exchange = lane->exchange, .topic = topic, .server = name);
        status = godwit_server_new (&lane->server, listener->transport, target, &endpoint, 1,
                                    GODWIT_SERVER_OPTIONS (.concurrency = listener->options.concurrency,
                                                           .queue_limit = QUEUE_LIMIT,
                                                           .executor = listener->options.executor),
                                    error);
        if (!status)
            lane->server->is_lane = true;
    } else {
        godwit__error_no_memory (error);
    }
    free (topic);
    free (pool);
    return status;
}

static bool
is_lane (const godwit__lane_t *lane, const char *exchange, const char *topic, godwit_priority_t priority)
{
    return lane->priority == priority && lane->topic && strcmp (lane->topic, topic) == 0 && lane->exchange &&
           strcmp (lane->exchange, exchange) == 0;
}

static godwit_status_t
add_lane (godwit_listener_t *listener, const godwit_target_t *target, godwit_priority_t priority,
          const char *name, godwit_error_t **error)
{
    const char *const exchange = target->exchange ? target->exchange : listener->transport->control_exchange;
    for (size_t i = 0; i < listener->lane_count; i++) /* the same target twice is one */
        if (is_lane (&listener->lanes[i], exchange, target->topic, priority))
            return GODWIT_OK;
    const char *const lane_exchange = godwit__register_name (listener->receipts, exchange);
    const char *const lane_topic = godwit__register_name (listener->receipts, target->topic);
    if (!lane_exchange || !lane_topic)
        return godwit__error_no_memory (error);
    godwit__lane_t *const lane = &listener->lanes[listener->lane_count++];
    *lane = (godwit__lane_t){
        .listener = listener, .exchange = lane_exchange, .topic = lane_topic, .priority = priority};
    return make_server (lane, name, error);
}

static godwit_status_t
check_name (const char *name, size_t most, const char *what, size_t index, godwit_error_t **error)
{
    if (*name && strlen (name) <= most)
        return GODWIT_OK;
    return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                              "targets[%zu].%s: expected 1 to %zu bytes, got %s", index, what, most,
                              *name ? "more" : "\"\"");
}

static godwit_status_t
check_target (const godwit_target_t *target, size_t index, godwit_error_t **error)
{
    if (!target->topic)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "targets[%zu].topic: expected a topic to listen to, got none", index);
    const godwit_status_t status = check_name (target->topic, TOPIC_MAX, "topic", index, error);
    return status || !target->exchange
               ? status
               : check_name (target->exchange, EXCHANGE_MAX, "exchange", index, error);
}

/* HOST-PID-NUMBER. */
static void
make_name (const godwit_listener_t *listener, char *name, size_t size)
{
    static atomic_uint last;
    char host[HOST_NAME_MAX + 1] = "localhost";
    gethostname (host, sizeof host - 1);
    snprintf (name, size, "%.180s-%ld-%u", listener->transport->host ? listener->transport->host : host,
              (long) getpid (), atomic_fetch_add (&last, 1) + 1);
}

static godwit_status_t
add_lanes (godwit_listener_t *listener, const godwit_target_t *targets, size_t count, godwit_error_t **error)
{
    char name[256];
    const unsigned priorities = wanted (listener);
    if (!count || !priorities)
        return godwit__error_set (
            error, GODWIT_ERR_INVALID_ARGUMENT,
            count ? "endpoints: none has a function for any priority%s" : "targets: expected at least one%s",
            count && listener->options.batch_size > 1 ? " (`batch`, with batch_size)" : "");
    listener->lanes = calloc (count * GODWIT_PRIORITY_COUNT, sizeof *listener->lanes);
    if (!listener->lanes)
        return godwit__error_no_memory (error);
    if (listener->options.name)
        snprintf (name, sizeof name, "%s", listener->options.name);
    else
        make_name (listener, name, sizeof name);
    godwit_status_t status = GODWIT_OK;
    for (size_t i = 0; i < count && !status; i++) {
        godwit_target_t target = {0};
        status = godwit__target_copy (
            &target,
            (const godwit_target_t *) (const void *) ((const char *) targets + i * targets->struct_size),
            error);
        if (!status)
            status = check_target (&target, i, error);
        for (unsigned j = 0; j < GODWIT_PRIORITY_COUNT && !status; j++)
            if (priorities >> j & 1)
                status = add_lane (listener, &target, (godwit_priority_t) j, name, error);
        godwit__target_release (&target);
    }
    return status;
}

/* ---- all of it ---- */

static void
on_transport_end (godwit__end_hook_t *hook)
{
    godwit__listener_quit (GODWIT__CONTAINER (hook, godwit_listener_t, at_end));
}

godwit_status_t
godwit_listener_new (godwit_listener_t **listener, godwit_transport_t *transport,
                     const godwit_target_t *targets, size_t target_count,
                     const godwit_notification_endpoint_t *endpoints, size_t endpoint_count,
                     const godwit_listener_options_t *options, godwit_error_t **error)
{
    if (!listener || !transport)
        return godwit__error_null (error, listener ? "transport" : "listener");
    if ((target_count && !targets) || (endpoint_count && !endpoints))
        return godwit__error_null (error, endpoint_count && !endpoints ? "endpoints" : "targets");
    godwit_status_t status = godwit__transport_check (transport, error);
    if (status)
        return status;
    godwit_listener_t *made = calloc (1, sizeof *made);
    if (!made)
        return godwit__error_no_memory (error);
    made->transport = godwit__transport_ref (transport);
    made->fd = -1;
    made->stopped = true;
    pthread_mutex_init (&made->lock, NULL);
    for (unsigned i = 0; i < GODWIT_PRIORITY_COUNT; i++)
        godwit__list_init (&made->queues[i]);
    status = take_options (made, options, error);
    /* What is handled at once is limited by the lane's queue. */
    const size_t limit =
        made->options.pull || made->options.batch_size > 1 ? transport->options.max_queue_size : 0;
    if (!status && !(made->receipts = godwit__register_new ((size_t) made->options.drop_duplicates, limit)))
        status = godwit__error_no_memory (error);
    if (!status)
        status = take_endpoints (made, endpoints, endpoint_count, error);
    if (!status)
        status = add_lanes (made, targets, target_count, error);
    if (status) {
        for (size_t i = 0; i < made->lane_count; i++)
            godwit_server_destroy (&made->lanes[i].server);
        godwit__listener_free (made);
        return status;
    }
    made->at_end = (godwit__end_hook_t){.run = on_transport_end};
    godwit__end_hook_add (transport, &made->at_end);
    *listener = made;
    return GODWIT_OK;
}
