/* SPDX-License-Identifier: Apache-2.0 */
/* Sends NOTIFYs, and takes their answers. */
#include "src/delivery/flight.h"

#include "src/base/hash.h"
#include "src/delivery/outbox_inside.h"
#include "src/delivery/spooling.h"
#include "src/runtime/warnings.h"
#include "src/wire/notify_frame.h"
#include "src/wire/wire.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_FORBIDDEN = 0x6e66 };

/* A listener tells of each NOTIFY that it has and has not answered, twice within so many times the
 * heartbeats' timeout; otherwise the NOTIFY, or its answer, was lost on the way. */
#define MONITOR_TIMEOUTS 5

typedef struct flight {
    godwit__pending_t pending;
    godwit__list_node_t in_outbox;
    godwit__outlet_t *outlet;
    godwit__consumer_t *consumer;     /* NULL: it has landed before it was heard of its end */
    godwit__connection_t *connection; /* a reference */
    godwit__list_t deliveries;
    uint32_t count;
    size_t size; /* of the items */
} flight_t;

#define FIRST(flight_) GODWIT__FIRST (&(flight_)->deliveries, godwit__delivery_t, in_list)
#define NEXT(flight_, at_) GODWIT__NEXT (&(flight_)->deliveries, at_, godwit__delivery_t, in_list)
#define FIRST_FLIGHT(outbox_) GODWIT__FIRST (&(outbox_)->in_the_air, flight_t, in_outbox)
#define NEXT_FLIGHT(outbox_, at_) GODWIT__NEXT (&(outbox_)->in_the_air, at_, flight_t, in_outbox)

/* ---- what became of it; with outbox.lock ---- */

/* The flight is over: its outlet may take another one. */
static void
land (flight_t *flight)
{
    godwit__outlet_t *const outlet = flight->outlet;
    outlet->flights--;
    atomic_fetch_sub_explicit (&flight->connection->notifies, 1, memory_order_relaxed);
    outlet->unsettled -= flight->count;
    outlet->unsettled_size -= flight->size;
    if (!outlet->flights)
        outlet->was_refused = false;
    godwit__list_remove (&flight->in_outbox);
    flight->consumer->stream->outbox->flights--;
}

static void
settle_one (flight_t *flight, godwit__delivery_t *delivery)
{
    godwit__list_remove (&delivery->in_list);
    flight->consumer->stream->outbox->stats.acknowledged++;
    godwit__consumer_settle (flight->consumer, delivery);
}

static void
requeue_one (flight_t *flight, godwit__delivery_t *delivery, int64_t now_ns)
{
    godwit__list_remove (&delivery->in_list);
    godwit__consumer_requeue (flight->consumer, delivery, now_ns);
}

/* Those that the listener gives back at once. */
typedef struct given_back {
    godwit__list_t returned;
    godwit__list_t lost;
} given_back_t;

static void
unsettle_one (flight_t *flight, godwit__delivery_t *delivery, uint32_t what, int64_t now_ns,
              given_back_t *given_back)
{
    if (what == GODWIT__UNSETTLED_REQUEUED) {
        requeue_one (flight, delivery, now_ns);
        return;
    }
    godwit__list_remove (&delivery->in_list);
    godwit__list_append (what == GODWIT__UNSETTLED_RETURNED ? &given_back->returned : &given_back->lost,
                         &delivery->in_list);
}

