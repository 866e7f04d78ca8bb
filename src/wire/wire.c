/* SPDX-License-Identifier: Apache-2.0 */
#include "src/wire/wire.h"

#include "src/error/error.h"

#include <stdio.h>
#include <stdlib.h>

static bool
all_zero (const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (data[i])
            return false;
    return true;
}

static void
write_key (godwit__writer_t *writer, const char *key)
{
    godwit__write_str (writer, key, strlen (key));
}

size_t
godwit__identity_write (uint8_t *data, godwit__frame_type_t type, const godwit__identity_t *identity)
{
    const bool expects = !all_zero (identity->expect, sizeof identity->expect);
    const bool hello = type == GODWIT__HELLO;
    godwit__writer_t writer = {
        .data = data, .size = GODWIT__HEADER_SIZE, .capacity = GODWIT__IDENTITY_FRAME_MAX};

    godwit__header_write (data, &(godwit__header_t){.type = (uint8_t) type});
    godwit__write_map (&writer, 3u + (hello ? 1u : 0u) + (expects ? 1u : 0u));
    write_key (&writer, "instance");
    godwit__write_bin (&writer, identity->instance, sizeof identity->instance);
    write_key (&writer, "incarnation");
    godwit__write_uint (&writer, identity->incarnation);
    write_key (&writer, "features");
    godwit__write_uint (&writer, identity->features);
    if (hello) {
        write_key (&writer, "virtual_host");
        write_key (&writer, identity->virtual_host);
    }
    if (expects) {
        write_key (&writer, "expect");
        godwit__write_bin (&writer, identity->expect, sizeof identity->expect);
    }
    return writer.size;
}

/* Reads an entry that must be a non-negative number. */
static bool
read_number (const godwit_value_t *map, const char *key, uint64_t *number)
{
    const godwit_value_t *value = godwit_value_get (map, key);
    int64_t small = -1;
    if (godwit_value_get_uint (value, number, NULL) == GODWIT_OK)
        return true;
    if (godwit_value_get_int (value, &small, NULL) != GODWIT_OK || small < 0)
        return false;
    *number = (uint64_t) small;
    return true;
}

static bool
read_uuid (const godwit_value_t *map, const char *key, uint8_t uuid[GODWIT__UUID_SIZE])
{
    const void *data = NULL;
    size_t size = 0;
    if (godwit_value_get_bin (godwit_value_get (map, key), &data, &size, NULL) != GODWIT_OK ||
        size != GODWIT__UUID_SIZE)
        return false;
    memcpy (uuid, data, GODWIT__UUID_SIZE);
    return true;
}

static const char *
read_identity_map (godwit__identity_t *identity, const godwit_value_t *map)
{
    if (godwit_value_type (map) != GODWIT_TYPE_MAP)
        return "the body is no map";
    if (!read_uuid (map, "instance", identity->instance) || all_zero (identity->instance, GODWIT__UUID_SIZE))
        return "instance: expected bin of 16 bytes, not all zero";
    if (!read_number (map, "incarnation", &identity->incarnation))
        return "incarnation: expected a number from 0 to 2^64 - 1";
    if (!read_number (map, "features", &identity->features))
        return "features: expected a number from 0 to 2^64 - 1";
    if (godwit_value_get (map, "expect") && !read_uuid (map, "expect", identity->expect))
        return "expect: expected bin of 16 bytes";

    const godwit_value_t *virtual_host = godwit_value_get (map, "virtual_host");
    if (virtual_host) {
        const char *text = godwit_value_as_str (virtual_host, NULL);
        const size_t size = godwit_value_count (virtual_host);
        if (!text || size >= sizeof identity->virtual_host || strlen (text) != size)
            return "virtual_host: expected str of at most 255 bytes";
        memcpy (identity->virtual_host, text, size + 1);
    }
    return NULL;
}

godwit_status_t
godwit__identity_read (godwit__identity_t *identity, godwit__frame_t *frame, godwit_error_t **error)
{
    static const godwit__limits_t limits = {GODWIT__IDENTITY_FRAME_MAX, 4, 64};
    godwit__block_t *block = NULL;
    const godwit_status_t status = godwit__decode (&block, frame, GODWIT__HEADER_SIZE, &limits, error);
    if (status)
        return status;
    memset (identity, 0, sizeof *identity);
    const char *wrong = read_identity_map (identity, godwit__block_nodes (block));
    godwit__block_unref (block);
    return wrong ? godwit__error_set (error, GODWIT_ERR_MALFORMED, "Identity refused: %s", wrong) : GODWIT_OK;
}

/* ---- NACK ---- */

size_t
godwit__refusal_write (uint8_t *data, uint64_t id, godwit__nack_t reason, const char *text)
{
    godwit__writer_t writer = {
        .data = data, .size = GODWIT__HEADER_SIZE, .capacity = GODWIT__REFUSAL_FRAME_MAX};
    godwit__header_write (data, &(godwit__header_t){.type = GODWIT__NACK, .id = id, .aux = reason});
    if (text)
        godwit__write_str (&writer, text, strlen (text));
    return writer.size;
}

