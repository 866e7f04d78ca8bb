/* The driver of simulated clusters behaves as the others do. What the suite does in several threads is done
 * here in one, by virtual time. */
#include "drivers/sim/sim.h"
#include "tests/conformance/driver_fixture.h"

#include <stdio.h>

static godwit_cluster_t *cluster;
static unsigned sides;

static void
make_address (char address[GODWIT__ADDRESS_SIZE])
{
    strcpy (address, "sim://side-0:9000"); /* the server's */
}

static void
open_sim_side (side_t *side, const godwit__driver_options_t *options)
{
    godwit__driver_options_t mine = *options;
    godwit__sim_node_t *node = NULL;
    char name[16];
    if (sides == 0)
        cr_assert_eq (godwit_cluster_new (&cluster, 1, NULL), GODWIT_OK);
    snprintf (name, sizeof name, "side-%u", sides++);
    cr_assert_eq (godwit__sim_add_node (&node, cluster, name, NULL), GODWIT_OK);
    cr_assert_eq (godwit__reactor_new (&side->reactor, &node->clock, NULL), GODWIT_OK);
    mine.reactor = side->reactor;
    mine.user = node;
    cr_assert_eq (side->ops->open (&side->driver, &mine, NULL), GODWIT_OK);
    godwit__sim_give_reactor (node, side->reactor, NULL);
}

static void
close_sim_side (side_t *side)
{
    side->ops->close (side->driver);
    godwit__reactor_destroy (&side->reactor);
    if (--sides == 0)
        godwit_cluster_destroy (&cluster);
}

static bool
let_time_pass (void)
{
    godwit_cluster_run (cluster, 5);
    return false; /* nothing is left of what was under way */
}

static const driver_conformance_t sim = {.ops = &godwit__sim_driver,
                                         .make_address = make_address,
                                         .dead_address = "sim://nobody:1",
                                         .address_count = 1,
                                         .open_side = open_sim_side,
                                         .close_side = close_sim_side,
                                         .turn = let_time_pass};
DRIVER_CONFORMANCE_ONE_THREAD (sim)

/* ---- what needs threads elsewhere ---- */

enum { STREAM = 5000 };

Test (sim_driver, frames_are_whole_and_in_order)
{
    scene_t scene;
    open_scene (&scene, &sim, 0);
    godwit__channel_t *link = scene.links[0].channel;
    uint8_t data[256];
    unsigned sent = 0, fulls = 0;
    for (unsigned received = 0; received < STREAM; received++) {
        for (; sent < STREAM; sent++) {
            fill (data, sent % sizeof data, sent);
            if (send_bytes (link, 0, data, sent % sizeof data) == GODWIT__IO_AGAIN)
                break;
        }
        fulls += sent < STREAM;
        fill (data, received % sizeof data, received);
        expect_bytes (scene.port, data, received % sizeof data);
    }
    expect_nothing (scene.port);
    cr_assert_gt (fulls, STREAM / 2);
    close_scene (&scene);
}

static int64_t
now_ns (const scene_t *scene)
{
    return godwit__reactor_now (scene->client.reactor);
}

Test (sim_driver, a_wait_ends_at_its_time_exactly)
{
    scene_t scene;
    open_scene (&scene, &sim, 0);
    godwit__channel_t *const channels[] = {scene.links[0].channel, scene.port};
    run_pending (&scene);
    for (int i = 0; i < 2; i++) {
        expect_nothing (channels[i]);
        const int64_t begun_ns = now_ns (&scene);
        channels[i]->ops->wait (channels[i], false, 1234567);
        cr_assert_eq (now_ns (&scene) - begun_ns, 1234567);
        channels[i]->ops->wait (channels[i], false, 0);
        cr_assert_eq (now_ns (&scene) - begun_ns, 1234567);
        channels[i]->ops->wake (channels[i]);
        channels[i]->ops->wait (channels[i], false, GODWIT__NEVER);
        cr_assert_eq (now_ns (&scene) - begun_ns, 1234567, "a wake ends the next wait");
    }
    close_scene (&scene);
}

/* Whoever waits for a frame gets it when it arrives, and no later. */
Test (sim_driver, a_frame_ends_a_wait)
{
    scene_t scene;
    open_scene (&scene, &sim, 0);
    expect_nothing (scene.port);
    const int64_t begun_ns = now_ns (&scene);
    cr_assert_eq (send_bytes (scene.links[0].channel, 0, "frame", 5), GODWIT__IO_OK);
    scene.port->ops->wait (scene.port, false, GODWIT__NEVER);
    cr_assert_eq (now_ns (&scene) - begun_ns, 100000, "the way takes 100 us");
    expect_bytes (scene.port, "frame", 5);
    close_scene (&scene);
}

static void
receive_one (void *user)
{
    godwit__frame_t frame;
    godwit__origin_t origin;
    const scene_t *scene = user;
    cr_assert_eq (scene->port->ops->recv (scene->port, &frame, &origin), GODWIT__IO_OK);
    godwit__frame_release (&frame);
}

Test (sim_driver, a_full_link_waits_for_room)
{
    scene_t scene;
    open_scene (&scene, &sim, 0);
    godwit__channel_t *link = scene.links[0].channel;
    for (unsigned i = 0; i < QUEUE_LIMIT; i++)
        cr_assert_eq (send_bytes (link, 0, &i, sizeof i), GODWIT__IO_OK);
    cr_assert_eq (send_bytes (link, 0, "more", 4), GODWIT__IO_AGAIN);
    const int64_t begun_ns = now_ns (&scene);
    cr_assert_eq (godwit_cluster_at (cluster, 50, receive_one, &scene, NULL), GODWIT_OK);
    link->ops->wait (link, true, GODWIT__NEVER);
    cr_assert_eq (now_ns (&scene) - begun_ns, 50 * GODWIT__NS_PER_MS);
    cr_assert_eq (send_bytes (link, 0, "more", 4), GODWIT__IO_OK);
    cr_assert_eq (send_bytes (link, 0, "more", 4), GODWIT__IO_AGAIN);
    close_scene (&scene);
}

static void
close_it (void *user)
{
    close_port (user);
}

Test (sim_driver, down_ends_a_wait)
{
    scene_t scene;
    open_scene (&scene, &sim, 0);
    godwit__channel_t *link = scene.links[0].channel;
    expect_nothing (link);
    cr_assert_eq (godwit_cluster_at (cluster, 50, close_it, &scene, NULL), GODWIT_OK);
    link->ops->wait (link, false, GODWIT__NEVER);
    godwit__frame_t frame;
    cr_assert_eq (link->ops->recv (link, &frame, NULL), GODWIT__IO_CLOSED);
    close_scene (&scene);
}
