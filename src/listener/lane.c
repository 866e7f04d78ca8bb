/* SPDX-License-Identifier: Apache-2.0 */
/* A NOTIFY that came: its notifications are decoded, and handled one by one, or wait as letters. */
#include "src/listener/letters.h"
#include "src/runtime/warnings.h"
#include "src/server/order.h"
#include "src/server/reply.h"
#include "src/server/server.h"

#include <stdlib.h>

enum { KEY_MALFORMED = 0x6c6d, KEY_SERIALIZER = 0x6c73, KEY_FAILED = 0x6c66 };

/* ---- one notification ---- */

/* limits: what is left for this item and those behind it. False: it is malformed, or memory is short
 * (*is_short). The notification is to be released in any case. */
static bool
open_item (const godwit__lane_t *lane, godwit__limits_t *limits, godwit__receipt_t *receipt,
           const godwit__item_t *item, godwit_notification_t *notification, bool *is_short)
{
    godwit__frame_t frame;
    godwit__block_t *block = NULL;
    *notification = (godwit_notification_t){.exchange = lane->exchange,
                                            .topic = lane->topic,
                                            .priority = lane->priority,
                                            .redeliveries = item->redeliveries};
    godwit__receipt_frame (receipt, item, &frame);
    const godwit_status_t status = godwit__decode (&block, &frame, 0, limits, NULL);
    *is_short = status == GODWIT_ERR_OUT_OF_MEMORY;
    if (status)
        return false;
    limits->count -= block->capacity < limits->count ? block->capacity : limits->count;
    notification->body = godwit__block_nodes (block);
    return godwit__notification_read (notification, notification->body) &&
           notification->priority == lane->priority;
}

static void
warn_malformed (const godwit__lane_t *lane)
{
    GODWIT__COUNT (lane->listener->transport, frames_malformed);
    godwit__warn (lane->listener->transport, KEY_MALFORMED,
                  "a listener of the topic %.128s.%s: a notification is malformed, and is dropped",
                  lane->topic, godwit_priority_name (lane->priority));
}

bool
godwit__listener_deserialize (const godwit_listener_t *listener, godwit_notification_t *notification)
{
    const godwit_serializer_t *const serializer = listener->options.serializer;
    godwit_error_t *error = NULL;
    godwit_status_t status = GODWIT_OK;
    if (!serializer)
        return true;
    if (serializer->deserialize_context)
        status = serializer->deserialize_context (serializer->self, notification->context,
                                                  &notification->own_context, &error);
    if (!status && notification->own_context)
        notification->context = notification->own_context;
    if (!status && serializer->deserialize_entity)
        status = serializer->deserialize_entity (serializer->self, notification->context,
                                                 notification->payload, &notification->own_payload, &error);
    if (!status && notification->own_payload)
        notification->payload = notification->own_payload;
    if (status)
        godwit__warn (listener->transport, KEY_SERIALIZER, "a listener: its serializer failed: %.256s",
                      error ? godwit_error_message (error) : godwit_status_text (status));
    godwit_error_destroy (&error);
    return status == GODWIT_OK;
}

unsigned
godwit__listener_handle (godwit_listener_t *listener, const godwit_notification_t *notification)
{
    for (size_t i = 0; i < listener->endpoint_count; i++) {
        const godwit__listening_endpoint_t *const endpoint = &listener->endpoints[i];
        godwit_notified_fn *const function = endpoint->functions[notification->priority];
        const godwit__match_t match =
            function ? godwit__filter_match (endpoint->filter, notification) : GODWIT__MATCH_NO;
        if (match == GODWIT__MATCH_UNKNOWN) /* endpoints before this one may have had it */
            return GODWIT__UNSETTLED_LOST;
        if (match == GODWIT__MATCH_NO)
            continue;
        const godwit_handled_t handled = function (notification, endpoint->self);
        if (handled == GODWIT_HANDLED)
            continue;
        if (handled != GODWIT_REQUEUE)
            godwit__warn (listener->transport, KEY_FAILED,
                          "a listener of the topic %.128s.%s: an endpoint failed: it returned %d",
                          notification->topic, godwit_priority_name (notification->priority), (int) handled);
        return listener->options.allow_requeue ? GODWIT__UNSETTLED_REQUEUED : 0;
    }
    return 0;
}

/* ---- how it is handled ---- */

static bool
was_handled (const godwit_listener_t *listener, const godwit_notification_t *notification)
{
    godwit__seen_ids_t *const seen = listener->receipts->seen;
    return seen && godwit__seen_ids_has (seen, notification->message_id);
}