/* It goes into logs and errors, and so to terminals. */
static void
clean (char *text)
{
    for (; *text; text++)
        if ((unsigned char) *text < 0x20 || *text == 0x7f)
            *text = '?';
}

void
godwit__refusal_read (godwit__frame_t *frame, char *text, size_t size)
{
    godwit__block_t *block = NULL;
    text[0] = '\0';
    if (frame->size <= GODWIT__HEADER_SIZE) {
        godwit__frame_release (frame);
        return;
    }
    if (godwit__decode (&block, frame, GODWIT__HEADER_SIZE, &godwit__default_limits, NULL) != GODWIT_OK)
        return;
    snprintf (text, size, "%s", godwit_value_as_str (godwit__block_nodes (block), ""));
    clean (text);
    godwit__block_unref (block);
}

/* ---- RESOLVE and RESOLVED ---- */

size_t
godwit__resolve_write (uint8_t *data, uint32_t target, const char *exchange, const char *topic,
                       const char *server)
{
    const char *const names[] = {exchange, topic, server};
    godwit__writer_t writer = {
        .data = data, .size = GODWIT__HEADER_SIZE, .capacity = GODWIT__RESOLVE_FRAME_MAX};
    godwit__header_write (data, &(godwit__header_t){.type = GODWIT__RESOLVE, .target = target});
    godwit__write_array (&writer, 3);
    for (size_t i = 0; i < 3; i++) {
        const size_t size = strlen (names[i]);
        if (size > 255)
            return 0;
        godwit__write_str (&writer, names[i], size);
    }
    return writer.size;
}

static bool
read_name (char name[256], const godwit_value_t *value, bool may_be_empty)
{
    const char *text = godwit_value_as_str (value, NULL);
    const size_t size = godwit_value_count (value);
    if (!text || size > 255 || strlen (text) != size || (size == 0 && !may_be_empty))
        return false;
    memcpy (name, text, size + 1);
    return true;
}

godwit_status_t
godwit__resolve_read (godwit__names_t *names, godwit__frame_t *frame, godwit_error_t **error)
{
    static const godwit__limits_t limits = {GODWIT__RESOLVE_FRAME_MAX, 2, 4};
    godwit__block_t *block = NULL;
    const godwit_status_t status = godwit__decode (&block, frame, GODWIT__HEADER_SIZE, &limits, error);
    if (status)
        return status;
    const godwit_value_t *list = godwit__block_nodes (block);
    const char *wrong = godwit_value_type (list) != GODWIT_TYPE_LIST || godwit_value_count (list) != 3
                            ? "the body is no list of exchange, topic, server"
                        : !read_name (names->exchange, godwit_value_at (list, 0), true)
                            ? "exchange: expected str of at most 255 bytes"
                        : !read_name (names->topic, godwit_value_at (list, 1), false)
                            ? "topic: expected str of 1 to 255 bytes"
                        : !read_name (names->server, godwit_value_at (list, 2), false)
                            ? "server: expected str of 1 to 255 bytes"
                            : NULL;
    godwit__block_unref (block);
    return wrong ? godwit__error_set (error, GODWIT_ERR_MALFORMED, "Names refused: %s", wrong) : GODWIT_OK;
}

size_t
godwit__resolved_write (uint8_t **data, uint64_t id, const godwit__record_t *record)
{
    const size_t bound = GODWIT__HEADER_SIZE + godwit__record_bound (record);
    uint8_t *frame = malloc (bound);
    if (!frame)
        return 0;
    godwit__writer_t writer = {.data = frame, .size = GODWIT__HEADER_SIZE, .capacity = bound};
    godwit__header_write (
        frame, &(godwit__header_t){.type = GODWIT__RESOLVED, .target = record->server_id, .id = id});
    godwit__record_write (&writer, record);
    *data = frame;
    return writer.size;
}

godwit_status_t
godwit__resolved_read (godwit__record_t **record, uint32_t target, godwit__frame_t *frame,
                       godwit_error_t **error)
{
    static const godwit__limits_t limits = {16384, 4, 128};
    godwit__block_t *block = NULL;
    godwit__record_t *found = NULL;
    godwit_status_t status = godwit__decode (&block, frame, GODWIT__HEADER_SIZE, &limits, error);
    if (status)
        return status;
    status = godwit__record_read (&found, godwit__block_nodes (block), error);
    godwit__block_unref (block);
    if (status)
        return status;
    if (found->server_id != target) {
        godwit__record_unref (&found);
        return godwit__error_set (error, GODWIT_ERR_MALFORMED,
                                  "record.server_id: expected the header's target");
    }
    *record = found;
    return GODWIT_OK;
}

const char *
godwit__nack_name (uint32_t reason)
{
    static const char *const names[] = {"unknown",  "OVERLOADED", "DRAINING",  "EXPIRED",  "NOT_HERE",
                                        "NO_HELLO", "DUPLICATE",  "MALFORMED", "IDENTITY", "FORBIDDEN"};
    return names[reason < sizeof names / sizeof names[0] ? reason : 0];
}
