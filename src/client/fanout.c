/* SPDX-License-Identifier: Apache-2.0 */
/* A fanout (contract 3): waits until the topic's servers are subscribed, publishes once, and tells how many
 * were reached. */
#include "src/wire/fanout.h"
#include "src/address/target.h"
#include "src/base/uncancelled.h"
#include "src/blackbox/record.h"
#include "src/client/call_explain.h"
#include "src/client/call_metrics.h"
#include "src/client/nobody.h"
#include "src/client/publisher_send.h"
#include "src/error/error.h"
#include "src/error/struct_size.h"
#include "src/runtime/call_box.h"
#include "src/runtime/own_rights.h"
#include "src/runtime/wait.h"

/* True if a member may subscribe soon: it is alive, as far as is known, and its address is known; or it is
 * being asked. */
static bool
may_subscribe (const godwit__member_t *member)
{
    if (member->peer->state == GODWIT__PEER_BACKOFF || member->is_suspect)
        return false; /* or it was withdrawn, and its GOODBYE is still to come */
    return member->resolution == GODWIT__RESOLUTION_KNOWN ? *member->record->fanout_address != 0
                                                          : member->resolution != GODWIT__RESOLUTION_REFUSED;
}

/* A publication is the same for all: it has a trace context if all who get it take one. */
static bool
takes_traces (const godwit__member_t *member)
{
    return member->peer->state == GODWIT__PEER_READY && member->peer->connection &&
           (member->peer->connection->features & GODWIT__FEATURE_TRACES);
}

/* Counts the members that are subscribed and those that are not; returns how many are worth waiting for. With
 * transport.lock held.
 */
static uint32_t
survey (const godwit__publisher_t *publisher, godwit__group_t *group, const uint8_t *topic_key)
{
    uint32_t waits = 0;
    group->fanout_reached = group->fanout_missing = 0;
    group->fanout_traced = true;
    for (size_t i = 0; i < group->count; i++) {
        const godwit__member_t *member = group->members[i];
        const godwit__record_t *record = member->record;
        uint8_t key[GODWIT__KEY_SIZE];
        godwit__fanout_marker (key, topic_key, record->instance, record->server_id);
        if (!takes_traces (member) && godwit__publisher_is_subscribed (publisher, key))
            group->fanout_traced = false;
        if (member->draining)
            continue;
        /* A subscription alone may be a dead process's: the socket may not have noticed its end yet. With a
         * realm, nothing is sent to one that may not serve the topic. */
        if (godwit__publisher_is_subscribed (publisher, key) && member->peer->state == GODWIT__PEER_READY &&
            (!publisher->transport->realm || member->resolution == GODWIT__RESOLUTION_KNOWN)) {
            group->fanout_reached++;
            continue;
        }
        if (member->withdrawn)
            continue; /* and unsubscribed: it has left, though its GOODBYE is still to come */
        group->fanout_missing++;
        /* The data path says who is alive: a member that cannot be connected to is missing, and not waited
         * for. */
        godwit__peer_want (member->peer);
        if (may_subscribe (member))
            waits++;
    }
    return waits;
}

/* Waits until all members that are alive are subscribed, or until until_ns. Returns whether there are no
 * others, for certain. *traced: those who are subscribed take trace contexts. */
static bool
gather (godwit__publisher_t *publisher, godwit__group_t *group, const uint8_t *topic_key, int64_t until_ns,
        godwit_fanout_report_t *report, bool *traced)
{
    godwit_transport_t *transport = publisher->transport;
    pthread_mutex_lock (&transport->lock);
    while (!group->fanout_settled || group->fanout_change != transport->change_count) {
        /* A copy of its own: another thread may look at later changes before this thread has the lock
         * again. */
        const uint64_t seen = group->fanout_change = transport->change_count;
        group->fanout_settled = survey (publisher, group, topic_key) == 0;
        const int64_t left_ns = until_ns - godwit__transport_now (transport);
        if (group->fanout_settled || left_ns <= 0 || atomic_load (&transport->closing))
            break;
        godwit__transport_unlock (transport);
        godwit__control_run (transport, godwit__publisher_connect, transport);
        pthread_mutex_lock (&transport->lock);
        if (seen == transport->change_count)
            godwit__transport_wait_changed (transport, left_ns);
    }
    report->reached = group->fanout_reached;
    report->missing = group->fanout_missing;
    report->epoch = group->epoch;
    *traced = group->fanout_traced;
    const bool is_certain = godwit__nobody_is_certain (transport);
    godwit__transport_unlock (transport);
    return is_certain;
}

