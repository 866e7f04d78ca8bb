/* SPDX-License-Identifier: Apache-2.0 */
#include "src/listener/filter.h"

#include "src/error/error.h"
#include "src/error/struct_size.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum place { PUBLISHER_ID, EVENT_TYPE, CONTEXT, METADATA, PAYLOAD } place_t;

typedef struct pattern {
    place_t place;
    char *key; /* of a map; NULL: the text itself */
    regex_t regex;
} pattern_t;

struct godwit__filter {
    size_t count;
    pattern_t patterns[];
};

/* ---- compiling ---- */

/* "\1" to "\9" outside of a bracket expression. */
static bool
has_back_reference (const char *pattern)
{
    bool in_brackets = false;
    for (const char *at = pattern; *at; at++) {
        if (in_brackets) {
            in_brackets = *at != ']';
        } else if (*at == '[') {
            in_brackets = true;
            if (at[1] == '^')
                at++;
            if (at[1] == ']') /* stands for itself */
                at++;
        } else if (*at == '\\' && at[1]) {
            at++;
            if (*at >= '1' && *at <= '9')
                return true;
        }
    }
    return false;
}

/* name: of the field, for the error. The pattern is to match from the beginning of the text on. */
static godwit_status_t
compile (regex_t *regex, const char *name, const char *key, const char *pattern, godwit_error_t **error)
{
    char reason[256] = "it has a back-reference";
    const size_t size = strlen (pattern) + sizeof "^()";
    char *const anchored = malloc (size);
    if (!anchored)
        return godwit__error_no_memory (error);
    snprintf (anchored, size, "^(%s)", pattern);
    int result = REG_BADPAT;
    if (!has_back_reference (pattern)) {
        result = regcomp (regex, anchored, REG_EXTENDED | REG_NOSUB);
        if (result)
            regerror (result, regex, reason, sizeof reason);
    }
    free (anchored);
    if (!result)
        return GODWIT_OK;
    if (result == REG_ESPACE)
        return godwit__error_no_memory (error);
    return godwit__error_set (
        error, GODWIT_ERR_INVALID_ARGUMENT,
        "filter.%s%s%.64s: expected a POSIX extended regular expression, got \"%.128s\": "
        "%s",
        name, key ? "." : "", key ? key : "", pattern, reason);
}

static godwit_status_t
add (godwit__filter_t *filter, place_t place, const char *name, const char *key, const char *pattern,
     godwit_error_t **error)
{
    pattern_t *const to = &filter->patterns[filter->count];
    if (!pattern && !key)
        return GODWIT_OK;
    if (!pattern)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "filter.%s.%.64s: expected a pattern, got NULL", name, key);
    to->place = place;
    to->key = key ? strdup (key) : NULL;
    if (key && !to->key)
        return godwit__error_no_memory (error);
    const godwit_status_t status = compile (&to->regex, name, key, pattern, error);
    if (status)
        free (to->key);
    else
        filter->count++;
    return status;
}

static godwit_status_t
add_keys (godwit__filter_t *filter, place_t place, const char *name, const godwit_key_filter_t *keys,
          size_t count, godwit_error_t **error)
{
    godwit_status_t status = GODWIT_OK;
    for (size_t i = 0; keys && i < count && !status; i++) {
        if (keys[i].key)
            status = add (filter, place, name, keys[i].key, keys[i].pattern, error);
        else
            status = godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                        "filter.%s[%zu].key: expected a key, got NULL", name, i);
    }
    return status;
}

godwit_status_t
godwit__filter_new (godwit__filter_t **filter, const godwit_filter_t *given_p, godwit_error_t **error)
{
    godwit_filter_t given;
    *filter = NULL;
    if (!given_p)
        return GODWIT_OK;
    godwit_status_t status = godwit__struct_read (&godwit__struct_filter, &given, given_p, error);
    if (status)
        return status;
    const size_t most = 2 + given.context_count + given.metadata_count + given.payload_count;
    godwit__filter_t *made = calloc (1, sizeof *made + most * sizeof *made->patterns);
    if (!made)
        return godwit__error_no_memory (error);
    status = add (made, PUBLISHER_ID, "publisher_id", NULL, given.publisher_id, error);
    if (!status)
        status = add (made, EVENT_TYPE, "event_type", NULL, given.event_type, error);
    if (!status)
        status = add_keys (made, CONTEXT, "context", given.context, given.context_count, error);
    if (!status)
        status = add_keys (made, METADATA, "metadata", given.metadata, given.metadata_count, error);
    if (!status)
        status = add_keys (made, PAYLOAD, "payload", given.payload, given.payload_count, error);
    if (status)
        godwit__filter_destroy (&made);
    else
        *filter = made;
    return status;
}

void
godwit__filter_destroy (godwit__filter_t **filter)
{
    godwit__filter_t *const self = *filter;
    *filter = NULL;
    for (size_t i = 0; self && i < self->count; i++) {
        regfree (&self->patterns[i].regex);
        free (self->patterns[i].key);
    }
    free (self);
}

/* ---- matching ---- */

/* NULL: it is missing, or no text. */
static const char *
text_at (const godwit_value_t *map, const char *key)
{
    return godwit_value_type (map) == GODWIT_TYPE_MAP
               ? godwit_value_as_str (godwit_value_get (map, key), NULL)
               : NULL;
}

static const char *
text_of (const pattern_t *pattern, const godwit_notification_t *notification)
{
    switch (pattern->place) {
    case PUBLISHER_ID:
        return godwit_notification_publisher_id (notification);
    case EVENT_TYPE:
        return godwit_notification_event_type (notification);
    case CONTEXT:
        return text_at (godwit_notification_context (notification), pattern->key);
    case PAYLOAD:
        return text_at (godwit_notification_payload (notification), pattern->key);
    case METADATA:
        if (strcmp (pattern->key, "message_id") == 0)
            return godwit_notification_message_id (notification);
        return strcmp (pattern->key, "timestamp") == 0 ? godwit_notification_timestamp (notification) : NULL;
    }
    return NULL;
}

godwit__match_t
godwit__filter_match (godwit__filter_t *filter, const godwit_notification_t *notification)
{
    for (size_t i = 0; filter && i < filter->count; i++) {
        const char *const text = text_of (&filter->patterns[i], notification);
        /* regexec cannot tell a text that does not match from too little memory. The C library's other
         * function can: -1 and -2. */
        const int matched =
            text ? re_match (&filter->patterns[i].regex, text, (regoff_t) strlen (text), 0, NULL) : -1;
        if (matched < 0)
            return matched == -1 ? GODWIT__MATCH_NO : GODWIT__MATCH_UNKNOWN;
    }
    return GODWIT__MATCH_YES;
}
