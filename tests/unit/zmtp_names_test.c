/* SPDX-License-Identifier: Apache-2.0 */
/* Links of the engine to a host that is given by name: all of its addresses are tried, and nothing waits for
 * the look-up. */
#include "src/interface/driver.h"
#include "src/loop/reactor.h"
#include "tests/support/must.h"
#include "tests/support/zmtp.h"

#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_MS 10000
#define LIMIT_NS (INT64_C (20000) * GODWIT__NS_PER_MS)

static const char *addresses[GODWIT__FOUND_MAX]; /* of the name "somewhere" */
static atomic_uint lookups, lookups_inside, most_inside;
static sem_t begun, go_on;

static size_t
look_up (const char *name, const char *port, char found[GODWIT__FOUND_MAX][GODWIT__ADDRESS_SIZE])
{
    size_t count = 0;
    atomic_fetch_add (&lookups, 1);
    if (strcmp (name, "somewhere") != 0)
        return 0;
    while (count < GODWIT__FOUND_MAX && addresses[count]) {
        snprintf (found[count], GODWIT__ADDRESS_SIZE, "tcp://%s:%s", addresses[count], port);
        count++;
    }
    return count;
}

static size_t
look_up_slowly (const char *name, const char *port, char found[GODWIT__FOUND_MAX][GODWIT__ADDRESS_SIZE])
{
    const unsigned inside = atomic_fetch_add (&lookups_inside, 1) + 1;
    if (atomic_load (&most_inside) < inside)
        atomic_store (&most_inside, inside);
    sem_post (&begun);
    while (sem_wait (&go_on))
        ;
    atomic_fetch_sub (&lookups_inside, 1);
    return look_up (name, port, found);
}

/* ---- both sides, on one reactor ---- */

typedef struct world {
    godwit__reactor_t *reactor;
    godwit__driver_t *driver;
    godwit__channel_t *port;
    int number; /* of the port */
    godwit__channel_t *link;
    int ups, downs;
    char reason[512];
} world_t;

static void
on_up (void *user)
{
    ((world_t *) user)->ups++;
}

static void
on_down (void *user, const char *reason)
{
    world_t *const world = user;
    world->downs++;
    snprintf (world->reason, sizeof world->reason, "%s", reason);
}

static void
world_open (world_t *world, godwit__look_up_fn *by, int64_t connect_timeout_ms)
{
    *world = (world_t){.number = zmtp_free_port ()};
    sem_init (&begun, 0, 0);
    sem_init (&go_on, 0, 0);
    MUST (godwit__reactor_new (&world->reactor, &godwit__clock_system, &error));
    const godwit__driver_options_t options = {.reactor = world->reactor,
                                              .max_message_size = 1 << 20,
                                              .queue_limit = 100,
                                              .connect_timeout_ms = connect_timeout_ms,
                                              .heartbeat_ms = 5000,
                                              .heartbeat_timeout_ms = 20000,
                                              .look_up = by,
                                              .insecure = true};
    MUST (godwit__zmtp_driver.open (&world->driver, &options, &error));
}

/* at: "127.0.0.1" */
static void
listen_at (world_t *world, const char *at)
{
    char address[64];
    godwit__port_addresses_t bound;
    snprintf (address, sizeof address, "tcp://%s:%d", at, world->number);
    MUST (godwit__zmtp_driver.open_port (world->driver, address, &world->port, &bound, &error));
}

static void
connect_by_name (world_t *world, const char *name)
{
    static const godwit__link_events_t events = {.up = on_up, .down = on_down};
    char address[64];
    snprintf (address, sizeof address, "tcp://%s:%d", name, world->number);
    MUST (godwit__zmtp_driver.open_link (world->driver, address, &events, world, &world->link, &error));
}

static void
run_until (world_t *world, const int *counter)
{
    const int64_t end_ns = godwit__clock_now (&godwit__clock_system) + LIMIT_NS;
    while (!*counter) {
        const int64_t left_ns = end_ns - godwit__clock_now (&godwit__clock_system);
        cr_assert_gt (left_ns, 0, "nothing happened (%s)", world->reason);
        godwit__reactor_run_once (world->reactor, left_ns);
    }
}

static void
world_close (world_t *world)
{
    if (world->link)
        world->link->ops->close (world->link);
    if (world->port)
        world->port->ops->close (world->port);
    godwit__zmtp_driver.close (world->driver);
    godwit__reactor_destroy (&world->reactor);
}

