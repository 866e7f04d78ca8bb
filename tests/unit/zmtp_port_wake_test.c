/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever wakes a port of the engine ends a wait of its leader, at whatever moment the wake comes. */
#include "src/interface/driver.h"
#include "src/loop/reactor.h"
#include "tests/support/must.h"
#include "tests/support/zmtp.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LONG_NS (20000 * GODWIT__NS_PER_MS)
#define SHORT_NS (10000 * GODWIT__NS_PER_MS)
#define TURN_FRAMES 16 /* drivers/zmtp/port.c */

static godwit__reactor_t *reactor;
static godwit__driver_t *driver;
static godwit__channel_t *port;
static char address[64];

/* ---- a wake while the port takes another one ---- */

static bool wakes_at_read;

ssize_t
read (int fd, void *data, size_t size)
{
    if (wakes_at_read && size == sizeof (uint64_t)) {
        wakes_at_read = false;
        port->ops->wake (port);
    }
    return syscall (SYS_read, fd, data, size);
}

/* ---- the port ---- */

static void
set_up (void)
{
    godwit__port_addresses_t bound;
    snprintf (address, sizeof address, "tcp://127.0.0.1:%d", zmtp_free_port ());
    MUST (godwit__reactor_new (&reactor, &godwit__clock_system, &error));
    const godwit__driver_options_t options = {.reactor = reactor,
                                              .max_message_size = 1 << 20,
                                              .queue_limit = 100,
                                              .connect_timeout_ms = 10000,
                                              .heartbeat_ms = 30000,
                                              .heartbeat_timeout_ms = 60000,
                                              .insecure = true};
    MUST (godwit__zmtp_driver.open (&driver, &options, &error));
    MUST (driver->ops->open_port (driver, address, &port, &bound, &error));
}

static void
tear_down (void)
{
    port->ops->close (port);
    driver->ops->close (driver);
    godwit__reactor_destroy (&reactor);
}

TestSuite (zmtp_port_wake, .init = set_up, .fini = tear_down, .timeout = 60);

static godwit__io_t
receive (int64_t timeout_ns)
{
    godwit__frame_t frame;
    godwit__routing_id_t routing_id;
    const godwit__io_t io = port->ops->receive (port, &frame, &routing_id, timeout_ns);
    if (io == GODWIT__IO_OK)
        godwit__frame_release (&frame);
    return io;
}

/* It would wait much longer for a frame. */
static void
expect_woken (void (*wait) (void))
{
    const int64_t begin_ns = godwit__clock_now (&godwit__clock_system);
    wait ();
    cr_assert_lt (godwit__clock_now (&godwit__clock_system) - begin_ns, SHORT_NS, "the wake was lost");
}

static void
wait_by_receive (void)
{
    cr_assert_eq (receive (LONG_NS), GODWIT__IO_AGAIN);
}

static void
wait_by_wait (void)
{
    port->ops->wait (port, false, LONG_NS);
}

Test (zmtp_port_wake, a_wake_beside_another_loses_no_later_one)
{
    for (int i = 0; i < 3; i++) {
        port->ops->wake (port);
        wakes_at_read = true;
        expect_woken (i % 2 ? wait_by_wait : wait_by_receive);
        port->ops->wake (port);
        expect_woken (i % 2 ? wait_by_receive : wait_by_wait);
    }
}

/* The port takes the wake when it looks for others, after the turn of a stream. */
Test (zmtp_port_wake, a_wake_that_comes_between_frames_ends_the_next_wait)
{
    uint8_t frames[2 * TURN_FRAMES] = {0};
    const int fd = zmtp_connect (address);
    uint8_t greeting[ZMTP_GREETING_SIZE];
    static const uint8_t dealer[] = "\4\x1c\5READY\xbSocket-Type\0\0\0\6DEALER";
    zmtp_greeting (greeting);
    cr_assert (zmtp_write (fd, greeting, sizeof greeting) && zmtp_write (fd, dealer, sizeof dealer - 1) &&
               zmtp_write (fd, frames, sizeof frames)); /* of no bytes each */
    while (receive (0) != GODWIT__IO_OK)
        godwit__reactor_run_once (reactor, GODWIT__NS_PER_MS);
    for (int i = 1; i < TURN_FRAMES; i++)
        cr_assert_eq (receive (LONG_NS), GODWIT__IO_OK);
    port->ops->wake (port);
    expect_woken (wait_by_receive);
    close (fd);
}
