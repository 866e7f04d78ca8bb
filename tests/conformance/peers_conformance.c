/* SPDX-License-Identifier: Apache-2.0 */
/* A driver with a network against peers that die or stop, in a process of their own, that say nothing, or too
 * much. */
#include "tests/conformance/peers_conformance.h"

#include "tests/conformance/driver_fixture.h"
#include "tests/support/driver_loop.h"
#include "tests/support/zmtp.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- a port in another process --------------------------------------------------------------- */

#define CHILD_VARIABLE "GODWIT_TEST_PORT_AT"
#define CHILD_DRIVER_VARIABLE "GODWIT_TEST_PORT_DRIVER"

/* In the child, before Criterion's main: listens, writes its addresses, answers everything. */
__attribute__ ((constructor)) static void
be_child (void)
{
    const char *at = getenv (CHILD_VARIABLE);
    if (!at)
        return;
    prctl (PR_SET_PDEATHSIG, SIGKILL);
    const char *const name = getenv (CHILD_DRIVER_VARIABLE);
    const godwit__driver_ops_t *ops =
        name && strcmp (name, godwit__zmq_driver.name) == 0 ? &godwit__zmq_driver : &godwit__zmtp_driver;
    driver_loop_t loop;
    godwit__driver_options_t options = default_options ();
    godwit__driver_t *driver;
    godwit__channel_t *port;
    godwit__port_addresses_t addresses;
    if (godwit__reactor_new (&options.reactor, &godwit__clock_system, NULL) ||
        ops->open (&driver, &options, NULL))
        _exit (1);
    if (ops->open_port (driver, *at ? at : NULL, &port, &addresses, NULL)) {
        puts ("refused refused");
        fflush (stdout);
        _exit (2);
    }
    driver_loop_start (&loop, options.reactor);
    printf ("%s %s\n", addresses.links[0], addresses.links[addresses.link_count - 1]);
    fflush (stdout);
    for (;;) {
        godwit__frame_t frame;
        godwit__routing_id_t routing_id;
        if (port->ops->recv (port, &frame, &routing_id) == GODWIT__IO_OK) {
            const godwit__message_t message = {.data = frame.data, .size = frame.size};
            port->ops->send (port, routing_id, &message);
            godwit__frame_release (&frame);
        } else {
            port->ops->wait (port, false, GODWIT__NEVER);
        }
    }
}

typedef struct child {
    pid_t pid;
    char addresses[2][GODWIT__ADDRESS_SIZE];
} child_t;

static void
start_child (child_t *child, const driver_conformance_t *subject, const char *at)
{
    int fds[2];
    cr_assert_eq (pipe (fds), 0);
    child->pid = fork ();
    cr_assert_geq (child->pid, 0);
    if (child->pid == 0) {
        dup2 (fds[1], STDOUT_FILENO);
        setenv (CHILD_VARIABLE, at, 1);
        setenv (CHILD_DRIVER_VARIABLE, subject->ops->name, 1);
        execl ("/proc/self/exe", "peers_child", (char *) NULL);
        _exit (127);
    }
    close (fds[1]);
    FILE *output = fdopen (fds[0], "r");
    cr_assert_eq (fscanf (output, "%255s %255s", child->addresses[0], child->addresses[1]), 2);
    fclose (output);
}

static void
kill_child (const child_t *child)
{
    kill (child->pid, SIGKILL);
    waitpid (child->pid, NULL, 0);
}

static void
expect_echo (godwit__channel_t *link)
{
    cr_assert_eq (send_bytes (link, 0, "echo", 4), GODWIT__IO_OK);
    expect_bytes (link, "echo", 4);
}

void
peers_conformance_the_death_of_a_process_is_seen_at_once (const driver_conformance_t *subject)
{
    for (int address = 0; address < 2; address++) {
        scene_t scene;
        child_t child;
        start_child (&child, subject, "");
        open_scene (&scene, subject, 0);
        test_link_t *link = add_link (&scene, child.addresses[address]);
        expect_echo (link->channel);
        kill (child.pid, SIGKILL);
        const int64_t start = test_now_ns ();
        run_until (&scene, &link->downs, 1);
        const int64_t took = test_now_ns () - start;
        /* A millisecond or two; but this machine may be busy. */
        cr_assert_lt (took, 500 * GODWIT__NS_PER_MS, "%lld us", (long long) took / 1000);
        godwit__frame_t frame;
        cr_assert_eq (recv_frame (link->channel, &frame, NULL), GODWIT__IO_CLOSED);
        cr_assert_eq (send_bytes (link->channel, 0, "lost", 4), GODWIT__IO_CLOSED);
        waitpid (child.pid, NULL, 0);
        close_scene (&scene);
    }
}

