/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/parties.h"

#include "drivers/zmtp/member.h"

#include "src/error/error.h"

#include <stdlib.h>
#include <string.h>

/* Running calls of a member that has become void have so long. */
#define GRACE_MS 500
/* A member that was told REFUSED hangs up by itself. */
#define TOLD_MS 300
/* Clocks are set, and then dates come sooner than was reckoned. */
#define LOOK_S 60
/* A bulletin is told again to one and the same member (GODWIT__ZMTP_RETOLD_IN_A_ROW). */
#define RETELL_MS 60000
/* Between two warnings of bulletins that were left alone. */
#define WARN_MS 60000

typedef godwit__zmtp_member_t member_t;

typedef struct godwit__zmtp_parties {
    godwit__zmtp_t *driver;
    godwit__realm_watch_t watch;
    atomic_uint changes; /* of the realm, that the task has not seen yet */
    godwit__task_t task;
    godwit__timer_t look_timer;
    int64_t look_s; /* when it fires, by the clock of the wall */
    godwit__timer_t leave_timer;
    godwit__list_t members;
    size_t member_count;
    godwit__list_t leaving;                 /* those that are void */
    godwit__light_lock_t lock;              /* news */
    godwit__list_t news;                    /* members */
    char ignored[GODWIT__CERTIFICATE_TEXT]; /* whose bulletin was left alone last; the lock. "": none */
    bool has_warned;
    int64_t warned_ns; /* of such ones */
} parties_t;

/* ---- what is told ---- */

static void
tell_credential (member_t *member, const godwit__credential_t *credential)
{
    if (member->said >= credential->number)
        return;
    member->said = credential->number;
    godwit__zmtp_stream_say (member->stream, "CREDENTIAL", credential->bytes, credential->size);
}

/* bulletin NULL: there is none. */
static void
tell_bulletin (member_t *member, const godwit__bulletin_t *bulletin)
{
    if (!bulletin || atomic_load (&member->bulletin) >= bulletin->number)
        return;
    atomic_store (&member->bulletin, bulletin->number);
    godwit__zmtp_stream_say (member->stream, "BULLETIN", bulletin->sealed, bulletin->sealed_size);
}

/* With other realm keys a bulletin may hold whose number is smaller (src/realm/realm_inside.h): what the peer
 * had of a key that was dropped says nothing of it. */
static void
forget_told (const parties_t *self)
{
    member_t *at = GODWIT__FIRST (&self->members, member_t, in_members);
    for (; at; at = GODWIT__NEXT (&self->members, at, member_t, in_members))
        atomic_store (&at->bulletin, 0);
}

/* The peer has other keys by now, perhaps: it may have dropped that of its bulletin. One that shows two
 * certificates in turns must not make this end repeat itself without end: it is told later. */
static void
tell_again (const parties_t *self, member_t *member)
{
    godwit__bulletin_t *bulletin = godwit__realm_bulletin (self->driver->options.realm);
    if (bulletin && atomic_load (&member->bulletin) > bulletin->number)
        atomic_store (&member->bulletin, 0);
    if (atomic_load (&member->has_other_keys) &&
        godwit__zmtp_allows (&member->retold, GODWIT__ZMTP_RETOLD_IN_A_ROW, RETELL_MS)) {
        atomic_store (&member->has_other_keys, false);
        atomic_store (&member->bulletin, 0);
    }
    tell_bulletin (member, bulletin);
    godwit__bulletin_unref (&bulletin);
}

/* Those that have shown new certificates too quickly. */
static void
tell_later (const parties_t *self)
{
    member_t *at = GODWIT__FIRST (&self->members, member_t, in_members);
    for (; at; at = GODWIT__NEXT (&self->members, at, member_t, in_members))
        if (atomic_load (&at->has_other_keys))
            tell_again (self, at);
}

static void
tell_all (const parties_t *self)
{
    godwit__realm_t *realm = self->driver->options.realm;
    godwit__credential_t *credential = godwit__realm_credential (realm);
    godwit__bulletin_t *bulletin = godwit__realm_bulletin (realm);
    member_t *at = GODWIT__FIRST (&self->members, member_t, in_members);
    for (; at; at = GODWIT__NEXT (&self->members, at, member_t, in_members)) {
        tell_credential (at, credential);
        tell_bulletin (at, bulletin);
    }
    godwit__bulletin_unref (&bulletin);
    godwit__credential_unref (&credential);
}

/* ---- who has to go ---- */

