/* SPDX-License-Identifier: Apache-2.0 */
/* Publications in quick succession: what is kept together, and how a port takes it apart. */
#include "src/client/publish_batch.h"
#include "src/runtime/transport.h"
#include "src/server/pool.h"
#include "src/server/server.h"

#include <criterion/criterion.h>
#include <godwit/server.h>
#include <string.h>

#define US INT64_C (1000)

static uint8_t key[GODWIT__KEY_SIZE] = "0123456789abcde";

/* Comes `count` times, a microsecond apart; returns how many of them may be kept. */
static int
come (godwit__publish_batch_t *batch, int64_t *now_ns, int count)
{
    int kept = 0;
    for (int i = 0; i < count; i++)
        kept += godwit__publish_batch_may_keep (batch, *now_ns += US);
    return kept;
}

Test (publish_batch, the_first_ones_are_sent_at_once)
{
    godwit__publish_batch_t batch;
    int64_t now_ns = 1000000 * US;
    godwit__publish_batch_init (&batch);
    cr_assert_eq (come (&batch, &now_ns, 8), 0);
    cr_assert_eq (come (&batch, &now_ns, 5), 5);
    now_ns += 200 * US; /* a pause: they come alone again */
    cr_assert_eq (come (&batch, &now_ns, 8), 0);
    cr_assert_eq (come (&batch, &now_ns, 1), 1);
    godwit__publish_batch_release (&batch);
}

Test (publish_batch, what_is_kept_is_due_by_time_and_by_number)
{
    godwit__publish_batch_t batch;
    const int64_t now_ns = 1000000 * US;
    godwit__publish_batch_init (&batch);
    cr_assert_not (godwit__publish_batch_is_due (&batch, now_ns));
    cr_assert (godwit__publish_batch_add (&batch, key, sizeof key, now_ns));
    cr_assert (godwit__publish_batch_add (&batch, key, sizeof key, now_ns + 100 * US));
    cr_assert_not (godwit__publish_batch_is_due (&batch, now_ns + 249 * US));
    cr_assert (godwit__publish_batch_is_due (&batch, now_ns + 250 * US));
    for (int i = 2; i < GODWIT__PUBLISH_BATCH_COUNT; i++) {
        cr_assert_not (godwit__publish_batch_is_due (&batch, now_ns));
        cr_assert (godwit__publish_batch_add (&batch, key, sizeof key, now_ns));
    }
    cr_assert (godwit__publish_batch_is_due (&batch, now_ns));
    const godwit__message_t message = godwit__publish_batch_take (&batch);
    cr_assert_gt (message.size, (size_t) GODWIT__PUBLISH_BATCH_COUNT * sizeof key);
    cr_assert (godwit__publish_batch_is_empty (&batch));
    godwit__publish_batch_release (&batch);
}

Test (publish_batch, keeps_one_key_and_nothing_large)
{
    static uint8_t large[GODWIT__BATCH_FRAME_MAX + 1];
    uint8_t other[GODWIT__KEY_SIZE] = "another key";
    godwit__publish_batch_t batch;
    godwit__publish_batch_init (&batch);
    memcpy (large, key, sizeof key);
    cr_assert_not (godwit__publish_batch_add (&batch, large, sizeof large, 1));
    cr_assert (godwit__publish_batch_is_empty (&batch));
    cr_assert (godwit__publish_batch_add (&batch, key, sizeof key, 1));
    cr_assert_not (godwit__publish_batch_add (&batch, other, sizeof other, 1));
    /* One alone goes as it came. */
    const godwit__message_t message = godwit__publish_batch_take (&batch);
    cr_assert (message.size == sizeof key && memcmp (message.data, key, sizeof key) == 0);
    cr_assert (godwit__publish_batch_add (&batch, other, sizeof other, 1));
    godwit__publish_batch_release (&batch);
}

/* ---- at a port, whose frames the test hands in ---- */

static unsigned ran;

static godwit_status_t
tick (godwit_request_t *request, void *self)
{
    (void) self;
    ran += (unsigned) godwit_value_as_int (godwit_value_get (godwit_request_args (request), "by"), 0);
    return GODWIT_OK;
}

typedef struct side {
    godwit_transport_t *transport;
    godwit_server_t *server;
    godwit__port_t *port;
} side_t;

static void
open_side (side_t *self)
{
    static const godwit_method_t methods[] = {GODWIT_METHOD ("tick", tick, 0)};
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .version = "1.0");
    cr_assert_eq (godwit_transport_new (&self->transport, "inproc://batch/",
                                        GODWIT_TRANSPORT_OPTIONS (.external_loop = true), NULL),
                  GODWIT_OK);
    cr_assert_eq (godwit_server_new (&self->server, self->transport,
                                     GODWIT_TARGET (.topic = "t", .server = "s"), &endpoint, 1, NULL, NULL),
                  GODWIT_OK);
    cr_assert_eq (godwit_server_start (self->server, NULL, NULL), GODWIT_OK);
    self->port = &self->transport->pool->ports[0];
    ran = 0;
}

