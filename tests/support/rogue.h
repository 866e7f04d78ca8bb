/* SPDX-License-Identifier: Apache-2.0 */
/* A member of the realm that does not keep to its rights: a node of a simulated cluster without a transport.
 * The test sends what it likes over the node's driver, with a good certificate. For tests of what all others
 * do about it.
 *
 *     rogue_t *evil = rogue_open (world, "evil", "serve godwit/other");
 *     godwit__channel_t *link = rogue_connect (evil, "sim://billing:20000");
 *     rogue_hello (evil, link, godwit__realm_instance (evil->realm));
 *     ... rogue_await (evil, link, GODWIT__WELCOME, &answer) ...
 *     rogue_close (&evil);        before rights_world_close
 *
 * What fails fails the test. */
#ifndef GODWIT_TESTS_SUPPORT_ROGUE_H
#define GODWIT_TESTS_SUPPORT_ROGUE_H

#include "src/wire/wire.h"
#include "tests/support/rights_world.h"

#define ROGUE_CHANNELS_MAX 4

typedef struct rogue {
    rights_world_t *world;
    struct godwit__sim_node *node;
    godwit__reactor_t *reactor;
    godwit__realm_t *realm;
    godwit__driver_t *driver;
    godwit__channel_t *channels[ROGUE_CHANNELS_MAX];
    size_t channel_count;
    bool up;
    const char *down; /* why the last link went down; NULL: it did not */
    char ended[512];  /* what the driver told of a connection that it ended; "": nothing */
    uint8_t buffer[48 * 1024];
} rogue_t;

/* A frame that came. */
typedef struct rogue_frame {
    godwit__header_t header;
    godwit__routing_id_t routing_id;
    godwit__frame_t frame; /* the caller's */
} rogue_frame_t;

/* rights as of rights_node. */
rogue_t *rogue_open (rights_world_t *world, const char *name, const char *rights);
/* With another member file; NULL: it has no realm. */
rogue_t *rogue_open_of (rights_world_t *world, const char *name, const char *member_file);
void rogue_close (rogue_t **rogue);
const uint8_t *rogue_instance (const rogue_t *rogue);

/* Connects, and waits until the link is up or down: rogue->down. */
godwit__channel_t *rogue_connect (rogue_t *rogue, const char *address);
/* Listens; at NULL: as a server does, at *address. */
godwit__channel_t *rogue_listen (rogue_t *rogue, const char *at, char address[GODWIT__ADDRESS_SIZE]);
/* Connects a publisher. */
godwit__channel_t *rogue_publisher (rogue_t *rogue, const char *fanout_address);

void rogue_send (rogue_t *rogue, godwit__channel_t *channel, godwit__routing_id_t routing_id,
                 const godwit__message_t *message);
void rogue_header (rogue_t *rogue, godwit__channel_t *channel, godwit__routing_id_t routing_id,
                   const godwit__header_t *header);
/* HELLO, or as a port WELCOME, as this instance. */
void rogue_hello (rogue_t *rogue, godwit__channel_t *link, const uint8_t *instance);
void rogue_welcome (rogue_t *rogue, godwit__channel_t *port, godwit__routing_id_t routing_id,
                    const uint8_t *instance);
/* The body of a request without arguments, after `at` bytes of buffer. Returns the size of the whole. */
size_t rogue_write_request (rogue_t *rogue, size_t at, const char *method);
/* A publication of this topic, as from the publisher with this number. */
void rogue_publish (rogue_t *rogue, godwit__channel_t *publisher, const char *topic, const char *method,
                    uint32_t number, uint64_t id);

/* Lets the cluster run until a frame of this type has come, for at most a second; others are dropped. */
bool rogue_await (rogue_t *rogue, godwit__channel_t *channel, uint8_t type, rogue_frame_t *frame);
/* The text of a NACK of this reason that has to come. */
const char *rogue_expect_nack (rogue_t *rogue, godwit__channel_t *channel, godwit__nack_t reason);

#endif
