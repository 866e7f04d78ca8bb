/* SPDX-License-Identifier: Apache-2.0 */
#include "src/discovery/explain.h"

#include "src/base/distance.h"

#include <stdarg.h>
#include <stdio.h>

/* Names that are written. */
#define NEAR_MAX 3
/* Names that are compared: this happens with the lock held. */
#define LOOKS_MAX 256

/* ---- names ---- */

/* The nearest of some names; among those that are equally near, by the alphabet. */
typedef struct names {
    const char *wanted;
    const char *nearest[NEAR_MAX];
    size_t distances[NEAR_MAX];
    size_t count; /* of nearest */
    size_t total;
} names_t;

static bool
comes_before (const char *name, size_t distance, const char *other, size_t other_distance)
{
    return distance != other_distance ? distance < other_distance : strcmp (name, other) < 0;
}

static void
offer (names_t *names, const char *name)
{
    if (++names->total > LOOKS_MAX)
        return;
    const size_t distance = godwit__distance (names->wanted, name);
    size_t at = names->count;
    while (at > 0 && comes_before (name, distance, names->nearest[at - 1], names->distances[at - 1]))
        at--;
    if (at == NEAR_MAX)
        return;
    if (names->count < NEAR_MAX)
        names->count++;
    for (size_t i = names->count - 1; i > at; i--) {
        names->nearest[i] = names->nearest[i - 1];
        names->distances[i] = names->distances[i - 1];
    }
    names->nearest[at] = name;
    names->distances[at] = distance;
}

/* ---- writing ---- */

typedef struct line {
    char *text;
    size_t size;
    size_t used;
} line_t;

static void put (line_t *line, const char *format, ...) GODWIT_PRINTF (2, 3);

/* Programs may give names with any bytes in them. A line stays a line. */
static void
put (line_t *line, const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    const int length = vsnprintf (line->text + line->used, line->size - line->used, format, arguments);
    va_end (arguments);
    for (char *at = line->text + line->used; *at; at++)
        if ((unsigned char) *at < 0x20 || *at == 0x7f)
            *at = '?';
    line->used = length < 0 || line->used + (size_t) length >= line->size ? line->size - 1
                                                                          : line->used + (size_t) length;
}

/* In quotes; a long name is cut off, between two characters. */
static void
put_name (line_t *line, const char *name)
{
    size_t size = strlen (name);
    const bool is_long = size > GODWIT__DISTANCE_NAME_MAX;
    if (is_long)
        for (size = GODWIT__DISTANCE_NAME_MAX; size > 0 && ((unsigned char) name[size] & 0xc0) == 0x80;)
            size--;
    put (line, "\"%.*s%s\"", (int) size, name, is_long ? "..." : "");
}

/* "one", "two" and 5 others */
static void
put_names (line_t *line, const names_t *names)
{
    const size_t others = names->total - names->count;
    for (size_t i = 0; i < names->count; i++) {
        put (line, "%s", i == 0 ? "" : i + 1 == names->count && !others ? " and " : ", ");
        put_name (line, names->nearest[i]);
    }
    if (others)
        put (line, " and %zu other%s", others, others == 1 ? "" : "s");
}

/* ---- what is known ---- */

/* Members that take requests. */
static size_t
live_count (const godwit__group_t *group)
{
    size_t count = 0;
    for (size_t i = 0; i < group->count; i++)
        count += !group->members[i]->draining;
    return count;
}

/* server NULL: any. */
static bool
has_server (const godwit__group_t *group, const char *server, bool takes_requests)
{
    for (size_t i = 0; i < group->count; i++)
        if ((!server || strcmp (group->members[i]->record->server, server) == 0) &&
            !(takes_requests && group->members[i]->draining))
            return true;
    return false;
}

/* The topic has servers, but not this one. */
static void
put_servers (line_t *line, const godwit__group_t *group, const char *server)
{
    names_t names = {.wanted = server};
    for (size_t i = 0; i < group->count; i++)
        if (!group->members[i]->draining)
            offer (&names, group->members[i]->record->server);
    put (line, "no server is known by the name ");
    put_name (line, server);
    put (line, " in topic ");
    put_name (line, group->topic);
    put (line, " of exchange ");
    put_name (line, group->exchange);
    put (line, "; known there: ");
    put_names (line, &names);
}

/* The topic has no servers. */
static void
put_topics (line_t *line, const godwit__directory_t *directory, const godwit__group_t *group)
{
    names_t topics = {.wanted = group->topic}, exchanges = {.wanted = group->exchange};
    for (const godwit__group_t *at = GODWIT__GROUPS_FIRST (directory); at;
         at = GODWIT__GROUPS_NEXT (directory, at)) {
        if (live_count (at) == 0)
            continue;
        if (strcmp (at->exchange, group->exchange) == 0)
            offer (&topics, at->topic);
        else if (strcmp (at->topic, group->topic) == 0)
            offer (&exchanges, at->exchange);
    }
    put (line, "no server is known of topic ");
    put_name (line, group->topic);
    put (line, " in exchange ");
    put_name (line, group->exchange);
    if (exchanges.total) {
        put (line, "; exchanges that have this topic: ");
        put_names (line, &exchanges);
    }
    if (topics.total) {
        put (line, "; topics that are known in this exchange: ");
        put_names (line, &topics);
    }
}

void
godwit__explain_unknown (const godwit__directory_t *directory, const godwit__group_t *group,
                         const char *server, char *text, size_t size)
{
    line_t line = {text, size, 0};
    text[0] = '\0';
    if (directory->names.state != GODWIT__NAMES_TOLD)
        put (&line, "%s; ", directory->names.text);
    if (group->count == 0) {
        put_topics (&line, directory, group);
    } else if (server && live_count (group) > 0 && !has_server (group, server, false)) {
        put_servers (&line, group, server);
    } else if (has_server (group, server, true)) {
        put (&line, "no server was known before just now");
    } else {
        put (&line, "%s", server ? "the server is leaving topic " : "all servers are leaving topic ");
        put_name (&line, group->topic);
    }
}
