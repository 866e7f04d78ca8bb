/* SPDX-License-Identifier: Apache-2.0 */
/* The driver suite: full queues, waiting, waking, and that no wake-up is lost. */
#include "tests/conformance/driver_fixture.h"

#include <semaphore.h>
#include <stdlib.h>

/* Large, so that it is the queues that fill and not the system's buffers. */
enum { BULK = 50000 };
static uint8_t bulk[BULK];

static void
number_bulk (unsigned number)
{
    memcpy (bulk, &number, sizeof number);
}

static unsigned
fill_up (godwit__channel_t *channel, godwit__routing_id_t routing_id)
{
    godwit__io_t io;
    unsigned sent = 0;
    const int64_t limit = test_now_ns () + WAIT_LIMIT_NS;
    /* AGAIN a few times over: what is on its way makes room once more. */
    for (int agains = 0; agains < 50;) {
        cr_assert_lt (test_now_ns (), limit, "the queue is never full");
        number_bulk (sent);
        io = send_bytes (channel, routing_id, bulk, sizeof bulk);
        if (io == GODWIT__IO_OK)
            sent++, agains = 0;
        else
            agains++;
    }
    cr_assert_eq (io, GODWIT__IO_AGAIN);
    cr_assert_geq (sent, QUEUE_LIMIT);
    return sent;
}

static void
empty (godwit__channel_t *channel, unsigned from, unsigned count)
{
    for (unsigned i = from; i < count; i++) {
        number_bulk (i);
        expect_bytes (channel, bulk, sizeof bulk);
    }
    expect_nothing (channel);
}

typedef struct waiter {
    pthread_t thread;
    godwit__channel_t *channel;
    godwit__routing_id_t routing_id;
    bool for_room;
    atomic_int state; /* 1: about to wait, 2: done */
} waiter_t;

static void *
wait_and_send (void *argument)
{
    waiter_t *waiter = argument;
    atomic_store (&waiter->state, 1);
    send_all (waiter->channel, waiter->routing_id, "more", 4);
    atomic_store (&waiter->state, 2);
    return NULL;
}

static void
start_waiter (waiter_t *waiter, void *(*run) (void *) )
{
    cr_assert_eq (pthread_create (&waiter->thread, NULL, run, waiter), 0);
    while (!atomic_load (&waiter->state))
        sched_yield ();
}

static void
check_full (godwit__channel_t *sender, godwit__routing_id_t routing_id, godwit__channel_t *receiver)
{
    const unsigned sent = fill_up (sender, routing_id);
    expect_nothing (sender);
    waiter_t waiter = {.channel = sender, .routing_id = routing_id};
    start_waiter (&waiter, wait_and_send);
    for (unsigned i = 0; i < sent; i++) {
        number_bulk (i);
        expect_bytes (receiver, bulk, sizeof bulk);
    }
    expect_bytes (receiver, "more", 4);
    pthread_join (waiter.thread, NULL);
    expect_nothing (receiver);
}

void
driver_conformance_a_full_link_says_again_until_there_is_room (const driver_conformance_t *subject)
{
    for (size_t address = 0; address < subject->address_count; address++) {
        scene_t scene;
        open_scene (&scene, subject, address);
        check_full (scene.links[0].channel, 0, scene.port);
        close_scene (&scene);
    }
}

void
driver_conformance_a_full_port_says_again_until_there_is_room (const driver_conformance_t *subject)
{
    for (size_t address = 0; address < subject->address_count; address++) {
        scene_t scene;
        open_scene (&scene, subject, address);
        const test_link_t *other = add_link (&scene, scene.addresses.links[address]);
        cr_assert_eq (send_bytes (scene.links[0].channel, 0, "hello", 5), GODWIT__IO_OK);
        const godwit__routing_id_t routing_id = expect_bytes (scene.port, "hello", 5);
        const unsigned sent = fill_up (scene.port, routing_id);
        /* One peer that does not read is no obstacle for another. */
        cr_assert_eq (send_bytes (other->channel, 0, "me too", 6), GODWIT__IO_OK);
        const godwit__routing_id_t reader = expect_bytes (scene.port, "me too", 6);
        cr_assert_eq (send_bytes (scene.port, reader, "of course", 9), GODWIT__IO_OK);
        expect_bytes (other->channel, "of course", 9);
        empty (scene.links[0].channel, 0, sent);
        expect_nothing (scene.port);
        check_full (scene.port, routing_id, scene.links[0].channel);
        close_scene (&scene);
    }
}

