/* SPDX-License-Identifier: Apache-2.0 */
/* What the driver suite's cases start from: drivers with a reactor each, a port, and links to it. Everything
 * here fails the test that calls it when it does not get what it waits for. */
#ifndef GODWIT_TESTS_DRIVER_FIXTURE_H
#define GODWIT_TESTS_DRIVER_FIXTURE_H

#include "tests/conformance/driver_conformance.h"

#include <pthread.h>

enum { QUEUE_LIMIT = 64, MAX_MESSAGE = 9 << 20, LINKS = 16 };
/* Longer than anything takes on a busy machine, shorter than the test's own limit. */
#define WAIT_LIMIT_NS (20 * 1000 * GODWIT__NS_PER_MS)

typedef struct side {
    const godwit__driver_ops_t *ops;
    godwit__reactor_t *reactor;
    godwit__driver_t *driver;
    const driver_conformance_t *subject;
    void *user; /* of the subject's own opening */
} side_t;

typedef struct test_link {
    godwit__channel_t *channel;
    int ups;
    int downs;
    const char *reason;
    bool asks; /* when the driver wants to hear something: sends "asked" */
    int asked;
} test_link_t;

/* A port on one side, links on another. */
typedef struct scene {
    const driver_conformance_t *subject;
    side_t server;
    side_t client;
    godwit__channel_t *port;
    godwit__port_addresses_t addresses;
    test_link_t links[LINKS];
    size_t link_count;
} scene_t;

godwit__driver_options_t default_options (void);
void open_side (side_t *side, const driver_conformance_t *subject, const godwit__driver_options_t *options);
void close_side (side_t *side);

/* The port listens, and there is one link to it, which is up. address: which of the port's to use. */
void open_scene (scene_t *scene, const driver_conformance_t *subject, size_t address);
/* The same with limits of the test's own; options: of the server's side and of the client's. */
void open_scene_with (scene_t *scene, const driver_conformance_t *subject, size_t address,
                      const godwit__driver_options_t *server, const godwit__driver_options_t *client);
/* Another link; waits until it is up. */
test_link_t *add_link (scene_t *scene, const char *address);
void close_link (test_link_t *link);
void close_port (scene_t *scene);
void close_scene (scene_t *scene);

/* Runs both reactors until *counter is at least value. */
void run_until (scene_t *scene, const int *counter, int value);
/* Runs both reactors once, waiting for a moment if there is nothing to do. */
void run_for_a_moment (scene_t *scene);
/* Runs both reactors as long as there is something to do. */
void run_pending (scene_t *scene);

/* On the thread that opened the scene, if the subject needs it: runs both reactors once, and returns true. */
bool run_reactors (void);

/* A thread that runs both reactors, as a transport's control thread does, for tests in which threads wait for
 * each other; if the subject needs it. Meanwhile nobody else runs them. */
typedef struct control {
    pthread_t thread;
    scene_t *scene;
    atomic_bool over;
} control_t;
void start_control (control_t *control, scene_t *scene);
void stop_control (control_t *control);

godwit__io_t send_bytes (godwit__channel_t *channel, godwit__routing_id_t routing_id, const void *data,
                         size_t size);
/* Sends; waits for room if need be. The calling thread leads. */
void send_all (godwit__channel_t *channel, godwit__routing_id_t routing_id, const void *data, size_t size);
/* Waits for a frame, or for CLOSED. */
godwit__io_t recv_frame (godwit__channel_t *channel, godwit__frame_t *frame,
                         godwit__routing_id_t *routing_id);
/* Receives a frame and compares it; returns its routing id. */
godwit__routing_id_t expect_bytes (godwit__channel_t *channel, const void *data, size_t size);
/* After an exchange that proves that all that was sent before has arrived, nothing is there. */
void expect_nothing (godwit__channel_t *channel);

/* `size` bytes that depend on the seed. */
void fill (uint8_t *data, size_t size, unsigned seed);

/* Sends back all that a port receives, on a thread of its own, until a frame that is "stop". */
typedef struct echo {
    pthread_t thread;
    godwit__channel_t *port;
} echo_t;
void start_echo (echo_t *echo, godwit__channel_t *port);
void join_echo (echo_t *echo);

void make_key (uint8_t key[GODWIT__KEY_SIZE], unsigned number);
int64_t test_now_ns (void);

#endif
