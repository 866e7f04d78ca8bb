/* SPDX-License-Identifier: Apache-2.0 */
/* A snapshot as a value. */
#include "src/base/trace.h"
#include "src/base/utf8.h"
#include "src/blackbox/read.h"
#include "src/value/build.h"

#include <stdlib.h>
#include <string.h>

static const char *const sides[] = {"client", "server"};
static const char *const kinds[] = {"call", "cast", "fanout"};

/* ---- which ---- */

static int64_t
last_of (const godwit__box_call_t *call)
{
    return call->replied_ns > call->ended_ns ? call->replied_ns : call->ended_ns;
}

/* INT64_MAX: it runs, so it may take any time. */
static int64_t
took_of (const godwit__box_call_t *call)
{
    return call->is_running ? INT64_MAX : last_of (call);
}

static bool
is_text (const char *wanted, const char *text)
{
    return !wanted || strcmp (wanted, text) == 0;
}

static bool
fits (const godwit__box_call_t *call, const godwit__box_filter_t *filter)
{
    if (call->number <= filter->after || (filter->span && filter->span != call->span) ||
        (filter->trace_id && memcmp (filter->trace_id, call->trace_id, sizeof call->trace_id) != 0))
        return false;
    if ((filter->failed && (call->is_running || !call->status)) || (filter->running && !call->is_running))
        return false;
    if (filter->since_ns && !call->is_running && call->at_ns + last_of (call) < filter->since_ns)
        return false;
    if (filter->may_see && !filter->may_see (filter->may_see_user, call->names[GODWIT__BOX_EXCHANGE],
                                             call->names[GODWIT__BOX_TOPIC]))
        return false;
    return is_text (filter->exchange, call->names[GODWIT__BOX_EXCHANGE]) &&
           is_text (filter->topic, call->names[GODWIT__BOX_TOPIC]) &&
           is_text (filter->method, call->names[GODWIT__BOX_METHOD]) &&
           is_text (filter->server, call->names[GODWIT__BOX_SERVER_NAME]);
}

static int
compare_slowest (const void *left, const void *right)
{
    const int64_t a = took_of (*(const godwit__box_call_t *const *) left);
    const int64_t b = took_of (*(const godwit__box_call_t *const *) right);
    return a > b ? -1 : a < b;
}

/* ---- telling ---- */

/* As long as the longest text in a box. */
#define TEXT_MAX 256

/* Texts of others may be any bytes, and were cut to their places, perhaps within a character: whoever reads
 * them gets UTF-8. */
static void
add_text (godwit_builder_t *builder, const char *name, const char *text)
{
    char clean[TEXT_MAX];
    size_t size = 0, left = strnlen (text, sizeof clean);
    if (!left) {
        godwit_builder_nil (builder, name);
        return;
    }
    for (const unsigned char *at = (const unsigned char *) text; left;) {
        const size_t length = godwit__utf8_length (at, left);
        memcpy (clean + size, length ? (const void *) at : "?", length ? length : 1);
        size += length ? length : 1;
        at += length ? length : 1;
        left -= length ? length : 1;
    }
    godwit_builder_strn (builder, name, clean, size);
}

/* -1: it has not come. */
static void
add_time (godwit_builder_t *builder, const char *name, int64_t ns)
{
    if (ns >= 0)
        godwit_builder_int (builder, name, ns);
    else
        godwit_builder_nil (builder, name);
}

static void
add_span (godwit_builder_t *builder, const char *name, uint64_t span)
{
    if (span)
        godwit__build_hex (builder, name, (const uint8_t *) &span, sizeof span);
    else
        godwit_builder_nil (builder, name);
}

static void
add_names (godwit_builder_t *builder, const godwit__box_call_t *call)
{
    static const char *const keys[] = {"exchange", "topic", "namespace", "version", "server", "method"};
    for (size_t i = 0; i < GODWIT__BOX_TEXTS; i++)
        add_text (builder, keys[i], call->names[i]);
}

static void
add_peer (godwit_builder_t *builder, const godwit__box_peer_t *peer)
{
    add_text (builder, "peer", peer ? peer->address : "");
    if (peer)
        godwit__build_hex (builder, "instance", peer->instance, sizeof peer->instance);
    else
        godwit_builder_nil (builder, "instance");
}

