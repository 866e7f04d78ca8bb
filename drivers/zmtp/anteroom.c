/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/anteroom.h"

#include "drivers/zmtp/descriptors.h"

#include "src/base/own_fd.h"

#include <poll.h>
#include <stdlib.h>

typedef struct guest {
    godwit__list_node_t in_list;
    godwit__zmtp_listener_t *listener;
    godwit__zmtp_let_in_t let_in;
    godwit__zmtp_peer_t peer;
    int fd;
} guest_t;

static int64_t
now_ns (const godwit__zmtp_t *driver)
{
    return godwit__reactor_now (driver->options.reactor);
}

static void
close_one (godwit__zmtp_t *driver, int fd)
{
    godwit__own_fd_close (fd);
    godwit__zmtp_count (&driver->counters.refused);
}

/* ---- who waits ---- */

/* Frees the guest, and returns its socket. */
static int
leave (godwit__zmtp_t *driver, guest_t *guest)
{
    const int fd = guest->fd;
    godwit__list_remove (&guest->in_list);
    driver->anteroom.count--;
    free (guest);
    return fd;
}

static size_t
count_of (const godwit__zmtp_t *driver, const godwit__zmtp_peer_t *peer)
{
    size_t count = 0;
    const guest_t *at = GODWIT__FIRST (&driver->anteroom.guests, guest_t, in_list);
    for (; at; at = GODWIT__NEXT (&driver->anteroom.guests, at, guest_t, in_list))
        count += godwit__zmtp_refusals_same (&at->peer, peer);
    return count;
}

/* ---- turns ---- */

/* False: memory is short. It is not after a turn, whose place the next one takes. */
static bool
arm (godwit__zmtp_t *driver)
{
    godwit__zmtp_anteroom_t *self = &driver->anteroom;
    return !self->count || self->timer.heap_index ||
           godwit__reactor_arm (driver->options.reactor, &self->timer,
                                now_ns (driver) + GODWIT__ZMTP_REFUSALS_TURN_MS * GODWIT__NS_PER_MS) ==
               GODWIT_OK;
}

static bool
has_hung_up (int fd)
{
    struct pollfd look = {.fd = fd, .events = POLLRDHUP};
    return poll (&look, 1, 0) > 0;
}

static void
consider (godwit__zmtp_t *driver, guest_t *guest, int64_t now)
{
    godwit__zmtp_listener_t *const listener = guest->listener;
    const godwit__zmtp_let_in_t let_in = guest->let_in;
    const godwit__zmtp_peer_t peer = guest->peer;
    if (!godwit__zmtp_refusals_has_turn (&driver->refusals, &peer, now))
        return;
    const int fd = leave (driver, guest);
    if (has_hung_up (fd)) {
        close_one (driver, fd);
        return;
    }
    godwit__zmtp_refusals_take_turn (&driver->refusals, &peer, now);
    let_in (listener, fd, &peer);
}

static void
on_turn (godwit__timer_t *timer)
{
    godwit__zmtp_t *const driver = timer->user;
    const godwit__list_t *const guests = &driver->anteroom.guests;
    const int64_t now = now_ns (driver);
    guest_t *at = GODWIT__FIRST (guests, guest_t, in_list), *next;
    for (; at; at = next) {
        next = GODWIT__NEXT (guests, at, guest_t, in_list);
        consider (driver, at, now);
    }
    arm (driver);
}

/* ---- ---- */

void
godwit__zmtp_anteroom_init (godwit__zmtp_t *driver)
{
    driver->anteroom = (godwit__zmtp_anteroom_t){.timer = {.fire = on_turn, .user = driver}};
    godwit__list_init (&driver->anteroom.guests);
}

void
godwit__zmtp_anteroom_release (godwit__zmtp_t *driver)
{
    godwit__reactor_disarm (driver->options.reactor, &driver->anteroom.timer);
}

/* NULL: there is no room. */
static guest_t *
make_guest (const godwit__zmtp_t *driver, size_t from_there)
{
    const size_t limit =
        godwit__zmtp_descriptor_limit (GODWIT__ZMTP_ANTEROOM_MAX, GODWIT__ZMTP_ANTEROOM_PART);
    const bool is_full = from_there >= limit / 2 || driver->anteroom.count >= limit;
    return is_full ? NULL : malloc (sizeof (guest_t));
}

void
godwit__zmtp_anteroom_enter (godwit__zmtp_listener_t *listener, int fd, const godwit__zmtp_peer_t *peer,
                             godwit__zmtp_let_in_t let_in)
{
    godwit__zmtp_t *const driver = listener->driver;
    const int64_t now = now_ns (driver);
    const size_t from_there = driver->anteroom.count ? count_of (driver, peer) : 0;
    if (!from_there && godwit__zmtp_refusals_has_turn (&driver->refusals, peer, now)) {
        godwit__zmtp_refusals_take_turn (&driver->refusals, peer, now);
        let_in (listener, fd, peer);
        return;
    }
    guest_t *const guest = make_guest (driver, from_there);
    if (!guest) {
        close_one (driver, fd);
        return;
    }
    *guest = (guest_t){.listener = listener, .let_in = let_in, .peer = *peer, .fd = fd};
    godwit__list_append (&driver->anteroom.guests, &guest->in_list);
    driver->anteroom.count++;
    if (!arm (driver))
        close_one (driver, leave (driver, guest));
}

void
godwit__zmtp_anteroom_clear (const godwit__zmtp_listener_t *listener)
{
    godwit__zmtp_t *const driver = listener->driver;
    const godwit__list_t *const guests = &driver->anteroom.guests;
    guest_t *at = GODWIT__FIRST (guests, guest_t, in_list), *next;
    for (; at; at = next) {
        next = GODWIT__NEXT (guests, at, guest_t, in_list);
        if (at->listener == listener)
            close_one (driver, leave (driver, at));
    }
}
