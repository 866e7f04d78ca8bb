/* SPDX-License-Identifier: Apache-2.0 */
/* One rendezvous point, as a member sees it: a connection to its host, or the host itself.
 *
 *                  timer              link up
 *      WAITING ------------> CONNECTING -----> JOINED
 *         ^ ^                     |              |
 *         | +---------------------|--------------+  link down, silence, nonsense, EXPELLED
 *         |    may not host, or   | link down
 *         +---- cannot listen ----+------------> HOSTING, until closed
 *                                   listening
 *
 * So when a host dies, its members find out at the same time, and all connections are refused. Then one
 * member gets the address, and the others find it there when they try again some milliseconds later.
 *
 * What is to be thought of the names that it tells:
 *
 *                 told all, and the host has had time to hear of everybody
 *      AWAITED --------------------------------------------------------------> TOLD
 *       ^ ^ |                                                                   |
 *       | | +-- an attempt failed --> OUT_OF_REACH --- link up ---> AWAITED     |
 *       | +---------------------------- connection lost -------------------------+
 */
#include "matchmaker/rendezvous.h"

#include "src/base/delay.h"
#include "src/base/hash.h"
#include "src/error/error.h"

#include <limits.h>
#include <stdio.h>

/* The longest wait is 5/4 of the last delay, 320 ms: so a host that returns has all members within a second,
 * and they do not come at the same moment. */
static const godwit__delay_rule_t back_off_rule = {.first_ns = 2 * GODWIT__NS_PER_MS,
                                                   .max_ns = 256 * GODWIT__NS_PER_MS,
                                                   .least_percent = 25,
                                                   .most_percent = 125};
#define RETRY_MS 5
/* For how long attempts may fail while members race for the address of a host that died. */
#define RACE_NS (50 * GODWIT__NS_PER_MS)
/* A host that says that it takes longer is not believed. */
#define SETTLE_MAX_MS 5000
/* A takeover takes less. What cannot be joined for so long is a warning. */
#define WARN_AFTER_NS (3000 * GODWIT__NS_PER_MS)
#define FRAME_BUDGET 256

typedef godwit__rendezvous_source_t self_t;

static void fail (self_t *self, const char *reason);
static void tell_reached (const self_t *self);

/* --- time --- */

static int64_t
now_ns (const self_t *self)
{
    return godwit__reactor_now (self->owner->options.reactor);
}

static int64_t
refresh_ns (const self_t *self)
{
    return self->owner->options.refresh_ms * GODWIT__NS_PER_MS;
}

/* splitmix64 */
static uint64_t
next_random (self_t *self)
{
    self->random += UINT64_C (0x9e3779b97f4a7c15);
    return godwit__mix (self->random);
}

static void
arm (self_t *self, int64_t deadline_ns)
{
    /* Fails only if there were never so many timers before, and there is no memory for one more. */
    godwit__reactor_arm (self->owner->options.reactor, &self->timer, deadline_ns);
}

static void
back_off (self_t *self)
{
    const int64_t wait_ns = godwit__delay_next (&self->back_off_ns, &back_off_rule, next_random (self));
    self->state = GODWIT__SOURCE_WAITING;
    arm (self, now_ns (self) + wait_ns);
}

/* JOINED: what could not be sent is tried again soon, everything else waits for the refresh. */
static void
arm_tick (self_t *self)
{
    const int64_t retry_ns = now_ns (self) + RETRY_MS * GODWIT__NS_PER_MS;
    const bool soon = (self->must_register || self->must_resync) && retry_ns < self->refresh_at_ns;
    const int64_t next_ns = soon ? retry_ns : self->refresh_at_ns;
    arm (self, self->settles_ns && self->settles_ns < next_ns ? self->settles_ns : next_ns);
}

/* --- what others may want to know --- */

static void
note (const self_t *self, godwit_log_level_t level, const char *what, const char *why)
{
    const godwit__matchmaker_options_t *options = &self->owner->options;
    char text[2 * GODWIT__ADDRESS_SIZE];
    if (!options->note)
        return;
    snprintf (text, sizeof text, "%s the rendezvous at %s%s%s", what, self->address, why ? ": " : "",
              why ? why : "");
    options->note (options->note_user, level, text);
}

static void
add_to (atomic_uint_fast64_t *gauge, bool up)
{
    if (up)
        atomic_fetch_add_explicit (gauge, 1, memory_order_relaxed);
    else
        atomic_fetch_sub_explicit (gauge, 1, memory_order_relaxed);
}

static void
set_told (self_t *self, bool is_told)
{
    godwit__matchmaker_gauges_t *gauges = self->owner->options.gauges;
    if (self->is_told == is_told)
        return;
    self->is_told = is_told;
    self->tried_ns = 0;
    if (gauges)
        add_to (&gauges->rendezvous_joined, is_told);
    if (gauges && self->host)
        add_to (&gauges->rendezvous_hosted, is_told);
    if (is_told)
        note (self, GODWIT_LOG_INFO, self->host ? "Hosts" : "Joined", NULL);
}

