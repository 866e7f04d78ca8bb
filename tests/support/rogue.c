/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/rogue.h"

#include "drivers/sim/sim.h"
#include "src/wire/fanout.h"
#include "tests/support/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP_MS 5
#define STEPS 200

/* ---- life ---- */

static int64_t
now_s (void *user)
{
    return godwit__sim_now_s (((const godwit__sim_node_t *) user)->cluster);
}

static void
chance (void *user, void *bytes, size_t size)
{
    godwit__sim_node_t *const node = user;
    for (size_t i = 0; i < size; i++)
        ((uint8_t *) bytes)[i] = (uint8_t) godwit_cluster_random (node->cluster, 256);
}

static void
on_ended (void *user, const char *at, const char *peer, const char *reason)
{
    rogue_t *const rogue = user;
    (void) at, (void) peer;
    snprintf (rogue->ended, sizeof rogue->ended, "%s", reason);
}

rogue_t *
rogue_open_of (rights_world_t *world, const char *name, const char *member_file)
{
    rogue_t *const rogue = calloc (1, sizeof *rogue);
    cr_assert (rogue);
    rogue->world = world;
    MUST (godwit__sim_add_node (&rogue->node, world->cluster, name, &error));
    MUST (godwit__reactor_new (&rogue->reactor, &rogue->node->clock, &error));
    if (member_file) {
        const godwit__realm_options_t options = {.path = member_file,
                                                 .now_s = now_s,
                                                 .now_user = rogue->node,
                                                 .random = chance,
                                                 .random_user = rogue->node};
        MUST (godwit__realm_open (&rogue->realm, &options, &error));
    }
    const godwit__driver_options_t options = {.reactor = rogue->reactor,
                                              .max_message_size = 1 << 20,
                                              .queue_limit = 1000,
                                              .connect_timeout_ms = 1000,
                                              .heartbeat_ms = 5000,
                                              .heartbeat_timeout_ms = 15000,
                                              .user = rogue->node,
                                              .virtual_host = "",
                                              .ended = on_ended,
                                              .stranger_user = rogue,
                                              .realm = rogue->realm};
    MUST (godwit__sim_driver.open (&rogue->driver, &options, &error));
    godwit__sim_give_reactor (rogue->node, rogue->reactor, NULL);
    return rogue;
}

rogue_t *
rogue_open (rights_world_t *world, const char *name, const char *rights)
{
    return rogue_open_of (world, name, rights_issue (world, name, rights));
}

void
rogue_close (rogue_t **rogue)
{
    rogue_t *const self = *rogue;
    *rogue = NULL;
    for (size_t i = 0; i < self->channel_count; i++) {
        self->channels[i]->ops->detach (self->channels[i]);
        self->channels[i]->ops->close (self->channels[i]);
    }
    self->driver->ops->close (self->driver);
    godwit__reactor_destroy (&self->reactor);
    godwit__realm_close (&self->realm);
    free (self);
}

const uint8_t *
rogue_instance (const rogue_t *rogue)
{
    return godwit__realm_instance (rogue->realm);
}

/* ---- channels ---- */

static godwit__channel_t *
keep (rogue_t *rogue, godwit__channel_t *channel)
{
    cr_assert_lt (rogue->channel_count, (size_t) ROGUE_CHANNELS_MAX);
    rogue->channels[rogue->channel_count++] = channel;
    return channel;
}

static void
on_up (void *user)
{
    ((rogue_t *) user)->up = true;
}

static void
on_down (void *user, const char *reason)
{
    ((rogue_t *) user)->down = reason;
}

godwit__channel_t *
rogue_connect (rogue_t *rogue, const char *address)
{
    static const godwit__link_events_t events = {.up = on_up, .down = on_down};
    godwit__channel_t *link = NULL;
    rogue->up = false;
    rogue->down = NULL;
    MUST (godwit__sim_driver.open_link (rogue->driver, address, &events, rogue, &link, &error));
    for (int i = 0; i < STEPS && !rogue->up && !rogue->down; i++)
        godwit_cluster_run (rogue->world->cluster, STEP_MS);
    godwit_cluster_run (rogue->world->cluster, STEP_MS);
    return keep (rogue, link);
}

godwit__channel_t *
rogue_listen (rogue_t *rogue, const char *at, char address[GODWIT__ADDRESS_SIZE])
{
    godwit__channel_t *port = NULL;
    godwit__port_addresses_t addresses;
    MUST (godwit__sim_driver.open_port (rogue->driver, at, &port, &addresses, &error));
    if (address)
        memcpy (address, addresses.links[0], GODWIT__ADDRESS_SIZE);
    return keep (rogue, port);
}

