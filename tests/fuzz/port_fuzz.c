/* SPDX-License-Identifier: Apache-2.0 */
/* A sequence of frames from several connections and a publisher into a server's port. The input is a program:
 *
 *     who, what, size, bytes ...      who: a connection (one frame, or a batch), the publisher, or "open it
 * anew"
 *
 * No request gets more than one answer, nothing answers what was not asked, and afterwards another client's
 * call works. */
#include "src/runtime/transport.h"
#include "src/server/pool.h"
#include "src/server/server.h"
#include "src/wire/fanout.h"
#include "src/wire/notification.h"
#include "src/wire/notify_frame.h"
#include "tests/support/raw_peer.h"

#include <godwit/listener.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

enum { PEERS = 2, STEPS_MAX = 64, BODY_MAX = 256 };

static void
check (bool good)
{
    if (!good)
        abort ();
}

static godwit_request_t *kept;

static godwit_status_t
on_echo (godwit_request_t *request, void *self)
{
    (void) self;
    return godwit_request_reply (request,
                                 GODWIT_VALUE ("", godwit_value_get (godwit_request_args (request), "x")));
}

/* Keeps one request at a time, until the next one comes. */
static godwit_status_t
on_keep (godwit_request_t *request, void *self)
{
    (void) self;
    godwit_request_destroy (&kept);
    kept = godwit_request_keep (request);
    return GODWIT_OK;
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("echo", on_echo, 0),
                                          GODWIT_METHOD ("keep", on_keep, 0)};

static godwit_transport_t *transport;
static godwit_server_t *servers[2];
static godwit_listener_t *listener; /* its lane is the server of number 3 */

static godwit_handled_t
on_info (const godwit_notification_t *notification, void *self)
{
    (void) self;
    check (godwit_notification_payload (notification) && godwit_notification_context (notification));
    return godwit_notification_redeliveries (notification) & 1 ? GODWIT_REQUEUE : GODWIT_HANDLED;
}

static void
process (void)
{
    check (!godwit_transport_process (transport, 0, NULL));
}

static void
finish (void)
{
    godwit_request_destroy (&kept);
    godwit_server_destroy (&servers[0]);
    godwit_server_destroy (&servers[1]);
    godwit_listener_destroy (&listener);
    godwit_transport_destroy (&transport);
}

static void
start (void)
{
    check (!godwit_transport_new (&transport, "inproc://port-fuzz/",
                                  GODWIT_TRANSPORT_OPTIONS (.external_loop = true), NULL));
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .version = "1.0");
    for (int i = 0; i < 2; i++) {
        check (!godwit_server_new (&servers[i], transport,
                                   GODWIT_TARGET (.topic = "fuzz", .server = i ? "two" : "one"), &endpoint, 1,
                                   GODWIT_SERVER_OPTIONS (.concurrency = 2, .queue_limit = 2), NULL));
        check (!godwit_server_start (servers[i], NULL, NULL));
    }
    const godwit_key_filter_t keys[] = {{"host", "a"}};
    const godwit_notification_endpoint_t notified[] = {
        GODWIT_NOTIFICATION_ENDPOINT (.info = on_info),
        GODWIT_NOTIFICATION_ENDPOINT (.info = on_info,
                                      .filter = GODWIT_FILTER (.event_type = "e+", .payload = keys,
                                                               .payload_count = 1)),
    };
    check (!godwit_listener_new (&listener, transport, GODWIT_TARGET (.topic = "fuzz"), 1, notified, 2,
                                 GODWIT_LISTENER_OPTIONS (.allow_requeue = true, .drop_duplicates = 4),
                                 NULL));
    check (!godwit_listener_start (listener, NULL, NULL));
    atexit (finish);
}

