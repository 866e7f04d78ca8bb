/* SPDX-License-Identifier: Apache-2.0 */
/* godwit ping: measures how long servers take to answer. It calls what every server has: the method `ping` of
 * its introspection. */
#include "tools/godwit/arguments.h"
#include "tools/godwit/clean.h"
#include "tools/godwit/cluster.h"
#include "tools/godwit/commands.h"
#include "tools/godwit/output.h"
#include "tools/godwit/stop.h"
#include "tools/godwit/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS 100 /* how soon a signal is seen while a reply is waited for */

typedef struct ping {
    common_t common;
    pattern_t pattern;
    long count;
    int64_t interval_ms;
} ping_t;

/* A server, and what is known of it so far. */
typedef struct pinged {
    const server_t *server;
    char *names;
    godwit_client_t *client;
    unsigned sent, received;
    double least_ms, most_ms, sum_ms;
} pinged_t;

/* ---- options ---- */

enum { KEY_COUNT = 'n', KEY_INTERVAL = 'i' };

static const struct argp_option options[] = {
    {"count", KEY_COUNT, "N", 0, "How often (4)", 0},
    {"interval", KEY_INTERVAL, "SECONDS", 0, "How long to wait between two (1)", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

static long
read_count (const struct argp_state *state, const char *text)
{
    char *end = NULL;
    errno = 0;
    const long count = strtol (text, &end, 10);
    if (errno || end == text || *end || count < 1)
        argp_error (state, "--count: expected a number from 1 on, got \"%s\"", text);
    return count;
}

static error_t
on_option (int key, char *text, struct argp_state *state)
{
    ping_t *self = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &self->common;
        return 0;
    case KEY_COUNT:
        self->count = read_count (state, text);
        return 0;
    case KEY_INTERVAL:
        self->interval_ms = arguments_seconds (state, "--interval", text);
        return 0;
    case ARGP_KEY_ARG:
        if (self->pattern.count)
            argp_error (state, "unexpected argument %s", text);
        else if (!pattern_read (&self->pattern, text))
            argp_error (state, "expected [EXCHANGE/]TOPIC[/SERVER], got \"%s\"", text);
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error (state, "the TOPIC is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- one ping ---- */

static double
now_ms (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (double) now.tv_sec * 1e3 + (double) now.tv_nsec / 1e6;
}

static void
count_reply (pinged_t *pinged, double took_ms)
{
    if (!pinged->received || took_ms < pinged->least_ms)
        pinged->least_ms = took_ms;
    if (!pinged->received || took_ms > pinged->most_ms)
        pinged->most_ms = took_ms;
    pinged->sum_ms += took_ms;
    pinged->received++;
}

/* Until it is there, or a signal comes: then CANCELLED. */
static godwit_status_t
await_reply (godwit_future_t *future, godwit_error_t **error)
{
    bool finished = false;
    for (;;) {
        const godwit_status_t status = godwit_future_wait (future, LOOK_MS, &finished, NULL, error);
        if (finished)
            return status;
        godwit_error_destroy (error);
        if (stop_wait (0))
            return GODWIT_ERR_CANCELLED;
    }
}

/* It answered, if only that it has no introspection. */
static bool
has_answered (godwit_status_t status)
{
    return status == GODWIT_OK || status == GODWIT_ERR_UNSUPPORTED_VERSION ||
           status == GODWIT_ERR_NO_SUCH_METHOD;
}

static void
say_one (const ping_t *self, const pinged_t *pinged, godwit_status_t status, double took_ms,
         const godwit_error_t *error)
{
    const bool is_coloured = style_is_on (self->common.when, STDOUT_FILENO);
    printf ("%s: ", pinged->names ? pinged->names : "");
    if (status == GODWIT_OK) {
        printf ("seq=%u time=%.3f ms\n", pinged->sent, took_ms);
        return;
    }
    printf ("seq=%u ", pinged->sent);
    if (has_answered (status)) {
        printf ("%sno introspection%s, but it answered: time=%.3f ms\n",
                style_begin (STYLE_DOUBTFUL, is_coloured), style_end (STYLE_DOUBTFUL, is_coloured), took_ms);
        return;
    }
    fputs (style_begin (STYLE_BAD, is_coloured), stdout);
    clean_print (stdout, godwit_error_type (error));
    fputs (style_end (STYLE_BAD, is_coloured), stdout);
    fputs (": ", stdout);
    clean_print (stdout, godwit_error_message (error));
    putchar ('\n');
}

/* False: there was no reply. */
static bool
ping_one (const ping_t *self, pinged_t *pinged)
{
    godwit_future_t *future = NULL;
    godwit_error_t *error = NULL;
    pinged->sent++;
    const double began_ms = now_ms ();
    godwit_status_t status = godwit_client_call_future (pinged->client, NULL, "ping",
                                                        (godwit_fields_t){NULL, 0, NULL}, &future, &error);
    if (!status)
        status = await_reply (future, &error);
    const double took_ms = now_ms () - began_ms;
    godwit_future_destroy (&future);
    if (has_answered (status))
        count_reply (pinged, took_ms);
    if (status != GODWIT_ERR_CANCELLED && !self->common.json)
        say_one (self, pinged, status, took_ms, error);
    fflush (stdout);
    godwit_error_destroy (&error);
    return status == GODWIT_OK;
}

/* ---- all of them ---- */

static const table_column_t columns[] = {{"SERVER", false, false}, {"SENT", true, true},
                                         {"BACK", true, true},     {"MIN ms", true, true},
                                         {"AVG ms", true, true},   {"MAX ms", true, true}};

static void
add_time (table_t *table, const pinged_t *pinged, double ms)
{
    if (pinged->received)
        table_add_format (table, STYLE_PLAIN, "%.3f", ms);
    else
        table_add (table, STYLE_FAINT, "-");
}

static int
print_table (const ping_t *self, const pinged_t *all, size_t count)
{
    table_t *table = table_new (columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < count; i++) {
        const pinged_t *const one = &all[i];
        table_add (table, STYLE_PLAIN, one->names ? one->names : "");
        table_add_format (table, STYLE_PLAIN, "%u", one->sent);
        table_add_format (table, one->received < one->sent ? STYLE_BAD : STYLE_GOOD, "%u", one->received);
        add_time (table, one, one->least_ms);
        add_time (table, one, one->received ? one->sum_ms / one->received : 0);
        add_time (table, one, one->most_ms);
    }
    putchar ('\n');
    const bool is_printed = table_print (table, stdout, style_width (STDOUT_FILENO),
                                         style_is_on (self->common.when, STDOUT_FILENO));
    table_destroy (&table);
    return is_printed ? EXIT_SUCCESS : STATUS_FAILED;
}

static int
print_json (const pinged_t *all, size_t count)
{
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_list (builder, NULL);
    for (size_t i = 0; i < count; i++) {
        const pinged_t *const one = &all[i];
        godwit_builder_open_map (builder, NULL);
        godwit_builder_str (builder, "exchange", one->server->exchange);
        godwit_builder_str (builder, "topic", one->server->topic);
        godwit_builder_str (builder, "server", one->server->name);
        godwit_builder_int (builder, "sent", one->sent);
        godwit_builder_int (builder, "received", one->received);
        if (one->received) {
            godwit_builder_double (builder, "min_ms", one->least_ms);
            godwit_builder_double (builder, "avg_ms", one->sum_ms / one->received);
            godwit_builder_double (builder, "max_ms", one->most_ms);
        }
        godwit_builder_close (builder);
    }
    godwit_builder_close (builder);
    return output_built ("ping", &builder) ? EXIT_SUCCESS : STATUS_FAILED;
}

/* The first ping does not measure how long connecting takes. */
static int
open_one (const ping_t *self, const cluster_t *cluster, pinged_t *pinged, const server_t *server)
{
    godwit_error_t *error = NULL;
    pinged->server = server;
    pinged->names = server_names (server);
    if (godwit_client_new (
            &pinged->client, cluster->transport,
            GODWIT_TARGET (.exchange = server->exchange, .topic = server->topic, .server = server->name,
                           .name_space = INTROSPECTION, .version = INTROSPECTION_VERSION),
            GODWIT_CLIENT_OPTIONS (.timeout_ms = self->common.timeout_ms), &error) != GODWIT_OK)
        return cluster_fail (&self->common, &error, STATUS_FAILED);
    godwit_client_wait_servers (pinged->client, 1, self->common.timeout_ms, NULL);
    return EXIT_SUCCESS;
}

static int
ping_all (const ping_t *self, pinged_t *all, size_t count)
{
    bool all_replied = true;
    for (long round = 0; round < self->count && !stop_wait (round ? self->interval_ms : 0); round++)
        for (size_t i = 0; i < count && !stop_wait (0); i++)
            all_replied &= ping_one (self, &all[i]);
    const int status = self->common.json ? print_json (all, count) : print_table (self, all, count);
    return status ? status : all_replied ? EXIT_SUCCESS : STATUS_CALL_FAILED;
}

static int
run (const ping_t *self, const cluster_t *cluster, const servers_t *servers)
{
    pinged_t *const all = calloc (servers->count, sizeof *all);
    int status = EXIT_SUCCESS;
    if (!all) {
        fprintf (stderr, "godwit ping: out of memory\n");
        return STATUS_FAILED;
    }
    for (size_t i = 0; i < servers->count && !status; i++)
        status = open_one (self, cluster, &all[i], &servers->items[i]);
    if (!status)
        status = ping_all (self, all, servers->count);
    for (size_t i = 0; i < servers->count; i++) {
        godwit_client_destroy (&all[i].client);
        free (all[i].names);
    }
    free (all);
    return status;
}

const struct argp argp_of_ping = {
    .options = options,
    .children = common_children,
    .parser = on_option,
    .args_doc = "TOPIC[/SERVER]",
    .doc = "Measure how long servers take to answer, from here and back.\v"
           "The target is [EXCHANGE/]TOPIC[/SERVER], and may hold * and ?; each server of it is pinged. A "
           "server "
           "without introspection says so, and its answer counts as well. SIGINT ends it early.\n\n"
           "Examples:\n\n"
           "  godwit ping stock\n"
           "  godwit ping stock/one --count=3 --interval=0.2\n"
           "  godwit ping 'st*' --count=1 --json\n\n" COMMON_STATUS
           "; 4 if a server did not answer, or has no introspection.\n"};

int
command_ping (int argc, char **argv)
{
    ping_t self = {.common = COMMON_OF ("ping"), .count = 4, .interval_ms = 1000};
    cluster_t cluster = {0};
    servers_t servers = {0};
    argp_err_exit_status = STATUS_USAGE;
    argp_parse (&argp_of_ping, argc, argv, 0, NULL, &self);
    int status = STATUS_FAILED;
    if (stop_open ())
        status = cluster_join (&cluster, &self.common);
    else
        perror ("godwit ping");
    if (!status)
        status = cluster_find (&servers, &cluster, &self.pattern);
    if (!status)
        status = run (&self, &cluster, &servers);
    servers_free (&servers);
    cluster_leave (&cluster);
    return output_end ("ping", status);
}
