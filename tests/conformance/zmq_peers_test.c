/* SPDX-License-Identifier: Apache-2.0 */
/* The ZeroMQ driver against peers that die, stop, or are none of ours. */
#include "tests/conformance/driver_fixture.h"
#include "tests/conformance/peers_conformance.h"
#include "tests/support/zmtp.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zmq.h>

static const driver_conformance_t subject = {.ops = &godwit__zmq_driver, .address_count = 2};

TestSuite (zmq_peers, .timeout = 60);

PEERS_CONFORMANCE (zmq_peers, &subject)

/* --- heartbeats ------------------------------------------------------------------------------ */

/* The port reads nothing for a long time, but its process lives: on a local socket that is enough. */
Test (zmq_peers, a_local_port_that_nobody_leads_on_is_up)
{
    scene_t scene;
    godwit__driver_options_t options = default_options ();
    options.heartbeat_ms = 20;
    options.heartbeat_timeout_ms = 60;
    open_scene_with (&scene, &subject, 0, &options, &options);
    scene.links[0].asks = true;
    run_until (&scene, &scene.links[0].asked, 20);
    cr_assert_eq (scene.links[0].downs, 0, "%s", scene.links[0].reason);
    close_scene (&scene);
}

/* --- foreign peers ------------------------------------------------------------- */

static uint64_t
malformed (const scene_t *scene)
{
    return atomic_load (&subject.ops->counters (scene->server.driver)->malformed);
}

/* What a stranger sent is counted; what a link sends afterwards still arrives. */
static void
expect_malformed (scene_t *scene, uint64_t count)
{
    const int64_t limit = test_now_ns () + WAIT_LIMIT_NS;
    while (malformed (scene) < count) {
        cr_assert_lt (test_now_ns (), limit, "%llu were counted", (unsigned long long) malformed (scene));
        expect_nothing (scene->port);
        scene->port->ops->wait (scene->port, false, GODWIT__NS_PER_MS);
    }
    cr_assert_eq (malformed (scene), count);
    cr_assert_eq (send_bytes (scene->links[0].channel, 0, "good", 4), GODWIT__IO_OK);
    const godwit__routing_id_t routing_id = expect_bytes (scene->port, "good", 4);
    cr_assert_eq (send_bytes (scene->port, routing_id, "good", 4), GODWIT__IO_OK);
    expect_bytes (scene->links[0].channel, "good", 4);
}

Test (zmq_peers, strangers_at_a_port)
{
    scene_t scene;
    open_scene (&scene, &subject, 1);
    void *context = zmq_ctx_new ();
    void *plain = zmq_socket (context, ZMQ_DEALER);
    void *named = zmq_socket (context, ZMQ_DEALER);
    const int linger = 0;
    zmq_setsockopt (plain, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt (named, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt (named, ZMQ_ROUTING_ID, "fives", 5);
    cr_assert_eq (zmq_connect (plain, scene.addresses.links[1]), 0);
    cr_assert_eq (zmq_connect (named, scene.addresses.links[1]), 0);
    /* Several parts, whatever they hold. */
    zmq_send (plain, "one", 3, ZMQ_SNDMORE);
    zmq_send (plain, "two", 3, ZMQ_SNDMORE);
    zmq_send (plain, "", 0, 0);
    zmq_send (plain, "", 0, ZMQ_SNDMORE);
    zmq_send (plain, "request", 7, 0);
    expect_malformed (&scene, 2);
    /* A name of its own. */
    zmq_send (named, "hello", 5, 0);
    expect_malformed (&scene, 3);
    zmq_close (plain);
    zmq_close (named);

    /* Raw bytes that are no ZMTP, and nothing at all. */
    void *raw = zmq_socket (context, ZMQ_STREAM);
    zmq_setsockopt (raw, ZMQ_LINGER, &linger, sizeof linger);
    cr_assert_eq (zmq_connect (raw, scene.addresses.links[1]), 0);
    zmq_msg_t id;
    zmq_msg_init (&id);
    cr_assert_geq (zmq_msg_recv (&id, raw, 0), 0);
    zmq_msg_send (&id, raw, ZMQ_SNDMORE);
    zmq_send (raw, "GET / HTTP/1.1\r\n\r\n", 18, 0);
    expect_malformed (&scene, 3);
    zmq_close (raw);
    zmq_ctx_term (context);
    close_scene (&scene);
}

Test (zmq_peers, strangers_at_the_fanout_side)
{
    scene_t scene;
    open_scene (&scene, &subject, 0);
    uint8_t key[GODWIT__KEY_SIZE];
    make_key (key, 1);
    cr_assert_eq (subject.ops->subscribe (scene.port, key, NULL), GODWIT_OK);
    void *context = zmq_ctx_new ();
    void *publisher = zmq_socket (context, ZMQ_XPUB);
    cr_assert_eq (zmq_connect (publisher, scene.addresses.fanout), 0);
    char news[64];
    while (zmq_recv (publisher, news, sizeof news, ZMQ_DONTWAIT) < 0) {
        expect_nothing (scene.port);
        scene.port->ops->wait (scene.port, false, GODWIT__NS_PER_MS);
    }
    zmq_send (publisher, key, sizeof key, ZMQ_SNDMORE); /* three parts */
    zmq_send (publisher, "body", 4, ZMQ_SNDMORE);
    zmq_send (publisher, "tail", 4, 0);
    char longer[GODWIT__KEY_SIZE + 1] = {0};
    memcpy (longer, key, sizeof key);
    zmq_send (publisher, longer, sizeof longer, ZMQ_SNDMORE); /* a key that is too long */
    zmq_send (publisher, "body", 4, 0);
    expect_malformed (&scene, 2);
    zmq_close (publisher);
    zmq_ctx_term (context);
    close_scene (&scene);
}
