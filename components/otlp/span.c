/* SPDX-License-Identifier: Apache-2.0 */
#include "components/otlp/span.h"

#include "components/otlp/attributes.h"
#include "components/otlp/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SYSTEM "godwit"
#define OTHER_METHOD "_OTHER"
#define NAME_SIZE 768 /* a topic, a namespace and a method, with the NUL */

/* OpenTelemetry's bits of a span's flags. */
#define FLAG_SAMPLED 0x001u
#define FLAG_HAS_IS_REMOTE 0x100u
#define FLAG_IS_REMOTE 0x200u

static bool
is_server (const godwit_value_t *record)
{
    const char *const side = godwit__otlp_record_text (record, "side");
    return side && strcmp (side, "server") == 0;
}

/* ---- names ---- */

static void
append (char name[NAME_SIZE], const char *part)
{
    const size_t used = strlen (name);
    if (part && *part)
        snprintf (name + used, NAME_SIZE - used, "%s%s", used ? "/" : "", part);
}

/* The method's full name: topic, namespace if there is one, and method. */
static void
method_name (char name[NAME_SIZE], const godwit_value_t *record)
{
    name[0] = '\0';
    append (name, godwit__otlp_record_text (record, "topic"));
    append (name, godwit__otlp_record_text (record, "namespace"));
    append (name, godwit__otlp_record_text (record, "method"));
}

/* What the conventions call the target of a registry: the group of servers that is asked. */
static void
group_name (char name[NAME_SIZE], const godwit_value_t *record)
{
    name[0] = '\0';
    append (name, godwit__otlp_record_text (record, "exchange"));
    append (name, godwit__otlp_record_text (record, "topic"));
}

/* ---- the network ---- */

/* The port behind the last ':' of "HOST:PORT", which is cut off; -1: there is none. */
static int64_t
cut_port (char *address)
{
    char *const colon = strrchr (address, ':'), *end = NULL;
    if (!colon || strchr (colon, ']'))
        return -1;
    const long port = strtol (colon + 1, &end, 10);
    if (end == colon + 1 || *end || port < 0 || port > 65535)
        return -1;
    *colon = '\0';
    return port;
}

/* "[fd00::1]" becomes "fd00::1". */
static char *
without_brackets (char *address)
{
    const size_t size = strlen (address);
    if (size < 2 || address[0] != '[' || address[size - 1] != ']')
        return address;
    address[size - 1] = '\0';
    return address + 1;
}

static void
add_network (godwit__otlp_attributes_t *list, const godwit_value_t *record)
{
    const char *const peer = godwit__otlp_record_text (record, "peer");
    const char *const scheme_end = peer ? strstr (peer, "://") : NULL;
    if (!scheme_end)
        return;
    const bool is_tcp = strncmp (peer, "tcp://", 6) == 0;
    if (is_tcp || strncmp (peer, "ipc://", 6) == 0)
        godwit__otlp_attributes_text (list, "network.transport", is_tcp ? "tcp" : "unix", 8);
    char address[GODWIT__OTLP_SPAN_TEXT];
    snprintf (address, sizeof address, "%s", scheme_end + 3);
    const int64_t port = is_tcp ? cut_port (address) : -1;
    godwit__otlp_attributes_text (list, "network.peer.address", without_brackets (address),
                                  GODWIT__OTLP_SPAN_TEXT);
    godwit__otlp_attributes_number (list, "network.peer.port", port);
}

/* ---- attributes ---- */

static void
add_text_of (godwit__otlp_attributes_t *list, const char *key, const godwit_value_t *record, const char *name)
{
    godwit__otlp_attributes_text (list, key, godwit__otlp_record_text (record, name), GODWIT__OTLP_SPAN_TEXT);
}

static void
add_number_of (godwit__otlp_attributes_t *list, const char *key, const godwit_value_t *record,
               const char *name)
{
    godwit__otlp_attributes_number (list, key, godwit__otlp_record_number (record, name));
}

