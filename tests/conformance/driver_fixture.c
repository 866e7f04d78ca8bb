/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/driver_fixture.h"

#include <poll.h>
#include <stdlib.h>

int64_t
test_now_ns (void)
{
    return godwit__clock_now (&godwit__clock_system);
}

godwit__driver_options_t
default_options (void)
{
    return (godwit__driver_options_t){.max_message_size = MAX_MESSAGE,
                                      .queue_limit = QUEUE_LIMIT,
                                      .connect_timeout_ms = 10000,
                                      .heartbeat_ms = 5000,
                                      .heartbeat_timeout_ms = 15000,
                                      .unread_limit = QUEUE_LIMIT,
                                      .virtual_host = "",
                                      .loopback = true,
                                      .insecure = true};
}

void
open_side (side_t *side, const driver_conformance_t *subject, const godwit__driver_options_t *options)
{
    godwit__driver_options_t mine = *options;
    side->ops = subject->ops;
    side->subject = subject;
    if (subject->open_side) {
        subject->open_side (side, options);
        return;
    }
    cr_assert_eq (godwit__reactor_new (&side->reactor, &godwit__clock_system, NULL), GODWIT_OK);
    mine.reactor = side->reactor;
    cr_assert_eq (side->ops->open (&side->driver, &mine, NULL), GODWIT_OK);
    cr_assert_eq (side->driver->ops, side->ops);
}

void
close_side (side_t *side)
{
    if (side->subject->close_side) {
        side->subject->close_side (side);
        return;
    }
    side->ops->close (side->driver);
    godwit__reactor_destroy (&side->reactor);
}

/* --- the control threads --------------------------------------------------------------------- */

/* In a transport the control thread runs the reactor. Here that is the test's thread, whenever it waits. */
static _Atomic (scene_t *) current; /* threads of the test look whether it is theirs */
static pthread_t current_thread;

static bool turn (scene_t *scene, int timeout_ms);

bool
run_reactors (void)
{
    scene_t *const scene = atomic_load (&current);
    if (!scene || !scene->subject->needs_reactor || !pthread_equal (current_thread, pthread_self ()))
        return false;
    turn (scene, 0);
    return true;
}

/* Waits as the driver does; on the test's thread, the reactors run, too. */
static void
wait_for (godwit__channel_t *channel, bool for_room)
{
    channel->ops->wait (channel, for_room, run_reactors () ? GODWIT__NS_PER_MS : WAIT_LIMIT_NS);
}

/* --- scenes ---------------------------------------------------------------------------------- */

static void
on_up (void *user)
{
    test_link_t *link = user;
    link->ups++;
}

static void
on_down (void *user, const char *reason)
{
    test_link_t *link = user;
    link->downs++;
    link->reason = reason;
}

static bool
on_ask (void *user)
{
    test_link_t *link = user;
    link->asked += link->asks;
    return link->asks && send_bytes (link->channel, 0, "asked", 5) == GODWIT__IO_OK;
}

static const godwit__link_events_t link_events = {.up = on_up, .down = on_down, .ask = on_ask};

static test_link_t *
open_test_link (scene_t *scene, const char *address)
{
    cr_assert_lt (scene->link_count, LINKS);
    test_link_t *link = &scene->links[scene->link_count++];
    *link = (test_link_t){0};
    cr_assert_eq (scene->client.ops->open_link (scene->client.driver, address, &link_events, link,
                                                &link->channel, NULL),
                  GODWIT_OK);
    cr_assert_eq (link->ups + link->downs, 0, "an event came from within open_link");
    return link;
}

test_link_t *
add_link (scene_t *scene, const char *address)
{
    test_link_t *link = open_test_link (scene, address);
    if (address == scene->subject->dead_address) {
        run_until (scene, &link->downs, 1);
        cr_assert_eq (link->ups, 0);
    } else {
        run_until (scene, &link->ups, 1);
        cr_assert_eq (link->downs, 0);
    }
    return link;
}

void
open_scene_with (scene_t *scene, const driver_conformance_t *subject, size_t address,
                 const godwit__driver_options_t *server, const godwit__driver_options_t *client)
{
    *scene = (scene_t){.subject = subject};
    current = scene;
    current_thread = pthread_self ();
    open_side (&scene->server, subject, server);
    open_side (&scene->client, subject, client);
    cr_assert_eq (subject->ops->open_port (scene->server.driver, NULL, &scene->port, &scene->addresses, NULL),
                  GODWIT_OK);
    cr_assert_eq (scene->addresses.link_count, subject->address_count);
    add_link (scene, scene->addresses.links[address]);
}

void
open_scene (scene_t *scene, const driver_conformance_t *subject, size_t address)
{
    const godwit__driver_options_t options = default_options ();
    open_scene_with (scene, subject, address, &options, &options);
}

void
close_link (test_link_t *link)
{
    link->channel->ops->close (link->channel);
    link->channel = NULL;
}

void
close_port (scene_t *scene)
{
    scene->port->ops->close (scene->port);
    scene->port = NULL;
}

void
close_scene (scene_t *scene)
{
    current = NULL;
    for (size_t i = 0; i < scene->link_count; i++) {
        if (scene->links[i].channel)
            close_link (&scene->links[i]);
    }
    if (scene->port)
        close_port (scene);
    close_side (&scene->client);
    close_side (&scene->server);
}