/* why: of OUT_OF_REACH. */
static void
set_names (self_t *self, godwit__names_state_t names, const char *why)
{
    if (names == GODWIT__NAMES_OUT_OF_REACH && self->names != names)
        note (self, GODWIT_LOG_WARNING, "Cannot reach", why);
    self->names = names;
    snprintf (self->why, sizeof self->why, "%s", why);
    godwit__rendezvous_tell_names (self->owner);
}

/* All that the host knows was told. TOLD, unless the host has to hear of its members first. */
static void
names_told (self_t *self, int64_t settles_ns)
{
    self->failing_since_ns = 0;
    self->settles_ns = self->names != GODWIT__NAMES_TOLD && settles_ns > now_ns (self) ? settles_ns : 0;
    set_names (self, self->settles_ns ? GODWIT__NAMES_AWAITED : GODWIT__NAMES_TOLD, "");
    if (self->settles_ns && self->state == GODWIT__SOURCE_HOSTING)
        arm (self, self->settles_ns);
    else if (self->settles_ns)
        arm_tick (self);
}

/* After a connection that worked, another one is tried at once. While members race for the address of a host
 * that has died, attempts may fail for a moment. */
static void
names_lost (self_t *self, bool was_told, bool was_joined, const char *reason)
{
    self->settles_ns = 0;
    if (!was_told && self->failing_since_ns == 0)
        self->failing_since_ns = self->connect_ns;
    const bool may_race = was_joined || self->may_host;
    if (was_told || (may_race && now_ns (self) - self->failing_since_ns < RACE_NS))
        set_names (self, GODWIT__NAMES_AWAITED, "");
    else
        set_names (self, GODWIT__NAMES_OUT_OF_REACH, reason);
}

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

static void
send_pending (self_t *self)
{
    if (self->must_register && send_records (self) && send_what_stays (self))
        self->must_register = false;
    if (self->must_resync &&
        send_message (self, godwit__rendezvous_plain (self->owner->buffer, GODWIT__RENDEZVOUS_RESYNC)))
        self->must_resync = false;
    arm_tick (self);
}

static void
ask_for_snapshot (self_t *self)
{
    self->sync = GODWIT__SYNC_NONE;
    self->must_resync = true;
    send_pending (self);
}

/* --- receiving --- */

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
        set_told (self, true);
        owner->events->synced (owner->user);
        const uint64_t settles_ms = message->settles_ms < SETTLE_MAX_MS ? message->settles_ms : SETTLE_MAX_MS;
        names_told (self, now_ns (self) + (int64_t) settles_ms * GODWIT__NS_PER_MS);
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
        send_pending (self);
        return true;
    case GODWIT__RENDEZVOUS_EXPELLED:
        self->back_off_ns = back_off_rule.max_ns;
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

/* Handles up to `budget` frames. AGAIN: there are no more now. CLOSED: no more will come, or the host broke
 * the protocol. */
static godwit__io_t
receive (self_t *self, int budget)
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
        self->heard_ns = now_ns (self);
        const bool fine = on_message (self, &message);
        godwit__rendezvous_clear (&message);
        if (!fine)
            return GODWIT__IO_CLOSED;
    }
    return GODWIT__IO_OK;
}

static void
on_ready (godwit__source_t *watch)
{
    self_t *self = watch->user;
    const godwit__io_t io = receive (self, FRAME_BUDGET);
    if (io == GODWIT__IO_CLOSED)
        fail (self,
              self->expelled[0] ? "this process was expelled" : "it ended, or sent a malformed message");
    else if (io == GODWIT__IO_OK)
        self->link->ops->wake (self->link); /* there may be more */
}

/* --- the link --- */

static void
hang_up (self_t *self)
{
    godwit__reactor_unwatch (self->owner->options.reactor, &self->watch);
    if (self->link)
        self->link->ops->close (self->link);
    self->link = NULL;
}

static void
on_up (void *user)
{
    self_t *self = user;
    const godwit__rendezvous_t *owner = self->owner;
    self->state = GODWIT__SOURCE_JOINED;
    self->sync = GODWIT__SYNC_NONE;
    self->must_resync = false;
    self->must_register = false;
    register_from (self, 0);
    self->heard_ns = now_ns (self);
    self->refresh_at_ns = self->heard_ns + refresh_ns (self);
    set_names (self, GODWIT__NAMES_AWAITED, "");
    self->watch.fd = self->link->ops->fd (self->link);
    if (self->watch.fd < 0 ||
        godwit__reactor_watch (owner->options.reactor, &self->watch, NULL) != GODWIT_OK ||
        !send_message (self, godwit__rendezvous_join (self->owner->buffer, owner->options.instance,
                                                      owner->virtual_host, owner->options.refresh_ms)))
        fail (self, "nothing can be sent to it");
    else
        send_pending (self);
    tell_reached (self);
}

