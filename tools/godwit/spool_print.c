/* SPDX-License-Identifier: Apache-2.0 */
/* A spool as text and as JSON. An item that is a notification is told with the names of its parts; any other
 * msgpack as it is; and what has no form in JSON as base64. */
#include "tools/godwit/spool.h"

#include "tools/godwit/clean.h"

#include "src/value/json.h"
#include "src/value/msgpack/codec.h"

#include <inttypes.h>
#include <sodium/utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A stream, copied: a callback must not call the spool. */
typedef struct stream {
    char *name;
    uint64_t last_number;
    godwit_spool_pool_t *pools; /* with names of their own */
    size_t pool_count;
} stream_t;

typedef struct streams {
    stream_t *items;
    size_t count;
    bool is_short; /* of memory */
} streams_t;

typedef struct print {
    godwit_spool_t *spool;
    godwit_builder_t *builder; /* NULL: text */
    godwit_status_t status;
    godwit_error_t **error;
} print_t;

/* ---- the streams ---- */

static bool
copy_pools (stream_t *stream, const godwit_spool_pool_t *pools, size_t count)
{
    stream->pools = calloc (count + 1, sizeof *stream->pools);
    for (size_t i = 0; stream->pools && i < count; i++) {
        char *const name = strdup (pools[i].name);
        if (!name)
            return false;
        stream->pools[i] = pools[i];
        stream->pools[i].name = name;
        stream->pool_count = i + 1;
    }
    return stream->pools;
}

static bool
note_stream (void *user, const char *name, uint64_t last_number, const godwit_spool_pool_t *pools,
             size_t pool_count)
{
    streams_t *const streams = user;
    stream_t *const items = realloc (streams->items, (streams->count + 1) * sizeof *items);
    streams->is_short = !items;
    if (!items)
        return false;
    streams->items = items;
    stream_t *const stream = &items[streams->count++];
    *stream = (stream_t){.name = strdup (name), .last_number = last_number};
    streams->is_short = !stream->name || !copy_pools (stream, pools, pool_count);
    return !streams->is_short;
}

static void
free_streams (streams_t *streams)
{
    for (size_t i = 0; i < streams->count; i++) {
        for (size_t j = 0; j < streams->items[i].pool_count; j++)
            free ((char *) (uintptr_t) streams->items[i].pools[j].name);
        free (streams->items[i].pools);
        free (streams->items[i].name);
    }
    free (streams->items);
}

static godwit_status_t
find_streams (godwit_spool_t *spool, streams_t *streams, godwit_error_t **error)
{
    const godwit_status_t status = spool->ops->streams (spool, note_stream, streams, error);
    if (status || !streams->is_short)
        return status;
    *error = godwit_error_new (GODWIT_ERR_OUT_OF_MEMORY, "out of memory");
    return GODWIT_ERR_OUT_OF_MEMORY;
}

static const char *
moment (int64_t ms, char *text, size_t size)
{
    const time_t seconds = (time_t) (ms / 1000);
    struct tm parts;
    if (ms <= 0 || !gmtime_r (&seconds, &parts) ||
        strftime (text, size, "%Y-%m-%d %H:%M:%S UTC", &parts) == 0)
        snprintf (text, size, "never");
    return text;
}

static void
add_name (godwit_builder_t *builder, const char *key, const char *name)
{
    char *const copy = clean_copy (name);
    godwit_builder_str (builder, key, copy ? copy : "");
    free (copy);
}

/* ---- show ---- */

static bool
print_pool (print_t *print, const char *stream, const godwit_spool_pool_t *pool)
{
    godwit_sqlite_spool_detail_t detail;
    char oldest[64], seen[64];
    print->status =
        godwit_sqlite_spool_detail (print->spool, stream, pool->name, &detail, sizeof detail, print->error);
    if (print->status)
        return false;
    if (print->builder) {
        godwit_builder_open_map (print->builder, NULL);
        add_name (print->builder, "name", pool->name);
        godwit_builder_int (print->builder, "settled", (int64_t) pool->settled);
        godwit_builder_int (print->builder, "not_settled", (int64_t) detail.items);
        godwit_builder_int (print->builder, "oldest", (int64_t) detail.oldest);
        godwit_builder_int (print->builder, "oldest_ms", detail.oldest_ms);
        godwit_builder_int (print->builder, "seen_ms", pool->seen_ms);
        godwit_builder_close (print->builder);
        return true;
    }
    printf ("  pool ");
    clean_print (stdout, pool->name);
    printf (": %" PRIu64 " not settled", detail.items);
    if (detail.oldest)
        printf (", the oldest is %" PRIu64 " of %s", detail.oldest,
                moment (detail.oldest_ms, oldest, sizeof oldest));
    printf ("; last seen %s\n", moment (pool->seen_ms, seen, sizeof seen));
    return true;
}

