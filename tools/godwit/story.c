/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/godwit/story.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- what stands in records ---- */

const char *
record_text (const godwit_value_t *call, const char *key)
{
    return godwit_value_as_str (godwit_value_get (call, key), "");
}

int64_t
record_int (const godwit_value_t *call, const char *key, int64_t fallback)
{
    return godwit_value_as_int (godwit_value_get (call, key), fallback);
}

bool
record_bool (const godwit_value_t *call, const char *key)
{
    return godwit_value_as_bool (godwit_value_get (call, key), false);
}

void
record_print_method (const godwit_value_t *call, char *text, size_t size)
{
    const char *const method = record_text (call, "method");
    const char *const name_space = record_text (call, "namespace");
    snprintf (text, size, "%s/%s.%s%s%s", record_text (call, "exchange"), record_text (call, "topic"),
              name_space, *name_space ? "." : "", *method ? method : "?");
}

const char *
duration_print (char text[DURATION_SIZE], int64_t ns)
{
    const double value = (double) ns;
    if (ns < 1000000)
        snprintf (text, DURATION_SIZE, "%.1f us", value / 1e3);
    else if (ns < 1000000000)
        snprintf (text, DURATION_SIZE, "%.2f ms", value / 1e6);
    else
        snprintf (text, DURATION_SIZE, "%.2f s", value / 1e9);
    return text;
}

const char *
time_print (char text[TIME_SIZE], int64_t wall_ns)
{
    const time_t seconds = (time_t) (wall_ns / 1000000000);
    struct tm parts;
    char date[24];
    if (!gmtime_r (&seconds, &parts) || !strftime (date, sizeof date, "%Y-%m-%d %H:%M:%S", &parts))
        snprintf (date, sizeof date, "?");
    snprintf (text, TIME_SIZE, "%s.%06lld", date, (long long) (wall_ns % 1000000000 / 1000));
    return text;
}

/* ---- putting it together ---- */

static bool
is_side (const godwit_value_t *call, const char *side)
{
    return strcmp (record_text (call, "side"), side) == 0;
}

static void
take (story_t *story, const source_t *source, const godwit_value_t *call)
{
    const story_part_t part = {.call = call, .source = source};
    if (is_side (call, "client")) {
        story->client = part;
        story->has_client = true;
    } else if (story->server_count < STORY_SERVERS_MAX) {
        story->servers[story->server_count++] = part;
    }
}

/* Two processes of one machine share a clock that nobody sets. Otherwise there are the wall clocks; and what
 * cannot be (a request that came before it was sent) is moved to the middle of the time that it can have had.
 */
static void
place (story_part_t *part, const story_part_t *first, bool is_client)
{
    if (!strcmp (part->source->host, first->source->host)) {
        part->offset_ns = record_int (part->call, "clock", 0) - record_int (first->call, "clock", 0);
        return;
    }
    part->offset_ns = record_int (part->call, "at", 0) - record_int (first->call, "at", 0);
    if (!is_client || record_bool (part->call, "running") || record_bool (first->call, "running"))
        return;
    const int64_t sent = record_int (first->call, "sent", 0);
    const int64_t room = record_int (first->call, "ended", 0) - sent;
    const int64_t took = record_int (part->call, "took", 0);
    if (strcmp (record_text (first->call, "status"), "Ok") != 0 || room < took ||
        (part->offset_ns >= sent && part->offset_ns + took <= sent + room))
        return;
    part->offset_ns = sent + (room - took) / 2;
    part->is_estimated = true;
}

static int
compare_parts (const void *left, const void *right)
{
    const story_part_t *const a = left, *const b = right;
    return a->offset_ns < b->offset_ns ? -1 : a->offset_ns > b->offset_ns;
}

/* ---- what follows ---- */

static bool
ran_to_end (const story_part_t *part)
{
    return !record_bool (part->call, "running") && !record_bool (part->call, "refused") &&
           godwit_value_type (godwit_value_get (part->call, "started")) != GODWIT_TYPE_NIL;
}

static bool
is_running (const story_part_t *part)
{
    return record_bool (part->call, "running");
}

/* Of a call that was handed over, and whose caller does not know whether it ran. */
static story_fate_t
decide_by_servers (const story_t *story)
{
    story_fate_t fate = STORY_MAYBE_RAN;
    for (size_t i = 0; i < story->server_count; i++) {
        const story_part_t *const part = &story->servers[i];
        if (is_running (part))
            fate = part->source->is_dead || part->source->has_ended ? STORY_DIED : STORY_STILL_RUNS;
        else if (ran_to_end (part))
            fate = story->has_client && record_bool (story->client.call, "lost") ? STORY_LOST_REPLY
                                                                                 : STORY_TOO_LATE;
        else if (record_bool (part->call, "refused"))
            fate = STORY_REFUSED;
    }
    return fate;
}

