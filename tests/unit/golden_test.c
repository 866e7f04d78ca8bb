/* SPDX-License-Identifier: Apache-2.0 */
/* The frames of tests/golden: decoded, compared with what its README says, and encoded again byte for byte.
 */
#include <criterion/criterion.h>
#include <godwit/godwit.h>

#include "src/client/encoded_request.h"
#include "src/error/error.h"
#include "src/wire/batch.h"
#include "src/wire/fanout.h"
#include "src/wire/notify_frame.h"
#include "src/wire/wire.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define GOLDEN GODWIT_SOURCE_DIR "/tests/golden/"

typedef struct golden {
    uint8_t data[512];
    size_t size;
} golden_t;

static void
load (golden_t *golden, const char *name)
{
    char path[512];
    char text[3];
    snprintf (path, sizeof path, "%s%s.hex", GOLDEN, name);
    FILE *file = fopen (path, "r");
    cr_assert_not_null (file, "%s", path);
    golden->size = 0;
    while (fscanf (file, "%2s", text) == 1 && golden->size < sizeof golden->data)
        golden->data[golden->size++] = (uint8_t) strtoul (text, NULL, 16);
    fclose (file);
    cr_assert_gt (golden->size, 0u);
}

static void
expect_bytes (const golden_t *golden, const void *data, size_t size, const char *name)
{
    const uint8_t *bytes = data;
    cr_assert_eq (size, golden->size, "%s: %zu bytes, not %zu", name, size, golden->size);
    for (size_t i = 0; i < size; i++)
        cr_assert_eq (bytes[i], golden->data[i], "%s: byte %zu is %02x, not %02x", name, i, bytes[i],
                      golden->data[i]);
}

/* A frame that lives as long as `golden`, from a byte on. */
static godwit__frame_t
frame_of (golden_t *golden)
{
    return (godwit__frame_t){.data = golden->data, .size = golden->size};
}

static godwit__header_t
header_of (const golden_t *golden, size_t at, const char *name)
{
    godwit__header_t header;
    uint8_t again[GODWIT__HEADER_SIZE];
    cr_assert_eq (godwit__header_read (&header, golden->data + at, golden->size - at), GODWIT__HEADER_OK,
                  "%s", name);
    godwit__header_write (again, &header);
    cr_assert (!memcmp (again, golden->data + at, sizeof again), "%s: the header", name);
    return header;
}

static void
expect_header (const golden_t *golden, const char *name, godwit__header_t expected)
{
    const godwit__header_t header = header_of (golden, 0, name);
    cr_assert_eq (header.type, expected.type, "%s", name);
    cr_assert_eq (header.flags, expected.flags, "%s", name);
    cr_assert_eq (header.target, expected.target, "%s", name);
    cr_assert_eq (header.id, expected.id, "%s", name);
    cr_assert_eq (header.budget_ms, expected.budget_ms, "%s", name);
    cr_assert_eq (header.aux, expected.aux, "%s", name);
}

