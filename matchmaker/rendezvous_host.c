/* SPDX-License-Identifier: Apache-2.0 */
#include "matchmaker/rendezvous_host_inside.h"

#include "src/error/error.h"
#include "src/wire/header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Frames that are handled before the reactor's other sources get their turn. */
#define FRAME_BUDGET 256
/* Limits what a member may ask for: so many tokens at once, and so many more each millisecond. */
#define TOKENS_MAX 8192
#define TOKENS_PER_MS 1
#define SNAPSHOT_COST 256

/* --- members --- */

static godwit__rendezvous_member_t *
earlier (godwit__rendezvous_member_t *a, godwit__rendezvous_member_t *b)
{
    return !a || b->expires_ns < a->expires_ns ? b : a;
}

/* If the host is full, frees a place for a new member. An expelled member goes first, otherwise one that is
 * not connected; among these the one whose lease ends first. */
static void
make_room (godwit__rendezvous_host_t *host)
{
    if (host->rooms.member_count < GODWIT__ROOMS_MEMBERS_MAX)
        return;
    godwit__rendezvous_member_t *oldest = NULL;
    const godwit__rooms_t *rooms = &host->rooms;
    for (godwit__rendezvous_member_t *at = GODWIT__ROUTED_FIRST (rooms); at;
         at = GODWIT__ROUTED_NEXT (rooms, at))
        if (!at->room)
            oldest = earlier (oldest, at);
    for (godwit__rendezvous_member_t *at = oldest ? NULL : GODWIT__MEMBERS_FIRST (rooms); at;
         at = GODWIT__MEMBERS_NEXT (rooms, at))
        if (!godwit__host_hears (at) && !at->is_host)
            oldest = earlier (oldest, at);
    if (oldest)
        godwit__host_forget (host, oldest);
}

static bool
charge (const godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member, int64_t cost)
{
    const int64_t now = godwit__host_now (host);
    const int64_t passed_ms = (now - member->tokens_at_ns) / GODWIT__NS_PER_MS;
    if (passed_ms > 0) {
        member->tokens_at_ns = now;
        member->tokens =
            passed_ms >= TOKENS_MAX / TOKENS_PER_MS ? TOKENS_MAX : member->tokens + passed_ms * TOKENS_PER_MS;
        if (member->tokens > TOKENS_MAX)
            member->tokens = TOKENS_MAX;
    }
    member->tokens -= cost;
    return member->tokens >= 0;
}

static void
renew (const godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member)
{
    member->expires_ns = godwit__host_now (host) + godwit__host_lease_ns (member);
}

/* --- messages --- */

/* Whoever is no member has no tokens of its own. */
static bool
may_answer (godwit__rendezvous_host_t *host)
{
    const godwit__party_t *const party = host->options.realm ? godwit__channel_sender (host->port) : NULL;
    return godwit__refusals_may_answer (&host->refusals, party ? party->certificate.serial : 0,
                                        godwit__host_now (host));
}

static void
refuse (godwit__rendezvous_host_t *host, godwit__routing_id_t routing_id, const char *reason)
{
    if (!may_answer (host))
        return;
    const godwit__message_t message = godwit__rendezvous_expelled (host->buffer, reason);
    char text[3 * GODWIT__ADDRESS_SIZE];
    host->port->ops->send (host->port, routing_id, &message);
    if (!host->options.note)
        return;
    snprintf (text, sizeof text, "The rendezvous at %s refused a member: %s", host->address, reason);
    host->options.note (host->options.note_user, GODWIT_LOG_WARNING, text);
}

