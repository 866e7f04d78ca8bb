/* SPDX-License-Identifier: Apache-2.0 */
/* A file is read in one pass, and in the form that it has to have:
 *
 *     document  {GROUP: drivers, ...}
 *     drivers   {DRIVER: rule, ...}                                      or nothing
 *     rule      {accepted_events: texts, accepted_priorities: texts}     or nothing
 *     texts     [TEXT, ...]                                              or nothing
 */
#include "components/routing/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { NAME_MAX_SIZE = 255, MAP_MAX_COUNT = 1024 };

typedef struct reader {
    const char *file;
    const char *text; /* size bytes */
    size_t size;
    yaml_parser_t parser;
    yaml_event_t event; /* the one that is looked at */
    bool has_event;
    godwit__routing_rules_t rules;
    godwit_error_t **error;
} reader_t;

/* The keys of one map, so that none is there twice. */
typedef struct keys {
    char **names;
    size_t count;
} keys_t;

/* ---- errors ---- */

static size_t
line_of (const reader_t *reader)
{
    return reader->event.start_mark.line + 1;
}

static godwit_status_t
no_memory (const reader_t *reader)
{
    if (reader->error)
        *reader->error = godwit_error_new (GODWIT_ERR_OUT_OF_MEMORY, "out of memory");
    return GODWIT_ERR_OUT_OF_MEMORY;
}

static const char *
text_of (const reader_t *reader)
{
    return (const char *) reader->event.data.scalar.value;
}

/* "name:" without a value, or null, as YAML has it. */
static bool
is_nothing (const reader_t *reader)
{
    const char *const text = text_of (reader);
    return reader->event.type == YAML_SCALAR_EVENT &&
           reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (!*text || strcmp (text, "~") == 0 || strcmp (text, "null") == 0 || strcmp (text, "Null") == 0 ||
            strcmp (text, "NULL") == 0);
}

static const char *
kind_of (const reader_t *reader)
{
    switch (reader->event.type) {
    case YAML_SCALAR_EVENT:
        return is_nothing (reader) ? "nothing" : "a text";
    case YAML_SEQUENCE_START_EVENT:
        return "a list";
    case YAML_MAPPING_START_EVENT:
        return "a map";
    case YAML_ALIAS_EVENT:
        return "an alias";
    default:
        return "nothing";
    }
}

/* "routes.yaml:7: expected a map of drivers, got a list" */
static godwit_status_t
fail (const reader_t *reader, const char *expected)
{
    if (reader->error)
        *reader->error = godwit_error_new (GODWIT_ERR_MALFORMED, "%s:%zu: expected %s, got %s", reader->file,
                                           line_of (reader), expected, kind_of (reader));
    return GODWIT_ERR_MALFORMED;
}

/* The same, about the text that is looked at. */
static godwit_status_t
fail_text (const reader_t *reader, const char *expected, const char *text)
{
    if (reader->error)
        *reader->error = godwit_error_new (GODWIT_ERR_MALFORMED, "%s:%zu: expected %s, got \"%.64s\"",
                                           reader->file, line_of (reader), expected, text);
    return GODWIT_ERR_MALFORMED;
}

/* Of bytes that are no characters libyaml knows the offset only. */
static size_t
problem_line (const reader_t *reader)
{
    const yaml_parser_t *const parser = &reader->parser;
    size_t line = 1;
    if (parser->error != YAML_READER_ERROR)
        return parser->problem_mark.line + 1;
    for (size_t i = 0; i < parser->problem_offset && i < reader->size; i++)
        line += reader->text[i] == '\n';
    return line;
}

/* libyaml's own words, and what the likeliest mistake is. */
static godwit_status_t
fail_syntax (const reader_t *reader)
{
    const yaml_parser_t *const parser = &reader->parser;
    if (parser->error == YAML_MEMORY_ERROR)
        return no_memory (reader);
    const char *const context = parser->context ? parser->context : "";
    if (reader->error)
        *reader->error = godwit_error_new (
            GODWIT_ERR_MALFORMED, "%s:%zu: expected YAML: %s%s%s%s", reader->file, problem_line (reader),
            parser->problem ? parser->problem : "it cannot be read", *context ? ", " : "", context,
            strstr (context, "alias") ? ": put a pattern that begins with * in quotes" : "");
    return GODWIT_ERR_MALFORMED;
}