static void
print_stream_head (const print_t *print, const char *name, uint64_t last_number,
                   const godwit_sqlite_spool_detail_t *detail)
{
    char oldest[64];
    if (print->builder) {
        godwit_builder_open_map (print->builder, NULL);
        add_name (print->builder, "name", name);
        godwit_builder_int (print->builder, "last", (int64_t) last_number);
        godwit_builder_int (print->builder, "items", (int64_t) detail->items);
        godwit_builder_int (print->builder, "bytes", (int64_t) detail->bytes);
        godwit_builder_int (print->builder, "oldest", (int64_t) detail->oldest);
        godwit_builder_int (print->builder, "oldest_ms", detail->oldest_ms);
        godwit_builder_open_list (print->builder, "pools");
        return;
    }
    printf ("stream ");
    clean_print (stdout, name);
    printf (": %" PRIu64 " items, %" PRIu64 " bytes, last number %" PRIu64, detail->items, detail->bytes,
            last_number);
    if (detail->oldest)
        printf (", the oldest is %" PRIu64 " of %s", detail->oldest,
                moment (detail->oldest_ms, oldest, sizeof oldest));
    printf ("\n");
}

static bool
print_stream (print_t *print, const stream_t *stream)
{
    godwit_sqlite_spool_detail_t detail;
    print->status =
        godwit_sqlite_spool_detail (print->spool, stream->name, NULL, &detail, sizeof detail, print->error);
    if (print->status)
        return false;
    print_stream_head (print, stream->name, stream->last_number, &detail);
    bool good = true;
    for (size_t i = 0; i < stream->pool_count && good; i++)
        good = print_pool (print, stream->name, &stream->pools[i]);
    if (print->builder) {
        godwit_builder_close (print->builder);
        godwit_builder_close (print->builder);
    }
    return good;
}

static void
print_head (const print_t *print, const char *path, const godwit_sqlite_spool_stats_t *stats)
{
    char owner[512] = "";
    const bool is_owned = godwit_sqlite_spool_owner (path, owner, sizeof owner);
    if (!print->builder) {
        printf ("spool %s: %s", path, is_owned ? "owned by " : "nobody owns it");
        clean_print (stdout, owner);
        printf ("\n%" PRIu64 " streams, %" PRIu64 " pools, %" PRIu64 " items, %" PRIu64 " bytes; %" PRIu64
                " bytes on the disk\n",
                stats->streams, stats->pools, stats->items, stats->bytes, stats->file_size);
        return;
    }
    godwit_builder_open_map (print->builder, NULL);
    add_name (print->builder, "path", path);
    if (is_owned)
        add_name (print->builder, "owner", owner);
    else
        godwit_builder_nil (print->builder, "owner");
    godwit_builder_int (print->builder, "owner_pid", stats->owner_pid);
    godwit_builder_int (print->builder, "items", (int64_t) stats->items);
    godwit_builder_int (print->builder, "bytes", (int64_t) stats->bytes);
    godwit_builder_int (print->builder, "file_size", (int64_t) stats->file_size);
    godwit_builder_open_list (print->builder, "streams");
}

/* Prints a value in a line. *value_p is consumed. */
static godwit_status_t
print_value (godwit_value_t **value_p, godwit_error_t **error)
{
    godwit_value_t *text = NULL;
    const godwit_status_t status = godwit__json_write (&text, *value_p, error);
    if (!status)
        puts (godwit_value_as_str (text, ""));
    godwit_value_unref (&text);
    godwit_value_unref (value_p);
    return status;
}

godwit_status_t
spool_print (godwit_spool_t *spool, const char *path, bool as_json, godwit_error_t **error)
{
    print_t print = {.spool = spool, .builder = as_json ? godwit_builder_new () : NULL, .error = error};
    godwit_sqlite_spool_stats_t stats;
    godwit_value_t *value = NULL;
    streams_t streams = {0};
    print.status = find_streams (spool, &streams, error);
    godwit_sqlite_spool_stats (spool, &stats, sizeof stats);
    if (!print.status)
        print_head (&print, path, &stats);
    for (size_t i = 0; i < streams.count && !print.status; i++)
        print_stream (&print, &streams.items[i]);
    free_streams (&streams);
    godwit_builder_close (print.builder); /* the list, and all of it */
    godwit_builder_close (print.builder);
    if (as_json && !print.status)
        print.status = godwit_builder_finish (&print.builder, &value, error);
    godwit_builder_destroy (&print.builder);
    return as_json && !print.status ? print_value (&value, error) : print.status;
}