/* The body of a SETTLED, untrusted: whoever is not named there, in rising order, is done with. */
static void
take_settled (flight_t *flight, int64_t now_ns)
{
    const godwit__frame_t *const frame = &flight->pending.frame;
    const uint8_t *at = frame->data + GODWIT__HEADER_SIZE;
    const uint8_t *const end = frame->data + frame->size;
    given_back_t given_back;
    uint32_t index = 0;
    godwit__list_init (&given_back.returned);
    godwit__list_init (&given_back.lost);
    for (godwit__delivery_t *delivery = FIRST (flight), *next; delivery; delivery = next, index++) {
        next = NEXT (flight, delivery);
        if (end - at < GODWIT__UNSETTLED_SIZE || godwit__get_u32 (at) != index) {
            settle_one (flight, delivery);
            continue;
        }
        unsettle_one (flight, delivery, godwit__get_u32 (at + 4), now_ns, &given_back);
        at += GODWIT__UNSETTLED_SIZE;
    }
    /* It is short of memory, or stops. */
    const bool is_short =
        !godwit__list_is_empty (&given_back.returned) || !godwit__list_is_empty (&given_back.lost);
    godwit__consumer_return (flight->consumer, &given_back.returned, false);
    godwit__consumer_return (flight->consumer, &given_back.lost, true);
    flight->consumer->losses = 0;
    if (flight->pending.header.aux)
        flight->outlet->credit = flight->pending.header.aux;
    if (is_short)
        godwit__outlet_back_off (flight->outlet, now_ns);
    else
        flight->outlet->backoff_ns = 0;
}

static void
take_back (flight_t *flight, bool maybe_delivered)
{
    godwit__consumer_return (flight->consumer, &flight->deliveries, maybe_delivered);
}

/* The listener's whole handler failed: that is no listener of this library, or memory was short. */
static void
failed (flight_t *flight, int64_t now_ns)
{
    for (godwit__delivery_t *at; (at = FIRST (flight));)
        requeue_one (flight, at, now_ns);
}

/* The listener did not take it, and so none of those behind it. */
static void
refused (flight_t *flight, int64_t now_ns)
{
    godwit__outlet_t *const outlet = flight->outlet;
    if (flight->pending.header.aux == GODWIT__NACK_MALFORMED) {
        failed (flight, now_ns);
        return;
    }
    take_back (flight, flight->pending.header.aux == GODWIT__NACK_DUPLICATE);
    if (outlet->flights > 1) /* this one included */
        outlet->was_refused = true;
    if (flight->pending.header.aux == GODWIT__NACK_FORBIDDEN)
        godwit__outlet_back_off_long (outlet, now_ns);
    else if (outlet->retry_ns <= now_ns)
        godwit__outlet_back_off (outlet, now_ns);
}

static void
take_answer (flight_t *flight, int64_t now_ns)
{
    switch (atomic_load (&flight->pending.outcome)) {
    case GODWIT__PENDING_REPLIED:
        if (flight->pending.header.type == GODWIT__SETTLED)
            take_settled (flight, now_ns);
        else if (flight->pending.header.type == GODWIT__NACK)
            refused (flight, now_ns);
        else
            failed (flight, now_ns);
        break;
    case GODWIT__PENDING_UNSENT:
        take_back (flight, false);
        break;
    case GODWIT__PENDING_EXPIRED:
        take_back (flight, true);
        break;
    case GODWIT__PENDING_WAITING:
    case GODWIT__PENDING_LOST:
    case GODWIT__PENDING_ABANDONED:
        take_back (flight, true);
        if (!flight->outlet->was_lost)
            godwit__consumer_lost (flight->consumer, now_ns);
        flight->outlet->was_lost = true;
        flight->outlet->is_gone = true;
        break;
    }
}

static void
free_flight (flight_t *flight)
{
    godwit__frame_release (&flight->pending.frame);
    godwit__connection_unref (&flight->connection);
    free (flight);
}

/* The listener's process does not let this one publish: somebody has to change a certificate. Without a lock.
 */
static void
warn_if_forbidden (flight_t *flight)
{
    char text[GODWIT__REFUSAL_TEXT];
    godwit__pending_t *const pending = &flight->pending;
    if (atomic_load (&pending->outcome) != GODWIT__PENDING_REPLIED || pending->header.type != GODWIT__NACK ||
        pending->header.aux != GODWIT__NACK_FORBIDDEN)
        return;
    godwit__refusal_read (&pending->frame, text, sizeof text);
    godwit__warn (flight->connection->transport,
                  godwit__hash_text (KEY_FORBIDDEN, flight->connection->address),
                  "notifications were refused by the listener at %.200s, and are kept: %s",
                  flight->connection->address, *text ? text : "they are not allowed");
}

