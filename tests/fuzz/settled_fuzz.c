/* SPDX-License-Identifier: Apache-2.0 */
/* What a listener answers to a notifier's NOTIFYs. The input is a program:
 *
 *     count, step, bytes ...     count: notifications that are sent; step: a SETTLED, a NACK, anything; more
 *                                notifications; time that passes
 *
 * Afterwards the listener answers as it should. Then each notification is acknowledged, or was requeued too
 * often, exactly once, and nothing is left on its way. */
#include "src/delivery/flight.h"
#include "src/delivery/stream.h"
#include "src/runtime/environment.h"
#include "src/wire/notify_frame.h"
#include "src/wire/wire.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

#define LANE "notify:t.info"

enum { STEPS_MAX = 64, COUNT_MAX = 64, FLIGHTS_MAX = 4096, TURN_MS = 20, TURNS_MAX = 20000 };

static void
check (bool good)
{
    if (!good)
        abort ();
}

/* ---- the listener: a port of the driver ---- */

static godwit__reactor_t *reactor;
static godwit__driver_t *driver;
static godwit__channel_t *port;
static godwit__routing_id_t client;
/* NOTIFYs that came and were not answered as they should be. */
static uint64_t flights[FLIGHTS_MAX];
static size_t flight_count;

static void
say (const void *data, size_t size)
{
    const godwit__message_t message = {.data = (void *) (uintptr_t) data, .size = size};
    port->ops->send (port, client, &message);
}

static void
say_header (godwit__header_t header)
{
    uint8_t data[GODWIT__HEADER_SIZE];
    godwit__header_write (data, &header);
    say (data, sizeof data);
}

static void
resolved (uint64_t id)
{
    const godwit__record_t record = {.instance = {7},
                                     .incarnation = 1,
                                     .server_id = 7,
                                     .revision = 1,
                                     .weight = 1,
                                     .state = GODWIT__RECORD_UP,
                                     .exchange = "godwit",
                                     .topic = LANE,
                                     .server = "one",
                                     .fanout_address = "",
                                     .host = "",
                                     .versions = "pool.liar=1.512"};
    uint8_t *data = NULL;
    const size_t size = godwit__resolved_write (&data, id, &record);
    say (data, size);
    free (data);
}

static void
take_frame (const godwit__header_t *header)
{
    const godwit__identity_t identity = {.instance = {7}, .incarnation = 1, .features = GODWIT__FEATURES};
    uint8_t data[GODWIT__IDENTITY_FRAME_MAX];
    switch (header->type) {
    case GODWIT__HELLO:
        flight_count = 0; /* of another connection, perhaps: those it was waiting for are lost */
        say (data, godwit__identity_write (data, GODWIT__WELCOME, &identity));
        break;
    case GODWIT__RESOLVE:
        resolved (header->id);
        break;
    case GODWIT__PING:
        say_header ((godwit__header_t){.type = GODWIT__PONG, .target = header->target, .id = header->id});
        break;
    case GODWIT__NOTIFY:
        check (flight_count < FLIGHTS_MAX);
        flights[flight_count++] = header->id;
        break;
    default:
        break;
    }
}

static void
take_frames (void)
{
    godwit__frame_t frame;
    while (port->ops->recv (port, &frame, &client) == GODWIT__IO_OK) {
        godwit__header_t header;
        godwit__batch_reader_t batch = {.batch = NULL};
        godwit__frame_t part;
        check (!godwit__header_read (&header, frame.data, frame.size));
        if (header.type != GODWIT__BATCH) {
            godwit__frame_release (&frame);
            take_frame (&header);
            continue;
        }
        check (godwit__batch_open (&batch, &frame));
        while (godwit__batch_next (&batch, &part) == GODWIT__BATCH_FRAME) {
            check (!godwit__header_read (&header, part.data, part.size));
            godwit__frame_release (&part);
            take_frame (&header);
        }
    }
}

static void
settle_all (void)
{
    for (size_t i = 0; i < flight_count; i++)
        say_header ((godwit__header_t){.type = GODWIT__SETTLED, .id = flights[i], .aux = 512});
    flight_count = 0;
}

/* ---- the notifier ---- */

static int64_t time_ms = 1000000;
static godwit_transport_t *transport;
static godwit__outbox_t *outbox;
static godwit__stream_t *stream;

static int64_t
read_clock (void *user)
{
    (void) user;
    return time_ms * GODWIT__NS_PER_MS;
}

static void
turn (int64_t ms)
{
    time_ms += ms;
    check (!godwit_transport_process (transport, 0, NULL));
    take_frames ();
}

static godwit__consumer_t *
pool_of_stream (void)
{
    godwit__consumer_t *const pool = GODWIT__FIRST (&stream->consumers, godwit__consumer_t, in_stream);
    if (!pool)
        abort ();
    return pool;
}

static void
finish (void)
{
    godwit__outbox_destroy (&outbox);
    godwit_transport_destroy (&transport);
    port->ops->close (port);
    driver->ops->close (driver);
    godwit__reactor_destroy (&reactor);
}