static void
add_end (godwit_builder_t *builder, const godwit__box_call_t *call)
{
    if (call->is_running) {
        godwit_builder_nil (builder, "status");
        godwit_builder_nil (builder, "outcome");
        return;
    }
    godwit_builder_str (builder, "status", godwit_status_type (call->status));
    godwit_builder_str (builder, "outcome", godwit_outcome_name (call->outcome));
}

static void
add_notes (godwit_builder_t *builder, const godwit__box_snapshot_t *snapshot, const godwit__box_call_t *call)
{
    godwit_builder_open_list (builder, "notes");
    for (size_t i = 0; i < snapshot->note_count; i++) {
        const godwit__box_note_t *const note = &snapshot->notes[i];
        /* Both sides may be in one box: a client's come with the number of the attempt. */
        if (note->span != call->span || note->side != (uint64_t) call->side)
            continue;
        godwit_builder_open_map (builder, NULL);
        godwit_builder_int (builder, "at", note->at_ns - call->at_ns);
        godwit_builder_uint (builder, "attempt", note->attempt);
        add_text (builder, "server", note->server);
        add_text (builder, "address", note->address);
        add_text (builder, "text", note->text);
        godwit_builder_close (builder);
    }
    godwit_builder_close (builder);
}

static void
add_server_side (godwit_builder_t *builder, const godwit__box_call_t *call)
{
    godwit_builder_bool (builder, "queued", call->flags & GODWIT__BOX_QUEUED);
    godwit_builder_bool (builder, "kept", call->flags & GODWIT__BOX_KEPT);
    godwit_builder_bool (builder, "refused", call->flags & GODWIT__BOX_REFUSED);
    godwit_builder_uint (builder, "waiting", call->queued);
    godwit_builder_uint (builder, "busy", call->running);
}

static void
add_call (godwit_builder_t *builder, const godwit__box_snapshot_t *snapshot, const godwit__box_call_t *call,
          int64_t now_ns)
{
    const godwit__box_head_t *const head = &snapshot->head;
    const bool is_server = call->side == GODWIT__BOX_SERVER;
    godwit_builder_open_map (builder, NULL);
    godwit_builder_uint (builder, "seq", call->number);
    add_span (builder, "id", call->span);
    godwit__build_hex (builder, "trace", call->trace_id, sizeof call->trace_id);
    add_span (builder, "parent", call->parent);
    if (is_server)
        add_span (builder, "span", call->span ? godwit__trace_span_of_run (call->span) : 0);
    godwit_builder_str (builder, "side", sides[call->side]);
    godwit_builder_str (builder, "kind", kinds[call->kind]);
    add_names (builder, call);
    add_peer (builder, godwit__box_peer (snapshot, call->peer));
    godwit_builder_int (builder, "at", head->wall_ns + (call->at_ns - head->monotonic_ns));
    godwit_builder_int (builder, "clock", call->at_ns);
    add_time (builder, is_server ? "started" : "sent", call->sent_ns);
    add_time (builder, "ended", call->ended_ns);
    if (is_server)
        add_time (builder, "replied", call->replied_ns);
    godwit_builder_int (builder, "took", call->is_running ? now_ns - call->at_ns : last_of (call));
    godwit_builder_bool (builder, "running", call->is_running);
    add_end (builder, call);
    godwit_builder_uint (builder, "attempts", call->attempts);
    if (is_server)
        add_server_side (builder, call);
    else
        godwit_builder_bool (builder, "lost", call->flags & GODWIT__BOX_LOST);
    godwit_builder_uint (builder, "request_size", call->request_size);
    godwit_builder_uint (builder, "reply_size", call->reply_size);
    add_notes (builder, snapshot, call);
    godwit_builder_close (builder);
}

bool
godwit__box_tell (const godwit__box_snapshot_t *snapshot, const godwit__box_filter_t *filter,
                  godwit_builder_t *builder)
{
    size_t count = 0;
    const godwit__box_call_t **const found = calloc (snapshot->count + 1, sizeof *found);
    if (!found)
        return false;
    for (size_t i = 0; i < snapshot->count; i++)
        if (fits (&snapshot->calls[i], filter))
            found[count++] = &snapshot->calls[i];
    if (filter->slowest)
        qsort (found, count, sizeof *found, compare_slowest);
    const size_t limit = count < filter->limit ? count : filter->limit;
    const size_t first = filter->slowest || filter->oldest ? 0 : count - limit;
    for (size_t i = 0; i < limit; i++)
        add_call (builder, snapshot, found[first + i], filter->now_ns);
    free (found);
    return true;
}