/* The completion thread. */
static void
on_finished (godwit__pending_t *pending)
{
    flight_t *const flight = (flight_t *) pending;
    warn_if_forbidden (flight);
    godwit__consumer_t *const consumer = flight->consumer;
    if (!consumer) { /* its outbox was closed on this thread */
        free_flight (flight);
        return;
    }
    godwit__outbox_t *const outbox = consumer->stream->outbox;
    pthread_mutex_lock (&outbox->lock);
    take_answer (flight, godwit__transport_now (outbox->transport));
    land (flight);
    godwit__consumer_pump (consumer);
    godwit__outbox_post_if_due (outbox, consumer);
    free_flight (flight);
    godwit__change_tell (&outbox->changed);
    pthread_mutex_unlock (&outbox->lock); /* now the outbox may be gone */
}

void
godwit__flights_land (godwit__outbox_t *outbox)
{
    const int64_t now_ns = godwit__transport_now (outbox->transport);
    for (flight_t *at = FIRST_FLIGHT (outbox), *next; at; at = next) {
        next = NEXT_FLIGHT (outbox, at);
        if (godwit__pending_is_waiting (&at->pending)) /* it is being sent, or is to be abandoned */
            continue;
        take_answer (at, now_ns);
        land (at);
        at->consumer = NULL;
    }
}

/* ---- sending ---- */

/* How large the next entry may be. The first was looked at when the outlet was chosen. */
static size_t
room_of (const flight_t *flight, const godwit__outlet_t *outlet)
{
    const size_t used = flight->size + GODWIT__HEADER_SIZE + GODWIT__ITEM_HEADER_SIZE;
    const size_t room = GODWIT__NOTIFY_SIZE - flight->size, most = outlet->size_max - used;
    if (!flight->count)
        return SIZE_MAX;
    return outlet->size_max <= used ? 0 : most < room ? most : room;
}

/* With outbox.lock: takes what is to be sent now. NULL: nothing, or memory is short. */
static flight_t *
load (godwit__outlet_t *outlet, int64_t now_ns)
{
    godwit__consumer_t *const consumer = outlet->consumer;
    flight_t *const flight = malloc (sizeof *flight);
    if (!flight)
        return NULL;
    godwit__pending_init (&flight->pending);
    flight->pending.frame = (godwit__frame_t){.data = NULL};
    godwit__list_init (&flight->deliveries);
    flight->count = 0;
    flight->size = 0;
    while (flight->count < GODWIT__NOTIFY_COUNT && flight->size < GODWIT__NOTIFY_SIZE &&
           godwit__outlet_has_room (outlet)) {
        godwit__delivery_t *const delivery =
            godwit__consumer_take (consumer, now_ns, room_of (flight, outlet));
        if (!delivery)
            break;
        godwit__list_append (&flight->deliveries, &delivery->in_list);
        const size_t item_size = GODWIT__ITEM_HEADER_SIZE + delivery->entry->size;
        flight->count++;
        flight->size += item_size;
        outlet->unsettled++;
        outlet->unsettled_size += item_size;
        if (delivery->redeliveries)
            consumer->stream->outbox->stats.redelivered++;
    }
    if (!flight->count) {
        free (flight);
        return NULL;
    }
    flight->outlet = outlet;
    flight->consumer = consumer;
    flight->connection = godwit__connection_ref (outlet->connection);
    flight->pending.finished = on_finished;
    flight->pending.owner = consumer->stream->outbox;
    flight->pending.monitor_ns = flight->pending.left_ns =
        MONITOR_TIMEOUTS *
        godwit__ns_of_ms (consumer->stream->outbox->transport->options.heartbeat_timeout_ms);
    flight->pending.deadline_ns = now_ns + flight->pending.monitor_ns;
    flight->pending.end_ns = GODWIT__NEVER;
    return flight;
}