/* The process that it was sent to is known, remembers that time, and has no record of it. */
static bool
never_came (const story_t *story, const sources_t *sources)
{
    const char *const instance = record_text (story->client.call, "instance");
    for (size_t i = 0; *instance && !story->server_count && i < sources->count; i++)
        if (!strcmp (sources->items[i].instance, instance))
            return sources->items[i].oldest_ns < record_int (story->client.call, "at", 0);
    return false;
}

static story_fate_t
decide (const story_t *story, const sources_t *sources)
{
    if (!story->has_client) {
        const story_part_t *const part = &story->servers[story->server_count - 1];
        const bool failed = strcmp (record_text (part->call, "status"), "Ok") != 0;
        return is_running (part)                     ? part->source->is_dead ? STORY_DIED : STORY_RUNS
               : record_bool (part->call, "refused") ? STORY_REFUSED
               : failed                              ? STORY_FAILED
                                                     : STORY_SUCCEEDED;
    }
    const godwit_value_t *const call = story->client.call;
    const char *const outcome = record_text (call, "outcome");
    if (is_running (&story->client))
        return STORY_RUNS;
    if (!strcmp (record_text (call, "status"), "Ok") && strcmp (record_text (call, "kind"), "cast") != 0)
        return STORY_SUCCEEDED;
    if (!strcmp (record_text (call, "status"), "Ok")) /* a cast: its client knows that it was handed over */
        return story->server_count && ran_to_end (&story->servers[0]) ? STORY_SUCCEEDED
                                                                      : decide_by_servers (story);
    if (!strcmp (outcome, "NOT_SENT") || !strcmp (outcome, "NONE"))
        return STORY_NOT_SENT;
    if (!strcmp (outcome, "REJECTED"))
        return STORY_REFUSED;
    if (!strcmp (outcome, "RAN"))
        return STORY_FAILED;
    return never_came (story, sources) ? STORY_NEVER_CAME : decide_by_servers (story);
}

bool
story_find (story_t *story, const sources_t *sources, const char *id)
{
    memset (story, 0, sizeof *story);
    for (size_t i = 0; i < sources->count; i++)
        for (size_t j = 0; j < godwit_value_count (sources->items[i].calls); j++) {
            const godwit_value_t *const call = godwit_value_at (sources->items[i].calls, j);
            if (!strcmp (record_text (call, "id"), id))
                take (story, &sources->items[i], call);
        }
    if (!story->has_client && !story->server_count)
        return false;
    const story_part_t first = story->has_client ? story->client : story->servers[0];
    for (size_t i = 0; i < story->server_count; i++)
        place (&story->servers[i], &first, story->has_client);
    qsort (story->servers, story->server_count, sizeof story->servers[0], compare_parts);
    story->fate = decide (story, sources);
    return true;
}

/* ---- in words ---- */

static const char *const fate_names[STORY_FATES] = {
    "unknown",  "runs",       "succeeded",  "not_sent", "refused",    "failed",
    "too_late", "still_runs", "lost_reply", "died",     "never_came", "maybe_ran",
};

const char *
story_fate_name (story_fate_t fate)
{
    return fate < STORY_FATES ? fate_names[fate] : "?";
}

/* The last of its notes, which says why it ended. */
static const char *
last_note (const godwit_value_t *call)
{
    const godwit_value_t *const notes = godwit_value_get (call, "notes");
    const size_t count = godwit_value_count (notes);
    return count ? record_text (godwit_value_at (notes, count - 1), "text") : "";
}

static const story_part_t *
last_server (const story_t *story)
{
    return story->server_count ? &story->servers[story->server_count - 1] : NULL;
}

void
story_explain (const story_t *story, char *text, size_t size)
{
    static const char *const sentences[STORY_FATES] = {
        [STORY_UNKNOWN] = "Nobody knows of it any more.",
        [STORY_RUNS] = "It has not ended.",
        [STORY_SUCCEEDED] = "It succeeded.",
        [STORY_NOT_SENT] = "It did not run: no server has got it.",
        [STORY_REFUSED] = "It did not run: it was refused.",
        [STORY_FAILED] = "It ran, and failed.",
        [STORY_TOO_LATE] = "It ran to its end, but its caller had not waited so long.",
        [STORY_STILL_RUNS] = "Its handler still runs, and its caller does not wait any more.",
        [STORY_LOST_REPLY] =
            "It ran to its end, but its caller did not get the reply: the connection was lost.",
        [STORY_DIED] = "The process that ran it has died meanwhile.",
        [STORY_NEVER_CAME] = "It was sent, and never came to its server: it did not run there.",
        [STORY_MAYBE_RAN] = "It was sent. Whether it ran, nobody who could be asked knows.",
    };
    const story_part_t *const server = last_server (story);
    const char *const why = story->has_client ? last_note (story->client.call)
                            : server          ? last_note (server->call)
                                              : "";
    snprintf (text, size, "%s%s%s", sentences[story->fate], *why ? "\n" : "", why);
}
