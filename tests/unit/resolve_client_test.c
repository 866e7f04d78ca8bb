/* SPDX-License-Identifier: Apache-2.0 */
/* A client of a static list, and a server that answers what it likes: frames by hand over a port of the
 * driver. */
#include <godwit/client.h>

#include "src/runtime/transport.h"
#include "src/wire/wire.h"
#include "tests/support/driver_loop.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_LIMIT_NS (INT64_C (20000) * GODWIT__NS_PER_MS)

typedef struct fake {
    godwit__reactor_t *reactor;
    godwit__driver_t *driver;
    driver_loop_t loop;
    godwit__channel_t *port;
    godwit__routing_id_t client;
    godwit_transport_t *transport;
    godwit_client_t *client_one;
} fake_t;

static const uint8_t instance[GODWIT__UUID_SIZE] = {0xfa, 0xce};

/* The next frame of a client, whose header is read; all but its body is forgotten. */
static godwit__header_t
receive (fake_t *fake, godwit__frame_t *frame)
{
    godwit__header_t header = {0};
    godwit__io_t io;
    while ((io = fake->port->ops->recv (fake->port, frame, &fake->client)) == GODWIT__IO_AGAIN)
        fake->port->ops->wait (fake->port, false, WAIT_LIMIT_NS);
    cr_assert_eq (io, GODWIT__IO_OK);
    cr_assert_eq (godwit__header_read (&header, frame->data, frame->size), GODWIT__HEADER_OK);
    return header;
}

/* What is next but for PING, and the answer to HELLO is WELCOME. */
static godwit__header_t
expect (fake_t *fake, godwit__frame_type_t type)
{
    for (;;) {
        godwit__frame_t frame;
        const godwit__header_t header = receive (fake, &frame);
        if (header.type == GODWIT__RESOLVE) {
            godwit__names_t names;
            cr_assert_eq (godwit__resolve_read (&names, &frame, NULL), GODWIT_OK);
            cr_assert_str_eq (names.exchange, "godwit");
            cr_assert_str_eq (names.topic, "calc");
            cr_assert_str_eq (names.server, "one");
        }
        godwit__frame_release (&frame);
        if (header.type == GODWIT__HELLO) {
            godwit__identity_t identity = {.incarnation = 1};
            uint8_t data[GODWIT__IDENTITY_FRAME_MAX];
            memcpy (identity.instance, instance, sizeof instance);
            const godwit__message_t welcome = {
                .data = data, .size = godwit__identity_write (data, GODWIT__WELCOME, &identity)};
            cr_assert_eq (fake->port->ops->send (fake->port, fake->client, &welcome), GODWIT__IO_OK);
        } else if (header.type != GODWIT__PING) {
            cr_assert_eq (header.type, type);
            return header;
        }
    }
}

static void
answer (fake_t *fake, uint64_t id, uint32_t target, const godwit__record_t *record)
{
    uint8_t *data = NULL;
    const size_t size = godwit__resolved_write (&data, id, record);
    godwit__put_u32 (data + 4, target);
    const godwit__message_t message = {.data = data, .size = size};
    cr_assert_eq (fake->port->ops->send (fake->port, fake->client, &message), GODWIT__IO_OK);
    free (data);
}

static void
answer_header (fake_t *fake, const godwit__header_t *header)
{
    uint8_t data[GODWIT__HEADER_SIZE];
    godwit__header_write (data, header);
    cr_assert_eq (fake->port->ops->send (fake->port, fake->client,
                                         &(godwit__message_t){.data = data, .size = sizeof data}),
                  GODWIT__IO_OK);
}

static uint64_t
malformed_of (const fake_t *fake)
{
    godwit_transport_stats_t stats;
    godwit_transport_stats (fake->transport, &stats, sizeof stats);
    return stats.frames_malformed;
}

static void
start (fake_t *fake)
{
    godwit__port_addresses_t addresses;
    char url[512];
    memset (fake, 0, sizeof *fake);
    cr_assert_eq (godwit__reactor_new (&fake->reactor, &godwit__clock_system, NULL), GODWIT_OK);
    const godwit__driver_options_t options = {.reactor = fake->reactor,
                                              .max_message_size = 1 << 20,
                                              .queue_limit = 1000,
                                              .connect_timeout_ms = 20000,
                                              .heartbeat_ms = 1000,
                                              .heartbeat_timeout_ms = 20000,
                                              .virtual_host = "",
                                              .insecure = true};
    cr_assert_eq (godwit__zmtp_driver.open (&fake->driver, &options, NULL), GODWIT_OK);
    cr_assert_eq (fake->driver->ops->open_port (fake->driver, NULL, &fake->port, &addresses, NULL),
                  GODWIT_OK);
    driver_loop_start (&fake->loop, fake->reactor);
    snprintf (url, sizeof url, "zmq:///?insecure=true&connect_timeout_ms=20000&static=calc/one@%s",
              addresses.links[addresses.link_count - 1]);
    cr_assert_eq (godwit_transport_new (&fake->transport, url, NULL, NULL), GODWIT_OK);
    cr_assert_eq (
        godwit_client_new (&fake->client_one, fake->transport, GODWIT_TARGET (.topic = "calc"), NULL, NULL),
        GODWIT_OK);
}

