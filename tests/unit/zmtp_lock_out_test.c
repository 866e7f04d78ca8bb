/* SPDX-License-Identifier: Apache-2.0 */
/* Strangers at the address of a member, who are refused all the time, or come and say nothing, do not keep it
 * out of a server. */
#include "tests/support/curve_peer.h"
#include "tests/support/must.h"
#include "tests/support/realm_nodes.h"
#include "tests/support/zmtp.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define STRANGERS 8
#define S (INT64_C (1000) * GODWIT__NS_PER_MS)

static atomic_bool ends;
static node_t shop, web;
static godwit__test_realm_t *files;

/* Says something, waits until it is closed, and comes again. */
static void *
be_a_stranger (void *unused)
{
    (void) unused;
    char junk[64];
    while (!atomic_load (&ends)) {
        const int fd = zmtp_connect (shop.at.links[1]);
        if (fd < 0)
            continue;
        memset (junk, 'x', sizeof junk);
        send (fd, junk, sizeof junk, MSG_NOSIGNAL);
        while (recv (fd, junk, sizeof junk, 0) > 0)
            ;
        close (fd);
    }
    return NULL;
}

static void
open_nodes (void)
{
    nodes_begin ();
    files = godwit__test_realm_new (1);
    node_open (&shop, &godwit__zmtp_driver,
               godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = "shop")), "127.0.0.1");
    node_open (&web, &godwit__zmtp_driver,
               godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = "web")), "127.0.0.1");
}

Test (zmtp_lock_out, a_member_comes_in_beside_strangers_who_are_refused_all_the_time, .timeout = 60)
{
    node_link_t link;
    pthread_t strangers[STRANGERS];
    open_nodes ();
    for (int i = 0; i < STRANGERS; i++)
        cr_assert_eq (pthread_create (&strangers[i], NULL, be_a_stranger, NULL), 0);
    NODES_AWAIT (node_says (&shop, " was refused for the third time within 10 s"));
    const int64_t begun_ns = nodes_now_ns ();
    node_link_open (&link, &web, shop.at.links[1]);
    while (!link.ups && !link.downs)
        nodes_turn ();
    const int64_t took_ns = nodes_now_ns () - begun_ns;
    cr_assert (link.ups, "%s", link.reason);
    cr_assert (took_ns < 3 * S, "%ld ms", (long) (took_ns / GODWIT__NS_PER_MS));
    atomic_store (&ends, true);
    node_link_close (&link);
    node_close (&web);
    node_close (&shop); /* those who still wait there are closed */
    for (int i = 0; i < STRANGERS; i++)
        pthread_join (strangers[i], NULL);
    godwit__test_realm_destroy (&files);
    nodes_end ();
}

/* ---- those who say nothing ---- */

#define DESCRIPTORS 400
#define UNFINISHED ((size_t) DESCRIPTORS / 8)
#define SILENT (3 * UNFINISHED)
#define EACH_TURN (UNFINISHED + 10)

static int silent[SILENT]; /* the newest take the places of the oldest */
static size_t silent_count;

static void
limit_descriptors (void)
{
    struct rlimit limit;
    cr_assert_eq (getrlimit (RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = DESCRIPTORS;
    cr_assert_eq (setrlimit (RLIMIT_NOFILE, &limit), 0);
}

static void
add_silent (size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int *const place = &silent[silent_count++ % SILENT];
        if (silent_count > SILENT)
            close (*place);
        *place = zmtp_connect (shop.at.links[1]);
        cr_assert_geq (*place, 0);
    }
}

static void
end_silent (void)
{
    for (size_t i = 0; i < silent_count && i < SILENT; i++)
        close (silent[i]);
}

/* More come each time than there may be, so that the oldest would go before it says its second message. */
static bool
comes_in_beside_silent (void)
{
    node_link_t link;
    node_link_open (&link, &web, shop.at.links[1]);
    while (!link.ups && !link.downs) {
        add_silent (EACH_TURN);
        nodes_turn ();
    }
    const bool is_in = link.ups > 0;
    node_link_close (&link);
    return is_in;
}

Test (zmtp_lock_out, a_member_comes_in_beside_strangers_who_say_nothing, .timeout = 60)
{
    /* A try takes two or three turns, each of which a handshake outlives with a chance of (1 - 1/50)^60 =
     * 0.3: so all of these fail once in a million runs, and always where it is the oldest that goes. */
    enum { TRIES = 500 };
    int tries = 1;
    limit_descriptors ();
    open_nodes ();
    while (tries < TRIES && !comes_in_beside_silent ())
        tries++;
    cr_assert_lt (tries, TRIES);
    cr_assert (node_says (&shop, "connections have not ended their handshakes"), "%s", shop.log);
    end_silent ();
    node_close (&web);
    node_close (&shop);
    godwit__test_realm_destroy (&files);
    nodes_end ();
}

static void
say (int fd, zmtp_bytes_t bytes)
{
    cr_assert (zmtp_write (fd, bytes.data, bytes.size));
    free (bytes.data);
}

static bool
has_something (int fd, short events)
{
    struct pollfd look = {.fd = fd, .events = events};
    return poll (&look, 1, 0) > 0;
}

/* Says HELLO, which opens the door, and takes WELCOME. */
static int
open_door (void)
{
    uint8_t welcome[ZMTP_GREETING_SIZE + 2 + 168];
    size_t size = 0;
    curve_peer_t peer = curve_peer (false, 1, 2, 3);
    godwit__keyring_t *keyring = godwit__realm_keyring (web.realm);
    memcpy (peer.door.open, keyring->doors[0], sizeof peer.door.open);
    godwit__keyring_unref (&keyring);
    const int fd = zmtp_connect (shop.at.links[1]);
    cr_assert_geq (fd, 0);
    say (fd, curve_greeting ());
    say (fd, curve_peer_hello (&peer));
    while (size < sizeof welcome) {
        NODES_AWAIT (has_something (fd, POLLIN));
        const ssize_t count = recv (fd, welcome + size, sizeof welcome - size, 0);
        cr_assert_gt (count, 0, "it was closed");
        size += (size_t) count;
    }
    return fd;
}

Test (zmtp_lock_out, who_has_opened_the_door_is_not_put_out_by_those_who_say_nothing, .timeout = 60)
{
    limit_descriptors ();
    open_nodes ();
    const int fd = open_door ();
    for (int i = 0; i < 20; i++) {
        add_silent (EACH_TURN);
        nodes_turn ();
    }
    cr_assert (node_says (&shop, "connections have not ended their handshakes"), "%s", shop.log);
    cr_assert_not (has_something (fd, POLLIN | POLLRDHUP), "it was closed");
    close (fd);
    end_silent ();
    node_close (&web);
    node_close (&shop);
    godwit__test_realm_destroy (&files);
    nodes_end ();
}
