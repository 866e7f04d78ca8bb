/* SPDX-License-Identifier: Apache-2.0 */
/* One rendezvous point, as a member sees it: a connection to its host, or the host itself.
 *
 *                  timer              link up
 *      WAITING ------------> CONNECTING -----> JOINED
 *         ^ ^                     |              |
 *         | +---------------------|--------------+  link down, silence, nonsense, EXPELLED
 *         |    may not host, or   | link down
 *         +---- cannot listen ----+------------> HOSTING, until closed
 *         |                         listening      |
 *         +----------------------------------------+  in a private folder: its name was removed
 *
 * So when a host dies, its members find out at the same time, and all connections are refused. Then one
 * member gets the address, and the others find it there when they try again some milliseconds later.
 */
#include "matchmaker/rendezvous_source.h"

#include "matchmaker/rendezvous_folder.h"
#include "matchmaker/rendezvous_names.h"
#include "matchmaker/rendezvous_source_exchange.h"
#include "matchmaker/rendezvous_source_report.h"
#include "matchmaker/rendezvous_source_timer.h"
#include "src/error/error.h"

#include <limits.h>
#include <stdio.h>

#define FRAME_BUDGET 256

typedef godwit__rendezvous_source_t self_t;

static void fail (self_t *self, const char *reason);

/* --- the link --- */

static void
hang_up (self_t *self)
{
    if (!self->link)
        return;
    self->link->ops->detach (self->link);
    self->link->ops->close (self->link);
    self->link = NULL;
}

static void
on_ready (godwit__source_t *watch)
{
    self_t *self = watch->user;
    const godwit__io_t io = godwit__source_receive (self, FRAME_BUDGET);
    if (io == GODWIT__IO_CLOSED)
        fail (self,
              self->expelled[0] ? "this process was expelled" : "it ended, or sent a malformed message");
    else if (io == GODWIT__IO_OK)
        self->link->ops->wake (self->link); /* there may be more */
}

static void
tell_reached (const self_t *self)
{
    const godwit__matchmaker_options_t *options = &self->owner->options;
    if (options->reached)
        options->reached (options->reached_user);
}

/* With a realm: who tells names has to have the right to. Not so in a private folder, where every process of
 * this user may take the name. False: why says so. */
static bool
may_host (const self_t *self, char *why, size_t size)
{
    if (!self->owner->options.realm || self->folder)
        return true;
    godwit__party_t *party = godwit__channel_party (self->link);
    const bool may = party && godwit__party_may_host (party);
    char text[GODWIT__DEED_TEXT] = "its certificate is void";
    if (party && !may)
        godwit__deed_refusal (text, party->certificate.name, &(godwit__deed_t){.verb = GODWIT__VERB_HOST});
    snprintf (why, size, "%s", text);
    godwit__party_unref (&party);
    return may;
}

static void
give_up (self_t *self, const char *why)
{
    self->back_off_ns = GODWIT__SOURCE_BACK_OFF_MAX_NS;
    godwit__source_note (self, GODWIT_LOG_WARNING, "Does not trust", why);
    fail (self, why);
}

static void
on_up (void *user)
{
    self_t *self = user;
    const godwit__rendezvous_t *owner = self->owner;
    char why[GODWIT__ADDRESS_SIZE];
    if (!may_host (self, why, sizeof why)) {
        give_up (self, why);
        return;
    }
    self->state = GODWIT__SOURCE_JOINED;
    godwit__source_begin_exchange (self);
    self->heard_ns = godwit__source_now (self);
    self->refresh_at_ns = self->heard_ns + godwit__source_refresh_ns (self);
    godwit__source_set_names (self, GODWIT__NAMES_AWAITED, "");
    if (self->link->ops->attach (self->link, owner->options.reactor, &self->watch, NULL) != GODWIT_OK ||
        !godwit__source_send_join (self))
        fail (self, "nothing can be sent to it");
    else
        godwit__source_send_pending (self);
    tell_reached (self);
}

static void
on_down (void *user, const char *reason)
{
    self_t *self = user;
    if (self->state == GODWIT__SOURCE_JOINED)
        godwit__source_receive (self, INT_MAX); /* what the host sent before it went still counts */
    fail (self, reason);
}

/* The host answers REFRESH with CURRENT. */
static bool
on_ask (void *user)
{
    self_t *self = user;
    const bool is_known = self->state == GODWIT__SOURCE_JOINED && self->sync != GODWIT__SYNC_NONE;
    if (is_known)
        godwit__source_send_refresh (self);
    return is_known;
}

static void
on_voided (void *user, const char *reason)
{
    give_up (user, reason);
}

static void
on_renewed (void *user)
{
    self_t *self = user;
    char why[GODWIT__ADDRESS_SIZE];
    if (!may_host (self, why, sizeof why))
        give_up (self, why);
}

static const godwit__link_events_t link_events = {
    .up = on_up, .down = on_down, .ask = on_ask, .voided = on_voided, .renewed = on_renewed};