static void
on_down (void *user, const char *reason)
{
    self_t *self = user;
    if (self->state == GODWIT__SOURCE_JOINED)
        receive (self, INT_MAX); /* what the host sent before it went still counts */
    fail (self, reason);
}

static const godwit__link_events_t link_events = {on_up, on_down};

static void
open_link (self_t *self, const char *address)
{
    godwit__driver_t *driver = self->owner->options.driver;
    self->state = GODWIT__SOURCE_CONNECTING;
    self->connect_ns = now_ns (self);
    godwit__rendezvous_tell_names (self->owner);
    self->expelled[0] = '\0';
    if (!self->tried_ns)
        self->tried_ns = now_ns (self);
    if (driver->ops->open_link (driver, address, &link_events, self, &self->link, NULL) != GODWIT_OK) {
        self->link = NULL;
        fail (self, "a connection to it cannot be opened");
    }
}

/* False: its name has no other address. */
static bool
try_next (self_t *self)
{
    const char *const address = godwit__lookup_next (&self->lookup);
    if (address)
        open_link (self, address);
    return address != NULL;
}

static void
tell_reached (const self_t *self)
{
    const godwit__matchmaker_options_t *options = &self->owner->options;
    if (options->reached)
        options->reached (options->reached_user);
}

static void
on_names (void *user)
{
    self_t *self = user;
    tell_reached (self);
    if (!try_next (self))
        fail (self, "its name has no address");
}

static void
connect_to (self_t *self)
{
    self->state = GODWIT__SOURCE_CONNECTING;
    if (!godwit__lookup_is_needed (self->address))
        open_link (self, self->address);
    else if (!godwit__lookup_begin (&self->lookup, self->address))
        fail (self, "its name cannot be looked up");
}

/* --- hosting --- */

static void
on_hosted_seen (void *user, godwit__record_t *record)
{
    self_t *self = user;
    godwit__view_seen (&self->owner->view, self->index, record);
}

static void
on_hosted_gone (void *user, const uint8_t instance[GODWIT__UUID_SIZE], uint32_t server_id, bool withdrawn)
{
    self_t *self = user;
    godwit__view_gone (&self->owner->view, self->index, instance, server_id, withdrawn);
}

static const godwit__rendezvous_host_events_t host_events = {on_hosted_seen, on_hosted_gone};

/* The port may be taken by another program, so that it can be neither joined nor hosted. hosting: why it
 * cannot be hosted; NULL: it is not to be. */
static void
warn_if_stuck (const self_t *self, const char *reason, const char *hosting)
{
    const godwit__matchmaker_options_t *options = &self->owner->options;
    char text[3 * GODWIT__ADDRESS_SIZE];
    if (!options->note || self->is_told)
        return;
    if (self->expelled[0])
        snprintf (text, sizeof text, "The rendezvous at %s has expelled this process: %s", self->address,
                  self->expelled);
    else if (!self->tried_ns || now_ns (self) - self->tried_ns < WARN_AFTER_NS)
        return;
    else if (hosting)
        snprintf (
            text, sizeof text,
            "The rendezvous at %s can be neither joined (%s) nor hosted (%s): another program may have the "
            "port. End it, or name another port in the URL of every process",
            self->address, reason, hosting);
    else
        snprintf (text, sizeof text,
                  "The rendezvous at %s cannot be joined: %s. Nothing may run there, or another program",
                  self->address, reason);
    options->note (options->note_user, GODWIT_LOG_WARNING, text);
}

static bool
host_it (self_t *self, const char *reason)
{
    godwit__rendezvous_t *owner = self->owner;
    const int64_t settles_ns =
        now_ns (self) + (self->is_here ? GODWIT__SETTLE_HERE_MS : GODWIT__SETTLE_MS) * GODWIT__NS_PER_MS;
    godwit_error_t *error = NULL;
    if (godwit__rendezvous_host_open (&self->host, &owner->options, self->address, settles_ns, &host_events,
                                      self, &error) != GODWIT_OK) {
        note (self, GODWIT_LOG_DEBUG, "Does not host", godwit_error_message (error));
        warn_if_stuck (self, reason, godwit_error_message (error));
        godwit_error_destroy (&error);
        return false;
    }
    self->state = GODWIT__SOURCE_HOSTING;
    self->back_off_ns = 0;
    for (size_t i = 0; i < owner->own_count; i++)
        godwit__rendezvous_host_put (self->host, owner->own[i]);
    set_told (self, true);
    owner->events->synced (owner->user);
    names_told (self, settles_ns);
    return true;
}

