/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/godwit/request.h"

#include "tools/godwit/clean.h"
#include "tools/godwit/commands.h"
#include "tools/godwit/near.h"
#include "tools/godwit/slots_check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX ((size_t) 64 << 20)
/* For what a server tells of its methods: it is a help, and the call itself says what is wrong, too. */
#define DESCRIBE_MS 2000

/* ---- options ---- */

enum { KEY_CONTEXT = 0x100, KEY_NAMESPACE, KEY_VERSION, KEY_SERVER, KEY_RETRY, KEY_NO_CHECK };

const struct argp_option request_options[] = {
    {"context", KEY_CONTEXT, "FILE", 0, "The request context, a map as JSON; -: the standard input", 0},
    {"namespace", KEY_NAMESPACE, "NAME", 0, "The namespace of the method (none)", 0},
    {"version", KEY_VERSION, "VERSION", 0, "The version of it, such as 1.2 (1.0)", 0},
    {"server", KEY_SERVER, "NAME", 0, "This server of the topic (any)", 0},
    {"retry", KEY_RETRY, "N", 0, "Hand it over at most N more times (for ever, within the timeout)", 0},
    {"no-check", KEY_NO_CHECK, NULL, 0, "Do not ask the server first which arguments the method has", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

static int64_t
read_retry (const struct argp_state *state, const char *text)
{
    char *end = NULL;
    errno = 0;
    const long count = strtol (text, &end, 10);
    if (errno || end == text || *end || count < 0)
        argp_error (state, "--retry: expected a number from 0 on, got \"%s\"", text);
    return count ? count : GODWIT_RETRY_NONE;
}

static error_t
take_argument (request_t *self, char *text, const struct argp_state *state)
{
    if (state->arg_num == 0) {
        if (!pattern_read (&self->pattern, text))
            argp_error (state, "expected [EXCHANGE/]TOPIC[/SERVER], got \"%s\"", text);
    } else if (state->arg_num == 1) {
        self->method = text;
    } else if (strcmp (text, "-") == 0) {
        self->reads_input = true;
    } else {
        arguments_add (&self->texts, state, "arguments", text);
    }
    return 0;
}

static void
check_usage (const request_t *self, const struct argp_state *state)
{
    if (!self->pattern.count || !self->method)
        argp_error (state, self->pattern.count ? "the METHOD is missing" : "the TOPIC is missing");
    if (self->reads_input && self->texts.count)
        argp_error (state, "expected - alone, got further arguments");
    if (self->reads_input && self->context_path && strcmp (self->context_path, "-") == 0)
        argp_error (state, "the arguments and the context cannot both be the standard input");
}

error_t
request_option (request_t *self, int key, char *text, struct argp_state *state)
{
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &self->common;
        return 0;
    case KEY_CONTEXT:
        self->context_path = text;
        return 0;
    case KEY_NAMESPACE:
        self->name_space = text;
        return 0;
    case KEY_VERSION:
        self->version = text;
        return 0;
    case KEY_SERVER:
        self->server = text;
        return 0;
    case KEY_RETRY:
        self->retry = read_retry (state, text);
        return 0;
    case KEY_NO_CHECK:
        self->is_unchecked = true;
        return 0;
    case ARGP_KEY_ARG:
        return take_argument (self, text, state);
    case ARGP_KEY_END:
        check_usage (self, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- what is sent ---- */

/* All of a file. The caller's; NULL: errno says why. */
static char *
read_all (FILE *from, size_t *size)
{
    char *text = NULL;
    size_t capacity = 0;
    for (*size = 0; !feof (from) && !ferror (from);) {
        if (*size == capacity) {
            capacity = capacity ? 2 * capacity : 4096;
            char *const larger = capacity <= INPUT_MAX ? realloc (text, capacity) : NULL;
            if (!larger) {
                errno = capacity <= INPUT_MAX ? ENOMEM : EFBIG;
                free (text);
                return NULL;
            }
            text = larger;
        }
        *size += fread (text + *size, 1, capacity - *size, from);
    }
    if (!ferror (from))
        return text;
    free (text);
    return NULL;
}

/* Of a file, or of the standard input ("-"). */
static godwit_status_t
read_map (godwit_value_t **map, const char *path, const char *what, godwit_error_t **error)
{
    const bool is_input = strcmp (path, "-") == 0;
    FILE *const from = is_input ? stdin : fopen (path, "re");
    size_t size = 0;
    char *const text = from ? read_all (from, &size) : NULL;
    const int reason = errno;
    if (from && !is_input)
        fclose (from);
    if (!text) {
        *error = godwit_error_new (GODWIT_ERR_SYSTEM, "%s: %s: %s", what, path, strerror (reason));
        return GODWIT_ERR_SYSTEM;
    }
    godwit_status_t status = arguments_json (map, text, size, what, error);
    free (text);
    if (!status && godwit_value_type (*map) != GODWIT_TYPE_MAP) {
        *error = godwit_error_new (GODWIT_ERR_INVALID_ARGUMENT, "%s: expected a map, got %s", what,
                                   godwit_type_name (godwit_value_type (*map)));
        status = GODWIT_ERR_INVALID_ARGUMENT;
    }
    return status;
}

static godwit_status_t
read_values (request_t *self, godwit_error_t **error)
{
    godwit_status_t status = self->reads_input
                                 ? read_map (&self->args, "-", "the arguments", error)
                                 : arguments_map (&self->args, &self->texts, "the arguments", error);
    if (!status && self->context_path)
        status = read_map (&self->context, self->context_path, "--context", error);
    return status;
}

/* ---- the target ---- */

/* Whether the first of two parts is the exchange of a server. */
static bool
names_exchange (const request_t *self)
{
    for (size_t i = 0; i < self->servers.count; i++)
        if (strcmp (self->servers.items[i].exchange, self->pattern.parts[0]) == 0 &&
            strcmp (self->servers.items[i].topic, self->pattern.parts[1]) == 0)
            return true;
    return false;
}

/* The exchange in which the topic is; if it is in several, that of the transport, which is NULL. */
static const char *
only_exchange (const request_t *self)
{
    const char *exchange = NULL;
    for (size_t i = 0; i < self->servers.count; i++) {
        if (exchange && strcmp (exchange, self->servers.items[i].exchange) != 0)
            return NULL;
        exchange = self->servers.items[i].exchange;
    }
    return exchange;
}

static void
set_target (request_t *self)
{
    char (*const parts)[PATTERN_PART_SIZE] = self->pattern.parts;
    const bool has_exchange = self->pattern.count == 3 || (self->pattern.count == 2 && names_exchange (self));
    const bool has_server = self->pattern.count == 3 || (self->pattern.count == 2 && !has_exchange);
    const char *const server = self->server ? self->server : has_server ? parts[has_exchange + 1] : NULL;
    self->target = *GODWIT_TARGET (.exchange = has_exchange ? parts[0] : only_exchange (self),
                                   .topic = parts[has_exchange], .server = server,
                                   .name_space = self->name_space, .version = self->version);
}

/* --server is among them. */
static int
check_server (const request_t *self)
{
    near_t near = {.wanted = self->server ? self->server : ""};
    for (size_t i = 0; i < self->servers.count; i++) {
        if (!self->server || strcmp (self->servers.items[i].name, self->server) == 0)
            return EXIT_SUCCESS;
        near_offer (&near, self->servers.items[i].name);
    }
    fprintf (stderr, "godwit %s: %s has no server ", self->common.command, self->pattern.text);
    clean_print (stderr, self->server);
    near_print (stderr, &near, "servers");
    fputc ('\n', stderr);
    return STATUS_NOTHING;
}

static int
open_client (request_t *self)
{
    godwit_error_t *error = NULL;
    set_target (self);
    if (godwit_client_new (&self->client, self->cluster.transport, &self->target,
                           GODWIT_CLIENT_OPTIONS (.timeout_ms = self->common.timeout_ms, .retry = self->retry,
                                                  .mandatory = GODWIT_YES),
                           &error) == GODWIT_OK)
        return EXIT_SUCCESS;
    return arguments_fail (self->common.command, &error);
}

int
request_open (request_t *self)
{
    godwit_error_t *error = NULL;
    if (read_values (self, &error) != GODWIT_OK)
        return arguments_fail (self->common.command, &error);
    int status = cluster_join (&self->cluster, &self->common);
    if (!status)
        status = cluster_find (&self->servers, &self->cluster, &self->pattern);
    if (!status)
        status = check_server (self);
    return status ? status : open_client (self);
}

void
request_close (request_t *self)
{
    godwit_client_destroy (&self->client);
    servers_free (&self->servers);
    cluster_leave (&self->cluster);
    godwit_value_unref (&self->args);
    godwit_value_unref (&self->context);
}

/* ---- what the server tells of its methods ---- */

/* Whether a server announced that it serves what is called, or did not say what it serves. */
static bool
announces (const request_t *self, const server_t *server)
{
    const godwit_value_t *const serves = godwit_value_get (server->map, "serves");
    for (size_t i = 0; i < godwit_value_count (serves); i++) {
        const godwit_value_t *const entry = godwit_value_at (serves, i);
        const char *const name_space = godwit_value_as_str (godwit_value_get (entry, "namespace"), NULL);
        const char *const version = godwit_value_as_str (godwit_value_get (entry, "version"), NULL);
        bool is_compatible = false;
        godwit_version_compatible (version, self->version ? self->version : "1.0", &is_compatible, NULL);
        if (is_compatible && (name_space && self->name_space ? strcmp (name_space, self->name_space) == 0
                                                             : name_space == self->name_space))
            return true;
    }
    return godwit_value_count (serves) == 0;
}

/* Of servers of several versions, one that can get the call is asked. */
static godwit_target_t
whom_to_ask (const request_t *self)
{
    godwit_target_t target = self->target;
    for (size_t i = 0; i < self->servers.count && !target.server; i++) {
        const server_t *const server = &self->servers.items[i];
        if (strcmp (server->state, "up") == 0 && announces (self, server))
            target.server = server->name;
    }
    return target;
}

int
request_check (request_t *self)
{
    godwit_error_t *error = NULL;
    if (self->is_unchecked)
        return EXIT_SUCCESS;
    const int64_t timeout_ms = self->common.timeout_ms < DESCRIBE_MS ? self->common.timeout_ms : DESCRIBE_MS;
    const godwit_target_t target = whom_to_ask (self);
    godwit_value_t *described = cluster_describe (&self->cluster, &target, timeout_ms);
    const godwit_status_t status =
        described ? slots_check (described, self->name_space, self->version, self->method, self->args, &error)
                  : GODWIT_OK;
    godwit_value_unref (&described);
    if (!status)
        return EXIT_SUCCESS;
    fprintf (stderr, "godwit %s: ", self->common.command);
    clean_print_lines (stderr, godwit_error_message (error));
    fprintf (stderr, "\nNothing was sent. --no-check sends it all the same.\n");
    godwit_error_destroy (&error);
    return STATUS_USAGE;
}
