/* SPDX-License-Identifier: Apache-2.0 */
/* The child of a fork() keeps nothing of the engine's sockets: when its parent is killed, the address is free
 * and the peers see the end, while the child lives. */
#include "drivers/zmtp/waiter.h"
#include "src/interface/driver.h"
#include "src/loop/reactor.h"
#include "tests/support/must.h"
#include "tests/support/zmtp.h"

#include <criterion/criterion.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_NS (INT64_C (20000) * GODWIT__NS_PER_MS)
/* Heartbeats would tell only much later. */
#define END_LIMIT_NS (1000 * GODWIT__NS_PER_MS)

/* ---- one end ---- */

typedef struct end {
    godwit__reactor_t *reactor;
    godwit__driver_t *driver;
    godwit__channel_t *channel; /* a port or a link */
    godwit__port_addresses_t bound;
    int ups, downs;
} end_t;

static void
on_up (void *user)
{
    ((end_t *) user)->ups++;
}

static void
on_down (void *user, const char *reason)
{
    (void) reason;
    ((end_t *) user)->downs++;
}

static void
end_open (end_t *end)
{
    *end = (end_t){.ups = 0};
    MUST (godwit__reactor_new (&end->reactor, &godwit__clock_system, &error));
    const godwit__driver_options_t options = {.reactor = end->reactor,
                                              .max_message_size = 1 << 20,
                                              .queue_limit = 100,
                                              .connect_timeout_ms = 10000,
                                              .heartbeat_ms = 30000,
                                              .heartbeat_timeout_ms = 60000,
                                              .insecure = true};
    MUST (godwit__zmtp_driver.open (&end->driver, &options, &error));
}

/* at NULL: where the driver likes. */
static godwit_status_t
end_listen (end_t *end, const char *at)
{
    godwit_error_t *error = NULL;
    const godwit_status_t status =
        godwit__zmtp_driver.open_port (end->driver, at, &end->channel, &end->bound, &error);
    if (status)
        cr_log_error ("%s", godwit_error_print (error));
    godwit_error_destroy (&error);
    return status;
}

static void
end_connect (end_t *end, const char *address)
{
    static const godwit__link_events_t events = {.up = on_up, .down = on_down};
    MUST (godwit__zmtp_driver.open_link (end->driver, address, &events, end, &end->channel, &error));
}

/* True if the counter is set in time. */
static bool
run_until (end_t *end, const int *counter, int64_t limit_ns)
{
    const int64_t end_ns = godwit__clock_now (&godwit__clock_system) + limit_ns;
    while (!*counter) {
        const int64_t left_ns = end_ns - godwit__clock_now (&godwit__clock_system);
        if (left_ns <= 0)
            return false;
        godwit__reactor_run_once (end->reactor, left_ns);
    }
    return true;
}

/* The next frame, while the reactor runs. */
static void
take (end_t *end, godwit__frame_t *frame, godwit__routing_id_t *routing_id)
{
    const int64_t end_ns = godwit__clock_now (&godwit__clock_system) + LIMIT_NS;
    while (end->channel->ops->recv (end->channel, frame, routing_id) != GODWIT__IO_OK) {
        cr_assert_lt (godwit__clock_now (&godwit__clock_system), end_ns, "no frame came");
        godwit__reactor_run_once (end->reactor, GODWIT__NS_PER_MS);
    }
}

static void
say (const end_t *end, godwit__routing_id_t routing_id, const void *data, size_t size)
{
    const godwit__message_t message = {.data = (void *) (uintptr_t) data, .size = size};
    cr_assert_eq (end->channel->ops->send (end->channel, routing_id, &message), GODWIT__IO_OK);
}

static void
end_close (end_t *end)
{
    end->channel->ops->close (end->channel);
    godwit__zmtp_driver.close (end->driver);
    godwit__reactor_destroy (&end->reactor);
}

/* ---- three processes ---- */

static pid_t
fork_one_that_waits (void)
{
    const pid_t child = fork ();
    if (child == 0)
        for (;;)
            pause ();
    return child;
}

/* The parent: a port. It answers what it hears with its
 * child's number, and forks before the first answer. */
static void
be_parent (const char *at, int tell_fd)
{
    end_t end;
    pid_t child = 0;
    end_open (&end);
    if (end_listen (&end, at))
        _exit (1);
    if (write (tell_fd, end.bound.links[0], sizeof end.bound.links[0]) < 0)
        _exit (2);
    for (;;) {
        godwit__frame_t frame;
        godwit__routing_id_t routing_id;
        take (&end, &frame, &routing_id);
        godwit__frame_release (&frame);
        if (!child)
            child = fork_one_that_waits ();
        say (&end, routing_id, &child, sizeof child);
    }
}

/* Returns the child's number, as the parent tells it. */
static pid_t
ask (end_t *end)
{
    godwit__frame_t frame;
    pid_t child = 0;
    say (end, 0, "?", 1);
    take (end, &frame, NULL);
    cr_assert_eq (frame.size, sizeof child);
    memcpy (&child, frame.data, sizeof child);
    godwit__frame_release (&frame);
    return child;
}

