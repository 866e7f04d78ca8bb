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

/* --- detach ---------------------------------------------------------------------------------- */

/* No ready comes for a frame that has arrived; it does once the source is attached again. */
static void
check_detached (scene_t *scene, probe_t *probe, const side_t *side, int number)
{
    godwit__channel_t *link = probe->channel, *port = scene->port;
    link->ops->detach (link);
    link->ops->detach (link);
    probe->calls = 0;
    cr_assert_eq (send_bytes (link, 0, &number, sizeof number), GODWIT__IO_OK);
    const godwit__routing_id_t routing_id = expect_bytes (port, &number, sizeof number);
    cr_assert_eq (send_bytes (port, routing_id, &number, sizeof number), GODWIT__IO_OK);
    cr_assert_eq (send_bytes (port, routing_id, &number, sizeof number), GODWIT__IO_OK);
    expect_bytes (link, &number, sizeof number); /* the first; the second is there, or comes */
    run_pending (scene);
    cr_assert_eq (probe->calls, 0, "ready comes after detach");
    attach_probe (probe, side, link);
    run_until (scene, &probe->frames, 1);
    cr_assert_eq (probe->last, number);
}

void
driver_conformance_no_ready_comes_after_detach (const driver_conformance_t *subject)
{
    scene_t scene;
    open_scene (&scene, subject, 0);
    godwit__channel_t *link = scene.links[0].channel;
    probe_t probe;
    attach_probe (&probe, &scene.client, link);
    cr_assert_eq (link->ops->attach (link, scene.client.reactor, &probe.source, NULL), GODWIT_OK);
    for (int i = 0; i < 100; i++)
        check_detached (&scene, &probe, &scene.client, i);
    link->ops->detach (link);
    link->ops->wake (link);
    run_pending (&scene);
    close_port (&scene);
    run_until (&scene, &scene.links[0].downs, 1);
    cr_assert_eq (probe.closed, 0, "ready comes after detach");
    attach_probe (&probe, &scene.client, link);
    run_until (&scene, &probe.closed, 1); /* the link went down meanwhile */
    link->ops->detach (link);
    close_scene (&scene);
}

void
driver_conformance_another_reactor_can_lead (const driver_conformance_t *subject)
{
    scene_t scene;
    open_scene (&scene, subject, 0);
    godwit__channel_t *link = scene.links[0].channel;
    godwit__reactor_t *other, *own = scene.client.reactor;
    cr_assert_eq (godwit__reactor_new (&other, &godwit__clock_system, NULL), GODWIT_OK);
    for (int i = 0; i < 20; i++) {
        probe_t probe;
        const side_t side = {.reactor = i % 2 ? own : other};
        attach_probe (&probe, &side, link);
        cr_assert_eq (send_bytes (link, 0, &i, sizeof i), GODWIT__IO_OK);
        const godwit__routing_id_t routing_id = expect_bytes (scene.port, &i, sizeof i);
        cr_assert_eq (send_bytes (scene.port, routing_id, &i, sizeof i), GODWIT__IO_OK);
        const int64_t limit = test_now_ns () + WAIT_LIMIT_NS;
        while (!probe.frames) {
            cr_assert_lt (test_now_ns (), limit, "ready does not come");
            godwit__reactor_run_once (side.reactor, 1000 * GODWIT__NS_PER_MS);
        }
        cr_assert_eq (probe.last, i);
        link->ops->detach (link);
    }
    godwit__reactor_destroy (&other);
    close_scene (&scene);
}

/* --- a thread takes the lead from the reactor ------------------------------------------------ */

enum { TAKEN = 500 };

/* The reactor's ready finds that it does not lead any more. */
static void
on_ready_without_lead (godwit__source_t *source)
{
    probe_t *probe = source->user;
    probe->calls++;
    probe->channel->ops->detach (probe->channel);
}

static void *
lead_by_wait (void *channel)
{
    for (int i = 0; i < TAKEN; i++)
        expect_bytes (channel, &i, sizeof i);
    return NULL;
}

void
driver_conformance_a_thread_can_lead_where_a_source_is_attached (const driver_conformance_t *subject)
{
    scene_t scene;
    open_scene (&scene, subject, 0);
    godwit__channel_t *link = scene.links[0].channel;
    int number = -1;
    cr_assert_eq (send_bytes (link, 0, &number, sizeof number), GODWIT__IO_OK);
    const godwit__routing_id_t routing_id = expect_bytes (scene.port, &number, sizeof number);
    probe_t probe = {.source = {.ready = on_ready_without_lead, .user = &probe}, .channel = link};
    cr_assert_eq (link->ops->attach (link, scene.client.reactor, &probe.source, NULL), GODWIT_OK);
    pthread_t leader;
    cr_assert_eq (pthread_create (&leader, NULL, lead_by_wait, link), 0);
    for (number = 0; number < TAKEN; number++) {
        while (send_bytes (scene.port, routing_id, &number, sizeof number) == GODWIT__IO_AGAIN) {
            run_reactors ();
            sched_yield ();
        }
        godwit__reactor_run_once (scene.client.reactor, 0);
    }
    while (subject->needs_reactor && pthread_tryjoin_np (leader, NULL))
        run_reactors ();
    if (!subject->needs_reactor)
        pthread_join (leader, NULL);
    cr_assert_leq (probe.calls, 1);
    link->ops->detach (link);
    attach_probe (&probe, &scene.client, link);
    cr_assert_eq (send_bytes (scene.port, routing_id, &number, sizeof number), GODWIT__IO_OK);
    run_until (&scene, &probe.frames, 1);
    cr_assert_eq (probe.last, TAKEN);
    link->ops->detach (link);
    close_scene (&scene);
}
