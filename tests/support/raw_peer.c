/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/raw_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
on_up (void *user)
{
    ((raw_peer_t *) user)->up = true;
}

static void
on_down (void *user, const char *reason)
{
    (void) reason;
    ((raw_peer_t *) user)->down = true;
}

static const godwit__link_events_t events = {.up = on_up, .down = on_down};

bool
raw_open (raw_peer_t *peer, const godwit__driver_ops_t *driver, const char *address, const char *virtual_host)
{
    return raw_open_with (peer, driver, address, virtual_host, NULL, NULL);
}

bool
raw_open_with (raw_peer_t *peer, const godwit__driver_ops_t *driver, const char *address,
               const char *virtual_host, void (*turn) (void *user), void *user)
{
    memset (peer, 0, sizeof *peer);
    if (godwit__reactor_new (&peer->reactor, &godwit__clock_system, NULL))
        abort ();
    const godwit__driver_options_t options = {.reactor = peer->reactor,
                                              .max_message_size = 64 << 20,
                                              .queue_limit = 10000,
                                              .connect_timeout_ms = 5000,
                                              .heartbeat_ms = 5000,
                                              .heartbeat_timeout_ms = 20000,
                                              .virtual_host = virtual_host,
                                              .insecure = true};
    if (driver->open (&peer->driver, &options, NULL) ||
        driver->open_link (peer->driver, address, &events, peer, &peer->link, NULL))
        abort ();
    while (!peer->up && !peer->down) {
        if (turn)
            turn (user);
        godwit__reactor_run_once (peer->reactor, turn ? GODWIT__NS_PER_MS : RAW_WAIT_LIMIT_NS);
    }
    driver_loop_start (&peer->control, peer->reactor);
    return peer->up;
}

void
raw_close (raw_peer_t *peer)
{
    driver_loop_stop (&peer->control);
    godwit__batch_close (&peer->batch);
    peer->link->ops->close (peer->link);
    peer->driver->ops->close (peer->driver);
    godwit__reactor_destroy (&peer->reactor);
}

void
raw_run (raw_peer_t *peer, void (*run) (void *user), void *user)
{
    driver_loop_run (&peer->control, run, user);
}

void
raw_send (raw_peer_t *peer, const void *data, size_t size)
{
    const godwit__message_t message = {.data = (void *) (uintptr_t) data, .size = size};
    while (peer->link->ops->send (peer->link, 0, &message) == GODWIT__IO_AGAIN)
        peer->link->ops->wait (peer->link, true, RAW_WAIT_LIMIT_NS);
}

void
raw_header (raw_peer_t *peer, const godwit__header_t *header)
{
    uint8_t data[GODWIT__HEADER_SIZE];
    godwit__header_write (data, header);
    raw_send (peer, data, sizeof data);
}

void
raw_hello (raw_peer_t *peer, const uint8_t *expect, const char *virtual_host)
{
    godwit__identity_t identity = {.instance = {1, 2, 3}, .incarnation = 1};
    if (expect)
        memcpy (identity.expect, expect, sizeof identity.expect);
    if (virtual_host)
        snprintf (identity.virtual_host, sizeof identity.virtual_host, "%s", virtual_host);
    uint8_t data[GODWIT__IDENTITY_FRAME_MAX];
    raw_send (peer, data, godwit__identity_write (data, GODWIT__HELLO, &identity));
}

void
raw_request (raw_peer_t *peer, const godwit__header_t *header, const char *method, int64_t x)
{
    uint8_t data[1024];
    raw_send (peer, data, raw_write_request (data, sizeof data, header, method, x));
}

size_t
raw_write_request (uint8_t *data, size_t capacity, const godwit__header_t *header, const char *method,
                   int64_t x)
{
    godwit__writer_t writer = {.data = data, .size = GODWIT__HEADER_SIZE, .capacity = capacity};
    godwit__header_t complete = *header;
    complete.type = GODWIT__REQUEST;
    godwit__header_write (data, &complete);
    godwit__write_array (&writer, 3);
    godwit__write_map (&writer, 0);
    godwit__write_str (&writer, method, strlen (method));
    godwit__write_map (&writer, 1);
    godwit__write_str (&writer, "x", 1);
    godwit__write_int (&writer, x);
    return writer.size;
}

