/* SPDX-License-Identifier: Apache-2.0 */
/* Records: one allocation that holds the struct and its texts; and their form on the wire. */
#include "src/interface/matchmaker.h"

#include "src/error/error.h"

#include <stdlib.h>
#include <string.h>

/* Bytes without the NUL. A received text that is longer is refused; see docs/matchmaker-protocol.md. */
#define NAME_MAX_SIZE 255
#define ADDRESS_MAX_SIZE (GODWIT__ADDRESS_SIZE - 1)
#define VERSIONS_MAX_SIZE 1024 /* GODWIT__OFFER_TEXT_MAX, in a room that this one does not know */
#define WEIGHT_MAX 1000000

static const uint8_t no_instance[GODWIT__UUID_SIZE];

/* --- life --- */

static size_t
text_size (const char *text)
{
    return (text ? strlen (text) : 0) + 1;
}

static const char *
take_text (char **room, const char *text)
{
    const size_t size = text_size (text);
    char *copy = *room;
    memcpy (copy, text ? text : "", size);
    *room += size;
    return copy;
}

godwit__record_t *
godwit__record_new (const godwit__record_t *from)
{
    if (from->address_count > GODWIT__RECORD_ADDRESS_MAX)
        return NULL;
    size_t size = sizeof *from + text_size (from->exchange) + text_size (from->topic) +
                  text_size (from->server) + text_size (from->fanout_address) + text_size (from->host) +
                  text_size (from->versions);
    for (size_t i = 0; i < from->address_count; i++)
        size += text_size (from->addresses[i]);
    godwit__record_t *record = calloc (1, size);
    if (!record)
        return NULL;

    atomic_init (&record->refs, 1);
    memcpy (record->instance, from->instance, sizeof record->instance);
    record->incarnation = from->incarnation;
    record->server_id = from->server_id;
    record->revision = from->revision;
    record->state = from->state;
    record->weight = from->weight;
    char *room = (char *) (record + 1);
    record->exchange = take_text (&room, from->exchange);
    record->topic = take_text (&room, from->topic);
    record->server = take_text (&room, from->server);
    record->address_count = from->address_count;
    for (size_t i = 0; i < from->address_count; i++)
        record->addresses[i] = take_text (&room, from->addresses[i]);
    record->fanout_address = take_text (&room, from->fanout_address);
    record->host = take_text (&room, from->host);
    record->versions = take_text (&room, from->versions);
    return record;
}

godwit__record_t *
godwit__record_ref (godwit__record_t *record)
{
    atomic_fetch_add_explicit (&record->refs, 1, memory_order_relaxed);
    return record;
}

void
godwit__record_unref (godwit__record_t **record)
{
    godwit__record_t *self = *record;
    *record = NULL;
    /* The thread that frees sees what the others did before they released. */
    if (self && atomic_fetch_sub_explicit (&self->refs, 1, memory_order_acq_rel) == 1)
        free (self);
}

/* --- writing --- */

/* The keys, the headers and the numbers together take less. */
#define FIXED_BOUND 256
/* The header of a str or bin. */
#define HEADER_BOUND 5

size_t
godwit__record_bound (const godwit__record_t *record)
{
    const char *const texts[] = {record->exchange,       record->topic, record->server,
                                 record->fanout_address, record->host,  record->versions};
    size_t bound = FIXED_BOUND;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        bound += HEADER_BOUND + strlen (texts[i]);
    for (size_t i = 0; i < record->address_count; i++)
        bound += HEADER_BOUND + strlen (record->addresses[i]);
    return bound;
}

static void
write_key (godwit__writer_t *writer, const char *key)
{
    godwit__write_str (writer, key, strlen (key));
}

static void
write_text (godwit__writer_t *writer, const char *key, const char *text)
{
    write_key (writer, key);
    godwit__write_str (writer, text, strlen (text));
}

static void
write_number (godwit__writer_t *writer, const char *key, uint64_t number)
{
    write_key (writer, key);
    godwit__write_uint (writer, number);
}

void
godwit__record_write (godwit__writer_t *writer, const godwit__record_t *record)
{
    godwit__write_map (writer, 13);
    write_key (writer, "instance");
    godwit__write_bin (writer, record->instance, sizeof record->instance);
    write_number (writer, "incarnation", record->incarnation);
    write_number (writer, "server_id", record->server_id);
    write_number (writer, "revision", record->revision);
    write_number (writer, "state", (uint64_t) record->state);
    write_number (writer, "weight", record->weight);
    write_text (writer, "exchange", record->exchange);
    write_text (writer, "topic", record->topic);
    write_text (writer, "server", record->server);
    write_key (writer, "addresses");
    godwit__write_array (writer, record->address_count);
    for (size_t i = 0; i < record->address_count; i++)
        godwit__write_str (writer, record->addresses[i], strlen (record->addresses[i]));
    write_text (writer, "fanout", record->fanout_address);
    write_text (writer, "host", record->host);
    write_text (writer, "versions", record->versions);
}

/* --- reading --- */

/* Reads one record. The first error is kept; after it all reads do nothing. */
typedef struct reader {
    const godwit_value_t *map;
    const char *field; /* the field that is wrong; NULL: none yet */
    const char *reason;
} reader_t;

static void
reject (reader_t *reader, const char *field, const char *reason)
{
    if (reader->field)
        return;
    reader->field = field;
    reader->reason = reason;
}

static uint64_t
read_number (reader_t *reader, const char *field, uint64_t low, uint64_t high)
{
    uint64_t number = 0;
    if (godwit_value_get_uint (godwit_value_get (reader->map, field), &number, NULL) != GODWIT_OK)
        reject (reader, field, "expected a number that is not negative");
    else if (number < low || number > high)
        reject (reader, field, "out of range");
    return number;
}

