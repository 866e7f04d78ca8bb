/* SPDX-License-Identifier: Apache-2.0 */
#include "src/realm/rights.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* ---- verbs ---- */

static const char *const verbs[GODWIT__VERB_COUNT] = {
    [GODWIT__VERB_SERVE] = "serve", [GODWIT__VERB_CALL] = "call",       [GODWIT__VERB_PUBLISH] = "publish",
    [GODWIT__VERB_HOST] = "host",   [GODWIT__VERB_INSPECT] = "inspect",
};

const char *
godwit__verb_name (godwit__verb_t verb)
{
    return (unsigned) verb < GODWIT__VERB_COUNT ? verbs[verb] : "";
}

bool
godwit__verb_read (godwit__verb_t *verb, const char *name, size_t size)
{
    for (unsigned i = 0; i < GODWIT__VERB_COUNT; i++) {
        if (strlen (verbs[i]) == size && memcmp (verbs[i], name, size) == 0) {
            *verb = (godwit__verb_t) i;
            return true;
        }
    }
    return false;
}

/* ---- patterns ---- */

#define SEGMENT_MAX 3 /* exchange, topic, method */

typedef struct part {
    const char *text; /* not NUL-terminated */
    size_t size;
} part_t;

/* Splits at each '/'. Returns how many parts there are; only the first SEGMENT_MAX are written. */
static size_t
split (const char *pattern, part_t parts[SEGMENT_MAX])
{
    size_t count = 0;
    for (const char *at = pattern;; at++) {
        const size_t size = strcspn (at, "/");
        if (count < SEGMENT_MAX)
            parts[count] = (part_t){at, size};
        count++;
        at += size;
        if (!*at)
            return count;
    }
}

static bool
has_control (const char *text)
{
    for (; *text; text++)
        if ((unsigned char) *text < 0x20 || *text == 0x7f)
            return true;
    return false;
}

const char *
godwit__pattern_wrong (const char *pattern)
{
    part_t parts[SEGMENT_MAX];
    if (strnlen (pattern, GODWIT__PATTERN_MAX + 1) > GODWIT__PATTERN_MAX)
        return "expected at most 255 bytes";
    if (has_control (pattern))
        return "expected no control character";
    const size_t count = split (pattern, parts);
    if (count < 2 || count > SEGMENT_MAX)
        return "expected EXCHANGE/TOPIC[/METHOD]";
    for (size_t i = 0; i < count; i++) {
        if (parts[i].size == 0)
            return "expected no empty part in EXCHANGE/TOPIC[/METHOD]";
        const char *const star = memchr (parts[i].text, '*', parts[i].size);
        if (star && star != parts[i].text + parts[i].size - 1)
            return "expected * only at the end of EXCHANGE, TOPIC or METHOD";
    }
    return NULL;
}

static bool
part_matches (part_t part, part_t text)
{
    const bool is_open = part.size > 0 && part.text[part.size - 1] == '*';
    const size_t size = is_open ? part.size - 1 : part.size;
    return (is_open ? text.size >= size : text.size == size) &&
           (size == 0 || memcmp (part.text, text.text, size) == 0);
}

/* ---- deeds ---- */

static part_t
part_of (const char *text)
{
    return text ? (part_t){text, strlen (text)} : (part_t){"", 0};
}

/* The topic that rights speak of. */
static part_t
topic_of (const godwit__deed_t *deed)
{
    const size_t prefix = strlen (GODWIT__NOTIFY_TOPIC);
    part_t topic = part_of (deed->topic);
    if (topic.size < prefix || memcmp (topic.text, GODWIT__NOTIFY_TOPIC, prefix) != 0)
        return topic;
    topic = (part_t){topic.text + prefix, topic.size - prefix};
    const char *const priority = strrchr (topic.text, '.');
    if (priority)
        topic.size = (size_t) (priority - topic.text);
    return topic;
}

static bool
method_matches (part_t part, const godwit__deed_t *deed)
{
    if (!deed->method)
        return deed->any_method || (part.size == 1 && part.text[0] == '*');
    return part_matches (part, (part_t){deed->method, deed->method_size});
}

static bool
right_allows (const godwit__right_t *right, const godwit__deed_t *deed)
{
    part_t parts[SEGMENT_MAX];
    if (right->verb != deed->verb)
        return false;
    if (deed->verb == GODWIT__VERB_HOST)
        return true;
    const size_t count = split (right->pattern, parts);
    return count >= 2 && count <= SEGMENT_MAX && part_matches (parts[0], part_of (deed->exchange)) &&
           part_matches (parts[1], topic_of (deed)) && (count == 2 || method_matches (parts[2], deed));
}

const godwit__right_t *
godwit__rights_find (const godwit__right_t *rights, size_t count, const godwit__deed_t *deed)
{
    for (size_t i = 0; i < count; i++)
        if (right_allows (&rights[i], deed))
            return &rights[i];
    return NULL;
}

/* ---- what is said of a deed ---- */

#define PART_SHOWN 255 /* bytes of a name; a method may be longer */

/* Appends a name as far as there is room; what does not print is '?'. */
static size_t
put (char *text, size_t used, size_t size, part_t part)
{
    const size_t shown = part.size < PART_SHOWN ? part.size : PART_SHOWN;
    for (size_t i = 0; i < shown && used + 1 < size; i++) {
        const unsigned char byte = (unsigned char) part.text[i];
        text[used++] = byte < 0x20 || byte == 0x7f ? '?' : (char) byte;
    }
    text[used] = '\0';
    return used;
}

void
godwit__deed_refusal (char text[GODWIT__DEED_TEXT], const char *name, const godwit__deed_t *deed)
{
    if (deed->verb == GODWIT__VERB_HOST) {
        snprintf (text, GODWIT__DEED_TEXT, "\"%.63s\" may not host a rendezvous", name);
        return;
    }
    const int length =
        snprintf (text, GODWIT__DEED_TEXT, "\"%.63s\" may not %s ", name, godwit__verb_name (deed->verb));
    size_t used = length > 0 ? (size_t) length : 0;
    used = put (text, used, GODWIT__DEED_TEXT, part_of (deed->exchange));
    used = put (text, used, GODWIT__DEED_TEXT, part_of ("/"));
    used = put (text, used, GODWIT__DEED_TEXT, topic_of (deed));
    if (!deed->method)
        return;
    used = put (text, used, GODWIT__DEED_TEXT, part_of ("/"));
    put (text, used, GODWIT__DEED_TEXT, (part_t){deed->method, deed->method_size});
}