void
raw_request_value (raw_peer_t *peer, const godwit__header_t *header, const godwit_value_t *body)
{
    const size_t capacity = GODWIT__HEADER_SIZE + godwit__value_bound (body);
    uint8_t *const data = malloc (capacity);
    godwit__writer_t writer = {.data = data, .size = GODWIT__HEADER_SIZE, .capacity = capacity};
    godwit__header_t complete = *header;
    complete.type = GODWIT__REQUEST;
    godwit__header_write (data, &complete);
    godwit__write_value (&writer, body);
    raw_send (peer, data, writer.size);
    free (data);
}

/* The next frame, alone or out of a batch. */
static bool
next_frame (raw_peer_t *peer, godwit__frame_t *frame, int64_t wait_limit_ns)
{
    const int64_t deadline_ns = godwit__clock_now (&godwit__clock_system) + wait_limit_ns;
    for (;;) {
        if (peer->batch.batch && godwit__batch_next (&peer->batch, frame) == GODWIT__BATCH_FRAME)
            return true;
        const godwit__io_t io = peer->link->ops->recv (peer->link, frame, NULL);
        if (io == GODWIT__IO_OK && frame->size > GODWIT__HEADER_SIZE && frame->data[2] == GODWIT__BATCH) {
            godwit__batch_open (&peer->batch, frame);
            continue;
        }
        if (io == GODWIT__IO_OK)
            return true;
        const int64_t left_ns = deadline_ns - godwit__clock_now (&godwit__clock_system);
        if (io != GODWIT__IO_AGAIN || left_ns <= 0)
            return false;
        peer->link->ops->wait (peer->link, false, left_ns);
    }
}

raw_answer_t
raw_receive (raw_peer_t *peer, int64_t wait_limit_ns)
{
    raw_answer_t answer = {0};
    godwit__frame_t frame;
    if (!next_frame (peer, &frame, wait_limit_ns))
        return answer;
    answer.came = godwit__header_read (&answer.header, frame.data, frame.size) == GODWIT__HEADER_OK;
    answer.size = frame.size;
    godwit__block_t *block = NULL;
    if (answer.came && frame.size > GODWIT__HEADER_SIZE &&
        !godwit__decode (&block, &frame, GODWIT__HEADER_SIZE, &godwit__default_limits, NULL))
        answer.body = godwit__block_nodes (block);
    else
        godwit__frame_release (&frame);
    return answer;
}

void
raw_answer_release (raw_answer_t *answer)
{
    godwit_value_unref (&answer->body);
}

static bool
matches (const raw_answer_t *answer, godwit__frame_type_t type, uint64_t id)
{
    if (answer->came && answer->header.type == type && answer->header.id == id)
        return true;
    fprintf (stderr, "expected frame type %d id %llu, got %s type %d id %llu aux %u\n", (int) type,
             (unsigned long long) id, answer->came ? "a frame" : "nothing", answer->header.type,
             (unsigned long long) answer->header.id, answer->header.aux);
    return false;
}

bool
raw_expect (raw_peer_t *peer, godwit__frame_type_t type, uint64_t id)
{
    raw_answer_t answer = raw_receive (peer, RAW_WAIT_LIMIT_NS);
    const bool good = matches (&answer, type, id);
    raw_answer_release (&answer);
    return good;
}

bool
raw_expect_nack (raw_peer_t *peer, uint64_t id, godwit__nack_t reason)
{
    raw_answer_t answer = raw_receive (peer, RAW_WAIT_LIMIT_NS);
    const bool good = matches (&answer, GODWIT__NACK, id) && answer.header.aux == reason;
    if (answer.came && answer.header.aux != reason)
        fprintf (stderr, "expected NACK %d, got %u\n", (int) reason, answer.header.aux);
    raw_answer_release (&answer);
    return good;
}

bool
raw_expect_reply_int (raw_peer_t *peer, uint64_t id, int64_t value)
{
    raw_answer_t answer = raw_receive (peer, RAW_WAIT_LIMIT_NS);
    int64_t got = ~value;
    const bool good = matches (&answer, GODWIT__REPLY, id) &&
                      godwit_value_get_int (answer.body, &got, NULL) == GODWIT_OK && got == value;
    raw_answer_release (&answer);
    return good;
}

bool
raw_expect_failure (raw_peer_t *peer, uint64_t id, const char *type)
{
    raw_answer_t answer = raw_receive (peer, RAW_WAIT_LIMIT_NS);
    const char *const got = godwit_value_as_str (godwit_value_at (answer.body, 0), "");
    const bool good = matches (&answer, GODWIT__FAILURE, id) && strcmp (got, type) == 0;
    if (!good)
        fprintf (stderr, "expected the failure %s, got \"%s\"\n", type, got);
    raw_answer_release (&answer);
    return good;
}