godwit__channel_t *
rogue_publisher (rogue_t *rogue, const char *fanout_address)
{
    godwit__channel_t *publisher = NULL;
    MUST (godwit__sim_driver.open_publisher (rogue->driver, &publisher, &error));
    MUST (godwit__sim_driver.publisher_connect (publisher, fanout_address, &error));
    godwit_cluster_run (rogue->world->cluster, 50);
    return keep (rogue, publisher);
}

/* ---- sending ---- */

void
rogue_send (rogue_t *rogue, godwit__channel_t *channel, godwit__routing_id_t routing_id,
            const godwit__message_t *message)
{
    cr_assert_eq (channel->ops->send (channel, routing_id, message), GODWIT__IO_OK);
    godwit_cluster_run (rogue->world->cluster, 1);
}

void
rogue_header (rogue_t *rogue, godwit__channel_t *channel, godwit__routing_id_t routing_id,
              const godwit__header_t *header)
{
    godwit__header_write (rogue->buffer, header);
    rogue_send (rogue, channel, routing_id,
                &(godwit__message_t){.data = rogue->buffer, .size = GODWIT__HEADER_SIZE});
}

static void
identify (rogue_t *rogue, godwit__channel_t *channel, godwit__routing_id_t routing_id,
          godwit__frame_type_t type, const uint8_t *instance)
{
    godwit__identity_t identity = {.incarnation = 1, .features = GODWIT__FEATURES};
    memcpy (identity.instance, instance, sizeof identity.instance);
    const size_t size = godwit__identity_write (rogue->buffer, type, &identity);
    rogue_send (rogue, channel, routing_id, &(godwit__message_t){.data = rogue->buffer, .size = size});
}

void
rogue_hello (rogue_t *rogue, godwit__channel_t *link, const uint8_t *instance)
{
    identify (rogue, link, 0, GODWIT__HELLO, instance);
}

void
rogue_welcome (rogue_t *rogue, godwit__channel_t *port, godwit__routing_id_t routing_id,
               const uint8_t *instance)
{
    identify (rogue, port, routing_id, GODWIT__WELCOME, instance);
}

size_t
rogue_write_request (rogue_t *rogue, size_t at, const char *method)
{
    godwit__writer_t writer = {.data = rogue->buffer, .size = at, .capacity = sizeof rogue->buffer};
    godwit__write_array (&writer, 3);
    godwit__write_map (&writer, 0);
    godwit__write_str (&writer, method, strlen (method));
    godwit__write_map (&writer, 0);
    return writer.size;
}

void
rogue_publish (rogue_t *rogue, godwit__channel_t *publisher, const char *topic, const char *method,
               uint32_t number, uint64_t id)
{
    godwit__fanout_key (rogue->buffer, "", "godwit", topic);
    MUST (godwit__sim_driver.name_topic (publisher, rogue->buffer, "godwit", topic));
    godwit__header_write (rogue->buffer + GODWIT__KEY_SIZE,
                          &(godwit__header_t){.type = method ? GODWIT__PUBLICATION : GODWIT__LAST,
                                              .flags = GODWIT__FLAG_CAST,
                                              .target = number,
                                              .id = id});
    const size_t head = GODWIT__KEY_SIZE + GODWIT__HEADER_SIZE;
    const size_t size = method ? rogue_write_request (rogue, head, method) : head;
    const godwit__message_t message = {.data = rogue->buffer, .size = size};
    cr_assert_eq (godwit__sim_driver.publish (publisher, &message), GODWIT__IO_OK);
    godwit_cluster_run (rogue->world->cluster, STEP_MS);
}

/* ---- receiving ---- */

bool
rogue_await (rogue_t *rogue, godwit__channel_t *channel, uint8_t type, rogue_frame_t *frame)
{
    for (int i = 0; i < STEPS; i++) {
        while (channel->ops->recv (channel, &frame->frame, &frame->routing_id) == GODWIT__IO_OK) {
            if (godwit__header_read (&frame->header, frame->frame.data, frame->frame.size) ==
                    GODWIT__HEADER_OK &&
                frame->header.type == type)
                return true;
            godwit__frame_release (&frame->frame);
        }
        godwit_cluster_run (rogue->world->cluster, STEP_MS);
    }
    return false;
}

const char *
rogue_expect_nack (rogue_t *rogue, godwit__channel_t *channel, godwit__nack_t reason)
{
    static char text[GODWIT__REFUSAL_TEXT];
    rogue_frame_t answer;
    cr_assert (rogue_await (rogue, channel, GODWIT__NACK, &answer));
    cr_assert_eq (answer.header.aux, (uint32_t) reason);
    godwit__refusal_read (&answer.frame, text, sizeof text);
    return text;
}
