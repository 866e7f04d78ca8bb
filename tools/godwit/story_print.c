/* SPDX-License-Identifier: Apache-2.0 */
/* A story as a timeline, and as a value. */
#include "tools/godwit/clean.h"
#include "tools/godwit/story.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* A line of the timeline. */
typedef struct event {
    int64_t at_ns;
    size_t order; /* as they were added: for those at the same time */
    const char *side;
    bool is_estimated;
    char text[512];
} event_t;

typedef struct timeline {
    event_t *events;
    size_t count, capacity;
} timeline_t;

/* What finds no memory is left out. */
static __attribute__ ((format (printf, 4, 5))) void
add (timeline_t *line, const story_part_t *part, int64_t at_ns, const char *format, ...)
{
    va_list arguments;
    if (line->count == line->capacity) {
        const size_t capacity = line->capacity ? 2 * line->capacity : 32;
        event_t *const events = realloc (line->events, capacity * sizeof *events);
        if (!events)
            return;
        line->events = events;
        line->capacity = capacity;
    }
    event_t *const event = &line->events[line->count];
    event->at_ns = part->offset_ns + at_ns;
    event->order = line->count++;
    event->side = record_text (part->call, "side");
    event->is_estimated = part->is_estimated;
    va_start (arguments, format);
    vsnprintf (event->text, sizeof event->text, format, arguments);
    va_end (arguments);
}