/* --- a reactor leads ------------------------------------------------------------------------- */

typedef struct leader {
    godwit__source_t source;
    godwit__channel_t *channel;
    int calls;
    int received;
    int more_sent; /* wants to send one message as soon as there is room */
    bool wants_to_send;
    bool echo;
} leader_t;

static void
on_ready (godwit__source_t *source)
{
    leader_t *leader = source->user;
    leader->calls++;
    godwit__frame_t frame;
    godwit__routing_id_t routing_id = 0;
    while (leader->channel->ops->recv (leader->channel, &frame, &routing_id) == GODWIT__IO_OK) {
        leader->received++;
        if (leader->echo)
            cr_assert_eq (send_bytes (leader->channel, routing_id, frame.data, frame.size), GODWIT__IO_OK);
        godwit__frame_release (&frame);
    }
    if (leader->wants_to_send && send_bytes (leader->channel, 0, "more", 4) == GODWIT__IO_OK) {
        leader->wants_to_send = false;
        leader->more_sent++;
    }
}

static void
start_leader (leader_t *leader, side_t *side, godwit__channel_t *channel)
{
    leader->channel = channel;
    leader->source = (godwit__source_t){.ready = on_ready, .user = leader};
    cr_assert_eq (channel->ops->attach (channel, side->reactor, &leader->source, NULL), GODWIT_OK);
}

void
driver_conformance_a_full_link_tells_a_reactor_of_room (const driver_conformance_t *subject)
{
    scene_t scene;
    open_scene (&scene, subject, 0);
    leader_t leader = {0};
    start_leader (&leader, &scene.client, scene.links[0].channel);
    run_pending (&scene);
    const unsigned sent = fill_up (scene.links[0].channel, 0);
    leader.wants_to_send = true;
    run_pending (&scene); /* not a busy loop: it ends */
    cr_assert_eq (leader.more_sent, 0);
    for (unsigned i = 0; i < sent; i++) { /* room may come before all is received */
        number_bulk (i);
        expect_bytes (scene.port, bulk, sizeof bulk);
    }
    run_until (&scene, &leader.more_sent, 1);
    expect_bytes (scene.port, "more", 4);
    leader.channel->ops->detach (leader.channel);
    close_scene (&scene);
}

void
driver_conformance_a_reactor_leads (const driver_conformance_t *subject)
{
    enum { COUNT = 2000 };
    scene_t scene;
    open_scene (&scene, subject, 0);
    leader_t server = {.echo = true}, client = {0};
    start_leader (&server, &scene.server, scene.port);
    start_leader (&client, &scene.client, scene.links[0].channel);
    for (int i = 0; i < COUNT; i++) {
        cr_assert_eq (send_bytes (scene.links[0].channel, 0, &i, sizeof i), GODWIT__IO_OK);
        if (i % 7 == 0) /* one at a time, or several */
            run_until (&scene, &client.received, i + 1);
    }
    run_until (&scene, &client.received, COUNT);
    cr_assert_eq (server.received, COUNT);
    cr_assert_lt (server.calls, 20 * COUNT, "ready comes for nothing");
    server.channel->ops->detach (server.channel);
    client.channel->ops->detach (client.channel);
    close_scene (&scene);
}

/* --- waiting --------------------------------------------------------------------------------- */

static void *
wait_once (void *argument)
{
    waiter_t *waiter = argument;
    godwit__frame_t frame;
    godwit__routing_id_t routing_id;
    const godwit__io_t io = waiter->channel->ops->recv (waiter->channel, &frame, &routing_id);
    atomic_store (&waiter->state, 1);
    if (io == GODWIT__IO_AGAIN)
        waiter->channel->ops->wait (waiter->channel, waiter->for_room, GODWIT__NEVER);
    atomic_store (&waiter->state, 2);
    return NULL;
}