static void
read_all (godwit__channel_t *link)
{
    godwit__frame_t frame;
    while (link->ops->recv (link, &frame, NULL) == GODWIT__IO_OK)
        godwit__frame_release (&frame);
}

void
peers_conformance_a_process_that_stops_is_down_after_the_heartbeat_timeout (
    const driver_conformance_t *subject)
{
    scene_t scene;
    child_t child;
    start_child (&child, subject, "");
    godwit__driver_options_t options = default_options ();
    options.heartbeat_ms = 50;
    options.heartbeat_timeout_ms = 150;
    open_scene_with (&scene, subject, 0, &options, &options);
    for (int address = 0; address < 2; address++) {
        test_link_t *link = add_link (&scene, child.addresses[address]);
        expect_echo (link->channel);
        /* An answer counts, also if nobody receives it. */
        link->asks = true;
        const int64_t end = test_now_ns () + 3 * options.heartbeat_timeout_ms * GODWIT__NS_PER_MS;
        while (test_now_ns () < end) {
            run_for_a_moment (&scene);
            if (subject->needs_reactor) /* it gives nobody up while something of him is unread */
                read_all (link->channel);
        }
        cr_assert_eq (link->downs, 0, "a link that is answered is up: %s", link->reason);
        kill (child.pid, SIGSTOP);
        const int64_t start = test_now_ns ();
        while (link->downs == 0 && test_now_ns () < start + WAIT_LIMIT_NS) {
            run_for_a_moment (&scene);
            if (subject->needs_reactor)
                read_all (link->channel);
        }
        const int64_t took_ms = (test_now_ns () - start) / GODWIT__NS_PER_MS;
        cr_assert_leq (took_ms, options.heartbeat_timeout_ms + 100, "%lld ms", (long long) took_ms);
        cr_assert_eq (scene.links[0].downs, 0, "a link that is only silent is up");
        kill (child.pid, SIGCONT);
    }
    kill_child (&child);
    close_scene (&scene);
}

void
peers_conformance_two_processes_cannot_listen_at_one_address (const driver_conformance_t *subject)
{
    scene_t scene;
    child_t child;
    start_child (&child, subject, "");
    open_scene (&scene, subject, 0);
    godwit__channel_t *port = NULL;
    godwit__port_addresses_t addresses;
    godwit_error_t *error = NULL;
    for (int i = 0; i < 2; i++) { /* by ipc and by tcp; with the child's own two ports as well */
        cr_assert_eq (
            subject->ops->open_port (scene.client.driver, child.addresses[i], &port, &addresses, &error),
            GODWIT_ERR_SYSTEM);
        cr_assert_not_null (strstr (godwit_error_message (error), "in use"), "%s",
                            godwit_error_message (error));
        godwit_error_destroy (&error);
        child_t other;
        start_child (&other, subject, child.addresses[i]);
        cr_assert_str_eq (other.addresses[0], "refused");
        waitpid (other.pid, NULL, 0);
    }
    /* Nothing of a killed process stays behind. */
    kill_child (&child);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq (
            subject->ops->open_port (scene.client.driver, child.addresses[i], &port, &addresses, NULL),
            GODWIT_OK);
        port->ops->close (port);
    }
    close_scene (&scene);
}

/* --- foreign peers ------------------------------------------------------------- */

void
peers_conformance_a_listener_that_says_nothing_is_down_in_time (const driver_conformance_t *subject)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t size = sizeof name;
    const int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert (fd >= 0 && bind (fd, (struct sockaddr *) &name, size) == 0 && listen (fd, 5) == 0);
    cr_assert_eq (getsockname (fd, (struct sockaddr *) &name, &size), 0);
    char at[GODWIT__ADDRESS_SIZE];
    snprintf (at, sizeof at, "tcp://127.0.0.1:%u", ntohs (name.sin_port));

    driver_conformance_t mute = *subject;
    mute.dead_address = at;
    godwit__driver_options_t options = default_options ();
    options.connect_timeout_ms = 3000; /* of the link that is to come up as well, on a slow machine */
    scene_t scene;
    open_scene_with (&scene, subject, 0, &options, &options);
    scene.subject = &mute;
    const int64_t start = test_now_ns ();
    test_link_t *link = add_link (&scene, at); /* waits for down */
    cr_assert_geq (test_now_ns () - start, 2700 * GODWIT__NS_PER_MS);
    godwit__frame_t frame;
    cr_assert_eq (recv_frame (link->channel, &frame, NULL), GODWIT__IO_CLOSED);
    close (fd);
    close_scene (&scene);
}