static bool
has_ipv6 (void)
{
    struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    const int fd = socket (AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool has = fd >= 0 && bind (fd, (const struct sockaddr *) &name, sizeof name) == 0;
    if (fd >= 0)
        close (fd);
    return has;
}

/* ---- several addresses ---- */

static void
joins (const char *first, const char *second, const char *listens)
{
    world_t world;
    world_open (&world, look_up, CONNECT_TIMEOUT_MS);
    addresses[0] = first;
    addresses[1] = second;
    listen_at (&world, listens);
    connect_by_name (&world, "somewhere");
    run_until (&world, &world.ups);
    cr_assert_eq (world.downs, 0);
    cr_assert_eq (atomic_load (&lookups), 1u);
    world_close (&world);
}

Test (zmtp_names, the_second_address_is_tried, .timeout = 60)
{
    joins ("[::1]", "127.0.0.1", "127.0.0.1");
}

Test (zmtp_names, ipv6_is_tried_after_ipv4, .timeout = 60)
{
    if (!has_ipv6 ())
        cr_skip_test ("this machine has no IPv6");
    joins ("127.0.0.1", "[::1]", "[::1]");
}

Test (zmtp_names, what_is_no_address_is_left_out, .timeout = 60)
{
    joins ("[fe80::1%lo]", "127.0.0.1", "127.0.0.1");
}

/* A socket that listens, whose backlog is full: connections to it hang. */
static int
silent_listener (int number)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons ((uint16_t) number)};
    inet_pton (AF_INET, "127.0.0.2", &name.sin_addr);
    const int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert (fd >= 0 && bind (fd, (struct sockaddr *) &name, sizeof name) == 0 && listen (fd, 0) == 0);
    for (int i = 0; i < 2; i++) { /* stay open until the test ends */
        const int filler = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        cr_assert (connect (filler, (struct sockaddr *) &name, sizeof name) == 0 || errno == EINPROGRESS);
    }
    return fd;
}

/* It gets half of the time. */
Test (zmtp_names, a_silent_address_gets_its_share, .timeout = 60)
{
    world_t world;
    world_open (&world, look_up, 2000);
    const int silent = silent_listener (world.number);
    addresses[0] = "127.0.0.2";
    addresses[1] = "127.0.0.1";
    listen_at (&world, "127.0.0.1");
    connect_by_name (&world, "somewhere");
    run_until (&world, &world.ups);
    cr_assert_eq (world.downs, 0);
    close (silent);
    world_close (&world);
}

Test (zmtp_names, the_reason_says_what_was_tried, .timeout = 60)
{
    world_t world;
    char wanted[256];
    world_open (&world, look_up, CONNECT_TIMEOUT_MS);
    addresses[0] = "127.0.0.3";
    addresses[1] = "127.0.0.1";
    connect_by_name (&world, "somewhere");
    run_until (&world, &world.downs);
    snprintf (wanted, sizeof wanted,
              "no address of its name answers (tcp://127.0.0.3:%d: the connection was refused; "
              "tcp://127.0.0.1:%d: the connection was refused)",
              world.number, world.number);
    cr_assert_str_eq (world.reason, wanted);
    cr_assert_eq (world.ups, 0);
    world_close (&world);
}

Test (zmtp_names, an_unknown_name_is_told, .timeout = 60)
{
    world_t world;
    world_open (&world, look_up, CONNECT_TIMEOUT_MS);
    connect_by_name (&world, "nowhere");
    run_until (&world, &world.downs);
    cr_assert_str_eq (world.reason, "the name of its host is unknown");
    world_close (&world);
}

/* The system's own look-up. */
Test (zmtp_names, localhost_is_joined, .timeout = 60)
{
    world_t world;
    world_open (&world, NULL, CONNECT_TIMEOUT_MS);
    listen_at (&world, "localhost");
    connect_by_name (&world, "localhost");
    run_until (&world, &world.ups);
    cr_assert_eq (world.downs, 0);
    world_close (&world);
}