/* ---- export ---- */

typedef struct export
{
    const char *stream;
    godwit_status_t status;
    godwit_error_t **error;
}
export_t;

/* NULL: it is no msgpack, or a bare number or text: any few bytes would be that. */
static godwit_value_t *
decode (const void *data, size_t size)
{
    godwit_value_t *value = NULL;
    const godwit__writer_t bytes = {.data = malloc (size + 1), .size = size, .capacity = size};
    if (!bytes.data || size == 0) {
        free (bytes.data);
        return NULL;
    }
    memcpy (bytes.data, data, size);
    if (godwit__value_from (&value, &bytes, NULL) != GODWIT_OK)
        return NULL;
    const godwit_type_t type = godwit_value_type (value);
    if (type != GODWIT_TYPE_LIST && type != GODWIT_TYPE_MAP)
        godwit_value_unref (&value);
    return value;
}

/* The parts of a notification as it travels, in their order (docs/protocol.md). */
static const char *const parts[] = {"context", "publisher_id", "event_type", "priority",
                                    "payload", "message_id",   "timestamp"};
#define PART_COUNT (sizeof parts / sizeof *parts)

static bool
is_notification (const godwit_value_t *value)
{
    if (godwit_value_type (value) != GODWIT_TYPE_LIST || godwit_value_count (value) != PART_COUNT ||
        godwit_value_type (godwit_value_at (value, 0)) != GODWIT_TYPE_MAP)
        return false;
    for (size_t i = 1; i < PART_COUNT; i++)
        if (i != 4 && godwit_value_type (godwit_value_at (value, i)) != GODWIT_TYPE_STR)
            return false;
    return true;
}

static void
add_value (godwit_builder_t *builder, const godwit_value_t *value)
{
    if (!is_notification (value)) {
        godwit_builder_value (builder, "value", value);
        return;
    }
    godwit_builder_open_map (builder, "notification");
    for (size_t i = 0; i < PART_COUNT; i++)
        godwit_builder_value (builder, parts[i], godwit_value_at (value, i));
    godwit_builder_close (builder);
}

static void
add_base64 (godwit_builder_t *builder, const void *data, size_t size)
{
    const size_t room = sodium_base64_ENCODED_LEN (size, sodium_base64_VARIANT_ORIGINAL);
    char *const text = malloc (room);
    if (text) {
        sodium_bin2base64 (text, room, data, size, sodium_base64_VARIANT_ORIGINAL);
        godwit_builder_str (builder, "base64", text);
    } else
        godwit_builder_nil (builder, "base64");
    free (text);
}

/* decoded NULL: base64. */
static godwit_status_t
print_item (const export_t *export, uint64_t number, const void *data, size_t size,
            const godwit_value_t *decoded, godwit_error_t **error)
{
    godwit_value_t *value = NULL;
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_map (builder, NULL);
    add_name (builder, "stream", export->stream);
    godwit_builder_int (builder, "number", (int64_t) number);
    if (decoded)
        add_value (builder, decoded);
    else
        add_base64 (builder, data, size);
    godwit_builder_close (builder);
    const godwit_status_t status = godwit_builder_finish (&builder, &value, error);
    return status ? status : print_value (&value, error);
}

static bool
take_item (void *user, uint64_t number, const void *data, size_t size)
{
    export_t *const export = user;
    godwit_value_t *decoded = decode (data, size);
    /* A value may have no form in JSON, if it has binary data in it. */
    export->status =
        decoded ? print_item (export, number, data, size, decoded, NULL) : GODWIT_ERR_TYPE_MISMATCH;
    if (export->status)
        export->status = print_item (export, number, data, size, NULL, export->error);
    godwit_value_unref (&decoded);
    return !export->status;
}

godwit_status_t
spool_export (godwit_spool_t *spool, const char *stream, godwit_error_t **error)
{
    streams_t streams = {0};
    bool is_found = !stream;
    export_t export = {.error = error};
    export.status = find_streams (spool, &streams, error);
    for (size_t i = 0; i < streams.count && !export.status; i++) {
        export.stream = streams.items[i].name;
        if (stream && strcmp (export.stream, stream) != 0)
            continue;
        is_found = true;
        const godwit_status_t status =
            spool->ops->read (spool, export.stream, NULL, 1, 0, 0, take_item, &export, error);
        if (status)
            export.status = status;
    }
    free_streams (&streams);
    if (!export.status && !is_found) {
        *error = godwit_error_new (GODWIT_ERR_NOT_FOUND,
                                   "there is no stream %s: `godwit spool show` lists them", stream);
        export.status = GODWIT_ERR_NOT_FOUND;
    }
    return export.status;
}