/* What OpenTelemetry's conventions name, but for the network. */
static void
add_rpc (godwit__otlp_attributes_t *list, const godwit_value_t *record, const char *method)
{
    char group[NAME_SIZE];
    group_name (group, record);
    godwit__otlp_attributes_text (list, "rpc.system.name", SYSTEM, sizeof SYSTEM);
    if (godwit__otlp_record_has_no_method (record)) {
        godwit__otlp_attributes_text (list, "rpc.method", OTHER_METHOD, sizeof OTHER_METHOD);
        godwit__otlp_attributes_text (list, "rpc.method_original", method, GODWIT__OTLP_SPAN_TEXT);
    } else
        godwit__otlp_attributes_text (list, "rpc.method", method, GODWIT__OTLP_SPAN_TEXT);
    add_text_of (list, "rpc.status_code", record, "status");
    if (godwit__otlp_record_has_failed (record))
        add_text_of (list, "error.type", record, "status");
    godwit__otlp_attributes_text (list, "server.address", group, GODWIT__OTLP_SPAN_TEXT);
}

static bool
flag_of (const godwit_value_t *record, const char *name)
{
    return godwit_value_as_bool (godwit_value_get (record, name), false);
}

/* What is Godwit's own. */
static void
add_godwit (godwit__otlp_attributes_t *list, const godwit_value_t *record)
{
    add_text_of (list, "godwit.kind", record, "kind");
    add_text_of (list, "godwit.server", record, "server");
    add_text_of (list, "godwit.version", record, "version");
    add_text_of (list, "godwit.peer.instance", record, "instance");
    if (godwit__otlp_record_has_failed (record))
        add_text_of (list, "godwit.outcome", record, "outcome");
    add_number_of (list, "godwit.request.size", record, "request_size");
    add_number_of (list, "godwit.reply.size", record, "reply_size");
    if (!is_server (record)) {
        add_number_of (list, "godwit.attempts", record, "attempts");
        return;
    }
    if (flag_of (record, "queued"))
        add_number_of (list, "godwit.queue.time_ns", record, "started");
    add_number_of (list, "godwit.queue.length", record, "waiting");
    add_number_of (list, "godwit.handlers.busy", record, "busy");
}

/* ---- events ---- */

static Godwit__Otlp__Event *
make_event (const godwit_value_t *note, int64_t begin_ns, godwit__otlp_arena_t *arena)
{
    Godwit__Otlp__Event *const event = godwit__otlp_arena_get (arena, sizeof *event);
    if (!event)
        return NULL;
    godwit__otlp__event__init (event);
    const int64_t at_ns = godwit__otlp_record_number (note, "at");
    godwit__otlp_attributes_t list = godwit__otlp_attributes (arena, 4);
    add_text_of (&list, "godwit.note.text", note, "text");
    add_number_of (&list, "godwit.attempt", note, "attempt");
    add_text_of (&list, "godwit.server", note, "server");
    add_text_of (&list, "network.peer.address", note, "address");
    event->time_unix_nano = (uint64_t) begin_ns + (uint64_t) (at_ns < 0 ? 0 : at_ns);
    event->name = (char *) (uintptr_t) "godwit.note"; /* it is only read */
    event->n_attributes = list.count;
    event->attributes = list.items;
    return event;
}

/* Retries and refusals, with their reasons. */
static void
add_events (Godwit__Otlp__Span *span, const godwit_value_t *record, int64_t begin_ns,
            godwit__otlp_arena_t *arena)
{
    const godwit_value_t *const notes = godwit_value_get (record, "notes");
    const size_t given = godwit_value_type (notes) == GODWIT_TYPE_LIST ? godwit_value_count (notes) : 0;
    const size_t count = given < GODWIT__OTLP_SPAN_EVENTS ? given : GODWIT__OTLP_SPAN_EVENTS;
    if (!count)
        return;
    span->events = godwit__otlp_arena_get (arena, count * sizeof *span->events);
    for (size_t i = 0; span->events && i < count; i++) {
        Godwit__Otlp__Event *const event = make_event (godwit_value_at (notes, i), begin_ns, arena);
        if (!event)
            return;
        span->events[span->n_events++] = event;
    }
    span->dropped_events_count = (uint32_t) (given - count < UINT32_MAX ? given - count : UINT32_MAX);
}

/* The text of the last note: why a call failed at the end. NULL: there is none. */
static const char *
last_note (const godwit_value_t *record)
{
    const godwit_value_t *const notes = godwit_value_get (record, "notes");
    const size_t count = godwit_value_type (notes) == GODWIT_TYPE_LIST ? godwit_value_count (notes) : 0;
    return count ? godwit__otlp_record_text (godwit_value_at (notes, count - 1), "text") : NULL;
}

