/* SPDX-License-Identifier: Apache-2.0 */
/* The driver suite: bytes of the caller's that travel inside of a message. */
#include "tests/conformance/driver_fixture.h"

#include <stdlib.h>

/* A message of up to three pieces of data with two inserts between them, and what it is on the wire. */
typedef struct pieces {
    godwit__message_t message;
    godwit__insert_t inserts[2];
    uint8_t *expected;
    size_t expected_size;
} pieces_t;

static atomic_int freed_data;
static atomic_int freed_inserts;

static void
free_data (void *data, void *hint)
{
    cr_assert_null (hint);
    free (data);
    atomic_fetch_add (&freed_data, 1);
}

static void
free_insert (void *data, void *hint)
{
    cr_assert_str_eq (hint, "hint");
    free (data);
    atomic_fetch_add (&freed_inserts, 1);
}

static uint8_t *
filled (size_t size, unsigned seed)
{
    uint8_t *bytes = malloc (size ? size : 1);
    cr_assert_not_null (bytes);
    fill (bytes, size, seed);
    return bytes;
}

static void
make_pieces (pieces_t *pieces, const size_t data_sizes[3], const size_t insert_sizes[2], unsigned seed)
{
    const size_t size = data_sizes[0] + data_sizes[1] + data_sizes[2];
    uint8_t *const data = filled (size, seed);
    uint8_t *to = pieces->expected = malloc (size + insert_sizes[0] + insert_sizes[1] + 1);
    cr_assert_not_null (to);
    size_t at = 0;
    for (size_t i = 0; i < 3; i++) {
        memcpy (to, data + at, data_sizes[i]);
        to += data_sizes[i];
        at += data_sizes[i];
        if (i == 2)
            break;
        uint8_t *const bytes = filled (insert_sizes[i], seed + 1 + (unsigned) i);
        memcpy (to, bytes, insert_sizes[i]);
        to += insert_sizes[i];
        pieces->inserts[i] = (godwit__insert_t){.at = at,
                                                .data = bytes,
                                                .size = insert_sizes[i],
                                                .free_fn = free_insert,
                                                .hint = (void *) (uintptr_t) "hint"};
    }
    pieces->expected_size = (size_t) (to - pieces->expected);
    pieces->message = (godwit__message_t){
        .data = data, .size = size, .free_fn = free_data, .inserts = pieces->inserts, .insert_count = 2};
}

/* The message was not sent: so it is ours. */
static void
drop_pieces (pieces_t *pieces)
{
    free (pieces->message.data);
    for (size_t i = 0; i < 2; i++)
        free ((void *) (uintptr_t) pieces->inserts[i].data);
    free (pieces->expected);
}

/* Sends it, and waits until it has come out at the other end. */
static godwit__routing_id_t
pass (godwit__channel_t *from, godwit__routing_id_t routing_id, godwit__channel_t *to, pieces_t *pieces)
{
    cr_assert_eq (godwit__message_size (&pieces->message), pieces->expected_size);
    cr_assert_eq (from->ops->send (from, routing_id, &pieces->message), GODWIT__IO_OK);
    memset (pieces->inserts, 0xee, sizeof pieces->inserts); /* the array is ours again */
    const godwit__routing_id_t received = expect_bytes (to, pieces->expected, pieces->expected_size);
    free (pieces->expected);
    return received;
}

void
driver_conformance_inserts_travel_in_place (const driver_conformance_t *subject)
{
    static const size_t data_sizes[][3] = {{20, 10, 5}, {24, 0, 0}, {1, 0, 2000}, {300, 100000, 1}};
    static const size_t insert_sizes[][2] = {{0, 1}, {64, 1000}, {20000, 70000}, {1 << 20, 3 << 20}};
    for (size_t address = 0; address < subject->address_count; address++) {
        scene_t scene;
        open_scene (&scene, subject, address);
        godwit__channel_t *link = scene.links[0].channel;
        unsigned seed = 0;
        for (size_t i = 0; i < sizeof data_sizes / sizeof *data_sizes; i++)
            for (size_t j = 0; j < sizeof insert_sizes / sizeof *insert_sizes; j++) {
                pieces_t there, back;
                make_pieces (&there, data_sizes[i], insert_sizes[j], seed++);
                make_pieces (&back, data_sizes[i], insert_sizes[j], seed++);
                const godwit__routing_id_t routing_id = pass (link, 0, scene.port, &there);
                pass (scene.port, routing_id, link, &back);
            }
        close_scene (&scene);
    }
    cr_assert_eq (atomic_load (&freed_data), (int) (2 * 16 * subject->address_count));
    cr_assert_eq (atomic_load (&freed_inserts), (int) (4 * 16 * subject->address_count));
}

void
driver_conformance_inserts_are_given_back_once (const driver_conformance_t *subject)
{
    static const size_t data_sizes[3] = {20, 10, 5};
    static const size_t insert_sizes[2] = {1000, 200000};
    scene_t scene;
    pieces_t pieces;
    open_scene (&scene, subject, 0);
    godwit__channel_t *link = scene.links[0].channel;
    int accepted = 0;
    /* Nobody receives: until AGAIN, which leaves the bytes with us. */
    for (;;) {
        make_pieces (&pieces, data_sizes, insert_sizes, (unsigned) accepted);
        const godwit__io_t io = link->ops->send (link, 0, &pieces.message);
        if (io != GODWIT__IO_OK) {
            cr_assert_eq (io, GODWIT__IO_AGAIN);
            break;
        }
        free (pieces.expected);
        accepted++;
    }
    cr_assert_geq (accepted, 1);
    cr_assert_eq (scene.port->ops->send (scene.port, 12345, &pieces.message), GODWIT__IO_CLOSED);

    /* The limit of a message holds for all of it. */
    static const size_t large_sizes[2] = {MAX_MESSAGE / 2, MAX_MESSAGE / 2};
    pieces_t large;
    make_pieces (&large, data_sizes, large_sizes, 1);
    test_link_t *other = add_link (&scene, scene.addresses.links[0]);
    cr_assert_eq (other->channel->ops->send (other->channel, 0, &large.message), GODWIT__IO_REFUSED);
    cr_assert_eq (scene.port->ops->send (scene.port, 12345, &large.message), GODWIT__IO_REFUSED);
    drop_pieces (&large);

    close_port (&scene); /* with what waits there, or is under way */
    run_until (&scene, &scene.links[0].downs, 1);
    run_until (&scene, &other->downs, 1);
    cr_assert_eq (link->ops->send (link, 0, &pieces.message), GODWIT__IO_CLOSED);
    drop_pieces (&pieces);
    close_scene (&scene); /* every driver and thread of it is gone, so what is to be freed has been */
    cr_assert_eq (atomic_load (&freed_data), accepted);
    cr_assert_eq (atomic_load (&freed_inserts), 2 * accepted);
}
