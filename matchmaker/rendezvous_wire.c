/* SPDX-License-Identifier: Apache-2.0 */
#include "matchmaker/rendezvous_wire.h"

#include "src/error/error.h"
#include "src/wire/header.h"

#include <stdlib.h>
#include <string.h>

/* message, list, record, addresses */
static const godwit__limits_t limits = {.size = GODWIT__RENDEZVOUS_FRAME_MAX, .depth = 4, .count = 16 * 1024};

/* --- writing --- */

typedef struct frame_writer {
    godwit__writer_t body;
    uint8_t *buffer;
} frame_writer_t;

static frame_writer_t
begin (uint8_t *buffer, godwit__rendezvous_type_t type, size_t fields)
{
    const godwit__header_t header = {.type = (uint8_t) type};
    godwit__header_write (buffer, &header);
    frame_writer_t frame = {{.data = buffer + GODWIT__HEADER_SIZE,
                             .capacity = GODWIT__RENDEZVOUS_FRAME_SIZE - GODWIT__HEADER_SIZE},
                            buffer};
    godwit__write_map (&frame.body, fields);
    return frame;
}

static godwit__message_t
end (const frame_writer_t *frame)
{
    return (godwit__message_t){.data = frame->buffer, .size = GODWIT__HEADER_SIZE + frame->body.size};
}

static void
put_key (frame_writer_t *frame, const char *key)
{
    godwit__write_str (&frame->body, key, strlen (key));
}

static void
put_number (frame_writer_t *frame, const char *key, uint64_t number)
{
    put_key (frame, key);
    godwit__write_uint (&frame->body, number);
}

static void
put_text (frame_writer_t *frame, const char *key, const char *text)
{
    put_key (frame, key);
    godwit__write_str (&frame->body, text, strlen (text));
}

static void
put_bool (frame_writer_t *frame, const char *key, bool value)
{
    put_key (frame, key);
    godwit__write_bool (&frame->body, value);
}

static void
put_records (frame_writer_t *frame, const char *key, godwit__record_list_t records)
{
    put_key (frame, key);
    godwit__write_array (&frame->body, records.count);
    for (size_t i = 0; i < records.count; i++)
        godwit__record_write (&frame->body, records.items[i]);
}

size_t
godwit__rendezvous_fit (godwit__record_list_t records)
{
    size_t bound = GODWIT__HEADER_SIZE + 256; /* all but the records */
    size_t count = 0;
    while (count < records.count && count < GODWIT__RENDEZVOUS_RECORDS_MAX) {
        bound += godwit__record_bound (records.items[count]);
        if (bound > GODWIT__RENDEZVOUS_FRAME_SIZE && count > 0)
            break;
        count++;
    }
    return count;
}

godwit__message_t
godwit__rendezvous_join (uint8_t *buffer, const uint8_t instance[GODWIT__UUID_SIZE], const char *virtual_host,
                         int64_t refresh_ms)
{
    frame_writer_t frame = begin (buffer, GODWIT__RENDEZVOUS_JOIN, 4);
    put_key (&frame, "instance");
    godwit__write_bin (&frame.body, instance, GODWIT__UUID_SIZE);
    put_text (&frame, "virtual_host", virtual_host);
    put_number (&frame, "features", 0);
    put_number (&frame, "refresh_ms", (uint64_t) refresh_ms);
    return end (&frame);
}

godwit__message_t
godwit__rendezvous_snapshot (uint8_t *buffer, uint64_t epoch, uint64_t sequence, bool first, bool last,
                             uint64_t settles_ms, godwit__record_list_t records)
{
    frame_writer_t frame = begin (buffer, GODWIT__RENDEZVOUS_SNAPSHOT, settles_ms ? 6 : 5);
    put_number (&frame, "epoch", epoch);
    put_number (&frame, "sequence", sequence);
    put_bool (&frame, "first", first);
    put_bool (&frame, "last", last);
    if (settles_ms)
        put_number (&frame, "settles_ms", settles_ms);
    put_records (&frame, "records", records);
    return end (&frame);
}

godwit__message_t
godwit__rendezvous_register (uint8_t *buffer, godwit__record_list_t records)
{
    frame_writer_t frame = begin (buffer, GODWIT__RENDEZVOUS_REGISTER, 1);
    put_records (&frame, "records", records);
    return end (&frame);
}

