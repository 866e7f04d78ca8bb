/* SPDX-License-Identifier: Apache-2.0 */
#include "matchmaker/rendezvous_source_exchange.h"

#include "matchmaker/rendezvous_names.h"
#include "matchmaker/rendezvous_source_report.h"
#include "matchmaker/rendezvous_source_timer.h"

#include <stdio.h>

/* A host that says that it takes longer is not believed. */
#define SETTLE_MAX_MS 5000

typedef godwit__rendezvous_source_t self_t;

/* --- sending --- */

/* False: the message could not be sent now. A link that is gone reports that by itself. */
static bool
send_message (self_t *self, godwit__message_t message)
{
    return self->link->ops->send (self->link, 0, &message) == GODWIT__IO_OK;
}

static bool
send_records (self_t *self)
{
    const godwit__rendezvous_t *owner = self->owner;
    while (self->registered < owner->own_count) {
        godwit__record_list_t list = {owner->own + self->registered, owner->own_count - self->registered};
        list.count = godwit__rendezvous_fit (list);
        if (!send_message (self, godwit__rendezvous_register (self->owner->buffer, list)))
            return false;
        self->registered += list.count;
    }
    return true;
}

/* Sends which records stay: the host may have older records of ours, and may not have heard that they were
 * withdrawn. */
static bool
send_what_stays (self_t *self)
{
    uint32_t ids[GODWIT__RENDEZVOUS_KEYS_MAX];
    const godwit__rendezvous_t *owner = self->owner;
    for (size_t i = 0; i < owner->own_count; i++)
        ids[i] = owner->own[i]->server_id;
    return send_message (self,
                         godwit__rendezvous_withdraw (self->owner->buffer, true, ids, owner->own_count));
}

static void
register_from (self_t *self, size_t index)
{
    if (!self->must_register || index < self->registered)
        self->registered = index;
    self->must_register = true;
}

void
godwit__source_begin_exchange (godwit__rendezvous_source_t *self)
{
    self->sync = GODWIT__SYNC_NONE;
    self->must_resync = false;
    self->must_register = false;
    register_from (self, 0);
}

bool
godwit__source_send_join (godwit__rendezvous_source_t *self)
{
    const godwit__rendezvous_t *owner = self->owner;
    return send_message (self, godwit__rendezvous_join (self->owner->buffer, owner->options.instance,
                                                        owner->virtual_host, owner->options.refresh_ms));
}

void
godwit__source_send_pending (godwit__rendezvous_source_t *self)
{
    if (self->must_register && send_records (self) && send_what_stays (self))
        self->must_register = false;
    if (self->must_resync &&
        send_message (self, godwit__rendezvous_plain (self->owner->buffer, GODWIT__RENDEZVOUS_RESYNC)))
        self->must_resync = false;
    godwit__source_arm_tick (self);
}

void
godwit__source_send_refresh (godwit__rendezvous_source_t *self)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < self->owner->own_count; i++)
        sum += godwit__rendezvous_sum (self->owner->own[i]);
    send_message (self, godwit__rendezvous_refresh (self->owner->buffer, self->owner->own_count, sum));
}

void
godwit__source_send_leave (godwit__rendezvous_source_t *self)
{
    send_message (self, godwit__rendezvous_plain (self->owner->buffer, GODWIT__RENDEZVOUS_LEAVE));
}

void
godwit__source_send_record (godwit__rendezvous_source_t *self, size_t index)
{
    const godwit__record_list_t one = {&self->owner->own[index], 1};
    if (self->must_register || !send_message (self, godwit__rendezvous_register (self->owner->buffer, one))) {
        register_from (self, index);
        godwit__source_arm_tick (self);
    }
}

void
godwit__source_send_withdraw (godwit__rendezvous_source_t *self, uint32_t server_id)
{
    if (self->must_register ||
        !send_message (self, godwit__rendezvous_withdraw (self->owner->buffer, false, &server_id, 1))) {
        register_from (self, 0);
        godwit__source_arm_tick (self);
    }
}

/* --- receiving --- */

static void
ask_for_snapshot (self_t *self)
{
    self->sync = GODWIT__SYNC_NONE;
    self->must_resync = true;
    godwit__source_send_pending (self);
}

static void
see (const self_t *self, godwit__record_t *record)
{
    const godwit__matchmaker_options_t *options = &self->owner->options;
    if (!godwit__view_seen (&self->owner->view, self->index, record) && options->note)
        options->note (options->note_user, GODWIT_LOG_WARNING,
                       "More servers are announced than this process has room for: some are not known here");
}