static int64_t
now_ns (const parties_t *self)
{
    return godwit__reactor_now (self->driver->options.reactor);
}

/* Without memory nobody has time to go. */
static void
end_all (parties_t *self)
{
    for (member_t *at; (at = GODWIT__FIRST (&self->leaving, member_t, in_leaving));) {
        godwit__list_remove (&at->in_leaving);
        godwit__zmtp_stream_end (at->stream, at->word);
    }
}

static void
arm_leave (parties_t *self)
{
    int64_t next_ns = GODWIT__NEVER;
    member_t *at = GODWIT__FIRST (&self->leaving, member_t, in_leaving);
    for (; at; at = GODWIT__NEXT (&self->leaving, at, member_t, in_leaving))
        next_ns = at->due_ns < next_ns ? at->due_ns : next_ns;
    if (next_ns != GODWIT__NEVER &&
        godwit__reactor_arm (self->driver->options.reactor, &self->leave_timer, next_ns) != GODWIT_OK)
        end_all (self);
}

static void
tell_refused (member_t *member, int64_t now)
{
    uint8_t frame[GODWIT__ZMTP_REFUSED_SIZE];
    member->is_told = true;
    member->due_ns = now + TOLD_MS * GODWIT__NS_PER_MS;
    godwit__zmtp_stream_say_frame (member->stream, frame, godwit__zmtp_refused_write (frame, member->word));
}

static void
on_leave (godwit__timer_t *timer)
{
    parties_t *self = timer->user;
    const int64_t now = now_ns (self);
    member_t *at = GODWIT__FIRST (&self->leaving, member_t, in_leaving), *next;
    for (; at; at = next) {
        next = GODWIT__NEXT (&self->leaving, at, member_t, in_leaving);
        if (at->due_ns > now)
            continue;
        if (!at->is_told) {
            tell_refused (at, now);
            continue;
        }
        godwit__list_remove (&at->in_leaving);
        godwit__zmtp_stream_end (at->stream, at->word);
    }
    arm_leave (self);
}

/* May call the owner, which may let go of this stream and of others. */
static void
make_void (parties_t *self, member_t *member, const char *word, const char *text, int64_t grace_ms)
{
    godwit__zmtp_stream_t *stream = member->stream;
    if (godwit__zmtp_member_is_void (member))
        return;
    atomic_store (&member->is_void, true);
    member->word = word;
    member->due_ns = now_ns (self) + grace_ms * GODWIT__NS_PER_MS;
    godwit__list_append (&self->leaving, &member->in_leaving);
    godwit__zmtp_stream_blame (stream, text);
    arm_leave (self);
    if (stream->events->voided)
        stream->events->voided (stream, text);
}

/* Another thread may change the party meanwhile: it posts that as news, which are checked, too. False: the
 * member is void, and its stream may be gone. */
static bool
check (parties_t *self, member_t *member)
{
    char text[GODWIT__ADMIT_TEXT];
    godwit__party_t *party = godwit__zmtp_member_party (member);
    const godwit__no_entry_t refusal = godwit__realm_judge (self->driver->options.realm, party, text);
    godwit__party_unref (&party);
    if (refusal == GODWIT__NO_ENTRY_NONE)
        return !godwit__zmtp_member_is_void (member);
    make_void (self, member, godwit__no_entry_word (refusal), text, GRACE_MS);
    return false;
}

/* Members go to the end of the list: those that leave it meanwhile are not missed. */
static void
check_all (parties_t *self)
{
    for (size_t left = self->member_count; left && !godwit__list_is_empty (&self->members); left--) {
        member_t *member = GODWIT__FIRST (&self->members, member_t, in_members);
        godwit__list_remove (&member->in_members);
        godwit__list_append (&self->members, &member->in_members);
        check (self, member);
    }
}

/* ---- dates ---- */

/* Without memory for the timer the task tries again, in the next turn. */
static void
look_at (parties_t *self, int64_t look_s)
{
    const int64_t now_s = godwit__realm_now (self->driver->options.realm);
    const int64_t wait_s = look_s <= now_s ? 1 : look_s - now_s < LOOK_S ? look_s - now_s : LOOK_S;
    self->look_s = now_s + wait_s;
    if (godwit__reactor_arm (self->driver->options.reactor, &self->look_timer,
                             now_ns (self) + wait_s * 1000 * GODWIT__NS_PER_MS) != GODWIT_OK)
        godwit__reactor_post (self->driver->options.reactor, &self->task);
}

