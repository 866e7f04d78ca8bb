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
#include "tests/support/fake_listener.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

enum { STEPS_MAX = 64, COUNT_MAX = 64, TURN_MS = 20, TURNS_MAX = 20000 };

static void
check (bool good)
{
    if (!good)
        abort ();
}

static fake_listener_t listener;
static godwit__outbox_t *outbox;
static godwit__stream_t *stream;

static void
settle_all (void)
{
    for (size_t i = 0; i < listener.flight_count; i++)
        fake_listener_say_header (
            &listener, (godwit__header_t){.type = GODWIT__SETTLED, .id = listener.flights[i], .aux = 512});
    listener.flight_count = 0;
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
    fake_listener_end (&listener);
}

static void
start (void)
{
    const char *const pools[] = {"liar"};
    fake_listener_start (&listener, "notify:t.info");
    check (!godwit__outbox_new (&outbox, listener.transport,
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
    fake_listener_take (&listener);
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
    return listener.flight_count && which < 224 ? listener.flights[which % listener.flight_count]
                                                : which - UINT64_C (224);
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
        fake_listener_turn (&listener, take (input) * (int64_t) 10);
        return;
    default:
        size = write_frame (
            frame,
            (godwit__header_t){.type = GODWIT__SETTLED, .id = take_id (input), .aux = take_credit (input)},
            input);
        break;
    }
    fake_listener_say (&listener, frame, size);
    if (what & 128) /* else it is still there when the next one comes */
        fake_listener_turn (&listener, 0);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (!outbox)
        start ();
    input_t input = {data, size};
    const godwit_notifier_stats_t before = outbox->stats;
    notify (1 + take (&input) % COUNT_MAX);
    fake_listener_turn (&listener, 0);
    for (int i = 0; i < STEPS_MAX && input.left; i++)
        step (&input);
    int turns = 0;
    for (; outbox->kept; turns++) {
        check (turns < TURNS_MAX);
        fake_listener_turn (&listener, TURN_MS);
        settle_all ();
    }
    const godwit_notifier_stats_t *const now = &outbox->stats;
    check (now->acknowledged - before.acknowledged + now->exhausted - before.exhausted ==
           now->accepted - before.accepted);
    while (outbox->flights && turns++ < TURNS_MAX)
        fake_listener_turn (&listener, TURN_MS);
    const godwit__consumer_t *const pool = pool_of_stream ();
    check (!outbox->flights && !pool->in_flight && !pool->returned_count && !pool->requeued_count);
    for (const godwit__outlet_t *at = GODWIT__FIRST (&pool->outlets, godwit__outlet_t, in_consumer); at;
         at = GODWIT__NEXT (&pool->outlets, at, godwit__outlet_t, in_consumer))
        check (!at->unsettled && !at->unsettled_size && !at->flights);
    return 0;
}