static void
child_keeps_nothing (const char *at)
{
    end_t link, next;
    char address[GODWIT__ADDRESS_SIZE];
    int told[2];
    cr_assert_eq (pipe (told), 0);
    const pid_t parent = fork ();
    if (parent == 0)
        be_parent (at, told[1]);
    cr_assert_eq (read (told[0], address, sizeof address), (ssize_t) sizeof address);
    end_open (&link);
    end_connect (&link, address);
    cr_assert (run_until (&link, &link.ups, LIMIT_NS));
    const pid_t child = ask (&link);
    cr_assert_gt (child, 0);
    cr_assert_eq (ask (&link), child, "the parent goes on");
    kill (parent, SIGKILL);
    waitpid (parent, NULL, 0);
    const bool ended = run_until (&link, &link.downs, END_LIMIT_NS);
    end_open (&next);
    const godwit_status_t status = end_listen (&next, address);
    const int child_lives = kill (child, 0);
    kill (child, SIGKILL);
    cr_assert_eq (child_lives, 0);
    cr_assert (ended, "the link hears of the end");
    cr_assert_eq (status, GODWIT_OK, "the address is free");
    end_close (&link);
    end_close (&next);
    close (told[0]);
    close (told[1]);
}

Test (zmtp_fork, a_child_keeps_no_tcp_socket, .timeout = 60)
{
    char at[64];
    snprintf (at, sizeof at, "tcp://127.0.0.1:%d", zmtp_free_port ());
    child_keeps_nothing (at);
}

Test (zmtp_fork, a_child_keeps_no_socket_of_this_host, .timeout = 60)
{
    child_keeps_nothing (NULL);
}

/* What the child opens for itself stays its own, under numbers that were the parent's. */
Test (zmtp_fork, a_child_uses_the_engine_itself, .timeout = 60)
{
    end_t port;
    int status = -1;
    end_open (&port);
    cr_assert_eq (end_listen (&port, NULL), GODWIT_OK);
    const pid_t child = fork ();
    if (child == 0) {
        end_t own, link;
        end_open (&own);
        if (end_listen (&own, NULL))
            _exit (1);
        end_open (&link);
        end_connect (&link, port.bound.links[0]);
        if (!run_until (&link, &link.ups, LIMIT_NS))
            _exit (2);
        end_close (&link);
        end_close (&own);
        _exit (0);
    }
    const int64_t end_ns = godwit__clock_now (&godwit__clock_system) + LIMIT_NS;
    while (waitpid (child, &status, WNOHANG) == 0 && godwit__clock_now (&godwit__clock_system) < end_ns)
        godwit__reactor_run_once (port.reactor, GODWIT__NS_PER_MS);
    cr_assert (WIFEXITED (status) && WEXITSTATUS (status) == 0, "%x", (unsigned) status);
    end_close (&port);
}

/* ---- the descriptor by which a thread is woken ---- */

/* What the system calls the eventfd behind a descriptor; -1: it is none. */
static int
eventfd_id (int fd)
{
    char path[64], line[128];
    int id = -1;
    snprintf (path, sizeof path, "/proc/self/fdinfo/%d", fd);
    FILE *file = fopen (path, "r");
    while (file && fgets (line, sizeof line, file))
        sscanf (line, "eventfd-id: %d", &id);
    if (file)
        fclose (file);
    return id;
}

static bool
has_eventfd (int id)
{
    bool has = false;
    for (int fd = 0; fd < 256 && !has; fd++)
        has = eventfd_id (fd) == id;
    return has;
}

static void *
wake (void *user)
{
    godwit__zmtp_waiter_wake (user);
    return NULL;
}

/* With a shared one, the child would take the parent's wakes, and one that it leaves behind would never let
 * the parent's wait again. */
Test (zmtp_fork, a_child_is_woken_by_a_descriptor_of_its_own, .timeout = 60)
{
    godwit__zmtp_waiter_t waiter;
    int status = 0, before[256], id = -1;
    for (int fd = 0; fd < 256; fd++)
        before[fd] = eventfd_id (fd);
    godwit__zmtp_waiter_init (&waiter);
    godwit__zmtp_waiter_wait (&waiter, -1, 0, 0);
    for (int fd = 0; fd < 256; fd++)
        if (before[fd] < 0 && eventfd_id (fd) >= 0)
            id = eventfd_id (fd);
    if (id < 0)
        cr_skip_test ("this kernel does not tell eventfds apart");
    const pid_t child = fork ();
    if (child == 0) {
        pthread_t thread;
        const bool was_closed = !has_eventfd (id);
        if (pthread_create (&thread, NULL, wake, &waiter))
            _exit (2);
        godwit__zmtp_waiter_wait (&waiter, -1, 0, GODWIT__NEVER);
        pthread_join (thread, NULL);
        _exit (was_closed && !has_eventfd (id) ? 0 : 1);
    }
    cr_assert_eq (waitpid (child, &status, 0), child);
    cr_assert (WIFEXITED (status) && WEXITSTATUS (status) == 0, "the child had the parent's: %d", status);
    cr_assert (has_eventfd (id));
}
