/* SPDX-License-Identifier: Apache-2.0 */
#include "src/interface/matchmaker.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const godwit__record_t sample = {.instance = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
                                        .incarnation = UINT64_MAX,
                                        .server_id = 3,
                                        .revision = 4,
                                        .state = GODWIT__RECORD_DRAINING,
                                        .weight = 5,
                                        .exchange = "",
                                        .topic = "calc",
                                        .server = "one",
                                        .address_count = 2,
                                        .addresses = {"ipc:///run/one", "tcp://127.0.0.1:9000"},
                                        .fanout_address = "tcp://127.0.0.1:9001",
                                        .host = "machine",
                                        .versions = "calc=1.0 =2.1"};

static void
assert_same (const godwit__record_t *a, const godwit__record_t *b)
{
    cr_assert_eq (memcmp (a->instance, b->instance, GODWIT__UUID_SIZE), 0);
    cr_assert_eq (a->incarnation, b->incarnation);
    cr_assert_eq (a->server_id, b->server_id);
    cr_assert_eq (a->revision, b->revision);
    cr_assert_eq (a->state, b->state);
    cr_assert_eq (a->weight, b->weight);
    cr_assert_str_eq (a->exchange, b->exchange);
    cr_assert_str_eq (a->topic, b->topic);
    cr_assert_str_eq (a->server, b->server);
    cr_assert_eq (a->address_count, b->address_count);
    for (size_t i = 0; i < a->address_count; i++)
        cr_assert_str_eq (a->addresses[i], b->addresses[i]);
    cr_assert_str_eq (a->fanout_address, b->fanout_address);
    cr_assert_str_eq (a->host, b->host);
    cr_assert_str_eq (a->versions, b->versions);
}

/* Reads what the builder makes as a record. */
static godwit_status_t
read_map (godwit_builder_t *builder, godwit__record_t **record, godwit_error_t **error)
{
    godwit_value_t *map = NULL;
    cr_assert_eq (godwit_builder_finish (&builder, &map, NULL), GODWIT_OK);
    const godwit_status_t status = godwit__record_read (record, map, error);
    godwit_value_unref (&map);
    return status;
}

Test (record, is_a_deep_copy)
{
    char topic[] = "calc";
    godwit__record_t from = sample;
    from.topic = topic;
    godwit__record_t *copy = godwit__record_new (&from);
    topic[0] = 'x';
    assert_same (copy, &sample);
    godwit__record_t *again = godwit__record_ref (copy);
    godwit__record_unref (&copy);
    cr_assert_null (copy);
    assert_same (again, &sample);
    godwit__record_unref (&again);
    godwit__record_unref (&again); /* nothing is fine */
}

Test (record, takes_no_text_as_empty_and_not_too_many_addresses)
{
    godwit__record_t from;
    memset (&from, 0, sizeof from);
    godwit__record_t *record = godwit__record_new (&from);
    cr_assert_str_eq (record->server, "");
    cr_assert_str_eq (record->versions, "");
    godwit__record_unref (&record);
    from.address_count = GODWIT__RECORD_ADDRESS_MAX + 1;
    cr_assert_null (godwit__record_new (&from));
}

static void
release (godwit__frame_t *frame)
{
    free (frame->storage.pointer);
}

Test (record, comes_back_from_the_wire)
{
    const size_t bound = godwit__record_bound (&sample);
    godwit__writer_t writer = {.data = malloc (bound), .capacity = bound};
    godwit__record_write (&writer, &sample);
    cr_assert (!writer.overflow && writer.size <= bound);
    godwit__frame_t frame = {
        .data = writer.data, .size = writer.size, .release = release, .storage = {.pointer = writer.data}};
    godwit__block_t *block = NULL;
    cr_assert_eq (godwit__decode (&block, &frame, 0, &godwit__default_limits, NULL), GODWIT_OK);
    godwit__record_t *record = NULL;
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit__record_read (&record, godwit__block_nodes (block), &error), GODWIT_OK, "%s",
                  godwit_error_message (error));
    godwit__block_unref (block); /* the record keeps nothing of it */
    assert_same (record, &sample);
    godwit__record_unref (&record);
}