/* --- life --- */

static void
fail (self_t *self, const char *reason)
{
    const bool was_joined = self->state == GODWIT__SOURCE_JOINED;
    const bool was_told = self->is_told;
    if (was_told) {
        note (self, GODWIT_LOG_INFO, "Lost", reason);
        godwit__lookup_keep (&self->lookup);
    }
    set_told (self, false);
    hang_up (self);
    if (was_joined || !self->may_host)
        warn_if_stuck (self, reason, NULL);
    if (was_joined)
        godwit__view_lost (&self->owner->view, self->index);
    else if ((self->may_host && host_it (self, reason)) || try_next (self))
        return;
    back_off (self);
    names_lost (self, was_told, was_joined, reason);
}

static void
on_timer (godwit__timer_t *timer)
{
    self_t *self = timer->user;
    if (self->state == GODWIT__SOURCE_WAITING) {
        connect_to (self);
        return;
    }
    const int64_t now = now_ns (self);
    if (self->settles_ns && now >= self->settles_ns) {
        self->settles_ns = 0;
        set_names (self, GODWIT__NAMES_TOLD, "");
    }
    if (self->state != GODWIT__SOURCE_JOINED)
        return;
    if (now >= self->refresh_at_ns) {
        /* If this process did not run for a while, the host's answers are still unread. */
        const bool was_away = now - self->refresh_at_ns > refresh_ns (self);
        if (was_away)
            self->heard_ns = now;
        /* A host that has not even begun to answer JOIN does not know this member. */
        const bool is_unknown = self->sync == GODWIT__SYNC_NONE && !was_away;
        if (is_unknown || now - self->heard_ns > 3 * refresh_ns (self)) {
            fail (self, is_unknown ? "it does not answer JOIN" : "it is silent");
            return;
        }
        uint64_t sum = 0;
        for (size_t i = 0; i < self->owner->own_count; i++)
            sum += godwit__rendezvous_sum (self->owner->own[i]);
        send_message (self, godwit__rendezvous_refresh (self->owner->buffer, self->owner->own_count, sum));
        self->refresh_at_ns = now + refresh_ns (self);
    }
    send_pending (self);
}

godwit_status_t
godwit__source_open (godwit__rendezvous_source_t *self, godwit_error_t **error)
{
    self->random = self->owner->options.seed + (self->index + 1) * UINT64_C (0xd1b54a32d192ed03);
    self->timer.fire = on_timer;
    self->timer.user = self;
    self->watch.ready = on_ready;
    self->watch.user = self;
    self->lookup = (godwit__lookup_t){.reactor = self->owner->options.reactor,
                                      .look_up = self->owner->options.look_up,
                                      .done = on_names,
                                      .user = self};
    self->state = GODWIT__SOURCE_WAITING;
    if (godwit__reactor_arm (self->owner->options.reactor, &self->timer, now_ns (self)) != GODWIT_OK)
        return godwit__error_no_memory (error);
    return GODWIT_OK;
}

void
godwit__source_close (godwit__rendezvous_source_t *self, bool leaves)
{
    set_told (self, false);
    if (leaves && self->state == GODWIT__SOURCE_JOINED)
        send_message (self, godwit__rendezvous_plain (self->owner->buffer, GODWIT__RENDEZVOUS_LEAVE));
    hang_up (self);
    godwit__lookup_close (&self->lookup);
    if (self->host)
        godwit__rendezvous_host_close (self->host, leaves);
    self->host = NULL;
    godwit__reactor_disarm (self->owner->options.reactor, &self->timer);
    self->state = GODWIT__SOURCE_WAITING;
}

void
godwit__source_announce (godwit__rendezvous_source_t *self, size_t index)
{
    if (self->state == GODWIT__SOURCE_HOSTING) {
        godwit__rendezvous_host_put (self->host, self->owner->own[index]);
    } else if (self->state == GODWIT__SOURCE_JOINED) {
        const godwit__record_list_t one = {&self->owner->own[index], 1};
        if (self->must_register ||
            !send_message (self, godwit__rendezvous_register (self->owner->buffer, one))) {
            register_from (self, index);
            arm_tick (self);
        }
    }
}

void
godwit__source_withdraw (godwit__rendezvous_source_t *self, uint32_t server_id)
{
    if (self->state == GODWIT__SOURCE_HOSTING) {
        godwit__rendezvous_host_take (self->host, server_id);
    } else if (self->state == GODWIT__SOURCE_JOINED) {
        if (self->must_register ||
            !send_message (self, godwit__rendezvous_withdraw (self->owner->buffer, false, &server_id, 1))) {
            register_from (self, 0);
            arm_tick (self);
        }
    }
}
