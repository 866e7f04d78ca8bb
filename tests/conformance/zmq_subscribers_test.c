/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign subscribers at a publisher of the ZeroMQ driver. */
#include "tests/conformance/driver_fixture.h"
#include "tests/support/zmtp.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const driver_conformance_t subject = {.ops = &godwit__zmq_driver, .address_count = 2};

TestSuite (zmq_subscribers, .timeout = 60);

/* ---- a port of ours, and a foreign subscriber, at one publisher ---- */

typedef struct stage {
    scene_t scene;
    godwit__channel_t *publisher;
    int listener;
    char at[GODWIT__ADDRESS_SIZE];
    pthread_t thread; /* what the subscriber does */
    bool hung_up;     /* it was told to go */
} stage_t;

static void
open_stage (stage_t *stage, void *(*subscriber) (void *stage))
{
    open_scene (&stage->scene, &subject, 0);
    const side_t *side = &stage->scene.client;
    stage->hung_up = false;
    stage->listener = zmtp_listen (stage->at, sizeof stage->at);
    cr_assert_eq (pthread_create (&stage->thread, NULL, subscriber, stage), 0);
    cr_assert_eq (side->ops->open_publisher (side->driver, &stage->publisher, NULL), GODWIT_OK);
    cr_assert_eq (side->ops->publisher_connect (stage->publisher, stage->at, NULL), GODWIT_OK);
}

/* Takes the news, and all events, until the subscriber is done. Returns how many keys came. */
static unsigned
play (stage_t *stage)
{
    unsigned keys = 0;
    bool plays = true;
    while (plays) {
        godwit__frame_t news;
        plays = pthread_tryjoin_np (stage->thread, NULL) != 0;
        while (stage->publisher->ops->recv (stage->publisher, &news, NULL) == GODWIT__IO_OK) {
            keys += news.data[0] == 1;
            godwit__frame_release (&news);
        }
        run_pending (&stage->scene);
        stage->publisher->ops->wait (stage->publisher, false, 10 * GODWIT__NS_PER_MS);
    }
    return keys;
}

/* The port gets what is published, whatever the other one did. */
static void
close_stage (stage_t *stage)
{
    const side_t *side = &stage->scene.client;
    uint8_t key[GODWIT__KEY_SIZE];
    godwit__frame_t news;
    make_key (key, 7);
    cr_assert_eq (subject.ops->subscribe (stage->scene.port, key, NULL), GODWIT_OK);
    cr_assert_eq (side->ops->publisher_connect (stage->publisher, stage->scene.addresses.fanout, NULL),
                  GODWIT_OK);
    for (bool has_subscribed = false; !has_subscribed;) {
        expect_nothing (stage->scene.port); /* a SUB subscribes when it is looked at */
        if (stage->publisher->ops->receive (stage->publisher, &news, NULL, GODWIT__NS_PER_MS) !=
            GODWIT__IO_OK)
            continue;
        has_subscribed = news.data[0] == 1 && memcmp (news.data + 1, key, sizeof key) == 0;
        godwit__frame_release (&news);
    }
    cr_assert_eq (
        side->ops->publish (stage->publisher, &(godwit__message_t){.data = key, .size = sizeof key}),
        GODWIT__IO_OK);
    expect_bytes (stage->scene.port, key, sizeof key);
    stage->publisher->ops->close (stage->publisher);
    close (stage->listener);
    close_scene (&stage->scene);
}

/* ---- large frames ---- */

static void *
send_large (void *argument)
{
    stage_t *stage = argument;
    const int fd = zmtp_accept (stage->listener);
    uint8_t bytes[1024] = {1};
    stage->hung_up = zmtp_handshake (fd, "SUB", NULL, 0) && zmtp_send (fd, bytes, sizeof bytes, false) &&
                     zmtp_wait_hung_up (fd);
    close (fd);
    return NULL;
}

Test (zmq_subscribers, one_that_sends_large_frames_is_cut_off)
{
    stage_t stage;
    open_stage (&stage, send_large);
    const unsigned keys = play (&stage);
    cr_assert_eq (keys, 0u);
    cr_assert (stage.hung_up);
    close_stage (&stage);
}

/* ---- many keys ---- */

enum { KEYS_AT_ONCE = 256, KEYS_MAX = 256 * 600 };

static void *
subscribe_often (void *argument)
{
    stage_t *stage = argument;
    const int fd = zmtp_accept (stage->listener);
    uint8_t bytes[KEYS_AT_ONCE][2 + 1 + GODWIT__KEY_SIZE];
    bool goes_on = zmtp_handshake (fd, "SUB", NULL, 0);
    for (unsigned sent = 0; goes_on && sent < KEYS_MAX; sent += KEYS_AT_ONCE) {
        for (unsigned i = 0; i < KEYS_AT_ONCE; i++) {
            memcpy (bytes[i], "\0\21\1", 3);
            make_key (bytes[i] + 3, sent + i);
        }
        goes_on = zmtp_write (fd, bytes, sizeof bytes);
        poll (NULL, 0, 5); /* without pauses libzmq never comes to an end with them */
    }
    stage->hung_up = !goes_on;
    close (fd);
    return NULL;
}

Test (zmq_subscribers, one_that_subscribes_to_ever_more_keys_is_cut_off)
{
    stage_t stage;
    open_stage (&stage, subscribe_often);
    const unsigned keys = play (&stage);
    cr_assert (stage.hung_up, "%u keys", keys);
    cr_assert_lt (keys, (unsigned) KEYS_MAX);
    close_stage (&stage);
}