/* Without the lock: the entries stay while they are in flight. */
static godwit__io_t
send (flight_t *flight, bool is_first)
{
    const size_t size = GODWIT__HEADER_SIZE + flight->size;
    uint8_t *const data = malloc (size);
    if (!data)
        return GODWIT__IO_REFUSED;
    godwit__header_write (
        data, &(godwit__header_t){.type = GODWIT__NOTIFY,
                                  .flags = is_first ? GODWIT__FLAG_FIRST : 0,
                                  .target = flight->outlet->server_id,
                                  .budget_ms = flight->consumer->stream->outbox->number,
                                  .aux = (uint32_t) (flight->pending.monitor_ns / GODWIT__NS_PER_MS)});
    uint8_t *to = data + GODWIT__HEADER_SIZE;
    for (godwit__delivery_t *at = FIRST (flight); at; at = NEXT (flight, at)) {
        godwit__put_u32 (to, (uint32_t) at->entry->size);
        godwit__put_u32 (to + 4, at->redeliveries);
        memcpy (to + GODWIT__ITEM_HEADER_SIZE, at->entry->data, at->entry->size);
        to += GODWIT__ITEM_HEADER_SIZE + at->entry->size;
    }
    const godwit__message_t message = {.data = data, .size = size, .free_fn = godwit__message_free};
    const godwit__io_t io = godwit__connection_send (flight->connection, &message, &flight->pending);
    if (io != GODWIT__IO_OK)
        free (data);
    return io;
}

/* With outbox.lock: the connection did not take it. */
static void
not_sent (flight_t *flight, godwit__io_t io, int64_t now_ns)
{
    godwit__outlet_t *const outlet = flight->outlet;
    take_back (flight, false);
    land (flight);
    godwit__outlet_back_off (outlet, now_ns);
    if (io == GODWIT__IO_CLOSED) { /* the news of that may have been looked at before it was sent */
        outlet->is_gone = true;
        godwit__outbox_look_again (flight->consumer->stream->outbox);
    }
    godwit__outbox_post (flight->consumer->stream->outbox); /* nothing else may bring it back here */
}

/* False: there is nothing more to be sent now. */
static bool
send_next (godwit__consumer_t *consumer)
{
    godwit__outbox_t *const outbox = consumer->stream->outbox;
    const int64_t now_ns = godwit__transport_now (outbox->transport);
    bool holds = false;
    const size_t size = outbox->closed ? 0 : godwit__consumer_next_size (consumer, now_ns);
    if (size && godwit__outlets_are_too_small (consumer, size))
        return godwit__consumer_give_up_large (consumer, now_ns, size);
    godwit__outlet_t *const outlet = outbox->closed ? NULL : godwit__outlet_choose (consumer, now_ns, &holds);
    if (holds)
        godwit__outbox_post (outbox);
    flight_t *const flight = outlet ? load (outlet, now_ns) : NULL;
    if (!flight) {
        if (outlet) { /* memory is short */
            godwit__outlet_back_off (outlet, now_ns);
            godwit__outbox_post (outbox);
        }
        return false;
    }
    const bool is_first = outlet->flights == 0;
    outlet->flights++;
    atomic_fetch_add_explicit (&flight->connection->notifies, 1, memory_order_relaxed);
    outbox->flights++;
    godwit__list_append (&outbox->in_the_air, &flight->in_outbox);
    pthread_mutex_unlock (&outbox->lock);
    const godwit__io_t io = send (flight, is_first);
    pthread_mutex_lock (&outbox->lock);
    if (io == GODWIT__IO_OK) /* it may have ended by now */
        return true;
    not_sent (flight, io, now_ns);
    free_flight (flight);
    return true;
}

void
godwit__consumer_pump (godwit__consumer_t *consumer)
{
    if (consumer->is_pumping) {
        consumer->pump_again = true;
        return;
    }
    consumer->is_pumping = true;
    do
        consumer->pump_again = false;
    while (send_next (consumer) || consumer->pump_again);
    consumer->is_pumping = false;
    if (consumer->is_behind)
        godwit__spooling_feed (consumer);
}