static bool
on_snapshot (self_t *self, const godwit__rendezvous_message_t *message)
{
    godwit__rendezvous_t *owner = self->owner;
    if (message->first) {
        self->is_same = self->epoch == message->epoch;
        self->epoch = message->epoch;
        self->sync = GODWIT__SYNC_PART;
        godwit__view_begin (&owner->view, self->index);
    } else if (self->sync != GODWIT__SYNC_PART || message->epoch != self->epoch) {
        return false;
    }
    for (size_t i = 0; i < message->record_count; i++)
        see (self, message->records[i]);
    if (message->last) {
        godwit__view_end (&owner->view, self->index, self->is_same);
        self->sequence = message->sequence;
        self->sync = GODWIT__SYNC_DONE;
        self->back_off_ns = 0;
        godwit__source_set_told (self, true);
        owner->events->synced (owner->user);
        const uint64_t settles_ms = message->settles_ms < SETTLE_MAX_MS ? message->settles_ms : SETTLE_MAX_MS;
        godwit__source_names_told (self,
                                   godwit__source_now (self) + (int64_t) settles_ms * GODWIT__NS_PER_MS);
    }
    return true;
}

static bool
on_delta (self_t *self, const godwit__rendezvous_message_t *message)
{
    godwit__view_t *view = &self->owner->view;
    if (self->sync != GODWIT__SYNC_DONE)
        return true; /* a snapshot with all this is on its way */
    if (message->epoch != self->epoch)
        return false;
    if (message->sequence != self->sequence + 1) {
        ask_for_snapshot (self);
        return true;
    }
    self->sequence = message->sequence;
    for (size_t i = 0; i < message->record_count; i++)
        see (self, message->records[i]);
    for (size_t i = 0; i < message->key_count; i++)
        godwit__view_gone (view, self->index, message->keys[i].instance, message->keys[i].server_id,
                           message->withdrawn);
    return true;
}

/* False: the host broke the protocol. */
static bool
on_message (self_t *self, const godwit__rendezvous_message_t *message)
{
    switch (message->type) {
    case GODWIT__RENDEZVOUS_SNAPSHOT:
        return on_snapshot (self, message);
    case GODWIT__RENDEZVOUS_DELTA:
        return on_delta (self, message);
    case GODWIT__RENDEZVOUS_CURRENT:
        if (self->sync == GODWIT__SYNC_DONE &&
            (message->epoch != self->epoch || message->sequence != self->sequence))
            ask_for_snapshot (self);
        return true;
    case GODWIT__RENDEZVOUS_RESYNC:
        register_from (self, 0);
        godwit__source_send_pending (self);
        return true;
    case GODWIT__RENDEZVOUS_EXPELLED:
        self->back_off_ns = GODWIT__SOURCE_BACK_OFF_MAX_NS;
        snprintf (self->expelled, sizeof self->expelled, "%s", message->reason ? message->reason : "");
        return false;
    case GODWIT__RENDEZVOUS_JOIN:
    case GODWIT__RENDEZVOUS_REGISTER:
    case GODWIT__RENDEZVOUS_WITHDRAW:
    case GODWIT__RENDEZVOUS_REFRESH:
    case GODWIT__RENDEZVOUS_LEAVE:
        return false;
    case GODWIT__RENDEZVOUS_RESERVED_LAST:
    default:
        return true; /* a type of a later version */
    }
}

godwit__io_t
godwit__source_receive (godwit__rendezvous_source_t *self, int budget)
{
    for (int i = 0; i < budget; i++) {
        godwit__frame_t frame = {.data = NULL};
        godwit__routing_id_t routing_id = 0;
        const godwit__io_t io = self->link->ops->recv (self->link, &frame, &routing_id);
        if (io != GODWIT__IO_OK)
            return io == GODWIT__IO_AGAIN ? GODWIT__IO_AGAIN : GODWIT__IO_CLOSED;
        godwit__rendezvous_message_t message;
        const godwit_status_t status = godwit__rendezvous_read (&message, &frame, NULL);
        if (status != GODWIT_OK) {
            if (self->owner->options.malformed && status != GODWIT_ERR_OUT_OF_MEMORY)
                atomic_fetch_add_explicit (self->owner->options.malformed, 1, memory_order_relaxed);
            return GODWIT__IO_CLOSED;
        }
        self->heard_ns = godwit__source_now (self);
        const bool fine = on_message (self, &message);
        godwit__rendezvous_clear (&message);
        if (!fine)
            return GODWIT__IO_CLOSED;
    }
    return GODWIT__IO_OK;
}