static int64_t
until_of (member_t *member)
{
    godwit__party_t *party = godwit__zmtp_member_party (member);
    const int64_t until = godwit__party_until (party);
    godwit__party_unref (&party);
    return until;
}

/* Of one whose date has moved away an early look costs less than to find the earliest of all others now. */
static void
look_for (parties_t *self, member_t *member)
{
    const int64_t until = until_of (member);
    if (!self->look_timer.heap_index || until < self->look_s)
        look_at (self, until);
}

/* For the earliest date of all who are not void. */
static void
look_in_time (parties_t *self)
{
    int64_t next_s = INT64_MAX;
    member_t *at = GODWIT__FIRST (&self->members, member_t, in_members);
    for (; at; at = GODWIT__NEXT (&self->members, at, member_t, in_members)) {
        const int64_t until = godwit__zmtp_member_is_void (at) ? INT64_MAX : until_of (at);
        next_s = until < next_s ? until : next_s;
    }
    if (next_s != INT64_MAX)
        look_at (self, next_s);
}

/* ---- what is looked at ---- */

/* At most once a minute. */
static void
warn_of_ignored (parties_t *self)
{
    char name[GODWIT__CERTIFICATE_TEXT];
    const int64_t now = now_ns (self);
    if (self->has_warned && now - self->warned_ns < WARN_MS * GODWIT__NS_PER_MS)
        return;
    godwit__light_lock (&self->lock);
    memcpy (name, self->ignored, sizeof name);
    self->ignored[0] = '\0';
    godwit__light_unlock (&self->lock);
    if (!name[0])
        return;
    self->has_warned = true;
    self->warned_ns = now;
    godwit__driver_warn (
        &self->driver->options,
        "%s has sent a bulletin of a realm key that this process does not trust; it was left "
        "alone. If the realm has a new key, this process needs a new member file",
        name);
}

static void
on_look (godwit__timer_t *timer)
{
    parties_t *self = timer->user;
    check_all (self);
    tell_later (self);
    warn_of_ignored (self);
    look_in_time (self);
}

/* If there was no memory for the timer of the next look. */
static void
look_all_the_same (parties_t *self)
{
    if (self->look_timer.heap_index || !self->member_count)
        return;
    if (godwit__realm_now (self->driver->options.realm) >= self->look_s)
        check_all (self);
    look_in_time (self);
}

/* ---- what other threads have to say ---- */

static void
on_changed (godwit__realm_watch_t *watch, unsigned changes)
{
    parties_t *self = watch->user;
    atomic_fetch_or (&self->changes, changes);
    godwit__reactor_post (self->driver->options.reactor, &self->task);
}

/* refused: its word; NULL: it is let in. */
static member_t *
take_news (parties_t *self, const char **refused)
{
    godwit__light_lock (&self->lock);
    member_t *member = GODWIT__FIRST (&self->news, member_t, in_news);
    if (member) {
        godwit__list_remove (&member->in_news);
        *refused = member->refused;
    }
    godwit__light_unlock (&self->lock);
    return member;
}

static void
hear (parties_t *self, member_t *member, const char *refused)
{
    godwit__zmtp_stream_t *stream = member->stream;
    if (refused) {
        const char *reason = atomic_load (&stream->reason);
        make_void (self, member, refused, reason ? reason : refused, 0);
        return;
    }
    /* A bulletin may have come since the thread that reads has let its new credential in. */
    if (!check (self, member))
        return;
    look_for (self, member);
    tell_again (self, member);
    if (stream->events->renewed)
        stream->events->renewed (stream);
}

static void
on_task (godwit__task_t *task)
{
    parties_t *self = task->user;
    const unsigned changes = atomic_exchange (&self->changes, 0);
    const char *refused = NULL;
    if (changes & GODWIT__REALM_KEYS)
        forget_told (self);
    /* First: who has become void hears of it, too. */
    if (changes & (GODWIT__REALM_CREDENTIAL | GODWIT__REALM_BULLETIN))
        tell_all (self);
    for (member_t *member; (member = take_news (self, &refused));)
        hear (self, member, refused);
    warn_of_ignored (self);
    if (changes & (GODWIT__REALM_BULLETIN | GODWIT__REALM_KEYS))
        check_all (self);
    if (changes)
        look_in_time (self);
    look_all_the_same (self);
}

