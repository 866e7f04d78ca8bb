/* SPDX-License-Identifier: Apache-2.0 */
/* Why the engine ended a connection in its handshake is told of each, however many different reasons there
 * were before. */
#include "src/interface/driver.h"
#include "src/loop/reactor.h"
#include "tests/support/must.h"
#include "tests/support/zmtp.h"

#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LIMIT_NS (INT64_C (20000) * GODWIT__NS_PER_MS)

typedef struct world {
    godwit__reactor_t *reactor;
    godwit__driver_t *driver;
    int told;
    char reason[1024];
} world_t;

static void
note (world_t *world, const char *reason)
{
    world->told++;
    snprintf (world->reason, sizeof world->reason, "%s", reason ? reason : "no reason");
}

static void
on_stranger (void *user, const char *at, const char *peer, const char *reason)
{
    (void) at;
    (void) peer;
    note (user, reason);
}

static void
on_up (void *user)
{
    (void) user;
}

static void
on_down (void *user, const char *reason)
{
    note (user, reason);
}

static void
world_open (world_t *world)
{
    *world = (world_t){.told = 0};
    MUST (godwit__reactor_new (&world->reactor, &godwit__clock_system, &error));
    const godwit__driver_options_t options = {.reactor = world->reactor,
                                              .max_message_size = 1 << 20,
                                              .queue_limit = 100,
                                              .connect_timeout_ms = 10000,
                                              .heartbeat_ms = 5000,
                                              .heartbeat_timeout_ms = 20000,
                                              .stranger = on_stranger,
                                              .stranger_user = world,
                                              .insecure = true};
    MUST (godwit__zmtp_driver.open (&world->driver, &options, &error));
}

static void
world_close (world_t *world)
{
    godwit__zmtp_driver.close (world->driver);
    godwit__reactor_destroy (&world->reactor);
}

static void
run_until_told (world_t *world, int told)
{
    const int64_t end_ns = godwit__clock_now (&godwit__clock_system) + LIMIT_NS;
    while (world->told < told) {
        cr_assert_lt (godwit__clock_now (&godwit__clock_system), end_ns, "nobody was told");
        godwit__reactor_run_once (world->reactor, 10 * GODWIT__NS_PER_MS);
    }
}

/* Greetings of ZMTP whose mechanism has a name of its own each. */
static void
greeting_of (uint8_t greeting[ZMTP_GREETING_SIZE], int number, char name[20])
{
    zmtp_greeting (greeting);
    memset (greeting + 12, 0, 20);
    snprintf (name, 20, "ODD%d", number);
    for (size_t at = 0; name[at]; at++)
        greeting[12 + at] = (uint8_t) name[at];
}

Test (zmtp_reasons, each_stranger_has_its_own, .timeout = 60)
{
    world_t world;
    godwit__channel_t *port;
    godwit__port_addresses_t bound;
    uint8_t greeting[ZMTP_GREETING_SIZE];
    char address[64], name[20];
    world_open (&world);
    snprintf (address, sizeof address, "tcp://127.0.0.1:%d", zmtp_free_port ());
    MUST (godwit__zmtp_driver.open_port (world.driver, address, &port, &bound, &error));
    for (int i = 0; i < 200; i++) {
        greeting_of (greeting, i, name);
        const int fd = zmtp_connect (address);
        cr_assert_geq (fd, 0);
        cr_assert (zmtp_write (fd, greeting, sizeof greeting));
        run_until_told (&world, i + 1);
        cr_assert_not_null (strstr (world.reason, name), "%d: %s", i, world.reason);
        close (fd);
    }
    port->ops->close (port);
    world_close (&world);
}

/* Those of links are kept, so there is a limit; it holds for one driver, and all links are told something. */
static void
links_fail (world_t *world, int listening, const char *address, int from, int count, bool is_named)
{
    static const godwit__link_events_t events = {.up = on_up, .down = on_down};
    uint8_t greeting[ZMTP_GREETING_SIZE];
    char name[20];
    for (int i = from; i < from + count; i++) {
        godwit__channel_t *link;
        const int told = world->told;
        MUST (godwit__zmtp_driver.open_link (world->driver, address, &events, world, &link, &error));
        int fd = -1;
        while (fd < 0) {
            godwit__reactor_run_once (world->reactor, GODWIT__NS_PER_MS);
            fd = accept4 (listening, NULL, NULL, SOCK_CLOEXEC);
        }
        greeting_of (greeting, i, name);
        cr_assert (zmtp_write (fd, greeting, sizeof greeting));
        run_until_told (world, told + 1);
        cr_assert_eq (strstr (world->reason, name) != NULL, is_named, "%d: %s", i, world->reason);
        cr_assert_gt (strlen (world->reason), 0u);
        cr_assert_str_eq (link->ops->why_down (link), world->reason);
        close (fd);
        link->ops->close (link);
    }
}

Test (zmtp_reasons, links_of_one_driver_do_not_use_up_those_of_another, .timeout = 60)
{
    world_t first, second;
    char address[64];
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t size = sizeof name;
    const int listening = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    cr_assert (bind (listening, (struct sockaddr *) &name, size) == 0 && listen (listening, 4) == 0 &&
               getsockname (listening, (struct sockaddr *) &name, &size) == 0);
    snprintf (address, sizeof address, "tcp://127.0.0.1:%u", ntohs (name.sin_port));
    world_open (&first);
    links_fail (&first, listening, address, 0, 128, true);
    links_fail (&first, listening, address, 128, 3, false);
    links_fail (&first, listening, address, 5, 1, true);
    world_open (&second);
    links_fail (&second, listening, address, 200, 3, true);
    close (listening);
    world_close (&first);
    world_close (&second);
}