/* Returns what becomes of it. */
static unsigned
handle_now (godwit_listener_t *listener, godwit_notification_t *notification)
{
    godwit__seen_ids_t *const seen = listener->receipts->seen;
    godwit__handling_t handling = {.message_id = NULL};
    const godwit__seen_before_t before =
        seen ? godwit__seen_ids_begin (seen, notification->message_id, &handling) : GODWIT__SEEN_NEW;
    if (before != GODWIT__SEEN_NEW)
        return before == GODWIT__SEEN_RUNNING ? GODWIT__UNSETTLED_RETURNED : 0;
    const bool is_made = godwit__listener_deserialize (listener, notification);
    unsigned what = 0;
    if (is_made)
        what = godwit__listener_handle (listener, notification);
    else if (listener->options.allow_requeue)
        what = GODWIT__UNSETTLED_REQUEUED;
    if (seen)
        godwit__seen_ids_end (seen, &handling, is_made && !what);
    return what;
}

/* Makes a letter of it. False: it is settled already, or memory is short. */
static bool
keep (godwit_listener_t *listener, godwit_notification_t *notification, godwit__receipt_t *receipt,
      uint32_t index, unsigned *what)
{
    *what = 0;
    if (was_handled (listener, notification))
        return false;
    if (!godwit__listener_deserialize (listener, notification)) {
        *what = listener->options.allow_requeue ? GODWIT__UNSETTLED_REQUEUED : 0;
        return false;
    }
    godwit__letter_t *const letter = malloc (sizeof *letter);
    if (!letter) {
        *what = GODWIT__UNSETTLED_RETURNED;
        return false;
    }
    const godwit__block_t *const block = godwit__value_block (notification->body);
    godwit__receipt_hold (receipt,
                          sizeof *letter + sizeof *block + block->capacity * sizeof (struct godwit_value));
    *letter = (godwit__letter_t){.notification = *notification,
                                 .receipt = receipt,
                                 .index = index,
                                 .allow_requeue = listener->options.allow_requeue,
                                 .came_ns = godwit__transport_now (listener->transport)};
    *notification = (godwit_notification_t){.body = NULL}; /* the letter's now */
    godwit__letter_add (listener, letter);
    return true;
}

static void
take_item (const godwit__lane_t *lane, godwit__limits_t *limits, godwit__receipt_t *receipt,
           const godwit__item_t *item, uint32_t index)
{
    godwit_listener_t *const listener = lane->listener;
    godwit_notification_t notification;
    bool is_short = false;
    unsigned what = 0;
    if (!open_item (lane, limits, receipt, item, &notification, &is_short)) {
        if (is_short)
            what = GODWIT__UNSETTLED_RETURNED;
        else
            warn_malformed (lane);
    } else if (!listener->options.pull && listener->options.batch_size <= 1) {
        what = handle_now (listener, &notification);
    } else if (keep (listener, &notification, receipt, index, &what)) {
        return; /* whoever has the letter settles it */
    }
    godwit__notification_release (&notification);
    godwit__receipt_settle (receipt, index, what);
}

/* ---- the NOTIFY ---- */

/* How many items there are; 0: the frame is malformed, or has too many. */
static uint32_t
count_items (const godwit__frame_t *frame)
{
    godwit__item_reader_t reader;
    godwit__item_t item;
    uint32_t count = 0;
    godwit__item_reader_init (&reader, frame->data, frame->size);
    while (count <= GODWIT__NOTIFY_COUNT && godwit__item_next (&reader, &item))
        count++;
    return godwit__item_reader_is_at_end (&reader) && count <= GODWIT__NOTIFY_COUNT ? count : 0;
}

godwit_status_t
godwit__lane_notified (godwit_request_t *request, void *self)
{
    const godwit__lane_t *const lane = self;
    godwit__limits_t limits = request->pool->limits; /* whoever settles the last may end the request */
    const uint32_t count = count_items (godwit__request_frame (request));
    if (!count) {
        GODWIT__COUNT (lane->listener->transport, frames_malformed);
        godwit__request_refuse (request, GODWIT__NACK_MALFORMED);
        return GODWIT_OK;
    }
    const godwit__sender_t sender = godwit__sender_of (request);
    const uint32_t server_id = request->server->id;
    godwit__receipt_t *const receipt =
        godwit__order_is_refused (&sender, server_id, request->id)
            ? NULL
            : godwit__receipt_new (lane->listener->receipts, request, count, lane->listener->credit);
    if (!receipt) {
        godwit__order_refused (&sender, server_id, request->id);
        godwit__request_refuse (request, GODWIT__NACK_OVERLOADED);
        return GODWIT_OK;
    }
    godwit__item_reader_t reader;
    godwit__item_t item;
    godwit__item_reader_init (&reader, receipt->frame.data, receipt->frame.size);
    for (uint32_t i = 0; godwit__item_next (&reader, &item); i++)
        take_item (lane, &limits, receipt, &item, i);
    godwit__receipt_unref (receipt);
    return GODWIT_OK;
}