Test (zmtp_names, a_publisher_joins_by_name, .timeout = 60)
{
    world_t world;
    char address[64];
    godwit__channel_t *publisher;
    world_open (&world, look_up, CONNECT_TIMEOUT_MS);
    addresses[0] = "[::1]";
    addresses[1] = "127.0.0.1";
    const int listening = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_port = htons ((uint16_t) world.number),
                               .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    cr_assert (bind (listening, (struct sockaddr *) &name, sizeof name) == 0 && listen (listening, 4) == 0);
    MUST (godwit__zmtp_driver.open_publisher (world.driver, &publisher, &error));
    snprintf (address, sizeof address, "tcp://somewhere:%d", world.number);
    MUST (godwit__zmtp_driver.publisher_connect (publisher, address, &error));
    int fd = -1;
    const int64_t end_ns = godwit__clock_now (&godwit__clock_system) + LIMIT_NS;
    while (fd < 0 && godwit__clock_now (&godwit__clock_system) < end_ns) {
        godwit__reactor_run_once (world.reactor, 10 * GODWIT__NS_PER_MS);
        fd = accept4 (listening, NULL, NULL, SOCK_CLOEXEC);
    }
    cr_assert_geq (fd, 0, "it never came");
    close (fd);
    close (listening);
    publisher->ops->close (publisher);
    world_close (&world);
}

/* ---- a look-up that takes long ---- */

static void
await (sem_t *event)
{
    while (sem_wait (event))
        ;
}

Test (zmtp_names, a_link_may_be_closed_while_its_name_is_looked_up, .timeout = 60)
{
    world_t world;
    world_open (&world, look_up_slowly, CONNECT_TIMEOUT_MS);
    addresses[0] = "127.0.0.1";
    listen_at (&world, "127.0.0.1");
    connect_by_name (&world, "somewhere");
    godwit__reactor_run_once (world.reactor, 0);
    await (&begun);
    world_close (&world); /* does not wait for it */
    cr_assert_eq (world.ups + world.downs, 0);
    sem_post (&go_on); /* and the thread finds nobody */
    while (!atomic_load (&lookups))
        usleep (1000);
}

Test (zmtp_names, a_slow_lookup_ends_with_connect_timeout, .timeout = 60)
{
    world_t world;
    world_open (&world, look_up_slowly, 50);
    connect_by_name (&world, "somewhere");
    run_until (&world, &world.downs);
    cr_assert_str_eq (world.reason, "the name of its host was not looked up in time");
    world_close (&world);
    sem_post (&go_on);
}

/* One thread for all. */
Test (zmtp_names, names_are_looked_up_one_after_the_other, .timeout = 60)
{
    enum { LINKS = 5 };
    world_t world;
    godwit__channel_t *links[LINKS];
    world_open (&world, look_up_slowly, CONNECT_TIMEOUT_MS);
    addresses[0] = "127.0.0.1";
    listen_at (&world, "127.0.0.1");
    for (int i = 0; i < LINKS; i++) {
        connect_by_name (&world, "somewhere");
        links[i] = world.link;
        sem_post (&go_on);
    }
    const int64_t end_ns = godwit__clock_now (&godwit__clock_system) + LIMIT_NS;
    while (world.ups < LINKS && godwit__clock_now (&godwit__clock_system) < end_ns)
        godwit__reactor_run_once (world.reactor, 10 * GODWIT__NS_PER_MS);
    cr_assert_eq (world.ups, LINKS);
    cr_assert_eq (atomic_load (&lookups), (unsigned) LINKS);
    cr_assert_eq (atomic_load (&most_inside), 1u);
    world.link = NULL;
    for (int i = 0; i < LINKS; i++)
        links[i]->ops->close (links[i]);
    world_close (&world);
}

/* ---- listening ---- */

Test (zmtp_names, an_interface_is_listened_at, .timeout = 60)
{
    world_t world;
    char address[64], wanted[64];
    godwit__port_addresses_t bound;
    godwit_error_t *failure = NULL;
    world_open (&world, look_up, CONNECT_TIMEOUT_MS);
    snprintf (address, sizeof address, "tcp://lo:%d", world.number);
    snprintf (wanted, sizeof wanted, "tcp://127.0.0.1:%d", world.number);
    MUST (godwit__zmtp_driver.open_port (world.driver, address, &world.port, &bound, &error));
    cr_assert_str_eq (bound.links[0], wanted);
    godwit__channel_t *other;
    cr_assert_eq (godwit__zmtp_driver.open_port (world.driver, "tcp://nowhere:0", &other, &bound, &failure),
                  GODWIT_ERR_SYSTEM);
    cr_assert_not_null (strstr (godwit_error_message (failure), "the name of one of its interfaces"));
    godwit_error_destroy (&failure);
    world_close (&world);
}