godwit__message_t
godwit__rendezvous_withdraw (uint8_t *buffer, bool except, const uint32_t *server_ids, size_t count)
{
    frame_writer_t frame = begin (buffer, GODWIT__RENDEZVOUS_WITHDRAW, 2);
    put_bool (&frame, "except", except);
    put_key (&frame, "servers");
    godwit__write_array (&frame.body, count);
    for (size_t i = 0; i < count; i++)
        godwit__write_uint (&frame.body, server_ids[i]);
    return end (&frame);
}

godwit__message_t
godwit__rendezvous_delta (uint8_t *buffer, uint64_t epoch, uint64_t sequence, godwit__record_list_t seen,
                          const godwit__record_key_t *gone, size_t gone_count, bool withdrawn)
{
    frame_writer_t frame = begin (buffer, GODWIT__RENDEZVOUS_DELTA, 5);
    put_bool (&frame, "withdrawn", withdrawn);
    put_number (&frame, "epoch", epoch);
    put_number (&frame, "sequence", sequence);
    put_records (&frame, "seen", seen);
    put_key (&frame, "gone");
    godwit__write_array (&frame.body, gone_count);
    for (size_t i = 0; i < gone_count; i++) {
        godwit__write_array (&frame.body, 2);
        godwit__write_bin (&frame.body, gone[i].instance, GODWIT__UUID_SIZE);
        godwit__write_uint (&frame.body, gone[i].server_id);
    }
    return end (&frame);
}

godwit__message_t
godwit__rendezvous_refresh (uint8_t *buffer, uint64_t count, uint64_t sum)
{
    frame_writer_t frame = begin (buffer, GODWIT__RENDEZVOUS_REFRESH, 2);
    put_number (&frame, "count", count);
    put_number (&frame, "sum", sum);
    return end (&frame);
}

godwit__message_t
godwit__rendezvous_current (uint8_t *buffer, uint64_t epoch, uint64_t sequence)
{
    frame_writer_t frame = begin (buffer, GODWIT__RENDEZVOUS_CURRENT, 2);
    put_number (&frame, "epoch", epoch);
    put_number (&frame, "sequence", sequence);
    return end (&frame);
}

godwit__message_t
godwit__rendezvous_plain (uint8_t *buffer, godwit__rendezvous_type_t type)
{
    frame_writer_t frame = begin (buffer, type, 0);
    return end (&frame);
}

godwit__message_t
godwit__rendezvous_expelled (uint8_t *buffer, const char *reason)
{
    frame_writer_t frame = begin (buffer, GODWIT__RENDEZVOUS_EXPELLED, 1);
    put_text (&frame, "reason", reason);
    return end (&frame);
}

/* --- reading --- */

static godwit_status_t
malformed (godwit_error_t **error, const char *field)
{
    return godwit__error_set (error, GODWIT_ERR_MALFORMED, "rendezvous message: field %s", field);
}

static godwit_status_t
get_number (const godwit_value_t *map, const char *key, uint64_t *number, godwit_error_t **error)
{
    if (godwit_value_get_uint (godwit_value_get (map, key), number, NULL) != GODWIT_OK)
        return malformed (error, key);
    return GODWIT_OK;
}

static godwit_status_t
get_bool (const godwit_value_t *map, const char *key, bool *value, godwit_error_t **error)
{
    if (godwit_value_get_bool (godwit_value_get (map, key), value, NULL) != GODWIT_OK)
        return malformed (error, key);
    return GODWIT_OK;
}

static godwit_status_t
get_text (const godwit_value_t *map, const char *key, size_t max, const char **text, godwit_error_t **error)
{
    const godwit_value_t *value = godwit_value_get (map, key);
    const char *found = NULL;
    if (godwit_value_get_str (value, &found, NULL) != GODWIT_OK || godwit_value_count (value) > max ||
        strlen (found) != godwit_value_count (value))
        return malformed (error, key);
    *text = found;
    return GODWIT_OK;
}

static godwit_status_t
get_instance (const godwit_value_t *value, uint8_t instance[GODWIT__UUID_SIZE], godwit_error_t **error)
{
    static const uint8_t zero[GODWIT__UUID_SIZE];
    const void *bytes = NULL;
    size_t size = 0;
    if (godwit_value_get_bin (value, &bytes, &size, NULL) != GODWIT_OK || size != GODWIT__UUID_SIZE ||
        memcmp (bytes, zero, size) == 0)
        return malformed (error, "instance");
    memcpy (instance, bytes, size);
    return GODWIT_OK;
}