static int
compare_events (const void *left, const void *right)
{
    const event_t *const a = left, *const b = right;
    if (a->at_ns != b->at_ns)
        return a->at_ns < b->at_ns ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

/* ---- the client's side ---- */

/* The last note of a call that failed tells its end, which has a line of its own. */
static void
add_notes (timeline_t *line, const story_part_t *part)
{
    const godwit_value_t *const notes = godwit_value_get (part->call, "notes");
    size_t count = godwit_value_count (notes);
    const bool failed =
        !record_bool (part->call, "running") && strcmp (record_text (part->call, "status"), "Ok") != 0;
    if (failed && count)
        count--;
    for (size_t i = 0; i < count; i++) {
        const godwit_value_t *const note = godwit_value_at (notes, i);
        const char *const server = record_text (note, "server");
        const int64_t attempt = record_int (note, "attempt", 0);
        if (attempt)
            add (line, part, record_int (note, "at", 0), "attempt %lld%s%s%s: %s", (long long) attempt,
                 *server ? " at server \"" : "", server, *server ? "\"" : "", record_text (note, "text"));
        else
            add (line, part, record_int (note, "at", 0), "waits: %s", record_text (note, "text"));
    }
}

static const char *
last_text (const godwit_value_t *call)
{
    const godwit_value_t *const notes = godwit_value_get (call, "notes");
    const size_t count = godwit_value_count (notes);
    return count ? record_text (godwit_value_at (notes, count - 1), "text") : "";
}

static void
add_end (timeline_t *line, const story_part_t *part, const char *what)
{
    const char *const status = record_text (part->call, "status");
    const char *const text = last_text (part->call);
    if (!strcmp (status, "Ok"))
        add (line, part, record_int (part->call, "ended", 0), "%s: Ok", what);
    else
        add (line, part, record_int (part->call, "ended", 0), "%s: %s%s%s", what, status, *text ? ": " : "",
             text);
}

static void
add_client (timeline_t *line, const story_part_t *part)
{
    const godwit_value_t *const call = part->call;
    const int64_t sent = record_int (call, "sent", -1);
    const int64_t attempts = record_int (call, "attempts", 0);
    char method[256];
    record_print_method (call, method, sizeof method);
    add (line, part, 0, "%s of %s begins", record_text (call, "kind"), method);
    add_notes (line, part);
    if (sent >= 0 && attempts > 1)
        add (line, part, sent, "handed over to %s (attempt %lld)", record_text (call, "peer"),
             (long long) attempts);
    else if (sent >= 0)
        add (line, part, sent, "handed over to %s", record_text (call, "peer"));
    if (record_bool (call, "running"))
        add (line, part, record_int (call, "took", 0), "still waits");
    else
        add_end (line, part, "ended");
}

/* ---- a server's side ---- */

static void
add_server (timeline_t *line, const story_part_t *part)
{
    const godwit_value_t *const call = part->call;
    const char *const server = record_text (call, "server");
    const int64_t started = record_int (call, "started", -1);
    const int64_t replied = record_int (call, "replied", -1);
    add (line, part, 0, "%s%s%s has it; %lld waited and %lld ran there", *server ? "server \"" : "a server",
         server, *server ? "\"" : "", (long long) record_int (call, "waiting", 0),
         (long long) record_int (call, "busy", 0));
    if (started >= 0)
        add (line, part, started, "the handler begins%s",
             record_bool (call, "queued") ? ", after the wait in the queue" : "");
    if (replied >= 0)
        add (line, part, replied, "the reply is sent");
    if (!record_bool (call, "running"))
        add_end (line, part, record_bool (call, "refused") ? "refused" : "the handler has ended");
    else if (part->source->is_dead)
        add (line, part, part->source->seen_ns - record_int (call, "at", 0),
             "the process was seen for the last time; the handler was running");
    else
        add (line, part, record_int (call, "took", 0), "the handler still runs");
}

/* ---- printing ---- */

static void
print_source (const story_part_t *part, FILE *to)
{
    const source_t *const source = part->source;
    fprintf (to, "%-7s ", record_text (part->call, "side"));
    clean_print (to, source->program);
    fprintf (to, ", pid %" PRId64 " on ", source->pid);
    clean_print (to, source->host);
    fprintf (to, "%s\n", source->is_dead ? " (dead)" : source->has_ended ? " (ended)" : "");
}

static void
print_parts (const story_t *story, FILE *to)
{
    char took[DURATION_SIZE], run[DURATION_SIZE], queue[DURATION_SIZE];
    for (size_t i = 0; i < story->server_count; i++) {
        const godwit_value_t *const call = story->servers[i].call;
        const int64_t started = record_int (call, "started", -1);
        if (started < 0 || record_bool (call, "running"))
            continue;
        fprintf (to, "queue %s, run %s", duration_print (queue, started),
                 duration_print (run, record_int (call, "ended", 0) - started));
        if (story->has_client && story->fate == STORY_SUCCEEDED && story->server_count == 1)
            fprintf (to, ", network and waking %s",
                     duration_print (took, record_int (story->client.call, "took", 0) -
                                               record_int (story->client.call, "sent", 0) -
                                               record_int (call, "took", 0)));
        fprintf (to, "\n");
    }
}

static void
print_head (const story_t *story, FILE *to)
{
    const story_part_t *const first = story->has_client ? &story->client : &story->servers[0];
    char method[256], took[DURATION_SIZE], at[TIME_SIZE];
    record_print_method (first->call, method, sizeof method);
    fprintf (to, "%s %s: ", record_text (first->call, "kind"), record_text (first->call, "id"));
    clean_print (to, method);
    if (record_bool (first->call, "running"))
        fprintf (to, ", running for %s\n", duration_print (took, record_int (first->call, "took", 0)));
    else
        fprintf (to, ", %s (outcome %s) after %s\n", record_text (first->call, "status"),
                 record_text (first->call, "outcome"),
                 duration_print (took, record_int (first->call, "took", 0)));
    fprintf (to, "trace %s, at %s UTC\n", record_text (first->call, "trace"),
             time_print (at, record_int (first->call, "at", 0)));
}

void
story_print (const story_t *story, FILE *to)
{
    timeline_t line = {0};
    char sentence[512];
    print_head (story, to);
    fprintf (to, "\n");
    if (story->has_client) {
        print_source (&story->client, to);
        add_client (&line, &story->client);
    }
    for (size_t i = 0; i < story->server_count; i++) {
        print_source (&story->servers[i], to);
        add_server (&line, &story->servers[i]);
    }
    fprintf (to, "\n");
    if (line.count)
        qsort (line.events, line.count, sizeof *line.events, compare_events);
    for (size_t i = 0; i < line.count; i++) {
        const event_t *const event = &line.events[i];
        fprintf (to, "%c%+12.3f ms  %-6s  ", event->is_estimated ? '~' : ' ', (double) event->at_ns / 1e6,
                 event->side);
        clean_print (to, event->text);
        fprintf (to, "\n");
    }
    free (line.events);
    fprintf (to, "\n");
    print_parts (story, to);
    story_explain (story, sentence, sizeof sentence);
    for (const char *text = strtok (sentence, "\n"); text; text = strtok (NULL, "\n")) {
        clean_print (to, text);
        fprintf (to, "\n");
    }
}

/* ---- as a value ---- */

static void
tell_part (const story_part_t *part, godwit_builder_t *builder, const char *name)
{
    godwit_builder_open_map (builder, name);
    godwit_builder_str (builder, "program", part->source->program);
    godwit_builder_str (builder, "host", part->source->host);
    godwit_builder_int (builder, "pid", part->source->pid);
    godwit_builder_bool (builder, "dead", part->source->is_dead);
    godwit_builder_int (builder, "offset", part->offset_ns);
    godwit_builder_bool (builder, "estimated", part->is_estimated);
    godwit_builder_value (builder, "call", part->call);
    godwit_builder_close (builder);
}

void
story_tell (const story_t *story, godwit_builder_t *builder)
{
    char sentence[512];
    story_explain (story, sentence, sizeof sentence);
    godwit_builder_open_map (builder, NULL);
    godwit_builder_str (builder, "fate", story_fate_name (story->fate));
    godwit_builder_str (builder, "explanation", sentence);
    if (story->has_client)
        tell_part (&story->client, builder, "client");
    else
        godwit_builder_nil (builder, "client");
    godwit_builder_open_list (builder, "servers");
    for (size_t i = 0; i < story->server_count; i++)
        tell_part (&story->servers[i], builder, NULL);
    godwit_builder_close (builder);
    godwit_builder_close (builder);
}
