/* SPDX-License-Identifier: Apache-2.0 */
/* The engine at one end, and at the other a program that nobody here wrote: a socket of libzmq, or bytes.
 *
 * The engine's reactor runs on the test's thread, libzmq on threads of its own. Nothing here sleeps: UNTIL
 * runs the reactor until something has happened, and fails the test after FOREIGN_LIMIT_NS. */
#ifndef GODWIT_TESTS_FOREIGN_H
#define GODWIT_TESTS_FOREIGN_H

#include "src/interface/driver.h"
#include "tests/support/zmtp.h"

#include <criterion/criterion.h>
#include <string.h>
#include <zmq.h>

#define FOREIGN_LIMIT_NS (20 * 1000 * GODWIT__NS_PER_MS)
#define FOREIGN_TEXT 256
enum { FOREIGN_MAX_MESSAGE = 9 << 20 };

/* A driver, and what it said of connections that it ended. */
typedef struct engine {
    godwit__reactor_t *reactor;
    godwit__driver_t *driver;
    int ended;                                                       /* how many */
    char at[FOREIGN_TEXT], peer[FOREIGN_TEXT], reason[FOREIGN_TEXT]; /* of the last */
} engine_t;

/* What the tests that need nothing else open the engine with. */
godwit__driver_options_t engine_options (void);
void engine_open (engine_t *engine, const godwit__driver_options_t *options);
void engine_close (engine_t *engine);
/* Runs the reactor, for a moment. */
void engine_turn (const engine_t *engine);
int64_t foreign_now_ns (void);

#define UNTIL(engine_, condition_)                                                                           \
    for (const int64_t limit_ = foreign_now_ns () + FOREIGN_LIMIT_NS; !(condition_);) {                      \
        cr_assert_lt (foreign_now_ns (), limit_, "waited in vain: %s", #condition_);                         \
        engine_turn (engine_);                                                                               \
    }

/* ---- channels of the engine ---- */

typedef struct foreign_port {
    engine_t *engine;
    godwit__channel_t *channel;
    godwit__port_addresses_t addresses;
} foreign_port_t;

void port_open (foreign_port_t *port, engine_t *engine, const char *at);
void port_close (foreign_port_t *port);

typedef struct foreign_link {
    engine_t *engine;
    godwit__channel_t *channel;
    int ups, downs;
    const char *reason;
} foreign_link_t;

/* Does not wait. */
void link_open (foreign_link_t *link, engine_t *engine, const char *address);
void link_close (foreign_link_t *link);

/* Waits for room. */
void channel_send (engine_t *engine, godwit__channel_t *channel, godwit__routing_id_t routing_id,
                   const void *data, size_t size);
void channel_publish (engine_t *engine, godwit__channel_t *publisher, const void *data, size_t size);
/* Waits for a frame and compares it; returns its routing id. */
godwit__routing_id_t channel_expect (engine_t *engine, godwit__channel_t *channel, const void *data,
                                     size_t size);
/* True if there is none. */
bool channel_is_empty (godwit__channel_t *channel);

/* Reads what the port gets, until the engine has ended a connection and the reason has this in it. Then
 * counts from 0 again. */
#define EXPECT_ENDED(port_, says_)                                                                           \
    do {                                                                                                     \
        UNTIL ((port_)->engine, channel_is_empty ((port_)->channel) && (port_)->engine->ended);              \
        cr_assert (strstr ((port_)->engine->reason, says_), "the reason is: %s", (port_)->engine->reason);   \
        (port_)->engine->ended = 0;                                                                          \
    } while (0)

/* ---- sockets of libzmq ---- */

/* Of a context that foreign_open makes and foreign_close ends; its linger is 0. Also a private folder for
 * sockets by path, which the engine uses, too. */
void foreign_open (void);
void foreign_close (void);
void foreign_close_socket (void *socket);
/* "ipc://FOLDER/NAME" */
void foreign_path (char address[FOREIGN_TEXT], const char *name);
void *foreign_socket (int type);
void foreign_set (void *socket, int option, int value);
void foreign_set_bytes (void *socket, int option, const void *data, size_t size);
/* Binds to an address that the system chooses: "tcp" or "ipc". */
void foreign_bind (void *socket, const char *transport, char address[FOREIGN_TEXT]);
/* All parts but the last have more. */
void foreign_send (void *socket, const void *data, size_t size, bool more);
/* Waits for a part of a message and compares it. more: others follow. */
void foreign_expect (const engine_t *engine, void *socket, const void *data, size_t size, bool more);
/* Waits for a part of any content; returns its size, at most `size`. */
size_t foreign_take (const engine_t *engine, void *socket, void *data, size_t size);

/* Counts what happens to connections of a socket; opened before it binds or connects. */
void *foreign_monitor (void *socket, int events);
/* How many events came since the last look. Does not wait. */
int foreign_events (void *monitor);

/* A key of Godwit's size. */
void foreign_key (uint8_t key[GODWIT__KEY_SIZE], unsigned number);

#endif