/* Nobody was reached. */
static godwit_status_t
report_nobody (const godwit_client_t *client, const godwit_fanout_report_t *report, bool is_certain,
               godwit_error_t **error)
{
    if (report->missing > 0 && client->mandatory)
        return godwit__target_error (error, GODWIT_ERR_UNDELIVERABLE, GODWIT_OUTCOME_NOT_SENT,
                                     &client->target, "Nobody listens at ",
                                     ": servers are known, but none could be reached");
    if (report->missing > 0 || (is_certain && !client->mandatory))
        return GODWIT_OK;
    return godwit__nobody_error (client, is_certain, GODWIT_OUTCOME_NOT_SENT, error);
}

/* trace NULL: the publication has none. */
static void
set_trace (const godwit_transport_t *transport, godwit__encoded_request_t *request,
           const godwit_trace_t *trace)
{
    request->trace_size = 0;
    const godwit__message_t message = godwit__encoded_request_message (request);
    if (trace && GODWIT__KEY_SIZE + godwit__message_size (&message) + GODWIT__TRACE_SIZE <=
                     transport->options.max_message_size)
        godwit__encoded_request_add_trace (request, trace);
}

/* Publishes a request once. It goes to the servers that are subscribed by then, until deadline_ns at the
 * latest.
 */
static godwit_status_t
publish (const godwit_client_t *client, godwit__encoded_request_t *request, const godwit_trace_t *trace,
         int64_t now_ns, int64_t deadline_ns, godwit_fanout_report_t *report, godwit_error_t **error)
{
    godwit_transport_t *transport = client->transport;
    godwit__group_t *group = client->group;
    uint8_t topic_key[GODWIT__KEY_SIZE];
    pthread_mutex_lock (&transport->lock);
    if (godwit__nobody_await_names (client, deadline_ns))
        now_ns = godwit__transport_now (transport);
    godwit__publisher_t *publisher = transport->publisher;
    if (!group->fans_out)
        godwit__fanout_key (group->fanout_key, transport->virtual_host, group->exchange, group->topic);
    memcpy (topic_key, group->fanout_key, sizeof topic_key);
    group->fans_out = true;
    godwit__transport_unlock (transport);
    if (!publisher) {
        godwit__control_run (transport, godwit__publisher_create, transport);
        publisher = transport->publisher;
    }
    if (!publisher)
        return godwit__error_set (error, GODWIT_ERR_CLOSED, "The transport cannot publish");
    const godwit_status_t named = godwit__publisher_name (publisher, group, error);
    if (named)
        return named;

    unsigned done = 0;
    bool is_certain = false;
    bool traced = false;
    for (;;) {
        /* Each time: the servers may have changed since the last try. */
        if (!done)
            is_certain = gather (publisher, group, topic_key, deadline_ns, report, &traced);
        if (report->reached == 0)
            return report_nobody (client, report, is_certain, error);
        set_trace (transport, request, traced ? trace : NULL);
        const godwit__io_t io = godwit__publisher_publish (publisher, request, topic_key, now_ns, &done);
        if (io == GODWIT__IO_OK)
            return GODWIT_OK;
        if (io != GODWIT__IO_AGAIN)
            return godwit__target_error (error, GODWIT_ERR_CLIENT_SEND, GODWIT_OUTCOME_NOT_SENT,
                                         &client->target, "Failed to send to target \"",
                                         "\": the driver refused the message");
        now_ns = godwit__transport_now (transport);
        if (now_ns >= deadline_ns || atomic_load (&transport->closing))
            return godwit__error_set_outcome (error, GODWIT_ERR_DELIVERY_FAILURE, GODWIT_OUTCOME_NOT_SENT,
                                              "A subscriber's queue stayed full");
        pthread_mutex_lock (&transport->lock);
        godwit__transport_wait_changed (transport, GODWIT__FULL_NS);
        godwit__transport_unlock (transport);
    }
}

/* ---- what the counters and the black box hear ---- */

