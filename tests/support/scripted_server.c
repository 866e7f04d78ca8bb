/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/scripted_server.h"

#include "src/error/error.h"
#include "src/runtime/environment.h"
#include "src/runtime/transport.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_AGAIN_NS (5 * GODWIT__NS_PER_MS)

static _Atomic (int64_t) time_ms = SCRIPTED_BEGIN_MS;

static int64_t
read_clock (void *user)
{
    (void) user;
    return atomic_load (&time_ms) * GODWIT__NS_PER_MS;
}

static const godwit__clock_t hand_clock = {read_clock, NULL, NULL};

void
scripted_let_time_pass (int64_t ms)
{
    atomic_fetch_add (&time_ms, ms);
}

/* ---- what a server says ---- */

/* Nobody may listen any more. */
static void
say (scripted_server_t *self, const void *data, size_t size)
{
    const godwit__message_t message = {.data = (void *) (uintptr_t) data, .size = size};
    self->port->ops->send (self->port, self->client, &message);
}

static void
say_header (scripted_server_t *self, godwit__frame_type_t type, uint64_t id, uint32_t aux)
{
    uint8_t data[GODWIT__HEADER_SIZE];
    godwit__header_write (data, &(godwit__header_t){.type = (uint8_t) type, .id = id, .aux = aux});
    say (self, data, sizeof data);
}

/* One byte: 0xc0 is nil, 0xc1 is nothing at all. */
static void
say_byte (scripted_server_t *self, godwit__frame_type_t type, uint64_t id, uint8_t byte)
{
    uint8_t data[GODWIT__HEADER_SIZE + 1];
    godwit__header_write (data, &(godwit__header_t){.type = (uint8_t) type, .id = id});
    data[GODWIT__HEADER_SIZE] = byte;
    say (self, data, sizeof data);
}

static void
say_failure (scripted_server_t *self, uint64_t id, godwit_outcome_t outcome)
{
    uint8_t *data = NULL;
    godwit_error_t *error = NULL;
    godwit__error_set_outcome (&error, GODWIT_ERR_FAILED, outcome, "it failed");
    const size_t size = godwit__failure_write (&data, id, 65536, error);
    say (self, data, size);
    free (data);
    godwit_error_destroy (&error);
}

static void
welcome (scripted_server_t *self)
{
    godwit__identity_t identity = {.incarnation = 1};
    uint8_t data[GODWIT__IDENTITY_FRAME_MAX];
    memcpy (identity.instance, self->instance, sizeof self->instance);
    say (self, data, godwit__identity_write (data, GODWIT__WELCOME, &identity));
}

static void
resolve (scripted_server_t *self, uint64_t id)
{
    godwit__record_t record = {.incarnation = 1,
                               .server_id = 7,
                               .revision = 1,
                               .state = GODWIT__RECORD_UP,
                               .weight = 1,
                               .exchange = "godwit",
                               .topic = "calc",
                               .server = self->name,
                               .fanout_address = "",
                               .host = "",
                               .versions = ""};
    uint8_t *data = NULL;
    memcpy (record.instance, self->instance, sizeof self->instance);
    const size_t size = godwit__resolved_write (&data, id, &record);
    godwit__put_u32 (data + 4, 7);
    say (self, data, size);
    free (data);
}

static void
answer (scripted_server_t *self, uint64_t id)
{
    scripted_t *world = self->world;
    const size_t number = atomic_fetch_add (&world->requests, 1);
    const scripted_answer_t which =
        world->answers[number < world->answer_count ? number : world->answer_count - 1];
    if (which >= ANSWER_NACK) {
        say_header (self, GODWIT__NACK, id, (uint32_t) (which - ANSWER_NACK));
        return;
    }
    switch (which) {
    case ANSWER_REPLY:
        say_byte (self, GODWIT__REPLY, id, 0xc0);
        break;
    case ANSWER_FAILURE:
        say_failure (self, id, GODWIT_OUTCOME_RAN);
        break;
    case ANSWER_FAILURE_NOT_RUN:
        say_failure (self, id, GODWIT_OUTCOME_REJECTED);
        break;
    case ANSWER_FAILURE_MALFORMED:
        say_byte (self, GODWIT__FAILURE, id, 0xc1);
        break;
    case ANSWER_REPLY_MALFORMED:
        say_byte (self, GODWIT__REPLY, id, 0xc1);
        break;
    case ANSWER_RESOLVED:
        resolve (self, id);
        break;
    case ANSWER_TIME_PASSES:
        scripted_let_time_pass (60000);
        break;
    case ANSWER_MONITOR_PASSES:
        scripted_let_time_pass (50);
        break;
    case ANSWER_LEAVES_LATER:
        say_header (self, GODWIT__GOODBYE, 0, 0);
        say_byte (self, GODWIT__REPLY, id, 0xc0);
        break;
    case ANSWER_LEAVES:
        say_header (self, GODWIT__GOODBYE, 0, 0);
        self->closed = true;
        break;
    case ANSWER_DIES:
        self->closed = true;
        break;
    case ANSWER_NOTHING:
    case ANSWER_NACK:
        break;
    }
}

