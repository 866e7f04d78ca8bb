/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials and bulletins change while threads send and receive over the same connections: nothing is lost,
 * and who is at the other end is never an older one than before. */
#include "src/interface/driver.h"
#include "tests/support/driver_loop.h"
#include "tests/support/must.h"
#include "tests/support/realm_files.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROUNDS 12 /* of renewals; how many calls there are meanwhile is up to the machine */
#define WAIT_NS (INT64_C (20000) * GODWIT__NS_PER_MS)

/* A process with a thread for its driver's reactor. */
typedef struct process {
    godwit__realm_t *realm;
    godwit__reactor_t *reactor;
    driver_loop_t loop;
    godwit__driver_t *driver;
    godwit__channel_t *port, *link;
    godwit__port_addresses_t at;
    char address[GODWIT__ADDRESS_SIZE]; /* of the link */
    atomic_int ups, downs, renewals;
} process_t;

static godwit__test_realm_t *files;
static process_t web, shop;
static atomic_bool is_over;
static char folder[] = "/tmp/godwit-party-threads-XXXXXX";

static void
open_driver (void *user)
{
    process_t *self = user;
    const godwit__driver_options_t options = {.reactor = self->reactor,
                                              .max_message_size = 1 << 20,
                                              .queue_limit = 1000,
                                              .connect_timeout_ms = 10000,
                                              .heartbeat_ms = 5000,
                                              .heartbeat_timeout_ms = 20000,
                                              .loopback = true,
                                              .runtime_dir = folder,
                                              .realm = self->realm};
    MUST (godwit__zmtp_driver.open (&self->driver, &options, &error));
    MUST (godwit__zmtp_driver.open_port (self->driver, NULL, &self->port, &self->at, &error));
}

static void
close_driver (void *user)
{
    process_t *self = user;
    if (self->link)
        self->link->ops->close (self->link);
    self->port->ops->close (self->port);
    self->driver->ops->close (self->driver);
}

static void
process_open (process_t *self, const char *name)
{
    memset (self, 0, sizeof *self);
    const godwit__realm_options_t options = {
        .path = godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = name))};
    MUST (godwit__realm_open (&self->realm, &options, &error));
    MUST (godwit__reactor_new (&self->reactor, &godwit__clock_system, &error));
    driver_loop_start (&self->loop, self->reactor);
    driver_loop_run (&self->loop, open_driver, self);
}

static void
process_close (process_t *self)
{
    driver_loop_run (&self->loop, close_driver, self);
    driver_loop_stop (&self->loop);
    godwit__reactor_destroy (&self->reactor);
    godwit__realm_close (&self->realm);
}

static void
on_up (void *user)
{
    ((process_t *) user)->ups++;
}

static void
on_down (void *user, const char *reason)
{
    fprintf (stderr, "down: %s\n", reason);
    ((process_t *) user)->downs++;
}

static void
on_renewed (void *user)
{
    ((process_t *) user)->renewals++;
}

static void
open_link (void *user)
{
    static const godwit__link_events_t events = {.up = on_up, .down = on_down, .renewed = on_renewed};
    process_t *self = user;
    MUST (godwit__zmtp_driver.open_link (self->driver, self->address, &events, self, &self->link, &error));
}

/* ---- threads ---- */

static godwit__io_t
send_text (godwit__channel_t *channel, godwit__routing_id_t to, const char *text)
{
    const godwit__message_t message = {.data = (void *) (uintptr_t) text, .size = strlen (text) + 1};
    return channel->ops->send (channel, to, &message);
}

/* Answers each message with its text. */
static void *
serve (void *user)
{
    godwit__channel_t *port = shop.port;
    uint64_t serial = 0;
    unsigned long count = 0;
    (void) user;
    for (;;) {
        godwit__frame_t frame;
        godwit__routing_id_t from;
        if (port->ops->receive (port, &frame, &from, WAIT_NS) != GODWIT__IO_OK)
            continue;
        const godwit__party_t *sender = godwit__channel_sender (port);
        cr_assert (sender && sender->certificate.serial >= serial);
        serial = sender->certificate.serial;
        cr_assert_eq (send_text (port, from, (const char *) frame.data), GODWIT__IO_OK);
        const bool ends = strcmp ((const char *) frame.data, "end") == 0;
        godwit__frame_release (&frame);
        if (ends)
            return (void *) (uintptr_t) count;
        count++;
    }
}

static void
call (const char *text)
{
    godwit__frame_t frame;
    godwit__io_t io;
    cr_assert_eq (send_text (web.link, 0, text), GODWIT__IO_OK);
    while ((io = web.link->ops->receive (web.link, &frame, NULL, WAIT_NS)) == GODWIT__IO_AGAIN)
        ;
    cr_assert_eq (io, GODWIT__IO_OK);
    cr_assert_str_eq ((const char *) frame.data, text);
    godwit__frame_release (&frame);
}

static void *
call_on (void *user)
{
    unsigned long count = 0;
    char text[32];
    (void) user;
    for (; !is_over; count++) {
        snprintf (text, sizeof text, "%lu", count);
        call (text);
    }
    call ("end");
    return (void *) (uintptr_t) count;
}

/* Anybody may ask who is at the other end, at any time. */
static void *
ask_on (void *user)
{
    uint64_t serial = 0;
    (void) user;
    while (!is_over) {
        godwit__party_t *party = godwit__channel_party (web.link);
        cr_assert (party && party->certificate.serial >= serial);
        serial = party->certificate.serial;
        godwit__party_unref (&party);
    }
    return NULL;
}

static void
renew_all (unsigned round)
{
    godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = "web"));
    MUST (godwit__realm_look (web.realm, false, &error));
    godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = "shop"));
    MUST (godwit__realm_look (shop.realm, false, &error));
    godwit__test_realm_revoke_serial (files, round + 1);
    godwit__test_realm_put_bulletin (files, round % 2 ? "web" : "shop");
    MUST (godwit__realm_look (round % 2 ? web.realm : shop.realm, false, &error));
}

static void
renew_under_traffic (int way)
{
    pthread_t serving, calling, asking;
    void *served, *called;
    files = godwit__test_realm_new (1);
    is_over = false;
    process_open (&web, "web");
    process_open (&shop, "shop");
    memcpy (web.address, shop.at.links[way], sizeof web.address);
    driver_loop_run (&web.loop, open_link, &web);
    while (!web.ups)
        cr_assert_eq (web.downs, 0);
    cr_assert (!pthread_create (&serving, NULL, serve, NULL) &&
               !pthread_create (&calling, NULL, call_on, NULL) &&
               !pthread_create (&asking, NULL, ask_on, NULL));
    for (unsigned round = 0; round < ROUNDS; round++) {
        const int before = web.renewals;
        renew_all (round);
        while (web.renewals == before)
            cr_assert_eq (web.downs, 0);
    }
    is_over = true;
    pthread_join (calling, &called);
    pthread_join (serving, &served);
    pthread_join (asking, NULL);
    cr_assert (served == called && called, "%lu of %lu", (unsigned long) (uintptr_t) served,
               (unsigned long) (uintptr_t) called);
    cr_assert_eq (web.downs, 0);
    process_close (&web);
    process_close (&shop);
    godwit__test_realm_destroy (&files);
}

Test (zmtp_party_threads, renewals_under_traffic_lose_nothing, .timeout = 120)
{
    cr_assert_not_null (mkdtemp (folder));
    for (int way = 0; way < 2; way++)
        renew_under_traffic (way);
    char lock[64];
    snprintf (lock, sizeof lock, "%s/.lock", folder);
    unlink (lock);
    cr_assert_eq (rmdir (folder), 0);
}