static void
open_peer (raw_peer_t *peer)
{
    check (raw_open (peer, &godwit__inproc_driver, transport->pool->ports[0].addresses.links[0], ""));
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

/* What it may be answered: requests without CAST by id (of which the fuzzer uses few) and RESOLVEs, HELLOs
 * and PINGs. */
typedef struct asked {
    unsigned requests, hellos, pings;
} asked_t;

/* Returns how many bytes it has. */
static size_t
write_item (uint8_t *to)
{
    godwit__encoded_notification_t encoded;
    const godwit__notification_parts_t parts = {.priority = GODWIT_PRIORITY_INFO,
                                                .publisher_id = "p",
                                                .publisher_id_size = 1,
                                                .event_type = "e",
                                                .event_type_size = 1,
                                                .payload = {.type = GODWIT_TYPE_INT, .as.integer = 1},
                                                .message_id = "00000000-0000-4000-8000-000000000000",
                                                .timestamp = "2026-11-30 12:00:00.000000"};
    check (!godwit__notification_encode (&encoded, &parts, GODWIT__NOTIFICATION_PLAIN, BODY_MAX, NULL));
    const size_t size = encoded.size;
    godwit__put_u32 (to, (uint32_t) size);
    godwit__put_u32 (to + 4, 0);
    memcpy (to + GODWIT__ITEM_HEADER_SIZE, encoded.data, size);
    godwit__encoded_notification_release (&encoded);
    return GODWIT__ITEM_HEADER_SIZE + size;
}

/* Well-formed beginnings, so that the fuzzer need not find them out; bytes of the input follow. */
static size_t
begin_frame (uint8_t *frame, uint8_t what, input_t *input, asked_t *asked)
{
    static const char *const method[] = {"echo", "keep"};
    godwit__header_t header = {.type = GODWIT__REQUEST, .target = 1 + (what >> 6 & 1), .id = take (input)};
    godwit__writer_t writer = {.data = frame, .size = GODWIT__HEADER_SIZE, .capacity = BODY_MAX};
    switch (what & 7) {
    case 0: /* anything */
        return 0;
    case 1: {
        const godwit__identity_t identity = {.instance = {1}, .incarnation = 1};
        asked->hellos++;
        return godwit__identity_write (frame, GODWIT__HELLO, &identity);
    }
    case 2:
        if (what & 32) {
            asked->requests++;
            return godwit__resolve_write (frame, what & 8 ? 1 : 0, "godwit", "fuzz",
                                          what & 16 ? "two" : "nobody");
        }
        header.type = GODWIT__CANCEL;
        break;
    case 3:
        header.type = GODWIT__PING;
        asked->pings++;
        break;
    case 4:
        header.type = take (input);
        header.flags = take (input);
        header.target = take (input);
        break;
    case 5: /* a request with a body of the input's, or a NOTIFY with a good notification and more */
        asked->requests++;
        if (what & 32) {
            header.type = GODWIT__NOTIFY;
            header.flags = what & 16 ? GODWIT__FLAG_FIRST : 0;
            header.target = 3;
            writer.size += write_item (frame + writer.size);
        }
        break;
    default: /* a good one, or one that is a bit longer */
        asked->requests++;
        godwit__write_array (&writer, 3);
        godwit__write_map (&writer, 0);
        godwit__write_str (&writer, method[what & 1], 4);
        godwit__write_map (&writer, 1);
        godwit__write_str (&writer, "x", 1);
        godwit__write_int (&writer, what);
        break;
    }
    godwit__header_write (frame, &header);
    return writer.size;
}

static size_t
append (uint8_t *frame, size_t size, input_t *input)
{
    size_t more = take (input) & 127;
    while (more-- && input->left)
        frame[size++] = take (input);
    return size;
}

static void
publish (input_t *input)
{
    /* Straight into the port: the driver gives it only what a server subscribed to, or what is garbage. */
    godwit__frame_t frame = {.data = (uint8_t *) &frame.storage};
    uint8_t *const data = malloc (BODY_MAX + 128);
    check (data != NULL);
    asked_t nobody = {0};
    const uint8_t what = take (input);
    memcpy (data, what & 128 ? servers[0]->marker : servers[0]->key, GODWIT__KEY_SIZE);
    size_t size = begin_frame (data + GODWIT__KEY_SIZE, what, input, &nobody);
    if (size >= GODWIT__HEADER_SIZE && what & 32)
        data[GODWIT__KEY_SIZE + 2] = GODWIT__PUBLICATION;
    size = GODWIT__KEY_SIZE + append (data + GODWIT__KEY_SIZE, size, input);
    uint8_t *const exact = malloc (size);
    check (exact != NULL);
    memcpy (exact, data, size);
    free (data);
    frame = (godwit__frame_t){.data = exact, .size = size};
    godwit__port_t *const port = &transport->pool->ports[0];
    godwit__port_frame (port, NULL, &frame, GODWIT__ROUTING_ID_FANOUT);
    while (port->batch.batch) {
        godwit__routing_id_t routing_id = 0;
        if (godwit__port_next (port, &frame, &routing_id, 0) == GODWIT__IO_OK)
            godwit__port_frame (port, NULL, &frame, routing_id);
    }
    process ();
    free (exact); /* no handler keeps a part of what a publication brought */
}

static void
drain (raw_peer_t *peer, asked_t *asked)
{
    for (;;) {
        raw_answer_t answer = raw_receive (peer, 0);
        raw_answer_release (&answer);
        if (!answer.came)
            return;
        switch (answer.header.type) {
        case GODWIT__REPLY:
        case GODWIT__FAILURE:
        case GODWIT__RESOLVED:
        case GODWIT__SETTLED:
            check (asked->requests-- > 0);
            break;
        case GODWIT__NACK:
            check (answer.header.aux == GODWIT__NACK_IDENTITY ? asked->hellos-- > 0 : asked->requests-- > 0);
            break;
        case GODWIT__WELCOME:
            check (asked->hellos-- > 0);
            break;
        case GODWIT__PONG:
            check (asked->pings-- > 0);
            break;
        default:
            abort ();
        }
    }
}

/* The frame as it will be read, for what the beginning did not say. */
static void
note (const uint8_t *frame, size_t size, uint8_t what, asked_t *asked)
{
    godwit__header_t header;
    if ((what & 7) != 0 && (what & 7) != 4)
        return;
    if (godwit__header_read (&header, frame, size))
        return;
    asked->requests +=
        header.type == GODWIT__REQUEST || header.type == GODWIT__RESOLVE || header.type == GODWIT__NOTIFY;
    asked->hellos += header.type == GODWIT__HELLO;
    asked->pings += header.type == GODWIT__PING;
}

/* Up to four frames in one, of which the last may say that it is longer or shorter than it is. */
static void
send_batch (raw_peer_t *peer, input_t *input, asked_t *asked)
{
    uint8_t batch[GODWIT__HEADER_SIZE + 4 * (4 + BODY_MAX + 128)];
    const uint8_t count = take (input);
    size_t size = GODWIT__HEADER_SIZE;
    godwit__header_write (batch, &(godwit__header_t){.type = GODWIT__BATCH, .aux = count});
    for (int i = 0; i < (count & 3) + 1; i++) {
        uint8_t *const frame = batch + size + 4;
        const uint8_t what = take (input);
        const size_t begun = begin_frame (frame, what, input, asked);
        const size_t frame_size = append (frame, begun, input);
        note (frame, frame_size, what, asked);
        const bool lies = count & 128 && i == (count & 3);
        godwit__put_u32 (batch + size,
                         lies ? (uint32_t) take (input) << 24 | take (input) : (uint32_t) frame_size);
        size += 4 + frame_size;
    }
    if (count & 64)
        size -= size - GODWIT__HEADER_SIZE < 7 ? 0 : 7;
    raw_send (peer, batch, size);
}

static void
run_program (input_t *input)
{
    raw_peer_t peers[PEERS];
    asked_t asked[PEERS] = {{0}};
    for (int i = 0; i < PEERS; i++)
        open_peer (&peers[i]);
    for (int step = 0; step < STEPS_MAX && input->left; step++) {
        const uint8_t who = take (input);
        const int index = who & 1;
        if ((who & 6) == 2) {
            publish (input);
        } else if ((who & 6) == 6) {
            send_batch (&peers[index], input, &asked[index]);
        } else if ((who & 6) == 4) {
            raw_close (&peers[index]);
            open_peer (&peers[index]);
            asked[index] = (asked_t){0};
        } else {
            uint8_t frame[BODY_MAX + 128];
            const uint8_t what = take (input);
            const size_t begun = begin_frame (frame, what, input, &asked[index]);
            const size_t size = append (frame, begun, input);
            note (frame, size, what, &asked[index]);
            raw_send (&peers[index], frame, size);
            if (who & 8) /* else it is still there when the next one comes */
                process ();
        }
    }
    process ();
    godwit_request_destroy (&kept);
    process ();
    for (int i = 0; i < PEERS; i++) {
        drain (&peers[i], &asked[i]);
        raw_close (&peers[i]);
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (!transport)
        start ();
    input_t input = {data, size};
    run_program (&input);

    raw_peer_t good;
    open_peer (&good);
    raw_hello (&good, NULL, NULL);
    raw_request (&good, &(godwit__header_t){.target = 2, .id = 1}, "echo", 42);
    process ();
    check (raw_expect (&good, GODWIT__WELCOME, 0) && raw_expect_reply_int (&good, 1, 42));
    raw_close (&good);
    check (transport->pool->active == 0 && godwit__list_is_empty (&transport->pool->ready));
    godwit__sessions_clear (
        &transport->pool->ports[0].sessions); /* so that no input depends on those before it */
    godwit__sessions_clear (&transport->pool->ports[0].connections);
    godwit__sessions_clear (&transport->pool->ports[0].publications);
    return 0;
}