static void
start (void)
{
    char url[512];
    const char *const pools[] = {"liar"};
    godwit__port_addresses_t addresses;
    godwit__environment_t environment = godwit__system_environment;
    check (!godwit__reactor_new (&reactor, &godwit__clock_system, NULL));
    const godwit__driver_options_t options = {.reactor = reactor,
                                              .max_message_size = 1 << 20,
                                              .queue_limit = FLIGHTS_MAX,
                                              .connect_timeout_ms = 20000,
                                              .heartbeat_ms = 1000,
                                              .heartbeat_timeout_ms = 20000,
                                              .virtual_host = ""};
    check (!godwit__inproc_driver.open (&driver, &options, NULL));
    check (!driver->ops->open_port (driver, NULL, &port, &addresses, NULL));
    snprintf (url, sizeof url, "zmq:///?static=" LANE "/one@%s", addresses.links[0]);
    environment.driver = &godwit__inproc_driver; /* zmq:// or not: only that one has lists of servers */
    environment.clock = (godwit__clock_t){.now_ns = read_clock};
    check (!godwit__transport_new_in (&transport, url, GODWIT_TRANSPORT_OPTIONS (.external_loop = true),
                                      &environment, NULL));
    check (!godwit__outbox_new (&outbox, transport,
                                GODWIT_DELIVERY_OPTIONS (.pools = pools, .pool_count = 1, .max_requeues = 3,
                                                         .requeue_first_ms = 1, .requeue_max_ms = 50),
                                NULL));
    stream = godwit__outbox_stream (outbox, "godwit", "t", GODWIT_PRIORITY_INFO);
    check (stream != NULL);
    atexit (finish);
}

static void
notify (unsigned count)
{
    static const char body[50] = "nobody reads it";
    while (count--) {
        bool dropped = false;
        check (!godwit__stream_append (stream, body, count % sizeof body, -1, &dropped, NULL) && !dropped);
    }
    take_frames ();
}

/* ---- the program ---- */

typedef struct input {
    const uint8_t *at;
    size_t left;
} input_t;

static uint8_t
take (input_t *input)
{
    if (!input->left)
        return 0;
    input->left--;
    return *input->at++;
}

/* Of one that is under way, mostly. */
static uint64_t
take_id (input_t *input)
{
    const uint8_t which = take (input);
    return flight_count && which < 224 ? flights[which % flight_count] : which - UINT64_C (224);
}

static size_t
write_frame (uint8_t *to, godwit__header_t header, input_t *input)
{
    size_t size = GODWIT__HEADER_SIZE;
    godwit__header_write (to, &header);
    for (uint8_t more = take (input); more && input->left; more--)
        to[size++] = take (input);
    return size;
}

static uint32_t
take_credit (input_t *input)
{
    static const uint32_t credits[] = {0, 1, 2, 512, 0x7fffffff, 0x80000000, 0xffffffff};
    const uint8_t which = take (input);
    return which < 7 ? credits[which] : which;
}

static void
step (input_t *input)
{
    uint8_t frame[4 * (4 + GODWIT__HEADER_SIZE + 256)];
    size_t size = 0;
    const uint8_t what = take (input);
    switch (what & 7) {
    case 0: /* anything */
        for (uint8_t more = take (input) & 127; more && input->left; more--)
            frame[size++] = take (input);
        break;
    case 1:
        size = write_frame (
            frame,
            (godwit__header_t){.type = take (input), .id = take_id (input), .aux = take_credit (input)},
            input);
        break;
    case 2:
        size = write_frame (
            frame, (godwit__header_t){.type = GODWIT__NACK, .id = take_id (input), .aux = take (input)},
            input);
        break;
    case 3: /* several in one */
        size = GODWIT__HEADER_SIZE;
        godwit__header_write (frame, &(godwit__header_t){.type = GODWIT__BATCH, .aux = 3});
        for (int i = 0; i < 3; i++) {
            const size_t part = write_frame (
                frame + size + 4, (godwit__header_t){.type = GODWIT__SETTLED, .id = take_id (input)}, input);
            godwit__put_u32 (frame + size, (uint32_t) part + (what == 0xfb && i == 2));
            size += 4 + part;
        }
        break;
    case 4:
        notify (1 + take (input) % 32);
        return;
    case 5:
        turn (take (input) * (int64_t) 10);
        return;
    default:
        size = write_frame (
            frame,
            (godwit__header_t){.type = GODWIT__SETTLED, .id = take_id (input), .aux = take_credit (input)},
            input);
        break;
    }
    say (frame, size);
    if (what & 128) /* else it is still there when the next one comes */
        turn (0);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (!transport)
        start ();
    input_t input = {data, size};
    const godwit_notifier_stats_t before = outbox->stats;
    notify (1 + take (&input) % COUNT_MAX);
    turn (0);
    for (int i = 0; i < STEPS_MAX && input.left; i++)
        step (&input);
    int turns = 0;
    for (; outbox->kept; turns++) {
        check (turns < TURNS_MAX);
        turn (TURN_MS);
        settle_all ();
    }
    const godwit_notifier_stats_t *const now = &outbox->stats;
    check (now->acknowledged - before.acknowledged + now->exhausted - before.exhausted ==
           now->accepted - before.accepted);
    while (outbox->flights && turns++ < TURNS_MAX)
        turn (TURN_MS);
    const godwit__consumer_t *const pool = pool_of_stream ();
    check (!outbox->flights && !pool->in_flight && !pool->returned_count && !pool->requeued_count);
    for (const godwit__outlet_t *at = GODWIT__FIRST (&pool->outlets, godwit__outlet_t, in_consumer); at;
         at = GODWIT__NEXT (&pool->outlets, at, godwit__outlet_t, in_consumer))
        check (!at->unsettled && !at->unsettled_size && !at->flights);
    return 0;
}