/* Handles a JOIN on an unknown connection: a new member, or one that is back. */
static void
welcome (godwit__rendezvous_host_t *host, godwit__routing_id_t routing_id,
         const godwit__rendezvous_message_t *message)
{
    godwit__reason_t why;
    if (!godwit__host_may_join (host, message->instance, &why)) {
        refuse (host, routing_id, why.text);
        return;
    }
    godwit__rendezvous_member_t *member =
        godwit__rooms_by_identity (&host->rooms, message->virtual_host, message->instance);
    if (member && member->is_host) {
        refuse (host, routing_id, "this is the instance of the host itself");
        return;
    }
    if (!member) {
        make_room (host);
        member = godwit__rooms_add (&host->rooms, message->virtual_host, message->instance);
        if (!member) {
            refuse (host, routing_id, "too many members");
            return;
        }
        member->tokens = TOKENS_MAX;
        member->tokens_at_ns = godwit__host_now (host);
        godwit__host_note (host, member, GODWIT_LOG_INFO, "joined");
    }
    godwit__rooms_set_routing_id (&host->rooms, member, routing_id);
    member->refresh_ms = message->refresh_ms;
    renew (host, member);
    if (!charge (host, member, SNAPSHOT_COST))
        godwit__host_expel (host, member, "joined too often");
    else if (!godwit__host_may_go_on (host, member, &why))
        godwit__host_expel (host, member, why.text);
    else
        godwit__host_start_snapshot (host, member);
}

static void
on_join (godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member,
         const godwit__rendezvous_message_t *message)
{
    if (strcmp (member->room->name, message->virtual_host) != 0 ||
        memcmp (member->instance, message->instance, GODWIT__UUID_SIZE) != 0)
        godwit__host_expel (host, member, "joined again with another identity");
    else if (!charge (host, member, SNAPSHOT_COST))
        godwit__host_expel (host, member, "joined too often");
    else
        godwit__host_start_snapshot (host, member);
}

static void
on_register (godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member,
             const godwit__rendezvous_message_t *message)
{
    godwit__record_t *changed[GODWIT__RENDEZVOUS_RECORDS_MAX];
    godwit__record_list_t list = {changed, 0};
    const char *wrong = NULL;
    for (size_t i = 0; i < message->record_count && !wrong; i++) {
        godwit__record_t *record = message->records[i];
        if (memcmp (record->instance, member->instance, GODWIT__UUID_SIZE) != 0) {
            wrong = "registered a record of another instance";
            break;
        }
        if (!godwit__host_may_register (host, member, record))
            continue;
        const godwit__put_t put = godwit__rooms_put (&host->rooms, member, record);
        if (put == GODWIT__PUT_CHANGED)
            changed[list.count++] = record;
        else if (put == GODWIT__PUT_REFUSED)
            wrong = "too many records";
    }
    godwit__host_tell_seen (host, member->room, list);
    if (wrong)
        godwit__host_expel (host, member, wrong);
}

static void
withdraw (godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member, godwit__record_key_t *keys,
          size_t count)
{
    size_t taken_count = 0;
    uint64_t lowest = UINT64_MAX;
    for (size_t i = 0; i < count; i++) {
        const uint64_t stamp = godwit__rooms_take (&host->rooms, member, keys[i].server_id);
        if (!stamp)
            continue;
        lowest = stamp < lowest ? stamp : lowest;
        memcpy (keys[taken_count].instance, member->instance, GODWIT__UUID_SIZE);
        keys[taken_count++].server_id = keys[i].server_id;
    }
    godwit__host_tell_gone (host, member->room, keys, taken_count, lowest, true);
}

static void
on_withdraw (godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member,
             const godwit__rendezvous_message_t *message)
{
    if (!message->except) {
        withdraw (host, member, message->keys, message->key_count);
        return;
    }
    uint32_t keep[GODWIT__RENDEZVOUS_KEYS_MAX];
    for (size_t i = 0; i < message->key_count; i++)
        keep[i] = message->keys[i].server_id;
    godwit__host_drop_records (host, member, keep, message->key_count, true);
}