static void
open_link (self_t *self, const char *address)
{
    godwit__driver_t *driver = self->owner->options.driver;
    self->state = GODWIT__SOURCE_CONNECTING;
    self->connect_ns = godwit__source_now (self);
    godwit__rendezvous_tell_names (self->owner);
    self->expelled[0] = '\0';
    if (!self->tried_ns)
        self->tried_ns = godwit__source_now (self);
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
on_looked_up (void *user)
{
    self_t *self = user;
    tell_reached (self);
    if (!try_next (self))
        fail (self, "its name has no address");
}

static void
connect_to (self_t *self)
{
    if (self->folder && !godwit__source_enter_folder (self))
        return;
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

static bool
host_it (self_t *self, const char *reason)
{
    godwit__rendezvous_t *owner = self->owner;
    const int64_t settles_ns =
        godwit__source_now (self) +
        (self->is_here ? GODWIT__SETTLE_HERE_MS : GODWIT__SETTLE_MS) * GODWIT__NS_PER_MS;
    godwit_error_t *error = NULL;
    if (godwit__rendezvous_host_open (&self->host, &owner->options, self->address, settles_ns, &host_events,
                                      self, &error) != GODWIT_OK) {
        godwit__source_note (self, GODWIT_LOG_DEBUG, "Does not host", godwit_error_message (error));
        godwit__source_warn_if_stuck (self, reason, godwit_error_message (error));
        godwit_error_destroy (&error);
        return false;
    }
    self->state = GODWIT__SOURCE_HOSTING;
    self->back_off_ns = 0;
    for (size_t i = 0; i < owner->own_count; i++)
        godwit__rendezvous_host_put (self->host, owner->own[i]);
    godwit__source_set_told (self, true);
    owner->events->synced (owner->user);
    if (self->folder) {
        godwit__source_hosts_in_folder (self);
        godwit__source_arm (self, godwit__source_now (self) + godwit__source_refresh_ns (self));
    }
    godwit__source_names_told (self, settles_ns);
    return true;
}

/* Nobody finds it any more: its members come to whoever hosts it now, as this process does. */
static void
stop_hosting (self_t *self)
{
    static const char *const reason = "its name, or its folder, was removed";
    godwit__source_note (self, GODWIT_LOG_WARNING, "Nobody finds", reason);
    godwit__source_set_told (self, false);
    godwit__rendezvous_host_close (self->host, false);
    self->host = NULL;
    godwit__view_lost (&self->owner->view, self->index);
    godwit__source_back_off (self);
    godwit__source_names_lost (self, true, true, reason);
}

/* --- life --- */

static void
fail (self_t *self, const char *reason)
{
    const bool was_joined = self->state == GODWIT__SOURCE_JOINED;
    const bool was_told = self->is_told;
    if (was_told) {
        godwit__source_note (self, GODWIT_LOG_INFO, "Lost", reason);
        godwit__lookup_keep (&self->lookup);
    }
    godwit__source_set_told (self, false);
    hang_up (self);
    if (was_joined || !self->may_host)
        godwit__source_warn_if_stuck (self, reason, NULL);
    if (was_joined)
        godwit__view_lost (&self->owner->view, self->index);
    else if ((self->may_host && host_it (self, reason)) || try_next (self))
        return;
    godwit__source_back_off (self);
    godwit__source_names_lost (self, was_told, was_joined, reason);
}

static void
on_timer (godwit__timer_t *timer)
{
    self_t *self = timer->user;
    if (self->state == GODWIT__SOURCE_WAITING) {
        connect_to (self);
        return;
    }
    const int64_t now = godwit__source_now (self);
    if (self->settles_ns && now >= self->settles_ns) {
        self->settles_ns = 0;
        godwit__source_set_names (self, GODWIT__NAMES_TOLD, "");
    }
    if (self->state == GODWIT__SOURCE_HOSTING && self->folder) {
        if (godwit__source_look_at_folder (self))
            godwit__source_arm (self, now + godwit__source_refresh_ns (self));
        else
            stop_hosting (self);
    }
    if (self->state != GODWIT__SOURCE_JOINED)
        return;
    if (now >= self->refresh_at_ns) {
        /* If this process did not run for a while, the host's answers are still unread. */
        const bool was_away = now - self->refresh_at_ns > godwit__source_refresh_ns (self);
        if (was_away)
            self->heard_ns = now;
        /* A host that has not even begun to answer JOIN does not know this member. */
        const bool is_unknown = self->sync == GODWIT__SYNC_NONE && !was_away;
        if (is_unknown || now - self->heard_ns > 3 * godwit__source_refresh_ns (self)) {
            fail (self, is_unknown ? "it does not answer JOIN" : "it is silent");
            return;
        }
        godwit__source_send_refresh (self);
        self->refresh_at_ns = now + godwit__source_refresh_ns (self);
    }
    godwit__source_send_pending (self);
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
                                      .done = on_looked_up,
                                      .user = self};
    self->state = GODWIT__SOURCE_WAITING;
    if (godwit__reactor_arm (self->owner->options.reactor, &self->timer, godwit__source_now (self)) !=
        GODWIT_OK)
        return godwit__error_no_memory (error);
    return GODWIT_OK;
}

void
godwit__source_close (godwit__rendezvous_source_t *self, bool leaves)
{
    godwit__source_set_told (self, false);
    if (leaves && self->state == GODWIT__SOURCE_JOINED)
        godwit__source_send_leave (self);
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
    if (self->state == GODWIT__SOURCE_HOSTING)
        godwit__rendezvous_host_put (self->host, self->owner->own[index]);
    else if (self->state == GODWIT__SOURCE_JOINED)
        godwit__source_send_record (self, index);
}

void
godwit__source_withdraw (godwit__rendezvous_source_t *self, uint32_t server_id)
{
    if (self->state == GODWIT__SOURCE_HOSTING)
        godwit__rendezvous_host_take (self->host, server_id);
    else if (self->state == GODWIT__SOURCE_JOINED)
        godwit__source_send_withdraw (self, server_id);
}
