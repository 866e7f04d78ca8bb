/* SPDX-License-Identifier: Apache-2.0 */
/* A fake listener, which answers NOTIFYs with the frames that the test gives it, and the transport of a
 * notifier, which finds it in a static list. All runs on the test's thread, and by a clock that the test
 * moves: nothing happens but in a turn, and in what the test calls. */
#ifndef GODWIT_TESTS_FAKE_LISTENER_H
#define GODWIT_TESTS_FAKE_LISTENER_H

#include "src/interface/driver.h"
#include "src/runtime/transport.h"
#include "src/wire/header.h"

#define FAKE_FLIGHTS_MAX 4096
/* The number of its lane. */
#define FAKE_LANE 3

typedef struct fake_listener {
    const char *lane; /* "notify:TOPIC.PRIORITY" */
    godwit_transport_t *transport;
    godwit__reactor_t *reactor;
    godwit__driver_t *driver;
    godwit__channel_t *port;
    godwit__routing_id_t client;
    size_t flight_count; /* NOTIFYs that came, over the connection that there is now */
    uint64_t flights[FAKE_FLIGHTS_MAX];
    uint8_t last[1024]; /* the last NOTIFY, or its beginning */
    size_t last_size;
} fake_listener_t;

/* One at a time. Its pool is "liar", its exchange "godwit". */
void fake_listener_start (fake_listener_t *self, const char *lane);
void fake_listener_end (fake_listener_t *self);
/* So much time passes; then the transport does what there is to do, and what it has sent is taken. */
void fake_listener_turn (fake_listener_t *self, int64_t ms);
/* Takes what was sent. */
void fake_listener_take (fake_listener_t *self);
void fake_listener_say (fake_listener_t *self, const void *data, size_t size);
void fake_listener_say_header (fake_listener_t *self, godwit__header_t header);

#endif