typedef struct counted_fanout {
    int64_t started_ns;
    godwit__metric_t *metric;
    godwit_trace_t trace;
    godwit__box_record_t *record;
} counted_fanout_t;

static void
begin_counted (counted_fanout_t *counted, godwit_client_t *client, const char *method, int64_t started_ns)
{
    godwit_transport_t *const transport = client->transport;
    uint64_t parent;
    counted->started_ns = started_ns;
    counted->metric = godwit__call_begins (client, method, true);
    godwit__trace_begin (&transport->traces, &counted->trace, &parent);
    counted->record =
        godwit__box_begin (transport->box, &(godwit__begun_t){
                                               .side = GODWIT__BOX_CLIENT,
                                               .kind = GODWIT__BOX_FANOUT,
                                               .at_ns = started_ns,
                                               .trace = &counted->trace,
                                               .span = godwit__trace_span (&counted->trace),
                                               .parent = parent,
                                               .name = godwit__metric_name (transport->box, counted->metric),
                                           });
}

static void
end_counted (const counted_fanout_t *counted, const godwit_client_t *client,
             const godwit__encoded_request_t *request, godwit_status_t status, const godwit_error_t *error)
{
    godwit__box_t *const box = client->transport->box;
    const int64_t now_ns = godwit__transport_now (client->transport);
    godwit__call_ends (counted->metric, counted->started_ns, status, now_ns);
    if (status)
        godwit__box_note (box, &(godwit__noted_t){.span = godwit__trace_span (&counted->trace),
                                                  .at_ns = now_ns,
                                                  .text = error ? godwit_error_message (error)
                                                                : godwit_status_text (status)});
    godwit__box_finish (
        box, counted->record,
        &(godwit__ended_t){
            .ended_ns = now_ns,
            .status = status,
            .outcome = status ? GODWIT_OUTCOME_NOT_SENT : GODWIT_OUTCOME_RAN,
            .attempts = 1,
            .request_size = request->size < UINT32_MAX ? (uint32_t) request->size : UINT32_MAX,
        });
}

/* Others would drop it. */
static godwit_status_t
check_right (const godwit_client_t *client, const char *method, godwit_error_t **error)
{
    const godwit__deed_t deed = {.verb = GODWIT__VERB_PUBLISH,
                                 .exchange = client->group->exchange,
                                 .topic = client->group->topic,
                                 .method = method,
                                 .method_size = strlen (method)};
    return godwit__own_right (client->transport, &deed, error);
}

godwit_status_t
godwit_client_fanout (godwit_client_t *client, const godwit_value_t *context, const char *method,
                      godwit_fields_t args, godwit_fanout_report_t *report, godwit_error_t **error)
{
    GODWIT__UNCANCELLED;
    godwit__encoded_request_t request;
    godwit_fanout_report_t reached = GODWIT_FANOUT_REPORT;
    if (!client)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "client: expected a pointer, got NULL");
    godwit_status_t status = godwit__struct_check (&godwit__struct_fanout_report, report, error);
    if (status == GODWIT_OK)
        status = godwit__client_enter (client, error);
    if (status)
        return status;
    status = godwit__encode_publication (&request, client, context, method, &args, error);
    const int64_t started_ns = godwit__transport_now (client->transport);
    const int64_t deadline_ns = started_ns + godwit__client_timeout_ms (client) * GODWIT__NS_PER_MS;
    if (status == GODWIT_OK)
        status = godwit__client_check_blocking (client, error);
    if (status == GODWIT_OK)
        status = check_right (client, method, error);
    if (status)
        godwit__client_tell_where (client, method, error);
    if (status == GODWIT_OK) {
        GODWIT__COUNT (client->transport, fanouts);
        counted_fanout_t counted;
        begin_counted (&counted, client, method, started_ns);
        status = publish (client, &request, &counted.trace, started_ns, deadline_ns, &reached, error);
        if (status) {
            godwit__client_explain (client, method, error);
            godwit__call_tell_id (&counted.trace, error);
        }
        end_counted (&counted, client, &request, status, error ? *error : NULL);
    }
    godwit__encoded_request_release (&request);
    godwit__client_leave (client);
    if (status == GODWIT_OK && report)
        godwit__struct_write (&godwit__struct_fanout_report, report, &reached);
    return status;
}
