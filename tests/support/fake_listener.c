/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/fake_listener.h"

#include "src/runtime/environment.h"
#include "src/wire/batch.h"
#include "src/wire/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t time_ms;

static int64_t
read_clock (void *user)
{
    (void) user;
    return time_ms * GODWIT__NS_PER_MS;
}

static void
check (bool good)
{
    if (!good)
        abort ();
}

/* ---- what it says ---- */

void
fake_listener_say (fake_listener_t *self, const void *data, size_t size)
{
    const godwit__message_t message = {.data = (void *) (uintptr_t) data, .size = size};
    self->port->ops->send (self->port, self->client, &message); /* its client may be gone */
}

void
fake_listener_say_header (fake_listener_t *self, godwit__header_t header)
{
    uint8_t data[GODWIT__HEADER_SIZE];
    godwit__header_write (data, &header);
    fake_listener_say (self, data, sizeof data);
}

static void
welcome (fake_listener_t *self)
{
    const godwit__identity_t identity = {.instance = {7}, .incarnation = 1, .features = GODWIT__FEATURES};
    uint8_t data[GODWIT__IDENTITY_FRAME_MAX];
    self->flight_count = 0; /* it is a new connection: those that were under way are lost */
    fake_listener_say (self, data, godwit__identity_write (data, GODWIT__WELCOME, &identity));
}

static void
resolved (fake_listener_t *self, uint64_t id)
{
    const godwit__record_t record = {.instance = {7},
                                     .incarnation = 1,
                                     .server_id = FAKE_LANE,
                                     .revision = 1,
                                     .weight = 1,
                                     .state = GODWIT__RECORD_UP,
                                     .exchange = "godwit",
                                     .topic = self->lane,
                                     .server = "one",
                                     .fanout_address = "",
                                     .host = "",
                                     .versions = "pool.liar=1.512"};
    uint8_t *data = NULL;
    const size_t size = godwit__resolved_write (&data, id, &record);
    fake_listener_say (self, data, size);
    free (data);
}

/* ---- what it hears ---- */

static void
note (fake_listener_t *self, const godwit__header_t *header, const godwit__frame_t *frame)
{
    check (self->flight_count < FAKE_FLIGHTS_MAX);
    self->flights[self->flight_count++] = header->id;
    self->last_size = frame->size < sizeof self->last ? frame->size : sizeof self->last;
    memcpy (self->last, frame->data, self->last_size);
}

/* Consumes the frame. */
static void
take (fake_listener_t *self, godwit__frame_t *frame)
{
    godwit__header_t header = {0};
    check (godwit__header_read (&header, frame->data, frame->size) == GODWIT__HEADER_OK);
    if (header.type == GODWIT__HELLO)
        welcome (self);
    else if (header.type == GODWIT__RESOLVE)
        resolved (self, header.id);
    else if (header.type == GODWIT__PING)
        fake_listener_say_header (
            self, (godwit__header_t){.type = GODWIT__PONG, .target = header.target, .id = header.id});
    else if (header.type == GODWIT__NOTIFY)
        note (self, &header, frame);
    godwit__frame_release (frame);
}

void
fake_listener_take (fake_listener_t *self)
{
    godwit__frame_t frame;
    while (self->port->ops->recv (self->port, &frame, &self->client) == GODWIT__IO_OK) {
        godwit__batch_reader_t batch = {.batch = NULL};
        godwit__frame_t part;
        if (frame.size < GODWIT__HEADER_SIZE || frame.data[2] != GODWIT__BATCH) {
            take (self, &frame);
            continue;
        }
        check (godwit__batch_open (&batch, &frame));
        while (godwit__batch_next (&batch, &part) == GODWIT__BATCH_FRAME)
            take (self, &part);
    }
}

void
fake_listener_turn (fake_listener_t *self, int64_t ms)
{
    time_ms += ms;
    check (!godwit_transport_process (self->transport, 0, NULL));
    fake_listener_take (self);
}

/* ---- its life ---- */

void
fake_listener_start (fake_listener_t *self, const char *lane)
{
    char url[512];
    godwit__port_addresses_t addresses;
    godwit__environment_t environment = godwit__system_environment;
    memset (self, 0, sizeof *self);
    self->lane = lane;
    time_ms = 1000000;
    check (!godwit__reactor_new (&self->reactor, &godwit__clock_system, NULL));
    const godwit__driver_options_t options = {.reactor = self->reactor,
                                              .max_message_size = 1 << 20,
                                              .queue_limit = FAKE_FLIGHTS_MAX,
                                              .connect_timeout_ms = 20000,
                                              .heartbeat_ms = 1000,
                                              .heartbeat_timeout_ms = 20000,
                                              .virtual_host = ""};
    check (!godwit__inproc_driver.open (&self->driver, &options, NULL));
    check (!self->driver->ops->open_port (self->driver, NULL, &self->port, &addresses, NULL));
    snprintf (url, sizeof url, "zmq:///?static=%s/one@%s", lane, addresses.links[0]);
    environment.driver = &godwit__inproc_driver; /* zmq:// or not: only that one has lists of servers */
    environment.clock = (godwit__clock_t){.now_ns = read_clock};
    check (!godwit__transport_new_in (&self->transport, url, GODWIT_TRANSPORT_OPTIONS (.external_loop = true),
                                      &environment, NULL));
}

void
fake_listener_end (fake_listener_t *self)
{
    godwit_transport_destroy (&self->transport);
    self->port->ops->close (self->port);
    self->driver->ops->close (self->driver);
    godwit__reactor_destroy (&self->reactor);
}
