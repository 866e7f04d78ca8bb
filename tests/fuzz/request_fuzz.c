/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the body of a REQUEST: through the port, the decoder, the dispatcher and the slots to a
 * handler, which finds in its struct what is in the arguments. Each request gets exactly one answer, and the
 * server goes on. */
#include "src/runtime/transport.h"
#include "src/server/pool.h"
#include "tests/support/raw_peer.h"

#include <godwit/server.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check (bool good)
{
    if (!good)
        abort ();
}

typedef struct params {
    int64_t a;
    int32_t b;
    uint32_t c;
    double d;
    bool e;
    const char *f;
    godwit_bytes_t g;
    const godwit_value_t *h;
} params_t;

static const godwit_slot_t slots[] = {
    GODWIT_SLOT (params_t, a),          GODWIT_SLOT_OPTIONAL (params_t, b),
    GODWIT_SLOT_OPTIONAL (params_t, c), GODWIT_SLOT_OPTIONAL (params_t, d),
    GODWIT_SLOT_OPTIONAL (params_t, e), GODWIT_SLOT_OPTIONAL (params_t, f),
    GODWIT_SLOT_OPTIONAL (params_t, g), GODWIT_SLOT_OPTIONAL (params_t, h),
};

static unsigned runs;

static godwit_status_t
checked (godwit_request_t *request, void *self)
{
    const params_t *const params = godwit_request_params (request);
    const godwit_value_t *const args = godwit_request_args (request);
    (void) self;
    runs++;
    check (strcmp (godwit_request_method (request), "checked") == 0);
    check (godwit_value_type (godwit_request_context (request)) == GODWIT_TYPE_MAP);
    check (godwit_value_count (args) >= 1 && godwit_value_count (args) <= 8);
    check (godwit_value_as_int (godwit_value_get (args, "a"), ~params->a) == params->a);
    check (godwit_value_as_int (godwit_value_get (args, "b"), 0) == params->b);
    check (godwit_value_as_int (godwit_value_get (args, "c"), 0) == (int64_t) params->c);
    check (godwit_value_as_bool (godwit_value_get (args, "e"), false) == params->e);
    check (!params->f == (godwit_value_type (godwit_value_get (args, "f")) != GODWIT_TYPE_STR));
    check (!params->f || strlen (params->f) <= godwit_value_count (godwit_value_get (args, "f")));
    check (params->g.size == (params->g.data ? godwit_value_count (godwit_value_get (args, "g")) : 0));
    return godwit_request_reply (request, GODWIT_VALUE ("", params->h));
}

static godwit_status_t
echo (godwit_request_t *request, void *self)
{
    (void) self;
    runs++;
    return godwit_request_reply (request, GODWIT_VALUE ("", godwit_request_args (request)));
}

static const godwit_method_t methods[] = {GODWIT_METHOD_WITH ("checked", checked, params_t, slots, 0),
                                          GODWIT_METHOD ("echo", echo, 0)};

static godwit_transport_t *transport;
static godwit_server_t *server;
static raw_peer_t peer;
static uint64_t last_id;

static void
finish (void)
{
    raw_close (&peer);
    godwit_server_destroy (&server);
    godwit_transport_destroy (&transport);
}

static void
start (void)
{
    check (!godwit_transport_new (&transport, "inproc://request-fuzz/",
                                  GODWIT_TRANSPORT_OPTIONS (.external_loop = true), NULL));
    const godwit_endpoint_t endpoints[] = {GODWIT_ENDPOINT (methods, .version = "1.3"),
                                           GODWIT_ENDPOINT (methods, .name_space = "n", .version = "2.0")};
    check (!godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "fuzz", .server = "one"),
                               endpoints, 2, NULL, NULL));
    check (!godwit_server_start (server, NULL, NULL));
    check (raw_open (&peer, &godwit__inproc_driver, transport->pool->ports[0].addresses.links[0], ""));
    raw_hello (&peer, NULL, NULL);
    check (!godwit_transport_process (transport, 0, NULL));
    check (raw_expect (&peer, GODWIT__WELCOME, 0));
    atexit (finish);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (!transport)
        start ();
    if (size < 1)
        return 0;
    const bool is_cast = data[0] & 1;
    uint8_t *const frame = malloc (GODWIT__HEADER_SIZE + size - 1);
    check (frame != NULL);
    const godwit__header_t header = {
        .type = GODWIT__REQUEST, .flags = is_cast ? GODWIT__FLAG_CAST : 0, .target = 1, .id = ++last_id};
    godwit__header_write (frame, &header);
    memcpy (frame + GODWIT__HEADER_SIZE, data + 1, size - 1);
    const unsigned runs_before = runs;
    raw_send (&peer, frame, GODWIT__HEADER_SIZE + size - 1);
    free (frame);
    check (!godwit_transport_process (transport, 0, NULL));
    godwit__session_t *const session = godwit__sessions_first (&transport->pool->ports[0].sessions);
    check (session && !session->banned);
    check (runs - runs_before <= 1 && !(session->malformed_count && runs != runs_before));
    const bool malformed = session->malformed_count;
    session->malformed_count = 0; /* so that it may go on */

    raw_answer_t answer = raw_receive (&peer, 0);
    check (answer.came == !is_cast);
    if (answer.came) {
        check (answer.header.id == last_id);
        check (malformed ? answer.header.type == GODWIT__NACK && answer.header.aux == GODWIT__NACK_MALFORMED
                         : answer.header.type == GODWIT__REPLY || answer.header.type == GODWIT__FAILURE);
        check (answer.header.type != GODWIT__REPLY || (runs != runs_before && answer.body));
        if (answer.header.type == GODWIT__FAILURE)
            check (godwit_value_count (answer.body) >= 4 && godwit_value_count (answer.body) <= 6);
    }
    raw_answer_release (&answer);
    answer = raw_receive (&peer, 0);
    check (!answer.came);
    return 0;
}
