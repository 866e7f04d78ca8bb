/* SPDX-License-Identifier: Apache-2.0 */
/* godwit postmortem FILE: what a process was doing when it died. */
#include "tools/godwit/call_list.h"
#include "tools/godwit/clean.h"
#include "tools/godwit/cluster.h"
#include "tools/godwit/commands.h"
#include "tools/godwit/looking.h"
#include "tools/godwit/output.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LAST 10

typedef struct postmortem {
    looking_t looking;
    const char *path;
} postmortem_t;

static error_t
on_option (int key, char *text, struct argp_state *state)
{
    postmortem_t *const self = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &self->looking;
        return 0;
    case ARGP_KEY_ARG:
        if (self->path)
            argp_error (state, "unexpected argument %s", text);
        self->path = text;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- one file ---- */

static void
print_part (const call_list_t *list, const char *title, bool (*fits) (const story_part_t *part), size_t limit)
{
    size_t count = 0;
    call_list_t some = {.parts = calloc (list->count + 1, sizeof *some.parts)};
    for (size_t i = 0; some.parts && i < list->count; i++)
        if (fits (&list->parts[i]))
            some.parts[some.count++] = list->parts[i];
    count = some.count < limit ? some.count : limit;
    printf ("\n%s: %s\n", title, some.count ? "" : "none");
    if (some.count) {
        const call_list_t last = {.parts = some.parts + (some.count - count), .count = count};
        call_list_print (&last, count, stdout);
    }
    call_list_free (&some);
}

static bool
is_running (const story_part_t *part)
{
    return record_bool (part->call, "running");
}

static bool
has_failed (const story_part_t *part)
{
    return !is_running (part) && strcmp (record_text (part->call, "status"), "Ok") != 0;
}

static bool
any (const story_part_t *part)
{
    return !is_running (part);
}

static void
print_source (const source_t *source)
{
    char seen[TIME_SIZE];
    clean_print (stdout, source->program);
    printf (", pid %" PRId64 " on ", source->pid);
    clean_print (stdout, source->host);
    printf (", instance %s\n", source->instance);
    printf ("%s %s UTC\n",
            source->is_dead     ? "it died without a word; it was last seen at"
            : source->has_ended ? "it ended in order at"
                                : "it lives; it was last seen at",
            time_print (seen, source->seen_ns));
}

static int
show (const postmortem_t *self, const sources_t *sources)
{
    call_list_t list;
    if (!call_list_make (&list, sources))
        return STATUS_FAILED;
    if (self->looking.common.json) {
        godwit_builder_t *builder = godwit_builder_new ();
        godwit_builder_open_list (builder, NULL);
        call_list_tell (&list, list.count, builder);
        godwit_builder_close (builder);
        call_list_free (&list);
        return output_built ("postmortem", &builder) ? 0 : STATUS_FAILED;
    }
    print_source (&sources->items[0]);
    print_part (&list, "What it was running, and waiting for", is_running, SIZE_MAX);
    print_part (&list, "The last failures", has_failed, LAST);
    print_part (&list, "The last calls", any, LAST);
    call_list_free (&list);
    return 0;
}

/* ---- which files there are ---- */

static int
compare_seen (const void *left, const void *right)
{
    const source_t *const a = left, *const b = right;
    return a->seen_ns > b->seen_ns ? -1 : a->seen_ns < b->seen_ns;
}

static int
list_files (const sources_t *sources)
{
    size_t count = 0;
    if (sources->count)
        qsort (sources->items, sources->count, sizeof *sources->items, compare_seen);
    for (size_t i = 0; i < sources->count; i++) {
        const source_t *const source = &sources->items[i];
        char seen[TIME_SIZE];
        size_t running = 0;
        if (!source->is_dead && !source->has_ended)
            continue;
        for (size_t j = 0; j < godwit_value_count (source->calls); j++)
            running += record_bool (godwit_value_at (source->calls, j), "running");
        printf ("%.19s  %-5s  %zu running  pid %-7" PRId64 "  ", time_print (seen, source->seen_ns),
                source->is_dead ? "died" : "ended", running, source->pid);
        clean_print (stdout, source->path);
        printf ("\n");
        count++;
    }
    if (count)
        return 0;
    fprintf (stderr, "godwit postmortem: no process of this user has left a black box here\n");
    return STATUS_NOTHING;
}

const struct argp argp_of_postmortem = {
    .parser = on_option,
    .args_doc = "[FILE]",
    .children = looking_options,
    .doc = "Say what a process was running when it died, and what it did before. Without FILE, list the "
           "black boxes "
           "that processes of this user have left on this machine.\v"
           "Examples:\n\n"
           "  godwit postmortem\n"
           "  godwit postmortem /tmp/godwit-1000/blackbox-4711-aba7baef04d799cf\n\n"
           "Exit status: 0; 1: the file cannot be read, or is no black box; 3: there is none."};

int
command_postmortem (int argc, char **argv)
{
    postmortem_t self = {.looking = LOOKING_OF ("postmortem")};
    sources_t sources = {0};
    godwit_error_t *error = NULL;
    const godwit__box_filter_t filter = {.limit = SIZE_MAX};
    argp_parse (&argp_of_postmortem, argc, argv, 0, NULL, &self);
    self.looking.is_local = true; /* a file is of this machine */
    const godwit_status_t status =
        self.path ? sources_add_file (&sources, self.path, &filter, &error)
                  : looking_ask (&self.looking, &sources, &(looked_t){.limit = SIZE_MAX}, &error);
    if (status)
        return cluster_fail (&self.looking.common, &error, STATUS_FAILED);
    const int result = self.path ? show (&self, &sources) : list_files (&sources);
    sources_free (&sources);
    return result;
}