void
driver_conformance_wake_ends_the_wait_that_runs_or_the_next (const driver_conformance_t *subject)
{
    scene_t scene;
    open_scene (&scene, subject, 0);
    godwit__channel_t *publisher;
    cr_assert_eq (subject->ops->open_publisher (scene.client.driver, &publisher, NULL), GODWIT_OK);
    godwit__channel_t *const channels[] = {scene.links[0].channel, scene.port, publisher};
    for (int i = 0; i < 300; i++) {
        godwit__channel_t *channel = channels[i % 3];
        expect_nothing (channel);
        channel->ops->wake (channel);
        channel->ops->wait (channel, false, GODWIT__NEVER); /* the next one */
        waiter_t waiter = {.channel = channel, .for_room = false};
        start_waiter (&waiter, wait_once);
        channel->ops->wake (channel); /* most of the time, the one that runs */
        pthread_join (waiter.thread, NULL);
    }
    publisher->ops->close (publisher);
    close_scene (&scene);
}

void
driver_conformance_wait_ends_at_its_timeout (const driver_conformance_t *subject)
{
    scene_t scene;
    open_scene (&scene, subject, 0);
    godwit__channel_t *const channels[] = {scene.links[0].channel, scene.port};
    const int64_t timeout = 20 * GODWIT__NS_PER_MS;
    for (int i = 0; i < 2; i++) {
        godwit__channel_t *channel = channels[i];
        expect_nothing (channel);
        channel->ops->wake (channel); /* used up by one wait */
        const int64_t start = test_now_ns ();
        int waits = 0;
        while (test_now_ns () - start < 5 * timeout) {
            expect_nothing (channel);
            channel->ops->wait (channel, false, timeout);
            waits++;
        }
        /* Returning early for no reason is allowed, but it must not be the rule. */
        cr_assert_leq (waits, 20, "%d waits took the time of five", waits);
        channel->ops->wait (channel, false, 0);
    }
    close_scene (&scene);
}

void
driver_conformance_down_ends_a_wait (const driver_conformance_t *subject)
{
    for (int i = 0; i < 20; i++) {
        scene_t scene;
        open_scene (&scene, subject, (size_t) i % subject->address_count);
        waiter_t waiter = {.channel = scene.links[0].channel, .for_room = i % 4 > 1};
        if (waiter.for_room)
            fill_up (waiter.channel, 0);
        start_waiter (&waiter, wait_once);
        close_port (&scene);
        run_until (&scene, &scene.links[0].downs, 1);
        pthread_join (waiter.thread, NULL);
        close_scene (&scene);
    }
}

/* --- many threads ---------------------------------------------------------------------------- */

/* One thread leads on a link. In each round another one sends a call, which is answered, and seven send
 * casts, which are not, at the same moment. The round ends when the leader has got the answer. If one of the
 * casts took the answer's wake-up away, nothing else comes to wake the leader, and the test hangs. */
enum { CASTERS = 7, ROUNDS = 3000, PAYLOAD = 40 };

typedef struct round_scene {
    godwit__channel_t *link;
    atomic_int round;
    atomic_int casts;
    atomic_bool over;
} round_scene_t;

static void *
run_caster (void *argument)
{
    round_scene_t *scene = argument;
    const char cast[PAYLOAD] = "cast";
    for (int round = 1; round <= ROUNDS; round++) {
        while (atomic_load (&scene->round) < round && !atomic_load (&scene->over))
            sched_yield ();
        godwit__io_t io;
        while ((io = send_bytes (scene->link, 0, cast, sizeof cast)) == GODWIT__IO_AGAIN)
            sched_yield ();
        cr_assert_eq (io, GODWIT__IO_OK);
        atomic_fetch_add (&scene->casts, 1);
    }
    return NULL;
}

static void *
run_answerer (void *argument)
{
    godwit__channel_t *port = argument;
    int casts = 0, calls = 0;
    while (casts < CASTERS * ROUNDS || calls < ROUNDS) {
        godwit__frame_t frame;
        godwit__routing_id_t routing_id;
        cr_assert_eq (recv_frame (port, &frame, &routing_id), GODWIT__IO_OK);
        if (memcmp (frame.data, "call", 4) == 0) {
            cr_assert_eq (send_bytes (port, routing_id, frame.data, frame.size), GODWIT__IO_OK);
            calls++;
        } else {
            casts++;
        }
        godwit__frame_release (&frame);
    }
    return NULL;
}

