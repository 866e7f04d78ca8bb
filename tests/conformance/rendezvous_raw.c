/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/rendezvous_raw.h"

#include "matchmaker/rendezvous_address.h"

#include <string.h>

static void
on_up (void *user)
{
    ((scripted_t *) user)->is_up = true;
}

static void
on_down (void *user, const char *reason)
{
    (void) reason;
    ((scripted_t *) user)->is_down = true;
}

static const godwit__link_events_t link_events = {.up = on_up, .down = on_down};

static void
open_driver (scripted_t *raw, world_t *world, unsigned port, char address[GODWIT__ADDRESS_SIZE])
{
    memset (raw, 0, sizeof *raw);
    raw->world = world;
    const godwit__driver_options_t options = {.reactor = world->reactor,
                                              .max_message_size = 1 << 20,
                                              .queue_limit = 1000,
                                              .connect_timeout_ms = 5000,
                                              .heartbeat_ms = 60000,
                                              .heartbeat_timeout_ms = 600000,
                                              .virtual_host = "",
                                              .insecure = true};
    cr_assert_eq (world->kind->driver->open (&raw->driver, &options, NULL), GODWIT_OK);
    const godwit_url_host_t host = {.hostname = world->is_unnamed ? "" : "127.0.0.1",
                                    .port = world->ports[port]};
    godwit__folders_t folders;
    godwit__place_t places[GODWIT__FOLDER_MAX];
    cr_assert_eq (godwit__folders_init (&folders, NULL, NULL), GODWIT_OK);
    cr_assert_geq (godwit__rendezvous_places (places, &folders, world->kind->driver->name, &host, NULL), 1);
    memcpy (address, places[0].address, GODWIT__ADDRESS_SIZE);
}

void
scripted_link (scripted_t *raw, world_t *world, unsigned port, uint8_t instance)
{
    char address[GODWIT__ADDRESS_SIZE];
    open_driver (raw, world, port, address);
    memset (raw->self.instance, instance, GODWIT__UUID_SIZE);
    cr_assert_eq (raw->driver->ops->open_link (raw->driver, address, &link_events, raw, &raw->channel, NULL),
                  GODWIT_OK);
    EVENTUALLY (world, raw->is_up);
}

void
scripted_port (scripted_t *raw, world_t *world, unsigned port)
{
    char address[GODWIT__ADDRESS_SIZE];
    godwit__port_addresses_t addresses;
    open_driver (raw, world, port, address);
    cr_assert_eq (raw->driver->ops->open_port (raw->driver, address, &raw->channel, &addresses, NULL),
                  GODWIT_OK);
}

void
scripted_close (scripted_t *raw)
{
    raw->channel->ops->close (raw->channel);
    raw->driver->ops->close (raw->driver);
}

void
scripted_send (scripted_t *raw, godwit__message_t message)
{
    godwit__io_t io = GODWIT__IO_AGAIN;
    EVENTUALLY (raw->world,
                (io = raw->channel->ops->send (raw->channel, raw->routing_id, &message)) != GODWIT__IO_AGAIN);
    cr_assert_eq (io, GODWIT__IO_OK);
}

void
scripted_send_bytes (scripted_t *raw, const void *data, size_t size)
{
    memcpy (raw->buffer, data, size);
    scripted_send (raw, (godwit__message_t){.data = raw->buffer, .size = size});
}

void
scripted_join (scripted_t *raw, const char *virtual_host)
{
    scripted_send (raw,
                   godwit__rendezvous_join (raw->buffer, raw->self.instance, virtual_host, WORLD_REFRESH_MS));
}

void
scripted_register (scripted_t *raw, uint32_t first, uint32_t count)
{
    godwit__record_t *records[GODWIT__RENDEZVOUS_RECORDS_MAX];
    for (uint32_t i = 0; i < count; i++)
        records[i] = peer_record (&raw->self, first + i, 1, GODWIT__RECORD_UP);
    scripted_send (raw, godwit__rendezvous_register (raw->buffer, (godwit__record_list_t){records, count}));
    for (uint32_t i = 0; i < count; i++)
        godwit__record_unref (&records[i]);
}

/* True if there was one of this type. */
static bool
read_one (scripted_t *raw, godwit__rendezvous_type_t type, godwit__rendezvous_message_t *message)
{
    godwit__frame_t frame = {.data = NULL};
    godwit__routing_id_t routing_id = 0;
    if (raw->channel->ops->recv (raw->channel, &frame, &routing_id) != GODWIT__IO_OK)
        return false;
    cr_assert_eq (godwit__rendezvous_read (message, &frame, NULL), GODWIT_OK);
    raw->routing_id = routing_id; /* 0 for a link, which sends to 0 */
    if (message->type == type)
        return true;
    godwit__rendezvous_clear (message);
    return false;
}

void
scripted_read (scripted_t *raw, godwit__rendezvous_type_t type, godwit__rendezvous_message_t *message)
{
    EVENTUALLY (raw->world, read_one (raw, type, message));
}

void
scripted_expect (scripted_t *raw, godwit__rendezvous_type_t type)
{
    godwit__rendezvous_message_t message;
    scripted_read (raw, type, &message);
    godwit__rendezvous_clear (&message);
}
