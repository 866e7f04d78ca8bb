/* SPDX-License-Identifier: Apache-2.0 */
/* Members whose connection ended without LEAVE.
 *
 *                     a send says CLOSED                4 s have passed
 *     connected -------------------------> deaf -----------------------> its servers are told as gone
 *         ^                                 | |
 *         +--- JOIN over a new connection --+ +--- LEAVE, which was still unread: they are told as withdrawn
 *
 * A host that sends nothing would not notice. So when its port has lost connections, it sends CURRENT to all
 * members, which need not be told apart for that.
 *
 * If more than half of all members are deaf, and at least two, then it is more likely that the host was cut
 * off. Nobody is told as gone while that lasts, and those who are still deaf afterwards get their time again
 * (self-preservation). The leases go on: rendezvous_host_leases.c.
 */
#include "matchmaker/rendezvous_host_inside.h"

/* The port tells of a lost connection a moment before sending says CLOSED; so there is a second look. The
 * first one waits a little, too: many connections may be lost at once. Strangers who connect and go all the
 * time must not cost more than two looks a second. */
#define LOOK_MS 100
#define LOOK_AGAIN_MS 500
#define LOOKS 2
/* During self-preservation. Also, a timer that is late by more shows that this process did not run. */
#define LOOK_PRESERVED_MS 1000

/* ---- who is it? ---- */

/* Those that are behind are sent something all the time. */
static void
on_look (godwit__timer_t *timer)
{
    godwit__rendezvous_host_t *host = timer->user;
    const godwit__rooms_t *const rooms = &host->rooms;
    for (godwit__rendezvous_member_t *at = GODWIT__MEMBERS_FIRST (rooms); at;
         at = GODWIT__MEMBERS_NEXT (rooms, at))
        if (godwit__host_hears (at) && !at->behind)
            godwit__host_send (host, at,
                               godwit__rendezvous_current (host->buffer, host->epoch, at->room->sequence));
    host->looked_ns = godwit__host_now (host);
    if (--host->looks_left > 0)
        godwit__reactor_arm (host->options.reactor, timer,
                             host->looked_ns + LOOK_AGAIN_MS * GODWIT__NS_PER_MS);
}

static void
on_lost (godwit__task_t *task)
{
    godwit__rendezvous_host_t *host = task->user;
    const int64_t soon_ns = godwit__host_now (host) + LOOK_MS * GODWIT__NS_PER_MS;
    const int64_t next_ns = host->looked_ns + LOOK_AGAIN_MS * GODWIT__NS_PER_MS;
    /* Without memory for the timer, the lease decides. */
    if (host->looks_left < LOOKS)
        godwit__reactor_arm (host->options.reactor, &host->look,
                             host->looked_ns && next_ns > soon_ns ? next_ns : soon_ns);
    host->looks_left = LOOKS;
}

/* ---- does it come back? ---- */

/* Whether so many are deaf that it is rather the host. */
static bool
is_cut_off (const godwit__rooms_t *rooms)
{
    size_t members = 0, deaf = 0;
    for (const godwit__rendezvous_member_t *at = GODWIT__MEMBERS_FIRST (rooms); at;
         at = GODWIT__MEMBERS_NEXT (rooms, at)) {
        members += !at->is_host;
        deaf += at->is_deaf;
    }
    return deaf >= 2 && 2 * deaf > members;
}

static void
on_absence (godwit__timer_t *timer)
{
    godwit__rendezvous_host_t *host = timer->user;
    const godwit__rooms_t *const rooms = &host->rooms;
    const int64_t now = godwit__host_now (host);
    const bool was_away = now - timer->deadline_ns > LOOK_PRESERVED_MS * GODWIT__NS_PER_MS;
    const bool waits = was_away || is_cut_off (rooms);
    int64_t next_ns = GODWIT__NEVER;
    for (godwit__rendezvous_member_t *at = GODWIT__MEMBERS_FIRST (rooms), *next; at; at = next) {
        next = GODWIT__MEMBERS_NEXT (rooms, at);
        if (!at->is_deaf)
            continue;
        if (waits)
            at->deaf_since_ns = now;
        const int64_t due_ns = at->deaf_since_ns + GODWIT__ABSENCE_MS * GODWIT__NS_PER_MS;
        if (due_ns <= now) {
            godwit__host_note (host, at, GODWIT_LOG_INFO,
                               "is gone: its connection ended, and it did not come back");
            godwit__host_forget (host, at);
        } else if (due_ns < next_ns) {
            next_ns = due_ns;
        }
    }
    if (next_ns != GODWIT__NEVER)
        godwit__reactor_arm (host->options.reactor, timer,
                             waits ? now + LOOK_PRESERVED_MS * GODWIT__NS_PER_MS : next_ns);
}

/* ---- life ---- */

void
godwit__host_watch_absence (godwit__rendezvous_host_t *host)
{
    host->lost = (godwit__task_t){.run = on_lost, .user = host};
    host->look = (godwit__timer_t){.fire = on_look, .user = host};
    host->absence = (godwit__timer_t){.fire = on_absence, .user = host};
}

void
godwit__host_stop_absence (godwit__rendezvous_host_t *host)
{
    godwit__reactor_disarm (host->options.reactor, &host->look);
    godwit__reactor_disarm (host->options.reactor, &host->absence);
}