void
driver_conformance_no_wake_up_is_lost_while_others_send (const driver_conformance_t *subject)
{
    scene_t scene;
    open_scene (&scene, subject, 0);
    round_scene_t rounds = {.link = scene.links[0].channel};
    pthread_t casters[CASTERS], answerer;
    control_t control;
    start_control (&control, &scene);
    cr_assert_eq (pthread_create (&answerer, NULL, run_answerer, scene.port), 0);
    for (int i = 0; i < CASTERS; i++)
        cr_assert_eq (pthread_create (&casters[i], NULL, run_caster, &rounds), 0);
    for (int round = 1; round <= ROUNDS; round++) {
        char call[PAYLOAD] = "call";
        memcpy (call + 4, &round, sizeof round);
        send_all (rounds.link, 0, call, sizeof call);
        atomic_store (&rounds.round, round);
        godwit__frame_t frame;
        godwit__io_t io;
        while ((io = rounds.link->ops->recv (rounds.link, &frame, NULL)) == GODWIT__IO_AGAIN)
            rounds.link->ops->wait (rounds.link, false, GODWIT__NEVER);
        cr_assert_eq (io, GODWIT__IO_OK);
        cr_assert_eq (frame.size, sizeof call);
        cr_assert_eq (memcmp (frame.data, call, sizeof call), 0);
        godwit__frame_release (&frame);
    }
    for (int i = 0; i < CASTERS; i++)
        pthread_join (casters[i], NULL);
    pthread_join (answerer, NULL);
    stop_control (&control);
    close_scene (&scene);
}

/* One thread leads on a port and hands what it gets to eight others, which answer. Clients with one call each
 * wait for theirs: if a worker's answer took the wake-up of the last call that is open, nothing comes any
 * more. */
enum { WORKERS = 8, CLIENTS = 3, CALLS = 2000 };

typedef struct work_scene {
    godwit__channel_t *port;
    pthread_mutex_t lock;
    sem_t filled;
    godwit__routing_id_t queue[CLIENTS + WORKERS];
    int queued;
} work_scene_t;

static void *
run_worker (void *argument)
{
    work_scene_t *work = argument;
    for (;;) {
        while (sem_wait (&work->filled))
            ;
        pthread_mutex_lock (&work->lock);
        const godwit__routing_id_t routing_id = work->queue[--work->queued];
        pthread_mutex_unlock (&work->lock);
        if (!routing_id)
            return NULL;
        cr_assert_eq (send_bytes (work->port, routing_id, "answer", 6), GODWIT__IO_OK);
    }
}

static void
put_work (work_scene_t *work, godwit__routing_id_t routing_id)
{
    pthread_mutex_lock (&work->lock);
    work->queue[work->queued++] = routing_id;
    pthread_mutex_unlock (&work->lock);
    sem_post (&work->filled);
}

static void *
run_client (void *argument)
{
    godwit__channel_t *link = argument;
    for (int i = 0; i < CALLS; i++) {
        send_all (link, 0, "call", 4);
        expect_bytes (link, "answer", 6);
    }
    return NULL;
}

void
driver_conformance_no_wake_up_is_lost_while_workers_answer (const driver_conformance_t *subject)
{
    scene_t scene;
    open_scene (&scene, subject, 0);
    work_scene_t work = {.port = scene.port, .lock = PTHREAD_MUTEX_INITIALIZER};
    sem_init (&work.filled, 0, 0);
    pthread_t workers[WORKERS], clients[CLIENTS];
    for (int i = 0; i < WORKERS; i++)
        cr_assert_eq (pthread_create (&workers[i], NULL, run_worker, &work), 0);
    for (int i = 0; i < CLIENTS; i++) {
        const test_link_t *link = i ? add_link (&scene, scene.addresses.links[0]) : &scene.links[0];
        cr_assert_eq (pthread_create (&clients[i], NULL, run_client, link->channel), 0);
    }
    control_t control;
    start_control (&control, &scene);
    for (int i = 0; i < CLIENTS * CALLS; i++)
        put_work (&work, expect_bytes (scene.port, "call", 4));
    for (int i = 0; i < CLIENTS; i++)
        pthread_join (clients[i], NULL);
    for (int i = 0; i < WORKERS; i++)
        put_work (&work, 0);
    for (int i = 0; i < WORKERS; i++)
        pthread_join (workers[i], NULL);
    sem_destroy (&work.filled);
    stop_control (&control);
    close_scene (&scene);
}
