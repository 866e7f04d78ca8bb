/* SPDX-License-Identifier: Apache-2.0 */
/* Scripted servers, which give the answers that a test lists, and a transport that knows them by a static
 * list. Each server has a thread of its own, and a port of a driver. The test moves the transport's clock;
 * waits take real time and look at the clock afterwards, so nothing here depends on how long anything
 * takes. */
#ifndef GODWIT_TESTS_SCRIPTED_SERVER_H
#define GODWIT_TESTS_SCRIPTED_SERVER_H

#include <godwit/client.h>

#include "src/interface/driver.h"
#include "src/wire/header.h"
#include "src/wire/wire.h"
#include "tests/support/driver_loop.h"

#include <pthread.h>
#include <stdatomic.h>

#define SCRIPTED_MAX 3
#define SCRIPTED_ANSWER_MAX 4
/* The first time of the transport's clock. */
#define SCRIPTED_BEGIN_MS 1000000

typedef enum scripted_answer {
    ANSWER_REPLY,
    ANSWER_FAILURE,
    ANSWER_FAILURE_NOT_RUN,
    ANSWER_FAILURE_MALFORMED,
    ANSWER_REPLY_MALFORMED,
    ANSWER_RESOLVED,       /* the answer to another query */
    ANSWER_TIME_PASSES,    /* a minute, and nothing else */
    ANSWER_MONITOR_PASSES, /* 50 ms, and nothing else */
    ANSWER_NOTHING,
    ANSWER_DIES,         /* the port is closed */
    ANSWER_LEAVES,       /* GOODBYE of the process; then the port is closed */
    ANSWER_LEAVES_LATER, /* GOODBYE of the process; then the reply */
    ANSWER_NACK = 100    /* + the reason */
} scripted_answer_t;

struct scripted;

typedef struct scripted_server {
    struct scripted *world;
    godwit__reactor_t *reactor;
    godwit__driver_t *driver;
    godwit__channel_t *port;
    driver_loop_t loop; /* of the driver */
    godwit__routing_id_t client;
    uint8_t instance[GODWIT__UUID_SIZE];
    char name[8];
    char address[200];
    pthread_t thread;
    bool closed;
} scripted_server_t;

typedef struct scripted {
    godwit_transport_t *transport;
    godwit_client_t *client; /* of topic "calc", 20 s */
    scripted_server_t servers[SCRIPTED_MAX];
    size_t server_count;
    atomic_bool stops;
    /* The n-th request, at whichever server, gets the n-th answer; further requests get the last answer. */
    const scripted_answer_t *answers;
    size_t answer_count;
    atomic_size_t requests;
    atomic_size_t cancels;
} scripted_t;

/* options: of the transport; may be NULL. hand: the clock is moved by hand; otherwise it is the system's. */
void scripted_open (scripted_t *self, const godwit__driver_ops_t *driver, size_t server_count, bool hand,
                    const godwit_transport_options_t *options, const scripted_answer_t *answers,
                    size_t answer_count);
void scripted_close (scripted_t *self);
void scripted_let_time_pass (int64_t ms);

#endif
