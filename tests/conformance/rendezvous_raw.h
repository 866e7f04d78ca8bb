/* SPDX-License-Identifier: Apache-2.0 */
/* The wire protocol of the rendezvous by hand: a member, or a host, that does what a test wants. */
#ifndef GODWIT_TESTS_RENDEZVOUS_RAW_H
#define GODWIT_TESTS_RENDEZVOUS_RAW_H

#include "matchmaker/rendezvous_wire.h"
#include "tests/conformance/matchmaker_world.h"

typedef struct raw {
    peer_t self; /* its instance; for records */
    world_t *world;
    godwit__driver_t *driver;
    godwit__channel_t *channel; /* a link, or a port */
    bool is_up;
    bool is_down;
    godwit__routing_id_t routing_id; /* who sent what was read last */
    uint8_t buffer[GODWIT__RENDEZVOUS_FRAME_SIZE];
} scripted_t;

/* A link to the world's port `port`, and up. */
void scripted_link (scripted_t *raw, world_t *world, unsigned port, uint8_t instance);
/* A port there. */
void scripted_port (scripted_t *raw, world_t *world, unsigned port);
/* Says nothing, it just goes. */
void scripted_close (scripted_t *raw);
/* Until it was accepted. */
void scripted_send (scripted_t *raw, godwit__message_t message);
void scripted_send_bytes (scripted_t *raw, const void *data, size_t size);
void scripted_join (scripted_t *raw, const char *virtual_host);
void scripted_register (scripted_t *raw, uint32_t first, uint32_t count);
/* Waits for the next message of this type, and throws others away. The caller clears it. */
void scripted_read (scripted_t *raw, godwit__rendezvous_type_t type, godwit__rendezvous_message_t *message);
void scripted_expect (scripted_t *raw, godwit__rendezvous_type_t type);

#endif
