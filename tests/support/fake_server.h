/* SPDX-License-Identifier: Apache-2.0 */
/* A fake server, which sends the frames that the test gives it over a port of the driver, and clients of it.
 * The test also moves the clients' clock. */
#ifndef GODWIT_TESTS_FAKE_SERVER_H
#define GODWIT_TESTS_FAKE_SERVER_H

#include <godwit/client.h>

#include "src/interface/driver.h"
#include "src/wire/header.h"
#include "tests/support/driver_loop.h"

#include <pthread.h>

/* The clients' time. Their waits still take real time, and look at this time afterwards. */
extern _Atomic (int64_t) fake_time_ms;

typedef struct fake {
    godwit__reactor_t *reactor;
    godwit__driver_t *driver;
    godwit__channel_t *port;
    driver_loop_t loop; /* of the driver */
    godwit__routing_id_t client;
    godwit_transport_t *transport;
    godwit_client_t *monitored; /* call monitor timeout 50 ms, timeout 120 ms */
    godwit_client_t *patient;
} fake_t;

/* A call on a thread of its own. */
typedef struct caller {
    godwit_client_t *client;
    pthread_t thread;
    atomic_bool ended;
    godwit_status_t status;
    godwit_error_t *error;
} fake_caller_t;

void fake_start (fake_t *fake);
/* The same with options of the clients' transport. */
void fake_start_with (fake_t *fake, const godwit_transport_options_t *options);
void fake_end (fake_t *fake);
void fake_say (fake_t *fake, const void *data, size_t size);
void fake_reply (fake_t *fake, uint64_t id);
void fake_say_header (fake_t *fake, godwit__frame_type_t type, uint64_t id);
/* The next REQUEST, CANCEL, GOODBYE or PING; frames before it are answered. */
godwit__header_t fake_next (fake_t *fake);
/* The next REQUEST, CANCEL or GOODBYE, which must be of this type. */
godwit__header_t fake_expect (fake_t *fake, godwit__frame_type_t type);
void fake_call (fake_caller_t *caller, godwit_client_t *client);
/* Returns when the client has looked at all frames that were sent before: the frames of a connection keep
 * their order, and this call ends with its last one. */
void fake_settle (fake_t *fake);

#endif