/* ---- events ---- */

static godwit_status_t
next (reader_t *reader)
{
    if (reader->has_event)
        yaml_event_delete (&reader->event);
    reader->has_event = yaml_parser_parse (&reader->parser, &reader->event);
    return reader->has_event ? GODWIT_OK : fail_syntax (reader);
}

/* Goes to the next event, which has to be of a type. */
static godwit_status_t
next_is (reader_t *reader, yaml_event_type_t type, const char *expected)
{
    const godwit_status_t status = next (reader);
    return status || reader->event.type == type ? status : fail (reader, expected);
}

/* The text that is looked at, as a name of 1 to 255 bytes. */
static godwit_status_t
check_text (const reader_t *reader, const char *expected)
{
    if (reader->event.type != YAML_SCALAR_EVENT || is_nothing (reader))
        return fail (reader, expected);
    const size_t size = strlen (text_of (reader));
    if (!size || size > NAME_MAX_SIZE || size != reader->event.data.scalar.length)
        return fail_text (reader, expected, text_of (reader));
    return GODWIT_OK;
}

/* ---- maps and lists ---- */

typedef godwit_status_t entry_fn (reader_t *reader, const char *key, const char *where, void *to);

static godwit_status_t
add_key (const reader_t *reader, keys_t *keys, const char *key, const char **copy)
{
    for (size_t i = 0; i < keys->count; i++)
        if (strcmp (keys->names[i], key) == 0)
            return fail_text (reader, "each name once", key);
    if (keys->count == MAP_MAX_COUNT)
        return fail_text (reader, "at most 1024 names", key);
    char **const names = realloc (keys->names, (keys->count + 1) * sizeof (char *));
    if (!names)
        return no_memory (reader);
    keys->names = names;
    *copy = names[keys->count] = strdup (key);
    if (!*copy)
        return no_memory (reader);
    keys->count++;
    return GODWIT_OK;
}

/* The key that is looked at, and what follows it. */
static godwit_status_t
read_entry (reader_t *reader, keys_t *keys, entry_fn *take, void *to)
{
    char where[512];
    const char *key = NULL;
    godwit_status_t status = check_text (reader, "a name of 1 to 255 bytes");
    if (status == GODWIT_OK)
        status = add_key (reader, keys, text_of (reader), &key);
    if (status)
        return status;
    snprintf (where, sizeof where, "%s:%zu", reader->file, line_of (reader));
    status = next (reader);
    return status ? status : take (reader, key, where, to);
}

/* The map that is looked at; each entry goes to take, which looks at the entry's value. */
static godwit_status_t
read_map (reader_t *reader, const char *expected, entry_fn *take, void *to)
{
    keys_t keys = {NULL, 0};
    if (is_nothing (reader))
        return GODWIT_OK;
    if (reader->event.type != YAML_MAPPING_START_EVENT)
        return fail (reader, expected);
    godwit_status_t status = next (reader);
    while (status == GODWIT_OK && reader->event.type != YAML_MAPPING_END_EVENT) {
        status = read_entry (reader, &keys, take, to);
        if (status == GODWIT_OK)
            status = next (reader);
    }
    for (size_t i = 0; i < keys.count; i++)
        free (keys.names[i]);
    free (keys.names);
    return status;
}

static godwit_status_t
read_list (reader_t *reader, const char *expected,
           godwit_status_t (*take) (reader_t *reader, godwit__routing_rule_t *rule),
           godwit__routing_rule_t *rule)
{
    if (is_nothing (reader))
        return GODWIT_OK;
    if (reader->event.type != YAML_SEQUENCE_START_EVENT)
        return fail (reader, expected);
    godwit_status_t status = next (reader);
    while (status == GODWIT_OK && reader->event.type != YAML_SEQUENCE_END_EVENT) {
        status = take (reader, rule);
        if (status == GODWIT_OK)
            status = next (reader);
    }
    return status;
}