static void
on_refresh (godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member,
            const godwit__rendezvous_message_t *message)
{
    if (message->count != member->entry_count || message->sum != member->sum)
        godwit__host_send (host, member, godwit__rendezvous_plain (host->buffer, GODWIT__RENDEZVOUS_RESYNC));
    if (godwit__host_hears (member))
        godwit__host_send (host, member,
                           godwit__rendezvous_current (host->buffer, host->epoch, member->room->sequence));
}

static void
on_message (godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member,
            godwit__rendezvous_message_t *message)
{
    renew (host, member);
    if (!charge (host, member, 1 + (int64_t) message->record_count + (int64_t) message->key_count)) {
        godwit__host_expel (host, member, "too many messages");
        return;
    }
    godwit__reason_t why;
    if (!godwit__host_may_go_on (host, member, &why)) {
        godwit__host_expel (host, member, why.text);
        return;
    }
    switch (message->type) {
    case GODWIT__RENDEZVOUS_JOIN:
        on_join (host, member, message);
        break;
    case GODWIT__RENDEZVOUS_REGISTER:
        on_register (host, member, message);
        break;
    case GODWIT__RENDEZVOUS_WITHDRAW:
        on_withdraw (host, member, message);
        break;
    case GODWIT__RENDEZVOUS_REFRESH:
        on_refresh (host, member, message);
        break;
    case GODWIT__RENDEZVOUS_RESYNC:
        if (!charge (host, member, SNAPSHOT_COST))
            godwit__host_expel (host, member, "too many snapshots");
        else
            godwit__host_start_snapshot (host, member);
        break;
    case GODWIT__RENDEZVOUS_LEAVE:
        godwit__host_note (host, member, GODWIT_LOG_INFO, "left");
        godwit__host_part (host, member, true);
        break;
    case GODWIT__RENDEZVOUS_SNAPSHOT:
    case GODWIT__RENDEZVOUS_DELTA:
    case GODWIT__RENDEZVOUS_CURRENT:
    case GODWIT__RENDEZVOUS_EXPELLED:
        godwit__host_expel (host, member, "sent what only a host sends");
        break;
    case GODWIT__RENDEZVOUS_RESERVED_LAST:
    default:
        break; /* a type of a later version */
    }
}

static void
count_malformed (const godwit__rendezvous_host_t *host)
{
    if (host->options.malformed)
        atomic_fetch_add_explicit (host->options.malformed, 1, memory_order_relaxed);
}

/* Consumes the frame. */
static void
on_frame (godwit__rendezvous_host_t *host, godwit__routing_id_t routing_id, godwit__frame_t *frame)
{
    godwit__rendezvous_member_t *member = godwit__rooms_by_routing_id (&host->rooms, routing_id);
    const bool is_join = frame->size >= GODWIT__HEADER_SIZE && frame->data[2] == GODWIT__RENDEZVOUS_JOIN;
    if (member ? !member->room : !is_join) { /* an expelled member, or an unknown connection, which may have
                                                been a member before */
        godwit__header_t header;
        const godwit__header_check_t check = godwit__header_read (&header, frame->data, frame->size);
        if (!member && (check == GODWIT__HEADER_SHORT || check == GODWIT__HEADER_MAGIC))
            count_malformed (host);
        godwit__frame_release (frame);
        return;
    }
    godwit__rendezvous_message_t message;
    const godwit_status_t status = godwit__rendezvous_read (&message, frame, NULL);
    if (status == GODWIT_OK) {
        if (member)
            on_message (host, member, &message);
        else
            welcome (host, routing_id, &message);
        godwit__rendezvous_clear (&message);
    } else if (status != GODWIT_ERR_OUT_OF_MEMORY) {
        count_malformed (host);
        if (member)
            godwit__host_expel (host, member, "sent a malformed message");
    }
}

static void
on_ready (godwit__source_t *source)
{
    godwit__rendezvous_host_t *host = source->user;
    for (int i = 0; i < FRAME_BUDGET; i++) {
        godwit__frame_t frame = {.data = NULL};
        godwit__routing_id_t routing_id = 0;
        if (host->port->ops->recv (host->port, &frame, &routing_id) != GODWIT__IO_OK)
            return;
        on_frame (host, routing_id, &frame);
    }
    host->port->ops->wake (host->port); /* there may be more */
}