static void
end (fake_t *fake)
{
    godwit_client_destroy (&fake->client_one);
    godwit_transport_destroy (&fake->transport);
    driver_loop_stop (&fake->loop);
    fake->port->ops->close (fake->port);
    fake->driver->ops->close (fake->driver);
    godwit__reactor_destroy (&fake->reactor);
}

static godwit_future_t *
call (fake_t *fake)
{
    godwit_future_t *future = NULL;
    cr_assert_eq (godwit_client_call_future (fake->client_one, NULL, "any", GODWIT_NO_ARGS, &future, NULL),
                  GODWIT_OK);
    return future;
}

static godwit__record_t
truth (void)
{
    godwit__record_t record = {.incarnation = 1,
                               .server_id = 5,
                               .revision = 1,
                               .state = GODWIT__RECORD_UP,
                               .weight = 1,
                               .exchange = "godwit",
                               .topic = "calc",
                               .server = "one",
                               .fanout_address = "",
                               .host = "",
                               .versions = ""};
    memcpy (record.instance, instance, sizeof instance);
    return record;
}

Test (resolve_client, asks_until_the_answer_is_a_good_one, .timeout = 60)
{
    fake_t fake;
    start (&fake);
    godwit_future_t *future = call (&fake);
    uint64_t malformed = 0;
    uint64_t last_id = 0;
    for (int i = 0; i < 9; i++) {
        const godwit__header_t query = expect (&fake, GODWIT__RESOLVE);
        cr_assert_gt (query.id, last_id, "an id is used once");
        last_id = query.id;
        cr_assert_eq (malformed_of (&fake), malformed, "answer %d", i - 1);
        godwit__record_t record = truth ();
        malformed++;
        switch (i) {
        case 0:
            record.topic = "other";
            answer (&fake, query.id, 5, &record);
            break;
        case 1:
            record.server = "other";
            answer (&fake, query.id, 5, &record);
            break;
        case 2:
            record.exchange = "other";
            answer (&fake, query.id, 5, &record);
            break;
        case 3:
            record.instance[0]++; /* not who said WELCOME */
            answer (&fake, query.id, 5, &record);
            break;
        case 4:
            answer (&fake, query.id, 6, &record);
            break;
        case 5: /* no body */
            answer_header (&fake, &(godwit__header_t){.type = GODWIT__RESOLVED, .id = query.id});
            break;
        case 6: /* an answer to something else */
            answer_header (&fake, &(godwit__header_t){.type = GODWIT__REPLY, .id = query.id});
            break;
        case 7: /* these two are no mistakes */
            malformed--;
            answer_header (&fake, &(godwit__header_t){
                                      .type = GODWIT__NACK, .id = query.id, .aux = GODWIT__NACK_NOT_HERE});
            break;
        default:
            malformed--;
            answer (&fake, query.id + 1000, 5, &record); /* to no query: dropped */
            answer (&fake, query.id, 5, &record);
            break;
        }
    }
    const godwit__header_t request = expect (&fake, GODWIT__REQUEST);
    cr_assert_eq (request.target, 5u);
    cr_assert_gt (request.id, last_id);
    uint8_t reply[GODWIT__HEADER_SIZE + 1];
    godwit__header_write (reply, &(godwit__header_t){.type = GODWIT__REPLY, .id = request.id});
    reply[GODWIT__HEADER_SIZE] = 7;
    fake.port->ops->send (fake.port, fake.client, &(godwit__message_t){.data = reply, .size = sizeof reply});
    godwit_value_t *result = NULL;
    cr_assert_eq (godwit_future_wait (future, -1, NULL, &result, NULL), GODWIT_OK);
    cr_assert_eq (godwit_value_as_int (result, 0), 7);
    godwit_value_unref (&result);
    godwit_future_destroy (&future);

    /* A request is not answered with RESOLVED. */
    future = call (&fake);
    const godwit__header_t second = expect (&fake, GODWIT__REQUEST);
    const godwit__record_t record = truth ();
    answer (&fake, second.id, 5, &record);
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit_future_wait (future, -1, NULL, NULL, &error), GODWIT_ERR_MALFORMED);
    cr_assert_eq (godwit_error_outcome (error), GODWIT_OUTCOME_MAYBE_RUN);
    cr_assert_eq (malformed_of (&fake), malformed + 1);
    godwit_error_destroy (&error);
    godwit_future_destroy (&future);
    end (&fake);
}