void
godwit__zmtp_parties_post (godwit__zmtp_stream_t *stream, const char *refused)
{
    parties_t *self = stream->driver->parties;
    member_t *member = stream->member;
    godwit__light_lock (&self->lock);
    if (!member->refused)
        member->refused = refused;
    if (member->is_listed && !godwit__in_list (&member->in_news))
        godwit__list_append (&self->news, &member->in_news);
    godwit__light_unlock (&self->lock);
    godwit__reactor_post (self->driver->options.reactor, &self->task);
}

void
godwit__zmtp_parties_ignored (godwit__zmtp_t *driver, const godwit__party_t *from)
{
    parties_t *self = driver->parties;
    char name[GODWIT__CERTIFICATE_TEXT];
    godwit__zmtp_count (&driver->counters.unknown);
    godwit__certificate_print (&from->certificate, name);
    godwit__light_lock (&self->lock);
    const bool is_first = !self->ignored[0];
    memcpy (self->ignored, name, sizeof name);
    godwit__light_unlock (&self->lock);
    if (is_first)
        godwit__reactor_post (driver->options.reactor, &self->task);
}

/* ---- members ---- */

static void
set_listed (parties_t *self, member_t *member, bool is_listed)
{
    godwit__light_lock (&self->lock);
    member->is_listed = is_listed;
    if (!is_listed && godwit__in_list (&member->in_news))
        godwit__list_remove (&member->in_news);
    godwit__light_unlock (&self->lock);
}

void
godwit__zmtp_parties_add (godwit__zmtp_stream_t *stream)
{
    parties_t *self = stream->driver->parties;
    member_t *member = stream->member;
    godwit__credential_t *credential = godwit__realm_credential (self->driver->options.realm);
    godwit__bulletin_t *bulletin = godwit__realm_bulletin (self->driver->options.realm);
    godwit__list_append (&self->members, &member->in_members);
    self->member_count++;
    set_listed (self, member, true);
    tell_credential (member, credential);
    tell_bulletin (member, bulletin);
    godwit__bulletin_unref (&bulletin);
    godwit__credential_unref (&credential);
    look_for (self, member);
}

void
godwit__zmtp_parties_remove (godwit__zmtp_stream_t *stream)
{
    parties_t *self = stream->driver->parties;
    member_t *member = stream->member;
    if (!godwit__in_list (&member->in_members))
        return;
    set_listed (self, member, false);
    godwit__list_remove (&member->in_members);
    self->member_count--;
    if (godwit__in_list (&member->in_leaving))
        godwit__list_remove (&member->in_leaving);
}

bool
godwit__zmtp_parties_have (const godwit__zmtp_t *driver, const godwit__zmtp_peer_t *peer)
{
    const godwit__list_t *members = &driver->parties->members;
    const member_t *at = GODWIT__FIRST (members, member_t, in_members);
    while (at && (!at->stream->config->accepts || godwit__zmtp_member_is_void (at) ||
                  !godwit__zmtp_refusals_same (&at->stream->peer, peer)))
        at = GODWIT__NEXT (members, at, member_t, in_members);
    return at != NULL;
}

/* ---- life ---- */

godwit_status_t
godwit__zmtp_parties_start (godwit__zmtp_t *driver, godwit_error_t **error)
{
    if (!driver->options.realm)
        return GODWIT_OK;
    parties_t *self = driver->parties = calloc (1, sizeof *self);
    if (!self)
        return godwit__error_no_memory (error);
    self->driver = driver;
    self->watch = (godwit__realm_watch_t){.changed = on_changed, .user = self};
    self->task = (godwit__task_t){.run = on_task, .user = self};
    self->look_timer = (godwit__timer_t){.fire = on_look, .user = self};
    self->leave_timer = (godwit__timer_t){.fire = on_leave, .user = self};
    godwit__list_init (&self->members);
    godwit__list_init (&self->leaving);
    godwit__list_init (&self->news);
    godwit__realm_watch (driver->options.realm, &self->watch);
    return GODWIT_OK;
}

void
godwit__zmtp_parties_stop (godwit__zmtp_t *driver)
{
    parties_t *self = driver->parties;
    if (!self)
        return;
    godwit__realm_unwatch (driver->options.realm, &self->watch);
    godwit__reactor_unpost (driver->options.reactor, &self->task);
    godwit__reactor_disarm (driver->options.reactor, &self->look_timer);
    godwit__reactor_disarm (driver->options.reactor, &self->leave_timer);
    free (self);
    driver->parties = NULL;
}
