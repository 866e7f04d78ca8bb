/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/fake_server.h"

#include "src/runtime/environment.h"
#include "src/runtime/transport.h"
#include "src/wire/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* So that the test knows what stops it. */
#define MUST(condition_)                                                                                     \
    do {                                                                                                     \
        if (!(condition_)) {                                                                                 \
            fprintf (stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition_);                                \
            abort ();                                                                                        \
        }                                                                                                    \
    } while (0)

#define WAIT_LIMIT_NS (INT64_C (20000) * GODWIT__NS_PER_MS)
#define BEGIN_MS 1000000

_Atomic (int64_t) fake_time_ms = BEGIN_MS;

static int64_t
read_clock (void *user)
{
    (void) user;
    return atomic_load (&fake_time_ms) * GODWIT__NS_PER_MS;
}

static const godwit__clock_t hand = {.now_ns = read_clock};

static const uint8_t instance[GODWIT__UUID_SIZE] = {0xfa, 0xce};

void
fake_say (fake_t *fake, const void *data, size_t size)
{
    const godwit__message_t message = {.data = (void *) (uintptr_t) data, .size = size};
    MUST (fake->port->ops->send (fake->port, fake->client, &message) == GODWIT__IO_OK);
}

void
fake_say_header (fake_t *fake, godwit__frame_type_t type, uint64_t id)
{
    uint8_t data[GODWIT__HEADER_SIZE];
    godwit__header_write (data, &(godwit__header_t){.type = (uint8_t) type, .id = id});
    fake_say (fake, data, sizeof data);
}

static void
welcome (fake_t *fake)
{
    godwit__identity_t identity = {.incarnation = 1};
    uint8_t data[GODWIT__IDENTITY_FRAME_MAX];
    memcpy (identity.instance, instance, sizeof instance);
    fake_say (fake, data, godwit__identity_write (data, GODWIT__WELCOME, &identity));
}

static void
resolve (fake_t *fake, uint64_t id)
{
    godwit__record_t record = {.incarnation = 1,
                               .server_id = 7,
                               .revision = 1,
                               .state = GODWIT__RECORD_UP,
                               .weight = 1,
                               .exchange = "godwit",
                               .topic = "calc",
                               .server = "one",
                               .fanout_address = "",
                               .host = "",
                               .versions = ""};
    uint8_t *data = NULL;
    memcpy (record.instance, instance, sizeof instance);
    const size_t size = godwit__resolved_write (&data, id, &record);
    godwit__put_u32 (data + 4, 7);
    fake_say (fake, data, size);
    free (data);
}

godwit__header_t
fake_next (fake_t *fake)
{
    for (;;) {
        godwit__frame_t frame;
        godwit__header_t header = {0};
        godwit__io_t io;
        while ((io = fake->port->ops->recv (fake->port, &frame, &fake->client)) == GODWIT__IO_AGAIN)
            fake->port->ops->wait (fake->port, false, WAIT_LIMIT_NS);
        MUST (io == GODWIT__IO_OK);
        MUST (godwit__header_read (&header, frame.data, frame.size) == GODWIT__HEADER_OK);
        godwit__frame_release (&frame);
        if (header.type == GODWIT__HELLO)
            welcome (fake);
        else if (header.type == GODWIT__RESOLVE)
            resolve (fake, header.id);
        else
            return header;
    }
}

godwit__header_t
fake_expect (fake_t *fake, godwit__frame_type_t type)
{
    godwit__header_t header;
    do
        header = fake_next (fake);
    while (header.type == GODWIT__PING);
    MUST (header.type == type);
    return header;
}

void
fake_start (fake_t *fake)
{
    fake_start_with (fake, NULL);
}

void
fake_start_with (fake_t *fake, const godwit_transport_options_t *transport_options)
{
    godwit__port_addresses_t addresses;
    char url[512];
    memset (fake, 0, sizeof *fake);
    atomic_store (&fake_time_ms, BEGIN_MS);
    MUST (godwit__reactor_new (&fake->reactor, &godwit__clock_system, NULL) == GODWIT_OK);
    const godwit__driver_options_t options = {.reactor = fake->reactor,
                                              .max_message_size = 1 << 20,
                                              .queue_limit = 1000,
                                              .connect_timeout_ms = 20000,
                                              .heartbeat_ms = 1000,
                                              .heartbeat_timeout_ms = 20000,
                                              .virtual_host = "",
                                              .insecure = true};
    MUST (godwit__zmtp_driver.open (&fake->driver, &options, NULL) == GODWIT_OK);
    MUST (fake->driver->ops->open_port (fake->driver, NULL, &fake->port, &addresses, NULL) == GODWIT_OK);
    driver_loop_start (&fake->loop, fake->reactor);
    snprintf (url, sizeof url, "zmq:///?insecure=true&connect_timeout_ms=20000&static=calc/one@%s",
              addresses.links[addresses.link_count - 1]);
    godwit__environment_t environment = godwit__system_environment;
    environment.clock = hand; /* waits still take real time, and look at it again afterwards */
    MUST (godwit__transport_new_in (&fake->transport, url, transport_options, &environment, NULL) ==
          GODWIT_OK);
    MUST (godwit_client_new (&fake->patient, fake->transport, GODWIT_TARGET (.topic = "calc"), NULL, NULL) ==
          GODWIT_OK);
    MUST (godwit_client_prepare (&fake->monitored, fake->patient,
                                 GODWIT_OVERRIDES (.timeout_ms = 120, .call_monitor_timeout_ms = 50),
                                 NULL) == GODWIT_OK);
}

void
fake_end (fake_t *fake)
{
    godwit_client_destroy (&fake->monitored);
    godwit_client_destroy (&fake->patient);
    godwit_transport_destroy (&fake->transport);
    driver_loop_stop (&fake->loop);
    fake->port->ops->close (fake->port);
    fake->driver->ops->close (fake->driver);
    godwit__reactor_destroy (&fake->reactor);
}

static void *
run (void *user)
{
    fake_caller_t *caller = user;
    caller->status = godwit_client_call (caller->client, NULL, "any", GODWIT_NO_ARGS, NULL, &caller->error);
    atomic_store (&caller->ended, true);
    return NULL;
}

void
fake_call (fake_caller_t *caller, godwit_client_t *client)
{
    *caller = (fake_caller_t){.client = client};
    MUST (pthread_create (&caller->thread, NULL, run, caller) == 0);
}

void
fake_reply (fake_t *fake, uint64_t id)
{
    uint8_t data[GODWIT__HEADER_SIZE + 1];
    godwit__header_write (data, &(godwit__header_t){.type = GODWIT__REPLY, .id = id});
    data[GODWIT__HEADER_SIZE] = 0xc0; /* nil */
    fake_say (fake, data, sizeof data);
}

void
fake_settle (fake_t *fake)
{
    fake_caller_t caller;
    fake_call (&caller, fake->patient);
    const godwit__header_t request = fake_expect (fake, GODWIT__REQUEST);
    MUST (request.aux == 0u);
    fake_reply (fake, request.id);
    pthread_join (caller.thread, NULL);
    MUST (caller.status == GODWIT_OK);
}
