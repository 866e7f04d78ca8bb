/* SPDX-License-Identifier: Apache-2.0 */
/* The driver suite: a reactor leads where a source is attached. */
#include "tests/conformance/driver_fixture.h"

/* Counts what ready finds. */
typedef struct probe {
    godwit__source_t source;
    godwit__channel_t *channel;
    int calls;
    int frames;
    int closed;
    int last; /* the first bytes of the last frame, and who sent it */
    godwit__routing_id_t routing_id;
} probe_t;

static void
on_ready (godwit__source_t *source)
{
    probe_t *probe = source->user;
    godwit__frame_t frame;
    godwit__routing_id_t routing_id = 0;
    godwit__io_t io;
    probe->calls++;
    while ((io = probe->channel->ops->recv (probe->channel, &frame, &routing_id)) == GODWIT__IO_OK) {
        cr_assert_geq (frame.size, sizeof probe->last);
        memcpy (&probe->last, frame.data, sizeof probe->last);
        probe->routing_id = routing_id;
        probe->frames++;
        godwit__frame_release (&frame);
    }
    probe->closed += io == GODWIT__IO_CLOSED;
}

static void
attach_probe (probe_t *probe, const side_t *side, godwit__channel_t *channel)
{
    *probe = (probe_t){.source = {.ready = on_ready, .user = probe}, .channel = channel};
    cr_assert_eq (channel->ops->attach (channel, side->reactor, &probe->source, NULL), GODWIT_OK);
}

/* Once it has seen all that was there, nothing comes. */
static void
expect_quiet (scene_t *scene, probe_t *probe)
{
    run_pending (scene);
    probe->calls = 0;
    run_pending (scene);
    cr_assert_eq (probe->calls, 0, "ready comes with nothing there");
}

static void
check_frames (scene_t *scene, probe_t *at_link, probe_t *at_port)
{
    enum { COUNT = 200 };
    godwit__channel_t *link = at_link->channel, *port = at_port->channel;
    for (int i = 0; i < COUNT; i++) {
        cr_assert_eq (send_bytes (link, 0, &i, sizeof i), GODWIT__IO_OK);
        run_until (scene, &at_port->frames, i + 1);
        cr_assert_eq (at_port->last, i);
        cr_assert_eq (send_bytes (port, at_port->routing_id, &i, sizeof i), GODWIT__IO_OK);
        run_until (scene, &at_link->frames, i + 1);
        cr_assert_eq (at_link->last, i);
    }
    cr_assert_lt (at_port->calls + at_link->calls, 20 * COUNT, "ready comes for nothing");
    expect_quiet (scene, at_port);
    expect_quiet (scene, at_link);
}

static void
check_wake (scene_t *scene, probe_t *probe)
{
    for (int wakes = 1; wakes <= 2; wakes++) {
        probe->calls = 0;
        for (int i = 0; i < wakes; i++)
            probe->channel->ops->wake (probe->channel);
        run_until (scene, &probe->calls, 1);
        expect_quiet (scene, probe);
    }
}

void
driver_conformance_ready_comes_when_there_is_something (const driver_conformance_t *subject)
{
    for (size_t address = 0; address < subject->address_count; address++) {
        scene_t scene;
        open_scene (&scene, subject, address);
        probe_t at_link, at_port;
        attach_probe (&at_link, &scene.client, scene.links[0].channel);
        attach_probe (&at_port, &scene.server, scene.port);
        check_frames (&scene, &at_link, &at_port);
        check_wake (&scene, &at_link);
        check_wake (&scene, &at_port);
        scene.port->ops->detach (scene.port);
        close_port (&scene);
        run_until (&scene, &at_link.closed, 1);
        run_until (&scene, &scene.links[0].downs, 1);
        expect_quiet (&scene, &at_link);
        at_link.channel->ops->detach (at_link.channel);
        close_scene (&scene);
    }
}