static godwit_status_t
get_server_id (const godwit_value_t *value, uint32_t *server_id, godwit_error_t **error)
{
    uint64_t number = 0;
    if (godwit_value_get_uint (value, &number, NULL) != GODWIT_OK || number < 1 || number > UINT32_MAX)
        return malformed (error, "server_id");
    *server_id = (uint32_t) number;
    return GODWIT_OK;
}

/* Gets the list under key, and checks that it has at most max elements. */
static godwit_status_t
get_list (const godwit_value_t *map, const char *key, size_t max, const godwit_value_t **list,
          godwit_error_t **error)
{
    const godwit_value_t *found = godwit_value_get (map, key);
    if (godwit_value_type (found) != GODWIT_TYPE_LIST)
        return malformed (error, key);
    if (godwit_value_count (found) > max)
        return godwit__error_set (error, GODWIT_ERR_LIMIT_EXCEEDED, "rendezvous message: too many %s", key);
    *list = found;
    return GODWIT_OK;
}

static godwit_status_t
get_records (const godwit_value_t *map, const char *key, godwit__rendezvous_message_t *message,
             godwit_error_t **error)
{
    const godwit_value_t *list = NULL;
    godwit_status_t status = get_list (map, key, GODWIT__RENDEZVOUS_RECORDS_MAX, &list, error);
    const size_t count = godwit_value_count (list);
    if (status != GODWIT_OK || count == 0)
        return status;
    message->records = calloc (count, sizeof (godwit__record_t *));
    if (!message->records)
        return godwit__error_no_memory (error);
    for (size_t i = 0; i < count; i++) {
        status = godwit__record_read (&message->records[i], godwit_value_at (list, i), error);
        if (status != GODWIT_OK)
            return status;
        message->record_count++;
    }
    return GODWIT_OK;
}

/* WITHDRAW has server ids, DELTA pairs of instance and server id. */
static godwit_status_t
get_keys (const godwit_value_t *map, const char *key, bool pairs, godwit__rendezvous_message_t *message,
          godwit_error_t **error)
{
    const godwit_value_t *list = NULL;
    godwit_status_t status = get_list (map, key, GODWIT__RENDEZVOUS_KEYS_MAX, &list, error);
    const size_t count = godwit_value_count (list);
    if (status != GODWIT_OK || count == 0)
        return status;
    message->keys = calloc (count, sizeof *message->keys);
    if (!message->keys)
        return godwit__error_no_memory (error);
    for (size_t i = 0; i < count; i++) {
        const godwit_value_t *item = godwit_value_at (list, i);
        godwit__record_key_t *found = &message->keys[i];
        if (pairs) {
            if (godwit_value_type (item) != GODWIT_TYPE_LIST || godwit_value_count (item) != 2)
                return malformed (error, key);
            status = get_instance (godwit_value_at (item, 0), found->instance, error);
            item = godwit_value_at (item, 1);
        }
        if (status == GODWIT_OK)
            status = get_server_id (item, &found->server_id, error);
        if (status != GODWIT_OK)
            return status;
        message->key_count++;
    }
    return GODWIT_OK;
}

static godwit_status_t
get_join (const godwit_value_t *map, godwit__rendezvous_message_t *message, godwit_error_t **error)
{
    uint64_t refresh_ms = 0;
    godwit_status_t status = get_instance (godwit_value_get (map, "instance"), message->instance, error);
    if (status == GODWIT_OK)
        status = get_text (map, "virtual_host", GODWIT__VIRTUAL_HOST_MAX, &message->virtual_host, error);
    if (status == GODWIT_OK)
        status = get_number (map, "features", &message->features, error);
    if (status == GODWIT_OK)
        status = get_number (map, "refresh_ms", &refresh_ms, error);
    if (status == GODWIT_OK && (refresh_ms < GODWIT__REFRESH_MIN_MS || refresh_ms > GODWIT__REFRESH_MAX_MS))
        status = malformed (error, "refresh_ms");
    message->refresh_ms = (int64_t) refresh_ms;
    return status;
}