static void
close_side (side_t *self)
{
    godwit_server_destroy (&self->server);
    godwit_transport_destroy (&self->transport);
}

/* Adds the publication `id`, which counts 1. */
static void
add_publication (const side_t *self, godwit__publish_batch_t *batch, uint64_t id)
{
    uint8_t data[128];
    godwit__writer_t writer = {.data = data, .size = GODWIT__KEY_SIZE + GODWIT__HEADER_SIZE, .capacity = 128};
    memcpy (data, self->server->key, GODWIT__KEY_SIZE);
    godwit__header_write (
        data + GODWIT__KEY_SIZE,
        &(godwit__header_t){.type = GODWIT__PUBLICATION, .flags = GODWIT__FLAG_CAST, .target = 77, .id = id});
    godwit__write_array (&writer, 3);
    godwit__write_map (&writer, 0);
    godwit__write_str (&writer, "tick", 4);
    godwit__write_map (&writer, 1);
    godwit__write_str (&writer, "by", 2);
    godwit__write_int (&writer, 1);
    cr_assert (godwit__publish_batch_add (batch, data, writer.size, 1));
}

static void
hand_in (const side_t *self, const void *data, size_t size)
{
    godwit__frame_t frame = {.data = (uint8_t *) &frame.storage};
    uint8_t copy[4096];
    cr_assert_leq (size, sizeof copy);
    memcpy (copy, data, size);
    frame = (godwit__frame_t){.data = copy, .size = size};
    godwit__port_frame (self->port, NULL, &frame, GODWIT__ROUTING_ID_FANOUT);
    while (self->port->batch.batch) {
        godwit__routing_id_t routing_id = 0;
        if (godwit__port_next (self->port, &frame, &routing_id, 0) == GODWIT__IO_OK)
            godwit__port_frame (self->port, NULL, &frame, routing_id);
    }
}

static uint64_t
counted (atomic_uint_fast64_t *counter)
{
    return atomic_load (counter);
}

Test (publish_batch, a_port_takes_it_apart)
{
    side_t side;
    godwit__publish_batch_t batch;
    open_side (&side);
    godwit__publish_batch_init (&batch);
    for (uint64_t id = 1; id <= 5; id++)
        add_publication (&side, &batch, id);
    const godwit__message_t message = godwit__publish_batch_take (&batch);
    hand_in (&side, message.data, message.size);
    cr_assert_eq (ran, 5u);
    cr_assert_eq (counted (&side.port->counters->fanouts_received), 5u);
    cr_assert_eq (counted (&side.transport->counters.fanout_gaps), 0u);

    /* Each is looked at by itself: seen before, missed before. */
    hand_in (&side, message.data, message.size);
    cr_assert_eq (ran, 5u);
    cr_assert_eq (counted (&side.transport->counters.requests_duplicate), 5u);
    add_publication (&side, &batch, 8);
    add_publication (&side, &batch, 9);
    const godwit__message_t later = godwit__publish_batch_take (&batch);
    hand_in (&side, later.data, later.size);
    cr_assert_eq (ran, 7u);
    cr_assert_eq (counted (&side.transport->counters.fanout_gaps), 2u);
    godwit__publish_batch_release (&batch);
    close_side (&side);
}

Test (publish_batch, a_wrong_one_is_malformed_from_there_on)
{
    side_t side;
    godwit__publish_batch_t batch;
    uint8_t wrong[4096];
    open_side (&side);
    godwit__publish_batch_init (&batch);
    for (uint64_t id = 1; id <= 3; id++)
        add_publication (&side, &batch, id);
    const godwit__message_t message = godwit__publish_batch_take (&batch);
    memcpy (wrong, message.data, message.size);
    hand_in (&side, wrong, message.size - 1);
    cr_assert_eq (ran, 2u);
    cr_assert_eq (counted (&side.transport->counters.frames_malformed), 1u);

    /* A batch in a batch. */
    wrong[2 * GODWIT__KEY_SIZE + GODWIT__HEADER_SIZE + 4 + 2] = GODWIT__BATCH;
    hand_in (&side, wrong, message.size);
    cr_assert_eq (counted (&side.transport->counters.frames_malformed), 2u);
    cr_assert_eq (ran, 3u);
    godwit__publish_batch_release (&batch);
    close_side (&side);
}
