/* SPDX-License-Identifier: Apache-2.0 */
/* godwit watch: a line for each server that comes, goes or changes. It looks at what its transport knows, ten
 * times a second, and compares that with the last look. */
#include "tools/godwit/arguments.h"
#include "tools/godwit/clean.h"
#include "tools/godwit/cluster.h"
#include "tools/godwit/commands.h"
#include "tools/godwit/output.h"
#include "tools/godwit/stop.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS 100

typedef struct watch {
    common_t common;
    pattern_t pattern;
    int64_t for_ms; /* 0: for ever */
    bool is_coloured;
} watch_t;

/* ---- options ---- */

enum { KEY_FOR = 0x100 };

static const struct argp_option options[] = {
    {"for", KEY_FOR, "SECONDS", 0, "End after this time", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

static error_t
on_option (int key, char *text, struct argp_state *state)
{
    watch_t *self = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &self->common;
        return 0;
    case KEY_FOR:
        self->for_ms = arguments_seconds (state, "--for", text);
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

/* ---- events ---- */

/* was: the state before; NULL: there was none. */
typedef struct event {
    const char *name; /* "present", "joined", "left", "changed" */
    style_t style;
    const server_t *server;
    const char *was;
} event_t;

/* UTC, to the millisecond. */
static void
print_time (char *text, size_t size)
{
    struct timespec now;
    struct tm parts;
    clock_gettime (CLOCK_REALTIME, &now);
    gmtime_r (&now.tv_sec, &parts);
    const size_t length = strftime (text, size, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf (text + length, size - length, ".%03ldZ", now.tv_nsec / 1000000);
}

static void
print_line (const watch_t *self, const event_t *event, const char *time)
{
    char *const names = server_names (event->server);
    printf ("%s  %s%-7s%s  %s  ", time, style_begin (event->style, self->is_coloured), event->name,
            style_end (event->style, self->is_coloured), names ? names : "");
    if (event->was)
        printf ("%s -> ", event->was);
    if (event->server->state && strcmp (event->name, "left") != 0)
        clean_print (stdout, event->server->state);
    else
        printf ("-");
    printf ("  ");
    clean_print (stdout, server_address (event->server));
    putchar ('\n');
    free (names);
}

static bool
print_json (const event_t *event, const char *time)
{
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_map (builder, NULL);
    godwit_builder_str (builder, "time", time);
    godwit_builder_str (builder, "event", event->name);
    if (event->was)
        godwit_builder_str (builder, "was", event->was);
    godwit_builder_value (builder, "server", event->server->map);
    godwit_builder_close (builder);
    return output_built ("watch", &builder);
}

/* False: the line could not be written. */
static bool
tell (const watch_t *self, const event_t *event)
{
    char time[64];
    print_time (time, sizeof time);
    if (!self->common.json)
        print_line (self, event, time);
    else if (!print_json (event, time))
        return false;
    return fflush (stdout) == 0 && !ferror (stdout);
}

/* ---- two looks ---- */

static int
compare (const server_t *a, const server_t *b)
{
    int order = strcmp (a->exchange, b->exchange);
    if (!order)
        order = strcmp (a->topic, b->topic);
    if (!order)
        order = strcmp (a->name, b->name);
    return order ? order : strcmp (server_text (a, "instance"), server_text (b, "instance"));
}

static bool
tell_state (const watch_t *self, const server_t *before, const server_t *now)
{
    const event_t event = {"changed", server_style (now->state), now, before->state};
    return strcmp (before->state, now->state) == 0 || tell (self, &event);
}

/* Both are in the order of `compare`. */
static bool
tell_changes (const watch_t *self, const servers_t *before, const servers_t *now)
{
    bool is_written = true;
    for (size_t i = 0, j = 0; is_written && (i < before->count || j < now->count);) {
        const int order = i == before->count ? 1
                          : j == now->count  ? -1
                                             : compare (&before->items[i], &now->items[j]);
        if (order < 0)
            is_written = tell (self, &(event_t){"left", STYLE_BAD, &before->items[i++], NULL});
        else if (order > 0)
            is_written = tell (self, &(event_t){"joined", STYLE_GOOD, &now->items[j++], NULL});
        else
            is_written = tell_state (self, &before->items[i++], &now->items[j++]);
    }
    return is_written;
}

static bool
tell_present (const watch_t *self, const servers_t *servers)
{
    bool is_written = true;
    for (size_t i = 0; i < servers->count && is_written; i++)
        is_written = tell (self, &(event_t){"present", STYLE_PLAIN, &servers->items[i], NULL});
    return is_written;
}

static int64_t
next_wait_ms (const watch_t *self, int64_t end_ms)
{
    const int64_t left_ms = end_ms - stop_now_ms ();
    return self->for_ms && left_ms < LOOK_MS ? (left_ms > 0 ? left_ms : 0) : LOOK_MS;
}

static int
run (const watch_t *self, const cluster_t *cluster)
{
    const int64_t end_ms = stop_now_ms () + self->for_ms;
    servers_t before, now;
    int status = cluster_list (&before, cluster, &self->pattern);
    bool goes_on = !status && tell_present (self, &before);
    if (goes_on)
        fprintf (stderr, "godwit watch: %zu servers are there; it tells of changes until SIGINT\n",
                 before.count);
    while (goes_on && !stop_wait (next_wait_ms (self, end_ms)) && !status) {
        status = cluster_list (&now, cluster, &self->pattern);
        goes_on = !status && tell_changes (self, &before, &now) && (!self->for_ms || stop_now_ms () < end_ms);
        servers_free (&before);
        before = now;
    }
    servers_free (&before);
    return status;
}

const struct argp argp_of_watch = {
    .options = options,
    .children = common_children,
    .parser = on_option,
    .args_doc = "[PATTERN]",
    .doc = "Tell of servers that come, go and change, a line for each: time, event, names, state, address.\v"
           "First come those that are there (\"present\"). The events are \"joined\", \"left\" and "
           "\"changed\", which "
           "says the state before and after: a server that was killed is \"suspect\" until it is known that "
           "it is "
           "gone. PATTERN is [EXCHANGE/]TOPIC[/SERVER]. It ends at SIGINT or SIGTERM.\n\n"
           "Examples:\n\n"
           "  godwit watch --for=1\n"
           "  godwit watch stock --for=1\n"
           "  godwit watch --json --for=1 | grep -c event\n\n" COMMON_STATUS ".\n"};

int
command_watch (int argc, char **argv)
{
    watch_t self = {.common = COMMON_OF ("watch")};
    cluster_t cluster = {0};
    argp_err_exit_status = STATUS_USAGE;
    argp_parse (&argp_of_watch, argc, argv, 0, NULL, &self);
    self.is_coloured = style_is_on (self.common.when, STDOUT_FILENO);
    int status = STATUS_FAILED;
    if (stop_open ())
        status = cluster_join (&cluster, &self.common);
    else
        perror ("godwit watch");
    if (!status)
        status = run (&self, &cluster);
    stop_release ();
    cluster_leave (&cluster);
    return output_end ("watch", status);
}