/* Every field in turn is left out, of another type, or out of its bounds. */

#define LONG_TEXT_SIZE 2000

typedef struct mistake {
    const char *field;
    enum {
        ABSENT,
        NUMBER,
        NEGATIVE,
        TOO_LARGE,
        TEXT,
        EMPTY,
        TOO_LONG,
        CONTROL,
        NUL,
        SPACE,
        BYTES,
        ZERO_BYTES,
        MANY
    } what;
} mistake_t;

static void
put_wrong (godwit_builder_t *builder, const mistake_t *mistake)
{
    static char longer[LONG_TEXT_SIZE];
    memset (longer, 'x', sizeof longer);
    const char *field = mistake->field;
    switch (mistake->what) {
    case ABSENT:
        break;
    case NUMBER:
        godwit_builder_int (builder, field, 0);
        break;
    case NEGATIVE:
        godwit_builder_int (builder, field, -1);
        break;
    case TOO_LARGE:
        godwit_builder_int (builder, field, INT64_C (1) << 32);
        break;
    case TEXT:
        godwit_builder_str (builder, field, "text");
        break;
    case EMPTY:
        godwit_builder_str (builder, field, "");
        break;
    case TOO_LONG:
        godwit_builder_strn (builder, field, longer, sizeof longer);
        break;
    case CONTROL:
        godwit_builder_str (builder, field, "a\033[2J");
        break;
    case NUL:
        godwit_builder_strn (builder, field, "a\0b", 3);
        break;
    case SPACE:
        godwit_builder_str (builder, field, "tcp://a b:1");
        break;
    case BYTES:
        godwit_builder_bin (builder, field, longer, 15);
        break;
    case ZERO_BYTES:
        memset (longer, 0, 16);
        godwit_builder_bin (builder, field, longer, 16);
        break;
    case MANY:
        godwit_builder_open_list (builder, field);
        for (int i = 0; i < 9; i++)
            godwit_builder_str (builder, NULL, "tcp://h:1");
        godwit_builder_close (builder);
        break;
    }
}

static godwit_builder_t *
build (const mistake_t *mistake)
{
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_map (builder, NULL);
#define UNLESS_WRONG(field_)                                                                                 \
    if (mistake && strcmp (mistake->field, field_) == 0)                                                     \
        put_wrong (builder, mistake);                                                                        \
    else
    UNLESS_WRONG ("instance") godwit_builder_bin (builder, "instance", sample.instance, GODWIT__UUID_SIZE);
    UNLESS_WRONG ("incarnation") godwit_builder_uint (builder, "incarnation", sample.incarnation);
    UNLESS_WRONG ("server_id") godwit_builder_uint (builder, "server_id", sample.server_id);
    UNLESS_WRONG ("revision") godwit_builder_uint (builder, "revision", sample.revision);
    UNLESS_WRONG ("state") godwit_builder_uint (builder, "state", sample.state);
    UNLESS_WRONG ("weight") godwit_builder_uint (builder, "weight", sample.weight);
    UNLESS_WRONG ("exchange") godwit_builder_str (builder, "exchange", sample.exchange);
    UNLESS_WRONG ("topic") godwit_builder_str (builder, "topic", sample.topic);
    UNLESS_WRONG ("server") godwit_builder_str (builder, "server", sample.server);
    UNLESS_WRONG ("addresses")
    {
        godwit_builder_open_list (builder, "addresses");
        godwit_builder_str (builder, NULL, sample.addresses[0]);
        if (mistake && strcmp (mistake->field, "addresses[1]") == 0)
            put_wrong (builder, mistake);
        else
            godwit_builder_str (builder, NULL, sample.addresses[1]);
        godwit_builder_close (builder);
    }
    UNLESS_WRONG ("fanout") godwit_builder_str (builder, "fanout", sample.fanout_address);
    UNLESS_WRONG ("host") godwit_builder_str (builder, "host", sample.host);
    UNLESS_WRONG ("versions") godwit_builder_str (builder, "versions", sample.versions);
    godwit_builder_str (builder, "of a later version", "is ignored");
    godwit_builder_close (builder);
    return builder;
}