static godwit_status_t
get_position (const godwit_value_t *map, godwit__rendezvous_message_t *message, godwit_error_t **error)
{
    const godwit_status_t status = get_number (map, "epoch", &message->epoch, error);
    return status == GODWIT_OK ? get_number (map, "sequence", &message->sequence, error) : status;
}

static godwit_status_t
get_fields (const godwit_value_t *map, godwit__rendezvous_message_t *message, godwit_error_t **error)
{
    godwit_status_t status = GODWIT_OK;
    switch (message->type) {
    case GODWIT__RENDEZVOUS_JOIN:
        return get_join (map, message, error);
    case GODWIT__RENDEZVOUS_SNAPSHOT:
        status = get_position (map, message, error);
        if (status == GODWIT_OK)
            status = get_bool (map, "first", &message->first, error);
        if (status == GODWIT_OK)
            status = get_bool (map, "last", &message->last, error);
        if (status == GODWIT_OK &&
            godwit_value_get (map, "settles_ms")) /* only of a host that began just now */
            status = get_number (map, "settles_ms", &message->settles_ms, error);
        return status == GODWIT_OK ? get_records (map, "records", message, error) : status;
    case GODWIT__RENDEZVOUS_REGISTER:
        return get_records (map, "records", message, error);
    case GODWIT__RENDEZVOUS_WITHDRAW:
        status = get_bool (map, "except", &message->except, error);
        return status == GODWIT_OK ? get_keys (map, "servers", false, message, error) : status;
    case GODWIT__RENDEZVOUS_DELTA:
        status = get_position (map, message, error);
        if (status == GODWIT_OK)
            status = get_records (map, "seen", message, error);
        if (status == GODWIT_OK && godwit_value_get (map, "withdrawn")) /* not in earlier versions */
            status = get_bool (map, "withdrawn", &message->withdrawn, error);
        return status == GODWIT_OK ? get_keys (map, "gone", true, message, error) : status;
    case GODWIT__RENDEZVOUS_REFRESH:
        status = get_number (map, "count", &message->count, error);
        return status == GODWIT_OK ? get_number (map, "sum", &message->sum, error) : status;
    case GODWIT__RENDEZVOUS_CURRENT:
        return get_position (map, message, error);
    case GODWIT__RENDEZVOUS_EXPELLED:
        return get_text (map, "reason", 255, &message->reason, error);
    case GODWIT__RENDEZVOUS_RESYNC:
    case GODWIT__RENDEZVOUS_LEAVE:
    case GODWIT__RENDEZVOUS_RESERVED_LAST:
    default:
        return GODWIT_OK;
    }
}

static bool
header_fits (const godwit__frame_t *frame, godwit__header_t *header)
{
    return frame->size <= GODWIT__RENDEZVOUS_FRAME_MAX &&
           godwit__header_read (header, frame->data, frame->size) == GODWIT__HEADER_OK &&
           header->type >= GODWIT__MATCHMAKER_FIRST && header->type <= GODWIT__MATCHMAKER_LAST;
}

godwit_status_t
godwit__rendezvous_read (godwit__rendezvous_message_t *message, godwit__frame_t *frame,
                         godwit_error_t **error)
{
    memset (message, 0, sizeof *message);
    godwit__header_t header;
    if (!header_fits (frame, &header)) {
        godwit__frame_release (frame);
        return godwit__error_set (error, GODWIT_ERR_MALFORMED, "rendezvous message: malformed header");
    }
    message->type = (godwit__rendezvous_type_t) header.type;
    godwit_status_t status = godwit__decode (&message->block, frame, GODWIT__HEADER_SIZE, &limits, error);
    if (status == GODWIT_OK) {
        const godwit_value_t *map = godwit__block_nodes (message->block);
        status = godwit_value_type (map) == GODWIT_TYPE_MAP ? get_fields (map, message, error)
                                                            : malformed (error, "(all): expected a map");
    }
    if (status != GODWIT_OK)
        godwit__rendezvous_clear (message);
    return status;
}

void
godwit__rendezvous_clear (godwit__rendezvous_message_t *message)
{
    for (size_t i = 0; i < message->record_count; i++)
        godwit__record_unref (&message->records[i]);
    free (message->records);
    free (message->keys);
    if (message->block)
        godwit__block_unref (message->block);
    memset (message, 0, sizeof *message);
}
