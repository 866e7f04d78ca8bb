/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/godwit/arguments.h"

#include "src/value/json.h"
#include "tools/godwit/commands.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS_MAX (366.0 * 86400)
#define TEXT_MAX 300 /* of an argument in an error */

error_t
arguments_topics (topics_t *topics, int key, const char *text, const struct argp_state *state)
{
    switch (key) {
    case KEY_URL:
        topics->url = text;
        return 0;
    case KEY_TOPIC:
        arguments_add (&topics->names, state, "--topic", text);
        return 0;
    case KEY_EXCHANGE:
        topics->exchange = text;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const char *
arguments_url (const topics_t *topics)
{
    const char *const url = topics->url ? topics->url : getenv ("GODWIT_URL");
    return url ? url : "zmq://";
}

godwit_priority_t
arguments_priority (const struct argp_state *state, const char *text)
{
    godwit_priority_t priority = GODWIT_PRIORITY_INFO;
    if (!godwit_priority_parse (text, &priority))
        argp_error (state,
                    "--priority: expected audit, debug, info, warn, error, critical or sample, got \"%s\"",
                    text);
    return priority;
}

void
arguments_add (texts_t *texts, const struct argp_state *state, const char *option, const char *text)
{
    if (texts->count == ARGUMENTS_MAX)
        argp_error (state, "%s: expected it at most %d times", option, ARGUMENTS_MAX);
    texts->items[texts->count++] = text;
}

int64_t
arguments_seconds (const struct argp_state *state, const char *option, const char *text)
{
    char *end = NULL;
    const double seconds = strtod (text, &end);
    if (end == text || *end || !isfinite (seconds) || seconds < 0.001 || seconds > SECONDS_MAX)
        argp_error (state, "%s: expected a number of seconds above 0, such as 2.5, got \"%s\"", option, text);
    return (int64_t) (seconds * 1000);
}

const char *
arguments_split (const struct argp_state *state, const char *option, char *text)
{
    char *const at = strchr (text, '=');
    if (!at || at == text) {
        argp_error (state, "%s: expected KEY=REGEX, got \"%s\"", option, text);
        return text; /* it has ended the program */
    }
    *at = '\0';
    return at + 1;
}

/* ---- values ---- */

static godwit_status_t
fail (godwit_error_t **error, const char *what, const char *wanted, const char *text, const char *reason)
{
    *error = godwit_error_new (GODWIT_ERR_INVALID_ARGUMENT, "%s: expected %s, got \"%.*s\"%s%.512s", what,
                               wanted, TEXT_MAX, text, *reason ? ": " : "", reason);
    return GODWIT_ERR_INVALID_ARGUMENT;
}

godwit_status_t
arguments_json (godwit_value_t **value, const char *text, size_t size, const char *what,
                godwit_error_t **error)
{
    godwit_error_t *reason = NULL;
    godwit_status_t status = godwit__json_read (value, text, size, &reason);
    if (status)
        status = fail (error, what, "JSON", text, godwit_error_message (reason));
    godwit_error_destroy (&reason);
    return status;
}

static godwit_status_t
add_json (godwit_builder_t *builder, const char *key, const char *text, const char *what,
          godwit_error_t **error)
{
    godwit_value_t *value = NULL;
    const godwit_status_t status = arguments_json (&value, text, strlen (text), what, error);
    godwit_builder_value (builder, key, value);
    godwit_value_unref (&value);
    return status;
}

/* text: KEY=TEXT, or KEY:=JSON. */
static godwit_status_t
add (godwit_builder_t *builder, const char *text, const char *what, godwit_error_t **error)
{
    const char *const at = strchr (text, '=');
    const bool is_json = at && at > text && at[-1] == ':';
    if (!at || at - is_json == text)
        return fail (error, what, "KEY=TEXT or KEY:=JSON", text, "");
    char *const key = strndup (text, (size_t) (at - text) - is_json);
    godwit_status_t status = GODWIT_OK;
    if (!key) {
        *error = godwit_error_new (GODWIT_ERR_OUT_OF_MEMORY, "out of memory");
        return GODWIT_ERR_OUT_OF_MEMORY;
    }
    if (is_json)
        status = add_json (builder, key, at + 1, what, error);
    else
        godwit_builder_str (builder, key, at + 1);
    free (key);
    return status;
}

godwit_status_t
arguments_map (godwit_value_t **map, const texts_t *texts, const char *what, godwit_error_t **error)
{
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_status_t status = GODWIT_OK;
    godwit_builder_open_map (builder, NULL);
    for (size_t i = 0; i < texts->count && !status; i++)
        status = add (builder, texts->items[i], what, error);
    godwit_builder_close (builder);
    if (!status)
        status = godwit_builder_finish (&builder, map, error);
    godwit_builder_destroy (&builder);
    return status;
}

int
arguments_fail (const char *command, godwit_error_t **error)
{
    const bool is_usage = godwit_error_status (*error) == GODWIT_ERR_INVALID_ARGUMENT ||
                          godwit_error_status (*error) == GODWIT_ERR_INVALID_URL;
    fprintf (stderr, "godwit %s: %s\n", command, godwit_error_message (*error));
    godwit_error_destroy (error);
    return is_usage ? STATUS_USAGE : STATUS_FAILED;
}