Test (record, reads_a_map_and_ignores_what_it_does_not_know)
{
    godwit__record_t *record = NULL;
    cr_assert_eq (read_map (build (NULL), &record, NULL), GODWIT_OK);
    assert_same (record, &sample);
    godwit__record_unref (&record);
}

Test (record, names_the_field_that_is_wrong)
{
    static const mistake_t mistakes[] = {
        {"instance", ABSENT},     {"instance", BYTES},      {"instance", TEXT},
        {"instance", ZERO_BYTES}, {"incarnation", ABSENT},  {"incarnation", NEGATIVE},
        {"incarnation", TEXT},    {"server_id", ABSENT},    {"server_id", NUMBER},
        {"server_id", TOO_LARGE}, {"server_id", NEGATIVE},  {"revision", ABSENT},
        {"revision", TOO_LARGE},  {"state", ABSENT},        {"state", NUMBER},
        {"state", TOO_LARGE},     {"weight", ABSENT},       {"weight", TOO_LARGE},
        {"exchange", ABSENT},     {"exchange", NUMBER},     {"exchange", TOO_LONG},
        {"exchange", CONTROL},    {"exchange", NUL},        {"topic", ABSENT},
        {"topic", EMPTY},         {"topic", TOO_LONG},      {"topic", BYTES},
        {"topic", NUL},           {"server", ABSENT},       {"server", TOO_LONG},
        {"server", CONTROL},      {"addresses", ABSENT},    {"addresses", TEXT},
        {"addresses", MANY},      {"addresses[1]", NUMBER}, {"addresses[1]", EMPTY},
        {"addresses[1]", SPACE},  {"addresses[1]", NUL},    {"addresses[1]", TOO_LONG},
        {"fanout", ABSENT},       {"fanout", TOO_LONG},     {"fanout", SPACE},
        {"host", ABSENT},         {"host", TOO_LONG},       {"versions", ABSENT},
        {"versions", TOO_LONG},   {"versions", CONTROL},
    };
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        godwit__record_t *record = NULL;
        godwit_error_t *error = NULL;
        char expected[64] = "record.";
        strncat (expected, mistakes[i].field, strcspn (mistakes[i].field, "["));
        cr_assert_eq (read_map (build (&mistakes[i]), &record, &error), GODWIT_ERR_MALFORMED, "%s %d",
                      mistakes[i].field, (int) mistakes[i].what);
        cr_assert_null (record);
        cr_assert (strncmp (godwit_error_message (error), expected, strlen (expected)) == 0, "%s: %s",
                   expected, godwit_error_message (error));
        godwit_error_destroy (&error);
    }
}

Test (record, is_a_map)
{
    godwit_value_t *list = NULL;
    cr_assert_eq (godwit_value_new (&list, GODWIT_LIST (NULL, GODWIT_INT (NULL, 1)), NULL), GODWIT_OK);
    godwit__record_t *record = NULL;
    cr_assert_eq (godwit__record_read (&record, list, NULL), GODWIT_ERR_MALFORMED);
    cr_assert_eq (godwit__record_read (&record, NULL, NULL), GODWIT_ERR_MALFORMED);
    godwit_value_unref (&list);
}

Test (record, of_our_own_is_checked_by_the_same_rules)
{
    cr_assert_eq (godwit__record_check (&sample, NULL), GODWIT_OK);
    godwit__record_t bad = sample;
    bad.topic = "";
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit__record_check (&bad, &error), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_str_eq (godwit_error_message (error), "record.topic: empty");
    godwit_error_destroy (&error);
}