void
peers_conformance_a_link_that_connects_has_no_room_yet (const driver_conformance_t *subject)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t size = sizeof name;
    const int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert (fd >= 0 && bind (fd, (struct sockaddr *) &name, size) == 0 && listen (fd, 5) == 0);
    cr_assert_eq (getsockname (fd, (struct sockaddr *) &name, &size), 0);
    char at[GODWIT__ADDRESS_SIZE];
    snprintf (at, sizeof at, "tcp://127.0.0.1:%u", ntohs (name.sin_port));
    scene_t scene;
    open_scene (&scene, subject, 0);
    static const godwit__link_events_t none = {.up = NULL};
    godwit__channel_t *link;
    cr_assert_eq (subject->ops->open_link (scene.client.driver, at, &none, NULL, &link, NULL), GODWIT_OK);
    int waits = 0;
    for (const int64_t end = test_now_ns () + 50 * GODWIT__NS_PER_MS; test_now_ns () < end; waits++) {
        cr_assert_eq (send_bytes (link, 0, "early", 5), GODWIT__IO_AGAIN);
        expect_nothing (link);
        link->ops->wait (link, true, 10 * GODWIT__NS_PER_MS);
    }
    cr_assert_leq (waits, 20, "waiting for room is a busy loop");
    link->ops->close (link);
    close (fd);
    close_scene (&scene);
}

/* ---- a peer that dies while what it sent waits ---- */

/* Messages that nobody receives yet, with a PING behind every tenth if it says such. */
static void
flood (const char *address, const char *socket_type, bool pings)
{
    enum { COUNT = 5000, SIZE = GODWIT__KEY_SIZE };
    static const uint8_t ping[] = {4, 7, 4, 'P', 'I', 'N', 'G', 0, 0};
    static uint8_t bytes[COUNT * (2 + SIZE) + COUNT / 10 * sizeof ping];
    uint8_t *at = bytes;
    for (unsigned i = 1; i <= COUNT; i++) {
        *at++ = 0;
        *at++ = SIZE;
        make_key (at, 1);
        at += SIZE;
        if (pings && i % 10 == 0) {
            memcpy (at, ping, sizeof ping);
            at += sizeof ping;
        }
    }
    const int fd = zmtp_connect (address);
    cr_assert (fd >= 0 && zmtp_handshake (fd, socket_type, NULL, 0));
    cr_assert (zmtp_write (fd, bytes, (size_t) (at - bytes)));
    zmtp_vanish (fd); /* whatever it has not read */
}

typedef struct flooding {
    const scene_t *scene;
    atomic_bool over;
} flooding_t;

static void *
run_flooding (void *user)
{
    flooding_t *flooding = user;
    const godwit__port_addresses_t *addresses = &flooding->scene->addresses;
    for (size_t i = 0; i < addresses->link_count; i++)
        flood (addresses->links[i], "DEALER", true);
    flood (addresses->fanout, "PUB", false); /* as our publishers, which say none */
    atomic_store (&flooding->over, true);
    return NULL;
}

/* The reactors run meanwhile. */
static void
flood_all (scene_t *scene)
{
    flooding_t flooding = {.scene = scene};
    pthread_t thread;
    cr_assert_eq (pthread_create (&thread, NULL, run_flooding, &flooding), 0);
    while (!atomic_load (&flooding.over))
        run_for_a_moment (scene);
    pthread_join (thread, NULL);
}

/* libzmq 4.3.4 ends the process when it writes to a connection (its own PING, or the answer to one) that was
 * lost while its input was stopped, which it is when nobody receives what came. */
void
peers_conformance_a_peer_that_floods_and_dies_does_no_harm (const driver_conformance_t *subject)
{
    enum { INTERVAL_MS = 20, ROUNDS = 5 };
    for (int round = 0; round < ROUNDS; round++) {
        scene_t scene;
        uint8_t key[GODWIT__KEY_SIZE];
        godwit__driver_options_t options = default_options ();
        options.heartbeat_ms = INTERVAL_MS;
        options.unread_limit = 0;
        open_scene_with (&scene, subject, 0, &options, &options);
        make_key (key, 1);
        cr_assert_eq (subject->ops->subscribe (scene.port, key, NULL), GODWIT_OK);
        flood_all (&scene);
        poll (NULL, 0, 5 * INTERVAL_MS); /* nobody receives, and its own heartbeats are due */
        cr_assert_eq (send_bytes (scene.links[0].channel, 0, "good", 4), GODWIT__IO_OK);
        for (bool came = false; !came;) {
            godwit__frame_t frame;
            godwit__routing_id_t routing_id;
            cr_assert_eq (recv_frame (scene.port, &frame, &routing_id), GODWIT__IO_OK);
            came = frame.size == 4 && memcmp (frame.data, "good", 4) == 0;
            godwit__frame_release (&frame);
        }
        close_scene (&scene);
    }
}
