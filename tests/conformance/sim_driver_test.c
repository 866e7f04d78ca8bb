/* SPDX-License-Identifier: Apache-2.0 */
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
    godwit__routing_id_t routing_id;
    const scene_t *scene = user;
    cr_assert_eq (scene->port->ops->recv (scene->port, &frame, &routing_id), GODWIT__IO_OK);
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

/* ---- a publisher's connection comes back ---- */

enum { HEARTBEAT_MS = 2000 };

typedef struct spell {
    const char *from, *to; /* the way that is cut; NULL: both */
    int64_t cut_ms, delay_us;
} spell_t;

static void
cut (const spell_t *spell, bool is_cut)
{
    godwit_cluster_cut (cluster, spell->from ? spell->from : "side-0", spell->to ? spell->to : "side-1",
                        is_cut);
    if (!spell->from)
        godwit_cluster_cut (cluster, "side-1", "side-0", is_cut);
}

/* Both ends give up, or one; the news of it is slower than the next attempt, or is held by the cut. */
static void
expect_return (const spell_t *spell)
{
    scene_t scene;
    uint8_t key[GODWIT__KEY_SIZE];
    godwit__channel_t *publisher = NULL;
    godwit__driver_options_t options = default_options ();
    options.heartbeat_timeout_ms = HEARTBEAT_MS;
    open_scene_with (&scene, &sim, 0, &options, &options);
    make_key (key, 1);
    const godwit__message_t message = {.data = key, .size = sizeof key};
    cr_assert_eq (sim.ops->open_publisher (scene.client.driver, &publisher, NULL), GODWIT_OK);
    cr_assert_eq (sim.ops->publisher_connect (publisher, scene.addresses.fanout, NULL), GODWIT_OK);
    cr_assert_eq (sim.ops->subscribe (scene.port, key, NULL), GODWIT_OK);
    godwit_cluster_run (cluster, 100);
    cr_assert_eq (godwit_cluster_set_faults (
                      cluster, NULL, NULL,
                      GODWIT_FAULTS (.delay_min_us = spell->delay_us, .delay_max_us = spell->delay_us), NULL),
                  GODWIT_OK);
    cut (spell, true);
    godwit_cluster_run (cluster, spell->cut_ms);
    cut (spell, false);
    godwit_cluster_run (cluster, 5000);
    cr_assert_eq (sim.ops->publish (publisher, &message), GODWIT__IO_OK);
    publisher->ops->flush (publisher, 0);
    godwit_cluster_run (cluster, 1000);
    godwit__frame_t frame;
    cr_assert_eq (scene.port->ops->recv (scene.port, &frame, NULL), GODWIT__IO_OK,
                  "cut from %s for %lld ms, delay %lld us", spell->from ? spell->from : "both",
                  (long long) spell->cut_ms, (long long) spell->delay_us);
    godwit__frame_release (&frame);
    publisher->ops->close (publisher);
    close_scene (&scene);
}

Test (sim_driver, a_publisher_comes_back_after_any_cut)
{
    static const char *const ways[][2] = {{NULL, NULL}, {"side-0", "side-1"}, {"side-1", "side-0"}};
    for (size_t way = 0; way < 3; way++)
        for (int64_t cut_ms = 50; cut_ms <= 2 * HEARTBEAT_MS; cut_ms += 90)
            for (int64_t delay_us = 100; delay_us < 1000000; delay_us *= 3)
                expect_return (&(spell_t){ways[way][0], ways[way][1], cut_ms, delay_us});
}
