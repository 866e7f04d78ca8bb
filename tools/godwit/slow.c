/* SPDX-License-Identifier: Apache-2.0 */
/* godwit slow [TOPIC]: the slowest calls of the last minutes. */
#include "tools/godwit/arguments.h"
#include "tools/godwit/call_list.h"
#include "tools/godwit/cluster.h"
#include "tools/godwit/commands.h"
#include "tools/godwit/looking.h"
#include "tools/godwit/output.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LAST_MS INT64_C (300000)

typedef struct slow {
    looking_t looking;
    const char *topic;
    long count;
    int64_t last_ms;
} slow_t;

enum { KEY_COUNT = 'n', KEY_LAST = 'l' };

static const struct argp_option options[] = {
    {"count", KEY_COUNT, "NUMBER", 0, "So many of them (20)", 0},
    {"last", KEY_LAST, "SECONDS", 0, "Of so many seconds (300)", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

static error_t
on_option (int key, char *text, struct argp_state *state)
{
    slow_t *const self = state->input;
    char *end;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &self->looking;
        return 0;
    case KEY_COUNT:
        self->count = strtol (text, &end, 10);
        if (end == text || *end || self->count < 1)
            argp_error (state, "--count: expected a number of at least 1, got %s", text);
        return 0;
    case KEY_LAST:
        self->last_ms = arguments_seconds (state, "--last", text);
        return 0;
    case ARGP_KEY_ARG:
        if (self->topic)
            argp_error (state, "unexpected argument %s", text);
        self->topic = text;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int
compare_slowest (const void *left, const void *right)
{
    const int64_t a = record_int (((const story_part_t *) left)->call, "took", 0);
    const int64_t b = record_int (((const story_part_t *) right)->call, "took", 0);
    return a > b ? -1 : a < b;
}

/* Where only the server's side is known, that one; otherwise the client's, which has it all. */
static void
drop_doubles (call_list_t *list)
{
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        bool is_double = false;
        for (size_t j = 0; j < list->count && !is_double; j++)
            is_double =
                !strcmp (record_text (list->parts[i].call, "side"), "server") &&
                !strcmp (record_text (list->parts[j].call, "side"), "client") &&
                !strcmp (record_text (list->parts[i].call, "id"), record_text (list->parts[j].call, "id"));
        if (!is_double)
            list->parts[count++] = list->parts[i];
    }
    list->count = count;
}

static bool
print_json (const call_list_t *list, size_t limit)
{
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_list (builder, NULL);
    call_list_tell (list, limit, builder);
    godwit_builder_close (builder);
    return output_built ("slow", &builder);
}

static int
report (const slow_t *self, const sources_t *sources)
{
    call_list_t list;
    int status = 0;
    if (!call_list_make (&list, sources))
        return STATUS_FAILED;
    drop_doubles (&list);
    qsort (list.parts, list.count, sizeof *list.parts, compare_slowest);
    if (self->looking.common.json) {
        status = print_json (&list, (size_t) self->count) ? 0 : STATUS_FAILED;
    } else if (list.count) {
        call_list_print (&list, (size_t) self->count, stdout);
    } else {
        fprintf (stderr, "godwit slow: nobody has made or run a call%s%s\n", self->topic ? " of topic " : "",
                 self->topic ? self->topic : "");
        looking_print_missing (&self->looking);
        status = STATUS_NOTHING;
    }
    call_list_free (&list);
    return status;
}

const struct argp argp_of_slow = {
    .options = options,
    .parser = on_option,
    .args_doc = "[TOPIC]",
    .children = looking_options,
    .doc = "Print the slowest calls of the last minutes, those that still run first of all.\v"
           "Examples:\n\n"
           "  godwit slow\n"
           "  godwit slow --count=5 --last=60 stock\n\n"
           "Exit status: 0; 3: there is none."};

int
command_slow (int argc, char **argv)
{
    slow_t self = {.looking = LOOKING_OF ("slow"), .count = 20, .last_ms = LAST_MS};
    sources_t sources = {0};
    godwit_error_t *error = NULL;
    argp_parse (&argp_of_slow, argc, argv, 0, NULL, &self);
    const looked_t looked = {
        .topic = self.topic, .limit = (size_t) self.count * 2, .last_ms = self.last_ms, .slowest = true};
    if (looking_ask (&self.looking, &sources, &looked, &error))
        return cluster_fail (&self.looking.common, &error, STATUS_FAILED);
    const int status = report (&self, &sources);
    sources_free (&sources);
    return status;
}