/* ---- rules ---- */

static godwit_status_t
take_event (reader_t *reader, godwit__routing_rule_t *rule)
{
    if (reader->event.type == YAML_ALIAS_EVENT)
        return fail (reader, "a pattern, in quotes if it begins with *");
    const godwit_status_t status = check_text (reader, "a pattern of 1 to 255 bytes");
    if (status)
        return status;
    return godwit__routing_add_event (rule, text_of (reader)) ? GODWIT_OK : no_memory (reader);
}

static godwit_status_t
take_priority (reader_t *reader, godwit__routing_rule_t *rule)
{
    static const char expected[] = "audit, debug, info, warn, error, critical or sample";
    godwit_priority_t priority;
    const godwit_status_t status = check_text (reader, expected);
    if (status)
        return status;
    if (!godwit_priority_parse (text_of (reader), &priority))
        return fail_text (reader, expected, text_of (reader));
    rule->priorities |= 1u << priority;
    return GODWIT_OK;
}

static godwit_status_t
take_part (reader_t *reader, const char *key, const char *where, void *to)
{
    if (strcmp (key, "accepted_events") == 0)
        return read_list (reader, "a list of patterns", take_event, to);
    if (strcmp (key, "accepted_priorities") == 0)
        return read_list (reader, "a list of priorities", take_priority, to);
    if (reader->error)
        *reader->error = godwit_error_new (
            GODWIT_ERR_MALFORMED, "%s: expected accepted_events or accepted_priorities, got \"%.64s\"", where,
            key);
    return GODWIT_ERR_MALFORMED;
}

static godwit_status_t
take_driver (reader_t *reader, const char *key, const char *where, void *to)
{
    godwit__routing_driver_t *const driver = godwit__routing_driver (&reader->rules, key, where);
    godwit__routing_rule_t *const rule = driver ? godwit__routing_add_rule (driver) : NULL;
    (void) to;
    if (!rule)
        return no_memory (reader);
    return read_map (reader, "a rule, which is a map", take_part, rule);
}

static godwit_status_t
take_group (reader_t *reader, const char *key, const char *where, void *to)
{
    (void) key;
    (void) where;
    (void) to;
    return read_map (reader, "a map of drivers", take_driver, NULL);
}

static godwit_status_t
read_document (reader_t *reader)
{
    godwit_status_t status = next_is (reader, YAML_STREAM_START_EVENT, "YAML");
    if (status == GODWIT_OK)
        status = next_is (reader, YAML_DOCUMENT_START_EVENT, "a map of groups");
    if (status == GODWIT_OK)
        status = next_is (reader, YAML_MAPPING_START_EVENT, "a map of groups");
    if (status == GODWIT_OK)
        status = read_map (reader, "a map of groups", take_group, NULL);
    if (status == GODWIT_OK)
        status = next_is (reader, YAML_DOCUMENT_END_EVENT, "the end of the rules");
    if (status)
        return status;
    status = next (reader);
    if (status == GODWIT_OK && reader->event.type != YAML_STREAM_END_EVENT)
        return fail_text (reader, "one document", "---");
    return status;
}

godwit_status_t
godwit__routing_parse (godwit__routing_rules_t *rules, const char *text, size_t size, const char *name,
                       godwit_error_t **error)
{
    reader_t reader = {.file = name, .text = text, .size = size, .error = error};
    if (!yaml_parser_initialize (&reader.parser))
        return no_memory (&reader);
    yaml_parser_set_input_string (&reader.parser, (const unsigned char *) text, size);
    const godwit_status_t status = read_document (&reader);
    if (reader.has_event)
        yaml_event_delete (&reader.event);
    yaml_parser_delete (&reader.parser);
    if (status)
        godwit__routing_clear (&reader.rules);
    else
        *rules = reader.rules;
    return status;
}