Test (golden, frames_without_a_body)
{
    static const struct {
        const char *name;
        godwit__header_t header;
    } rows[] = {
        {"nack", {.type = GODWIT__NACK, .id = 7, .aux = GODWIT__NACK_OVERLOADED}},
        {"accepted", {.type = GODWIT__ACCEPTED, .id = 7}},
        {"heartbeat", {.type = GODWIT__HEARTBEAT, .id = 7}},
        {"cancel", {.type = GODWIT__CANCEL, .target = 3, .id = 7}},
        {"ping", {.type = GODWIT__PING, .id = 9}},
        {"pong", {.type = GODWIT__PONG, .id = 9}},
        {"goodbye", {.type = GODWIT__GOODBYE, .target = 3}},
        {"goodbye_of_revision", {.type = GODWIT__GOODBYE, .target = 3, .aux = 2}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        golden_t golden;
        load (&golden, rows[i].name);
        cr_assert_eq (golden.size, GODWIT__HEADER_SIZE, "%s", rows[i].name);
        expect_header (&golden, rows[i].name, rows[i].header);
    }
}

static godwit__identity_t
identity (uint8_t first, uint64_t incarnation)
{
    godwit__identity_t made = {.incarnation = incarnation};
    for (uint8_t i = 0; i < GODWIT__UUID_SIZE; i++)
        made.instance[i] = (uint8_t) (first + i);
    return made;
}

Test (golden, identities)
{
    godwit__identity_t hello = identity (0x10, UINT64_C (1700000000000000));
    godwit__identity_t welcome = identity (0x20, UINT64_C (1700000000000001));
    memcpy (hello.expect, welcome.instance, sizeof hello.expect);
    strcpy (hello.virtual_host, "blue");
    godwit__identity_t answers = identity (0x10, UINT64_C (1700000000000000));
    godwit__identity_t waits = welcome;
    answers.features = waits.features = GODWIT__FEATURE_ANSWERS_GOODBYE;
    const struct {
        const char *name;
        const godwit__identity_t *identity;
        godwit__frame_type_t type;
    } rows[] = {{"hello", &hello, GODWIT__HELLO},
                {"welcome", &welcome, GODWIT__WELCOME},
                {"hello_with_features", &answers, GODWIT__HELLO},
                {"welcome_with_features", &waits, GODWIT__WELCOME}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        golden_t golden;
        godwit__identity_t read;
        uint8_t data[GODWIT__IDENTITY_FRAME_MAX];
        load (&golden, rows[i].name);
        expect_header (&golden, rows[i].name, (godwit__header_t){.type = (uint8_t) rows[i].type});
        expect_bytes (&golden, data, godwit__identity_write (data, rows[i].type, rows[i].identity),
                      rows[i].name);
        godwit__frame_t frame = frame_of (&golden);
        cr_assert_eq (godwit__identity_read (&read, &frame, NULL), GODWIT_OK, "%s", rows[i].name);
        cr_assert (!memcmp (&read, rows[i].identity, sizeof read), "%s", rows[i].name);
    }
}

/* ---- requests ---- */

/* The request that a client of a target makes of a call, with a header of the test's. */
static void
expect_request (const golden_t *golden, size_t at, const godwit_target_t *target,
                const godwit_value_t *context, const char *method, godwit_fields_t args, const char *name)
{
    godwit_transport_t *transport = NULL;
    godwit_client_t *client = NULL;
    static godwit__encoded_request_t request;
    const godwit__header_t header = header_of (golden, at, name);
    cr_assert_eq (godwit_transport_new (&transport, "inproc:///golden", NULL, NULL), GODWIT_OK);
    cr_assert_eq (godwit_client_new (&client, transport, target, NULL, NULL), GODWIT_OK);
    cr_assert_eq (godwit__encode_request (&request, client, context, method, &args, NULL), GODWIT_OK);
    godwit__header_write (godwit__encoded_request_data (&request), &header);
    golden_t rest = {.size = golden->size - at};
    memcpy (rest.data, golden->data + at, rest.size);
    expect_bytes (&rest, godwit__encoded_request_data (&request), request.size, name);
    godwit__encoded_request_release (&request);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
}

Test (golden, requests)
{
    golden_t golden;
    godwit_value_t *context = NULL;
    load (&golden, "request");
    expect_header (&golden, "request",
                   (godwit__header_t){.type = GODWIT__REQUEST, .target = 3, .id = 7, .budget_ms = 5000});
    expect_request (&golden, 0, GODWIT_TARGET (.topic = "t", .version = "1.0"), NULL, "add",
                    GODWIT_ARGS (GODWIT_INT ("a", 2), GODWIT_INT ("b", 3)), "request");

    load (&golden, "cast");
    expect_header (
        &golden, "cast",
        (godwit__header_t){.type = GODWIT__REQUEST, .flags = GODWIT__FLAG_CAST, .target = 3, .id = 8});
    cr_assert_eq (godwit_value_new_map (&context, GODWIT_ARGS (GODWIT_STR ("user", "ada")), NULL), GODWIT_OK);
    expect_request (&golden, 0, GODWIT_TARGET (.topic = "t", .name_space = "n"), context, "reset",
                    GODWIT_NO_ARGS, "cast");
    godwit_value_unref (&context);
}

Test (golden, publications)
{
    golden_t golden, marker;
    uint8_t key[GODWIT__KEY_SIZE], made[GODWIT__KEY_SIZE];
    const godwit__identity_t server = identity (0x20, 0);
    load (&golden, "publication");
    load (&marker, "marker");
    godwit__fanout_key (key, "blue", "godwit", "calculator");
    cr_assert (!memcmp (key, golden.data, sizeof key));
    godwit__fanout_marker (made, key, server.instance, 3);
    expect_bytes (&marker, made, sizeof made, "marker");
    const godwit__header_t header = header_of (&golden, GODWIT__KEY_SIZE, "publication");
    cr_assert (header.type == GODWIT__PUBLICATION && header.flags == GODWIT__FLAG_CAST &&
               header.target == 0x0a0b0c0d && header.id == 1 && !header.budget_ms && !header.aux);
    expect_request (&golden, GODWIT__KEY_SIZE, GODWIT_TARGET (.topic = "t"), NULL, "reset", GODWIT_NO_ARGS,
                    "publication");

    load (&golden, "last");
    cr_assert (!memcmp (key, golden.data, sizeof key));
    const godwit__header_t last = header_of (&golden, GODWIT__KEY_SIZE, "last");
    cr_assert (last.type == GODWIT__LAST && last.target == header.target && last.id == header.id &&
               golden.size == GODWIT__KEY_SIZE + GODWIT__HEADER_SIZE);
}

/* Whoever connects late is told of subscriptions in the order of their bytes. */
Test (golden, keys_come_before_markers)
{
    uint8_t key[GODWIT__KEY_SIZE], marker[GODWIT__KEY_SIZE];
    for (unsigned i = 0; i < 64; i++) {
        const godwit__identity_t server = identity ((uint8_t) i, 0);
        const char topic[] = {(char) ('0' + i), '\0'};
        godwit__fanout_key (key, "", "godwit", topic);
        godwit__fanout_marker (marker, key, server.instance, i);
        cr_assert (key[0] < 0x80 && marker[0] >= 0x80);
    }
}

/* ---- replies ---- */

static void
free_data (godwit__frame_t *frame)
{
    free (frame->data);
}

static void
expect_reply (const char *name, godwit_field_t field)
{
    golden_t golden;
    uint8_t data[512];
    godwit_value_t *value = NULL;
    godwit__block_t *block = NULL;
    load (&golden, name);
    expect_header (&golden, name, (godwit__header_t){.type = GODWIT__REPLY, .id = 7});
    godwit__writer_t writer = {.data = data, .size = GODWIT__HEADER_SIZE, .capacity = sizeof data};
    memcpy (data, golden.data, GODWIT__HEADER_SIZE);
    godwit__write_field (&writer, &field);
    expect_bytes (&golden, data, writer.size, name);

    cr_assert_eq (godwit_value_new (&value, field, NULL), GODWIT_OK);
    godwit__frame_t frame = frame_of (&golden);
    cr_assert_eq (godwit__decode (&block, &frame, GODWIT__HEADER_SIZE, &godwit__default_limits, NULL),
                  GODWIT_OK, "%s", name);
    cr_assert (godwit_value_equal (godwit__block_nodes (block), value), "%s", name);
    godwit__block_unref (block);
    godwit_value_unref (&value);
}

Test (golden, replies)
{
    const godwit_field_t none = {.name = NULL, .type = GODWIT_TYPE_LIST};
    godwit_field_t nothing = none;
    nothing.name = "k";
    expect_reply ("reply", GODWIT_INT (NULL, 5));
    expect_reply ("reply_of_all_types",
                  GODWIT_LIST (NULL, GODWIT_NIL (NULL), GODWIT_BOOL (NULL, true), GODWIT_INT (NULL, 42),
                               GODWIT_INT (NULL, INT64_MIN), GODWIT_UINT (NULL, UINT64_MAX),
                               GODWIT_DOUBLE (NULL, 0.5), GODWIT_STRN (NULL, "a\0b", 3),
                               GODWIT_BIN (NULL, "\0\xff", 2),
                               GODWIT_LIST (NULL, GODWIT_INT (NULL, 1), GODWIT_INT (NULL, -1)),
                               GODWIT_MAP (NULL, nothing)));
}

/* Consumes the error. Returns what is read. */
static godwit_error_t *
expect_failure (const char *name, uint64_t id, godwit_error_t *error, const char *module,
                const char *first_type)
{
    const bool not_run = godwit_error_outcome (error) == GODWIT_OUTCOME_REJECTED;
    golden_t golden;
    uint8_t *data = NULL;
    load (&golden, name);
    expect_header (
        &golden, name,
        (godwit__header_t){.type = GODWIT__FAILURE, .flags = not_run ? GODWIT__FLAG_NOT_RUN : 0, .id = id});
    const size_t size = godwit__failure_write (&data, id, GODWIT__FAILURE_FRAME_MAX, error);
    expect_bytes (&golden, data, size, name);
    godwit__frame_t frame = {.data = data, .size = size, .release = free_data};
    bool is_malformed = true;
    godwit_error_t *read = godwit__failure_read (&frame, NULL, &is_malformed);
    cr_assert (!is_malformed);
    const godwit__error_origin_t routing_id = godwit__error_origin (read);
    cr_assert_eq (godwit_error_outcome (read), not_run ? GODWIT_OUTCOME_REJECTED : GODWIT_OUTCOME_RAN, "%s",
                  name);
    cr_assert_str_eq (routing_id.module, module);
    cr_assert (routing_id.type_size == strlen (first_type) &&
               !memcmp (routing_id.type, first_type, routing_id.type_size));
    cr_assert_str_eq (routing_id.message, godwit_error_message (error));
    cr_assert_str_eq (godwit_error_traceback (read), godwit_error_traceback (error));
    cr_assert (godwit_value_equal (godwit_error_args (read), godwit_error_args (error)));
    cr_assert (godwit_value_equal (godwit_error_kwargs (read), godwit_error_kwargs (error)));
    godwit_error_destroy (&error);
    return read;
}

Test (golden, failures)
{
    godwit_error_t *error = NULL;
    godwit__error_set_outcome (&error, GODWIT_ERR_NO_SUCH_METHOD, GODWIT_OUTCOME_REJECTED,
                               "Endpoint does not support RPC method %s", "sub");
    godwit_error_set_detail (error, "method", "sub");
    error = expect_failure ("failure", 7, error, "godwit", "NoSuchMethod");
    cr_assert_eq (godwit_error_status (error), GODWIT_ERR_NO_SUCH_METHOD);
    godwit_error_destroy (&error);

    error = expect_failure ("failure_of_a_program", 9,
                            godwit_error_new_typed ("shop", "OutOfStock", "no %s left", "tea"), "shop",
                            "OutOfStock");
    cr_assert_eq (godwit_error_status (error), GODWIT_ERR_REMOTE_ERROR);
    godwit_error_destroy (&error);

    godwit_value_t *args = NULL, *kwargs = NULL;
    cr_assert (
        !godwit_value_new (&args, GODWIT_LIST (NULL, GODWIT_STR (NULL, "tea"), GODWIT_INT (NULL, 0)), NULL));
    cr_assert (!godwit_value_new_map (
        &kwargs, GODWIT_ARGS (GODWIT_STR ("item", "tea"), GODWIT_INT ("left", 0)), NULL));
    error = godwit_error_new_typed ("shop", "OutOfStock", "no %s left", "tea");
    godwit_error_trace (error, "shop.c", 12, "take");
    godwit_error_set_data (error, args, kwargs);
    godwit_value_unref (&args);
    godwit_value_unref (&kwargs);
    error = expect_failure ("failure_with_data", 10, error, "shop", "OutOfStock");
    godwit_error_destroy (&error);
}

Test (golden, resolve_queries_and_answers)
{
    golden_t golden;
    uint8_t data[GODWIT__RESOLVE_FRAME_MAX], *made = NULL;
    godwit__names_t names;
    godwit__record_t *record = NULL;
    load (&golden, "resolve");
    expect_header (&golden, "resolve", (godwit__header_t){.type = GODWIT__RESOLVE, .id = 1});
    const size_t size = godwit__resolve_write (data, 0, "godwit", "calculator", "first");
    godwit__put_u64 (data + GODWIT__HEADER_ID_OFFSET, 1); /* the connection's business */
    expect_bytes (&golden, data, size, "resolve");
    godwit__frame_t frame = frame_of (&golden);
    cr_assert_eq (godwit__resolve_read (&names, &frame, NULL), GODWIT_OK);
    cr_assert (!strcmp (names.exchange, "godwit") && !strcmp (names.topic, "calculator") &&
               !strcmp (names.server, "first"));

    load (&golden, "resolved");
    const golden_t before = golden; /* the decoder writes into what it reads */
    expect_header (&golden, "resolved", (godwit__header_t){.type = GODWIT__RESOLVED, .target = 3, .id = 1});
    frame = frame_of (&golden);
    cr_assert_eq (godwit__resolved_read (&record, 3, &frame, NULL), GODWIT_OK);
    cr_assert_str_eq (record->server, "first");
    cr_assert_str_eq (record->addresses[0], "tcp://10.0.0.1:9000");
    cr_assert_str_eq (record->fanout_address, "tcp://10.0.0.1:40001");
    const size_t made_size = godwit__resolved_write (&made, 1, record);
    expect_bytes (&before, made, made_size, "resolved");
    free (made);
    godwit__record_unref (&record);
}

Test (golden, batches)
{
    golden_t golden, reply;
    godwit__batch_writer_t writer = {.data = NULL};
    uint8_t nack[GODWIT__HEADER_SIZE];
    load (&golden, "batch");
    load (&reply, "reply");
    expect_header (&golden, "batch", (godwit__header_t){.type = GODWIT__BATCH, .aux = 2});
    godwit__header_write (nack,
                          &(godwit__header_t){.type = GODWIT__NACK, .id = 8, .aux = GODWIT__NACK_OVERLOADED});
    cr_assert (godwit__batch_add (&writer, reply.data, reply.size));
    cr_assert (godwit__batch_add (&writer, nack, sizeof nack));
    const godwit__message_t message = godwit__batch_take (&writer);
    expect_bytes (&golden, message.data, message.size, "batch");
    godwit__batch_writer_release (&writer);

    godwit__batch_reader_t reader;
    godwit__frame_t frame = frame_of (&golden), part;
    cr_assert (godwit__batch_open (&reader, &frame));
    cr_assert_eq (godwit__batch_next (&reader, &part), GODWIT__BATCH_FRAME);
    expect_bytes (&reply, part.data, part.size, "batch, first");
    godwit__frame_release (&part);
    cr_assert_eq (godwit__batch_next (&reader, &part), GODWIT__BATCH_FRAME);
    cr_assert (part.size == sizeof nack && !memcmp (part.data, nack, sizeof nack));
    godwit__frame_release (&part);
    cr_assert_eq (godwit__batch_next (&reader, &part), GODWIT__BATCH_END);
}

Test (golden, notifications)
{
    golden_t golden, body;
    load (&golden, "notify");
    load (&body, "notification");
    expect_header (&golden, "notify",
                   (godwit__header_t){.type = GODWIT__NOTIFY,
                                      .flags = GODWIT__FLAG_FIRST,
                                      .target = 3,
                                      .id = 7,
                                      .budget_ms = 1,
                                      .aux = 10000});
    godwit__item_reader_t reader;
    godwit__item_t item = {0};
    godwit__item_reader_init (&reader, golden.data, golden.size);
    cr_assert (godwit__item_next (&reader, &item));
    cr_assert_eq (item.redeliveries, 2u);
    expect_bytes (&body, golden.data + item.offset, item.size, "notify, its item");
    cr_assert_not (godwit__item_next (&reader, &item));
    cr_assert (godwit__item_reader_is_at_end (&reader));
    for (size_t size = GODWIT__HEADER_SIZE; size < golden.size; size++) { /* cut, it is malformed */
        godwit__item_reader_init (&reader, golden.data, size);
        cr_assert_not (godwit__item_next (&reader, &item), "%zu", size);
        cr_assert_eq (godwit__item_reader_is_at_end (&reader), size == GODWIT__HEADER_SIZE);
    }

    static const struct {
        uint32_t index, what;
    } rows[] = {{1, GODWIT__UNSETTLED_REQUEUED}, {4, GODWIT__UNSETTLED_RETURNED}};
    load (&golden, "settled");
    expect_header (&golden, "settled", (godwit__header_t){.type = GODWIT__SETTLED, .id = 7, .aux = 512});
    cr_assert_eq (golden.size, GODWIT__HEADER_SIZE + 2u * GODWIT__UNSETTLED_SIZE);
    for (size_t i = 0; i < 2; i++) {
        const uint8_t *const at = golden.data + GODWIT__HEADER_SIZE + i * GODWIT__UNSETTLED_SIZE;
        cr_assert_eq (godwit__get_u32 (at), rows[i].index);
        cr_assert_eq (godwit__get_u32 (at + 4), rows[i].what);
    }
}

/* The frames that docs/protocol.md shows are these: whoever reads it reads what is tested. */
Test (golden, the_document_shows_these)
{
    static const char *const names[] = {
        "hello",   "welcome",  "request",     "reply",  "failure", "nack",
        "ping",    "goodbye",  "publication", "marker", "last",    "goodbye_of_revision",
        "resolve", "resolved", "batch",       "notify", "settled"};
    static char document[262144], digits[131072];
    FILE *file = fopen (GODWIT_SOURCE_DIR "/docs/protocol.md", "r");
    cr_assert_not_null (file);
    const size_t size = fread (document, 1, sizeof document - 1, file);
    fclose (file);
    document[size] = '\0';
    const char *at = strstr (document, "## 7. Golden frames");
    cr_assert_not_null (at);
    size_t count = 0;
    for (; *at && count < sizeof digits - 1; at++)
        if (isxdigit ((unsigned char) *at))
            digits[count++] = *at;
        else if (!isspace ((unsigned char) *at) && count && digits[count - 1] != '|')
            digits[count++] = '|';
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        golden_t golden;
        char text[2 * sizeof golden.data + 1];
        load (&golden, names[i]);
        for (size_t k = 0; k < golden.size; k++)
            snprintf (text + 2 * k, 3, "%02x", golden.data[k]);
        cr_assert_not_null (strstr (digits, text), "%s is not in the document", names[i]);
    }
}
