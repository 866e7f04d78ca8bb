/* SPDX-License-Identifier: Apache-2.0 */
/* What a port of the engine that listens at a path outside of private folders leaves behind: nothing, and
 * nothing of others is taken away. */
#include "src/interface/driver.h"
#include "src/loop/reactor.h"
#include "tests/support/must.h"
#include "tests/support/zmtp.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static godwit__reactor_t *reactor;
static godwit__driver_t *driver;
static char folder[] = "/tmp/godwit-listener-XXXXXX";
static char path[64], address[80];

static void
set_up (void)
{
    cr_assert_not_null (mkdtemp (folder));
    snprintf (path, sizeof path, "%s/socket", folder);
    snprintf (address, sizeof address, "ipc://%s", path);
    MUST (godwit__reactor_new (&reactor, &godwit__clock_system, &error));
    const godwit__driver_options_t options = {.reactor = reactor,
                                              .max_message_size = 1 << 20,
                                              .queue_limit = 100,
                                              .connect_timeout_ms = 10000,
                                              .heartbeat_ms = 30000,
                                              .heartbeat_timeout_ms = 60000,
                                              .insecure = true};
    MUST (godwit__zmtp_driver.open (&driver, &options, &error));
}

static void
tear_down (void)
{
    driver->ops->close (driver);
    godwit__reactor_destroy (&reactor);
    unlink (path);
    rmdir (folder);
}

TestSuite (zmtp_listener, .init = set_up, .fini = tear_down, .timeout = 60);

static godwit_status_t
listen_there (godwit__channel_t **port)
{
    godwit__port_addresses_t bound;
    return driver->ops->open_port (driver, address, port, &bound, NULL);
}

static bool
is_there (void)
{
    struct stat status;
    return lstat (path, &status) == 0;
}

static void
make_file (void)
{
    const int fd = open (path, O_CREAT | O_EXCL | O_CLOEXEC | O_WRONLY, 0600);
    cr_assert_geq (fd, 0);
    close (fd);
}

Test (zmtp_listener, removes_its_path_when_it_is_closed)
{
    for (int i = 0; i < 2; i++) {
        godwit__channel_t *port = NULL;
        cr_assert_eq (listen_there (&port), GODWIT_OK);
        cr_assert (is_there ());
        const int fd = zmtp_connect (address);
        cr_assert_geq (fd, 0);
        port->ops->close (port);
        cr_assert (!is_there ());
        close (fd);
    }
}

Test (zmtp_listener, leaves_what_is_anothers_by_now)
{
    godwit__channel_t *port = NULL;
    cr_assert_eq (listen_there (&port), GODWIT_OK);
    cr_assert_eq (unlink (path), 0);
    make_file ();
    port->ops->close (port);
    cr_assert (is_there ());
}

Test (zmtp_listener, leaves_what_was_there_before)
{
    godwit__channel_t *port = NULL;
    make_file ();
    cr_assert_eq (listen_there (&port), GODWIT_ERR_SYSTEM);
    cr_assert (is_there ());
}
