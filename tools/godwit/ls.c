/* SPDX-License-Identifier: Apache-2.0 */
/* godwit ls: lists the servers of a cluster. */
#include "tools/godwit/cluster.h"
#include "tools/godwit/commands.h"
#include "tools/godwit/output.h"
#include "tools/godwit/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct ls {
    common_t common;
    pattern_t pattern;
} ls_t;

static error_t
on_option (int key, char *text, struct argp_state *state)
{
    ls_t *self = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &self->common;
        return 0;
    case ARGP_KEY_ARG:
        if (self->pattern.count)
            argp_error (state, "unexpected argument %s", text);
        else if (!pattern_read (&self->pattern, text))
            argp_error (state, "PATTERN: expected [EXCHANGE/]TOPIC[/SERVER], got \"%s\"", text);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- as a table ---- */

static const table_column_t columns[] = {
    {"EXCHANGE", false, false}, {"TOPIC", false, false},   {"SERVER", false, false},
    {"STATE", false, true},     {"PATH", false, true},     {"AGE", true, true},
    {"VERSIONS", false, false}, {"ADDRESS", false, false},
};

/* "12 s", "5 min", "3 h", "9 d": since its transport began. A clock of another machine may be ahead. */
static void
add_age (table_t *table, const server_t *server, int64_t now_us)
{
    const int64_t began_us = godwit_value_as_int (godwit_value_get (server->map, "incarnation"), 0);
    const int64_t seconds = began_us < now_us ? (now_us - began_us) / 1000000 : 0;
    if (began_us <= 0)
        table_add (table, STYLE_FAINT, "-");
    else if (seconds < 60)
        table_add_format (table, STYLE_PLAIN, "%" PRId64 " s", seconds);
    else if (seconds < 3600)
        table_add_format (table, STYLE_PLAIN, "%" PRId64 " min", seconds / 60);
    else if (seconds < INT64_C (48) * 3600)
        table_add_format (table, STYLE_PLAIN, "%" PRId64 " h", seconds / 3600);
    else
        table_add_format (table, STYLE_PLAIN, "%" PRId64 " d", seconds / 86400);
}

static void
add_row (table_t *table, const server_t *server, int64_t now_us)
{
    char *const versions = server_versions (server);
    const char *const path = server_text (server, "path");
    table_add (table, STYLE_PLAIN, server->exchange);
    table_add (table, STYLE_PLAIN, server->topic);
    table_add (table, STYLE_PLAIN, server->name);
    table_add (table, server_style (server->state), server->state);
    table_add (table, *path ? STYLE_PLAIN : STYLE_BAD, *path ? path : "none");
    add_age (table, server, now_us);
    table_add (table, STYLE_PLAIN, versions ? versions : "");
    table_add (table, STYLE_FAINT, server_address (server));
    free (versions);
}

static int
print_table (const ls_t *self, const servers_t *servers)
{
    struct timespec now;
    clock_gettime (CLOCK_REALTIME, &now);
    table_t *table = table_new (columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < servers->count; i++)
        add_row (table, &servers->items[i], (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000);
    const bool is_printed = table_print (table, stdout, style_width (STDOUT_FILENO),
                                         style_is_on (self->common.when, STDOUT_FILENO));
    table_destroy (&table);
    if (is_printed)
        return EXIT_SUCCESS;
    fprintf (stderr, "godwit ls: out of memory\n");
    return STATUS_FAILED;
}

/* ---- as JSON ---- */

static int
print_json (const servers_t *servers)
{
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_list (builder, NULL);
    for (size_t i = 0; i < servers->count; i++)
        godwit_builder_value (builder, NULL, servers->items[i].map);
    godwit_builder_close (builder);
    return output_built ("ls", &builder) ? EXIT_SUCCESS : STATUS_FAILED;
}

const struct argp argp_of_ls = {
    .children = common_children,
    .parser = on_option,
    .args_doc = "[PATTERN]",
    .doc =
        "List the servers of a cluster: names, state, path, age, versions, address.\v"
        "PATTERN is [EXCHANGE/]TOPIC[/SERVER]; each part may hold * and ?. The state is \"up\"; "
        "\"draining\": "
        "it ends; \"suspect\": no rendezvous knows it any more; \"unreachable\" or \"refused\": it cannot be "
        "called. The path is that which this machine would take; the age is that of its process.\n\n"
        "Examples:\n\n"
        "  godwit ls\n"
        "  godwit ls stock\n"
        "  godwit ls 'godwit/st*'\n"
        "  godwit ls --json | grep -c instance\n\n" COMMON_STATUS ".\n"};

int
command_ls (int argc, char **argv)
{
    ls_t self = {.common = COMMON_OF ("ls")};
    cluster_t cluster;
    servers_t servers = {0};
    argp_err_exit_status = STATUS_USAGE;
    argp_parse (&argp_of_ls, argc, argv, 0, NULL, &self);
    int status = cluster_join (&cluster, &self.common);
    if (!status)
        status = cluster_find (&servers, &cluster, &self.pattern);
    if (!status)
        status = self.common.json ? print_json (&servers) : print_table (&self, &servers);
    else if (status == STATUS_NOTHING && self.common.json)
        puts ("[]");
    servers_free (&servers);
    cluster_leave (&cluster);
    return output_end ("ls", status);
}