static void
take (scripted_server_t *self, godwit__frame_t *frame)
{
    godwit__header_t header = {0};
    cr_assert_eq (godwit__header_read (&header, frame->data, frame->size), GODWIT__HEADER_OK);
    godwit__frame_release (frame);
    if (header.type == GODWIT__HELLO)
        welcome (self);
    else if (header.type == GODWIT__RESOLVE)
        resolve (self, header.id);
    else if (header.type == GODWIT__CANCEL)
        atomic_fetch_add (&self->world->cancels, 1);
    else if (header.type == GODWIT__REQUEST)
        answer (self, header.id);
}

static void
close_port (void *user)
{
    godwit__channel_t *port = user;
    port->ops->close (port);
}

static void *
serve (void *user)
{
    scripted_server_t *self = user;
    while (!atomic_load (&self->world->stops) && !self->closed) {
        godwit__frame_t frame;
        if (self->port->ops->recv (self->port, &frame, &self->client) == GODWIT__IO_OK)
            take (self, &frame);
        else
            self->port->ops->wait (self->port, false, LOOK_AGAIN_NS);
    }
    driver_loop_run (&self->loop, close_port, self->port);
    return NULL;
}

/* ---- the world ---- */

static void
server_open (scripted_t *world, const godwit__driver_ops_t *driver)
{
    scripted_server_t *self = &world->servers[world->server_count++];
    godwit__port_addresses_t addresses;
    const godwit__driver_options_t options = {.max_message_size = 1 << 20,
                                              .queue_limit = 100000,
                                              .connect_timeout_ms = 20000,
                                              .heartbeat_ms = 1000,
                                              .heartbeat_timeout_ms = 20000,
                                              .virtual_host = "",
                                              .insecure = true};
    self->world = world;
    self->instance[0] = 0xfa;
    self->instance[1] = (uint8_t) world->server_count;
    snprintf (self->name, sizeof self->name, "s%zu", world->server_count);
    cr_assert_eq (godwit__reactor_new (&self->reactor, &godwit__clock_system, NULL), GODWIT_OK);
    godwit__driver_options_t own = options;
    own.reactor = self->reactor;
    cr_assert_eq (driver->open (&self->driver, &own, NULL), GODWIT_OK);
    cr_assert_eq (self->driver->ops->open_port (self->driver, NULL, &self->port, &addresses, NULL),
                  GODWIT_OK);
    snprintf (self->address, sizeof self->address, "%s", addresses.links[addresses.link_count - 1]);
    driver_loop_start (&self->loop, self->reactor);
    cr_assert_eq (pthread_create (&self->thread, NULL, serve, self), 0);
}

void
scripted_open (scripted_t *self, const godwit__driver_ops_t *driver, size_t server_count, bool hand,
               const godwit_transport_options_t *options, const scripted_answer_t *answers,
               size_t answer_count)
{
    char url[1000];
    godwit_error_t *error = NULL;
    memset (self, 0, sizeof *self);
    atomic_store (&time_ms, SCRIPTED_BEGIN_MS);
    self->answers = answers;
    self->answer_count = answer_count;
    size_t used =
        (size_t) snprintf (url, sizeof url, "zmq:///?insecure=true&connect_timeout_ms=20000&static=");
    for (size_t i = 0; i < server_count; i++) {
        server_open (self, driver);
        used += (size_t) snprintf (url + used, sizeof url - used, "%scalc/%s@%s", i ? "," : "",
                                   self->servers[i].name, self->servers[i].address);
    }
    godwit__environment_t environment = godwit__system_environment;
    environment.driver = driver; /* zmq:// or not: only that one has lists of servers */
    if (hand)
        environment.clock = hand_clock;
    cr_assert_eq (godwit__transport_new_in (&self->transport, url, options, &environment, &error), GODWIT_OK,
                  "%s", godwit_error_print (error));
    cr_assert_eq (godwit_client_new (&self->client, self->transport, GODWIT_TARGET (.topic = "calc"),
                                     GODWIT_CLIENT_OPTIONS (.timeout_ms = 20000), NULL),
                  GODWIT_OK);
    cr_assert_eq (godwit_client_wait_servers (self->client, server_count, 20000, &error), GODWIT_OK, "%s",
                  godwit_error_print (error));
}

void
scripted_close (scripted_t *self)
{
    godwit_client_destroy (&self->client);
    godwit_transport_destroy (&self->transport);
    atomic_store (&self->stops, true);
    for (size_t i = 0; i < self->server_count; i++) {
        pthread_join (self->servers[i].thread, NULL);
        driver_loop_stop (&self->servers[i].loop);
        self->servers[i].driver->ops->close (self->servers[i].driver);
        godwit__reactor_destroy (&self->servers[i].reactor);
    }
}
