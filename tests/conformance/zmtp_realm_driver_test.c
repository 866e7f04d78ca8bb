/* SPDX-License-Identifier: Apache-2.0 */
/* The engine in a realm behaves as it does without: over tcp in CURVE boxes, over local sockets with
 * certificates alone. Publications go over tcp, too. */
#include "tests/conformance/driver_fixture.h"
#include "tests/support/must.h"
#include "tests/support/realm_files.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define SIDES 2

static godwit__test_realm_t *files;
static godwit__realm_t *realms[SIDES];
static unsigned sides;

/* A port that the system just gave and got back. */
static void
make_address (char address[GODWIT__ADDRESS_SIZE])
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t size = sizeof name;
    const int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert (fd >= 0 && bind (fd, (struct sockaddr *) &name, size) == 0);
    cr_assert_eq (getsockname (fd, (struct sockaddr *) &name, &size), 0);
    close (fd);
    snprintf (address, GODWIT__ADDRESS_SIZE, "tcp://127.0.0.1:%u", ntohs (name.sin_port));
}

/* Each side is a service of its own. */
static void
open_member (side_t *side, const godwit__driver_options_t *options)
{
    static const char *const names[SIDES] = {"server", "client"};
    godwit__driver_options_t mine = *options;
    if (sides == 0)
        files = godwit__test_realm_new (1);
    const godwit__realm_options_t realm = {
        .path = godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = names[sides]))};
    MUST (godwit__realm_open (&realms[sides], &realm, &error));
    MUST (godwit__reactor_new (&side->reactor, &godwit__clock_system, &error));
    mine.reactor = side->reactor;
    mine.realm = realms[sides++];
    mine.insecure = false;
    mine.host = "127.0.0.1"; /* for the publications */
    mine.runtime_dir = godwit__test_realm_folder (files);
    MUST (side->ops->open (&side->driver, &mine, &error));
}

static void
close_member (side_t *side)
{
    side->ops->close (side->driver);
    godwit__reactor_destroy (&side->reactor);
    if (--sides > 0)
        return;
    for (int i = 0; i < SIDES; i++)
        godwit__realm_close (&realms[i]);
    godwit__test_realm_destroy (&files);
}

static const driver_conformance_t in_realm = {.ops = &godwit__zmtp_driver,
                                              .make_address = make_address,
                                              .dead_address = "tcp://127.0.0.1:1",
                                              .address_count = 2,
                                              .needs_reactor = true,
                                              .open_side = open_member,
                                              .close_side = close_member,
                                              .in_realm = true};
DRIVER_CONFORMANCE (in_realm)