static bool
turn (scene_t *scene, int timeout_ms)
{
    if (scene->subject->turn)
        return scene->subject->turn ();
    struct pollfd items[] = {{godwit__reactor_fd (scene->server.reactor), POLLIN, 0},
                             {godwit__reactor_fd (scene->client.reactor), POLLIN, 0}};
    poll (items, 2, timeout_ms);
    const bool ran = godwit__reactor_run_once (scene->server.reactor, 0);
    return godwit__reactor_run_once (scene->client.reactor, 0) || ran;
}

void
run_until (scene_t *scene, const int *counter, int value)
{
    const int64_t limit = test_now_ns () + WAIT_LIMIT_NS;
    while (*counter < value) {
        cr_assert_lt (test_now_ns (), limit, "an event did not come");
        turn (scene, 1000);
    }
}

void
run_for_a_moment (scene_t *scene)
{
    turn (scene, 10);
}

void
run_pending (scene_t *scene)
{
    while (turn (scene, 0))
        ;
}

static void *
run_control (void *argument)
{
    control_t *control = argument;
    while (!atomic_load (&control->over))
        turn (control->scene, 10);
    return NULL;
}

void
start_control (control_t *control, scene_t *scene)
{
    *control = (control_t){.scene = scene};
    current = NULL;
    if (scene->subject->needs_reactor)
        cr_assert_eq (pthread_create (&control->thread, NULL, run_control, control), 0);
}

void
stop_control (control_t *control)
{
    atomic_store (&control->over, true);
    if (control->scene->subject->needs_reactor)
        pthread_join (control->thread, NULL);
    current = control->scene;
}

/* --- frames ---------------------------------------------------------------------------------- */

godwit__io_t
send_bytes (godwit__channel_t *channel, godwit__routing_id_t routing_id, const void *data, size_t size)
{
    const godwit__message_t message = {.data = (void *) (uintptr_t) data, .size = size};
    return channel->ops->send (channel, routing_id, &message);
}

void
send_all (godwit__channel_t *channel, godwit__routing_id_t routing_id, const void *data, size_t size)
{
    const int64_t limit = test_now_ns () + WAIT_LIMIT_NS;
    godwit__io_t io;
    while ((io = send_bytes (channel, routing_id, data, size)) == GODWIT__IO_AGAIN) {
        cr_assert_lt (test_now_ns (), limit, "no room came");
        wait_for (channel, true);
    }
    cr_assert_eq (io, GODWIT__IO_OK);
}

godwit__io_t
recv_frame (godwit__channel_t *channel, godwit__frame_t *frame, godwit__routing_id_t *routing_id)
{
    const int64_t limit = test_now_ns () + WAIT_LIMIT_NS;
    godwit__io_t io;
    while ((io = channel->ops->recv (channel, frame, routing_id)) == GODWIT__IO_AGAIN) {
        cr_assert_lt (test_now_ns (), limit, "no frame came");
        wait_for (channel, false);
    }
    return io;
}

godwit__routing_id_t
expect_bytes (godwit__channel_t *channel, const void *data, size_t size)
{
    godwit__frame_t frame;
    godwit__routing_id_t routing_id = 0;
    cr_assert_eq (recv_frame (channel, &frame, &routing_id), GODWIT__IO_OK);
    cr_assert_eq (frame.size, size, "%zu bytes instead of %zu", frame.size, size);
    cr_assert (size == 0 || memcmp (frame.data, data, size) == 0, "other bytes came than were sent");
    godwit__frame_release (&frame);
    return routing_id;
}

void
expect_nothing (godwit__channel_t *channel)
{
    godwit__frame_t frame;
    godwit__routing_id_t routing_id;
    cr_assert_eq (channel->ops->recv (channel, &frame, &routing_id), GODWIT__IO_AGAIN);
}

void
fill (uint8_t *data, size_t size, unsigned seed)
{
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t) ((seed = seed * 1103515245u + 12345u) >> 16);
}

static void *
run_echo (void *argument)
{
    const echo_t *echo = argument;
    for (;;) {
        godwit__frame_t frame;
        godwit__routing_id_t routing_id;
        if (recv_frame (echo->port, &frame, &routing_id) != GODWIT__IO_OK)
            return NULL;
        const bool stop = frame.size == 4 && memcmp (frame.data, "stop", 4) == 0;
        if (!stop)
            send_all (echo->port, routing_id, frame.data, frame.size);
        godwit__frame_release (&frame);
        if (stop)
            return NULL;
    }
}

void
start_echo (echo_t *echo, godwit__channel_t *port)
{
    echo->port = port;
    cr_assert_eq (pthread_create (&echo->thread, NULL, run_echo, echo), 0);
}

void
join_echo (echo_t *echo)
{
    cr_assert_eq (pthread_join (echo->thread, NULL), 0);
}

void
make_key (uint8_t key[GODWIT__KEY_SIZE], unsigned number)
{
    memset (key, 0, GODWIT__KEY_SIZE); /* zeros in it, and a common beginning */
    memcpy (key + GODWIT__KEY_SIZE - sizeof number, &number, sizeof number);
}