/* A span without an error has no status. */
static void
add_status (Godwit__Otlp__Span *span, const godwit_value_t *record, godwit__otlp_arena_t *arena)
{
    if (!godwit__otlp_record_has_failed (record))
        return;
    Godwit__Otlp__Status *const status = godwit__otlp_arena_get (arena, sizeof *status);
    char *const text = godwit__otlp_arena_text (arena, last_note (record), GODWIT__OTLP_SPAN_TEXT);
    if (!status || !text)
        return;
    godwit__otlp__status__init (status);
    status->code = GODWIT__OTLP__STATUS_CODE__STATUS_CODE_ERROR;
    status->message = text;
    span->status = status;
}

/* ---- ids and times ---- */

static ProtobufCBinaryData
read_id (const godwit_value_t *record, const char *name, size_t size, godwit__otlp_arena_t *arena)
{
    uint8_t id[16];
    if (!godwit__otlp_record_id (record, name, id, size))
        return (ProtobufCBinaryData){0};
    uint8_t *const copy = (uint8_t *) godwit__otlp_arena_copy (arena, id, size);
    return (ProtobufCBinaryData){.len = copy ? size : 0, .data = copy};
}

static void
add_ids (Godwit__Otlp__Span *span, const godwit_value_t *record, godwit__otlp_arena_t *arena)
{
    span->trace_id = read_id (record, "trace", 16, arena);
    span->span_id = read_id (record, "span", 8, arena);
    const bool has_own = span->span_id.len != 0;
    if (!has_own)
        span->span_id = read_id (record, "id", 8, arena);
    span->parent_span_id = read_id (record, has_own ? "id" : "parent", 8, arena);
    span->flags = FLAG_SAMPLED | FLAG_HAS_IS_REMOTE;
    if (is_server (record) && span->parent_span_id.len)
        span->flags |= FLAG_IS_REMOTE;
}

static int64_t
add_times (Godwit__Otlp__Span *span, const godwit_value_t *record)
{
    const int64_t at_ns = godwit__otlp_record_number (record, "at");
    const int64_t begin_ns = at_ns < 0 ? 0 : at_ns;
    span->start_time_unix_nano = (uint64_t) begin_ns;
    span->end_time_unix_nano = (uint64_t) begin_ns + (uint64_t) godwit__otlp_record_duration_ns (record);
    return begin_ns;
}

static void
add_attributes (Godwit__Otlp__Span *span, const godwit_value_t *record, godwit__otlp_arena_t *arena)
{
    char method[NAME_SIZE];
    method_name (method, record);
    godwit__otlp_attributes_t list = godwit__otlp_attributes (arena, GODWIT__OTLP_SPAN_ATTRIBUTES);
    add_rpc (&list, record, method);
    add_network (&list, record);
    add_godwit (&list, record);
    span->attributes = list.items;
    span->n_attributes = list.count;
    const bool is_known = method[0] && !godwit__otlp_record_has_no_method (record);
    span->name = godwit__otlp_arena_text (arena, is_known ? method : SYSTEM, GODWIT__OTLP_SPAN_TEXT);
}

godwit_status_t
godwit__otlp_span_make (Godwit__Otlp__Span **span, const godwit_value_t *record, godwit__otlp_arena_t *arena)
{
    Godwit__Otlp__Span *const made = godwit__otlp_arena_get (arena, sizeof *made);
    if (!made)
        return GODWIT_ERR_OUT_OF_MEMORY;
    godwit__otlp__span__init (made);
    made->kind = is_server (record) ? GODWIT__OTLP__SPAN_KIND__SPAN_KIND_SERVER
                                    : GODWIT__OTLP__SPAN_KIND__SPAN_KIND_CLIENT;
    add_ids (made, record, arena);
    const int64_t begin_ns = add_times (made, record);
    add_attributes (made, record, arena);
    add_events (made, record, begin_ns, arena);
    add_status (made, record, arena);
    if (arena->is_short)
        return GODWIT_ERR_OUT_OF_MEMORY;
    *span = made->trace_id.len && made->span_id.len ? made : NULL;
    return GODWIT_OK;
}