/* Texts end up in logs, terminals and resolvers: so they hold no control characters and no NUL, which would
 * cut them short. Addresses are ASCII and hold no spaces. */
static const char *
check_text (reader_t *reader, const char *field, const godwit_value_t *value, size_t max, bool is_address)
{
    const char *text = NULL;
    if (godwit_value_get_str (value, &text, NULL) != GODWIT_OK) {
        reject (reader, field, "expected a str");
        return "";
    }
    const size_t size = godwit_value_count (value);
    if (size > max) {
        reject (reader, field, "too long");
        return "";
    }
    for (size_t i = 0; i < size; i++) {
        const unsigned char byte = (unsigned char) text[i];
        if (byte < 0x20 || byte == 0x7f || (is_address && (byte == ' ' || byte >= 0x80)))
            reject (reader, field, "a character that is not allowed");
    }
    return text;
}

static const char *
read_text (reader_t *reader, const char *field, size_t max)
{
    return check_text (reader, field, godwit_value_get (reader->map, field), max, false);
}

static void
read_addresses (reader_t *reader, godwit__record_t *record)
{
    const godwit_value_t *list = godwit_value_get (reader->map, "addresses");
    const size_t count = godwit_value_count (list);
    if (godwit_value_type (list) != GODWIT_TYPE_LIST) {
        reject (reader, "addresses", "expected a list");
        return;
    }
    if (count > GODWIT__RECORD_ADDRESS_MAX) {
        reject (reader, "addresses", "too many");
        return;
    }
    record->address_count = count;
    for (size_t i = 0; i < count; i++) {
        record->addresses[i] =
            check_text (reader, "addresses", godwit_value_at (list, i), ADDRESS_MAX_SIZE, true);
        if (record->addresses[i][0] == '\0')
            reject (reader, "addresses", "an address is empty");
    }
}

static void
read_instance (reader_t *reader, godwit__record_t *record)
{
    const void *bytes = NULL;
    size_t size = 0;
    if (godwit_value_get_bin (godwit_value_get (reader->map, "instance"), &bytes, &size, NULL) != GODWIT_OK ||
        size != GODWIT__UUID_SIZE)
        reject (reader, "instance", "expected a bin of 16 bytes");
    else if (memcmp (bytes, no_instance, GODWIT__UUID_SIZE) == 0)
        reject (reader, "instance", "all zero");
    else
        memcpy (record->instance, bytes, GODWIT__UUID_SIZE);
}

godwit_status_t
godwit__record_read (godwit__record_t **record, const godwit_value_t *map, godwit_error_t **error)
{
    if (godwit_value_type (map) != GODWIT_TYPE_MAP)
        return godwit__error_set (error, GODWIT_ERR_MALFORMED, "record: expected a map");
    reader_t reader = {map, NULL, NULL};
    godwit__record_t found;
    memset (&found, 0, sizeof found);
    read_instance (&reader, &found);
    found.incarnation = read_number (&reader, "incarnation", 0, UINT64_MAX);
    found.server_id = (uint32_t) read_number (&reader, "server_id", 1, UINT32_MAX);
    found.revision = (uint32_t) read_number (&reader, "revision", 0, UINT32_MAX);
    found.state =
        (godwit__record_state_t) read_number (&reader, "state", GODWIT__RECORD_UP, GODWIT__RECORD_DRAINING);
    found.weight = (uint32_t) read_number (&reader, "weight", 0, WEIGHT_MAX);
    found.exchange = read_text (&reader, "exchange", NAME_MAX_SIZE);
    found.topic = read_text (&reader, "topic", NAME_MAX_SIZE);
    found.server = read_text (&reader, "server", NAME_MAX_SIZE);
    read_addresses (&reader, &found);
    found.fanout_address =
        check_text (&reader, "fanout", godwit_value_get (map, "fanout"), ADDRESS_MAX_SIZE, true);
    found.host = read_text (&reader, "host", NAME_MAX_SIZE);
    found.versions = read_text (&reader, "versions", VERSIONS_MAX_SIZE);
    if (found.topic[0] == '\0')
        reject (&reader, "topic", "empty");
    if (reader.field)
        return godwit__error_set (error, GODWIT_ERR_MALFORMED, "record.%s: %s", reader.field, reader.reason);

    godwit__record_t *copy = godwit__record_new (&found);
    if (!copy)
        return godwit__error_no_memory (error);
    *record = copy;
    return GODWIT_OK;
}

/* ---- checking ---- */

static void
release (godwit__frame_t *frame)
{
    free (frame->storage.pointer);
}

godwit_status_t
godwit__record_check (const godwit__record_t *record, godwit_error_t **error)
{
    godwit__writer_t writer = {.capacity = godwit__record_bound (record)};
    writer.data = malloc (writer.capacity);
    if (!writer.data)
        return godwit__error_no_memory (error);
    godwit__record_write (&writer, record);
    godwit__frame_t frame = {
        .data = writer.data, .size = writer.size, .release = release, .storage = {.pointer = writer.data}};
    godwit__block_t *block = NULL;
    godwit_status_t status = godwit__decode (&block, &frame, 0, &godwit__default_limits, error);
    if (status != GODWIT_OK)
        return status;
    godwit__record_t *copy = NULL;
    godwit_error_t *reason = NULL;
    status = godwit__record_read (&copy, godwit__block_nodes (block), &reason);
    if (status == GODWIT_ERR_MALFORMED)
        status = godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s", godwit_error_message (reason));
    else if (status != GODWIT_OK)
        status = godwit__error_no_memory (error);
    godwit_error_destroy (&reason);
    godwit__record_unref (&copy);
    godwit__block_unref (block);
    return status;
}