/* --- life --- */

static uint64_t
new_epoch (const godwit__rendezvous_host_t *host)
{
    uint64_t epoch = 0;
    if (host->options.is_repeatable || getentropy (&epoch, sizeof epoch) != 0)
        epoch = host->options.seed;
    epoch ^= (uint64_t) godwit__host_now (host);
    return epoch & INT64_MAX; /* so that every language has a number for it */
}

static void
discard (godwit__rendezvous_host_t *host)
{
    godwit__reactor_disarm (host->options.reactor, &host->sweep);
    godwit__reactor_disarm (host->options.reactor, &host->retry);
    godwit__host_stop_absence (host);
    if (host->port) {
        host->port->ops->detach (host->port);
        host->port->ops->close (host->port);
    }
    godwit__rooms_close (&host->rooms);
    free (host);
}

static godwit_status_t
listen_on (godwit__rendezvous_host_t *host, const char *address, godwit_error_t **error)
{
    godwit__driver_t *driver = host->options.driver;
    godwit__port_addresses_t addresses;
    godwit_status_t status = driver->ops->open_port (driver, address, &host->port, &addresses, error);
    if (status != GODWIT_OK)
        return status;
    status = driver->ops->watch_port (host->port, &host->lost, error);
    return status ? status
                  : host->port->ops->attach (host->port, host->options.reactor, &host->source, error);
}

godwit_status_t
godwit__rendezvous_host_open (godwit__rendezvous_host_t **host, const godwit__matchmaker_options_t *options,
                              const char *address, int64_t settles_ns,
                              const godwit__rendezvous_host_events_t *events, void *user,
                              godwit_error_t **error)
{
    godwit__rendezvous_host_t *self = calloc (1, sizeof *self);
    if (!self)
        return godwit__error_no_memory (error);
    self->options = *options;
    snprintf (self->address, sizeof self->address, "%s", address);
    self->settles_ns = settles_ns;
    self->events = events;
    self->user = user;
    self->source.ready = on_ready;
    self->source.user = self;
    self->sweep.fire = godwit__host_sweep;
    self->sweep.user = self;
    self->retry.fire = godwit__host_retry;
    self->retry.user = self;
    godwit__host_watch_absence (self);
    self->epoch = new_epoch (self);
    godwit__rooms_open (&self->rooms, options->seed ^ self->epoch);
    godwit_status_t status = listen_on (self, address, error);
    if (status == GODWIT_OK) {
        self->own = godwit__rooms_add (&self->rooms, options->virtual_host, options->instance);
        if (!self->own)
            status = godwit__error_no_memory (error);
    }
    if (status != GODWIT_OK) {
        discard (self);
        return status;
    }
    self->own->is_host = true;
    self->own->refresh_ms = options->refresh_ms;
    godwit__host_arm_sweep (self);
    *host = self;
    return GODWIT_OK;
}

void
godwit__rendezvous_host_close (godwit__rendezvous_host_t *host, bool leaves)
{
    host->is_closing = true; /* from now on no event runs */
    if (leaves)
        godwit__host_drop_records (host, host->own, NULL, 0, true);
    discard (host);
}

bool
godwit__rendezvous_host_put (godwit__rendezvous_host_t *host, godwit__record_t *record)
{
    const godwit__put_t put = godwit__rooms_put (&host->rooms, host->own, record);
    if (put == GODWIT__PUT_CHANGED)
        godwit__host_tell_seen (host, host->own->room, (godwit__record_list_t){&record, 1});
    return put != GODWIT__PUT_REFUSED;
}

void
godwit__rendezvous_host_take (godwit__rendezvous_host_t *host, uint32_t server_id)
{
    godwit__record_key_t key = {.server_id = server_id};
    withdraw (host, host->own, &key, 1);
}
