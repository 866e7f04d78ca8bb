/* SPDX-License-Identifier: Apache-2.0 */
/* godwit tree ID: the calls of a trace, and which of them made which. */
#include "tools/godwit/call_list.h"
#include "tools/godwit/clean.h"
#include "tools/godwit/cluster.h"
#include "tools/godwit/commands.h"
#include "tools/godwit/looking.h"
#include "tools/godwit/output.h"

#include "src/base/trace.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64

/* ---- which made which ---- */

/* A call, with the best that is known of it. */
typedef struct node {
    const char *id;
    const story_part_t *client, *server; /* NULL: not known */
    char run[GODWIT__SPAN_TEXT_SIZE];    /* the span of its handler's run: the parent of what that calls */
} node_t;

typedef struct nodes {
    size_t count;
    node_t *items;
} nodes_t;

static node_t *
find (nodes_t *nodes, const char *id)
{
    for (size_t i = 0; i < nodes->count; i++)
        if (!strcmp (nodes->items[i].id, id))
            return &nodes->items[i];
    node_t *const node = &nodes->items[nodes->count++];
    uint64_t span = 0;
    godwit__box_id_t bytes;
    if (!godwit__box_id_read (&bytes, id, NULL))
        memcpy (&span, bytes.bytes, sizeof span);
    *node = (node_t){.id = id};
    godwit__trace_span_text (godwit__trace_span_of_run (span), node->run);
    return node;
}

static const story_part_t *
part_of (const node_t *node)
{
    return node->client ? node->client : node->server;
}

static int64_t
at_of (const node_t *node)
{
    return record_int (part_of (node)->call, "at", 0);
}

static int
compare_nodes (const void *left, const void *right)
{
    const int64_t a = at_of (left), b = at_of (right);
    return a < b ? -1 : a > b;
}

static bool
make_nodes (nodes_t *nodes, const call_list_t *list)
{
    *nodes = (nodes_t){.items = calloc (list->count + 1, sizeof *nodes->items)};
    if (!nodes->items)
        return false;
    for (size_t i = 0; i < list->count; i++) {
        node_t *const node = find (nodes, record_text (list->parts[i].call, "id"));
        if (!strcmp (record_text (list->parts[i].call, "side"), "client"))
            node->client = &list->parts[i];
        else
            node->server = &list->parts[i];
    }
    qsort (nodes->items, nodes->count, sizeof *nodes->items, compare_nodes);
    return true;
}

static const char *
parent_of (const node_t *node)
{
    return node->client ? record_text (node->client->call, "parent") : "";
}

static bool
is_root (const nodes_t *nodes, const node_t *node)
{
    for (size_t i = 0; i < nodes->count; i++)
        if (&nodes->items[i] != node && !strcmp (nodes->items[i].run, parent_of (node)))
            return false;
    return true;
}

/* ---- printing ---- */

static void
print_node (const node_t *node, size_t depth)
{
    const story_part_t *const part = part_of (node);
    const bool is_running = record_bool (part->call, "running");
    char method[256], took[DURATION_SIZE], place[128] = "";
    record_print_method (part->call, method, sizeof method);
    if (node->server)
        snprintf (place, sizeof place, " at %s (%s, pid %lld)", record_text (node->server->call, "server"),
                  node->server->source->program, (long long) node->server->source->pid);
    printf ("%*s%s  ", (int) (2 * depth), "", node->id);
    clean_print (stdout, method);
    clean_print (stdout, place);
    printf ("  %s  %s\n", duration_print (took, record_int (part->call, "took", 0)),
            !is_running             ? record_text (part->call, "status")
            : part->source->is_dead ? "died"
                                    : "running");
}

static void
print_below (const nodes_t *nodes, const node_t *node, size_t depth)
{
    print_node (node, depth);
    for (size_t i = 0; i < nodes->count && depth < DEPTH_MAX; i++)
        if (&nodes->items[i] != node && !strcmp (parent_of (&nodes->items[i]), node->run))
            print_below (nodes, &nodes->items[i], depth + 1);
}

static int
print_text (const call_list_t *list)
{
    nodes_t nodes;
    if (!make_nodes (&nodes, list))
        return STATUS_FAILED;
    for (size_t i = 0; i < nodes.count; i++)
        if (is_root (&nodes, &nodes.items[i]))
            print_below (&nodes, &nodes.items[i], 0);
    free (nodes.items);
    return 0;
}

static bool
print_json (const call_list_t *list)
{
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_list (builder, NULL);
    call_list_tell (list, list->count, builder);
    godwit_builder_close (builder);
    return output_built ("tree", &builder);
}

/* ---- asking ---- */

/* The trace of a call: from the first who knows it. False: nobody does. */
static bool
find_trace (look_up_t *self, godwit_error_t **error)
{
    sources_t sources = {0};
    bool is_known = false;
    if (looking_ask (&self->looking, &sources, &(looked_t){.id = &self->id, .limit = 1}, error))
        return false;
    for (size_t i = 0; i < sources.count && !is_known; i++) {
        const char *const trace = record_text (godwit_value_at (sources.items[i].calls, 0), "trace");
        is_known = strlen (trace) == 32 && looked_for_read (&self->id, trace);
    }
    sources_free (&sources);
    return is_known;
}

static int
report (const look_up_t *self, const sources_t *sources)
{
    call_list_t list;
    if (!call_list_make (&list, sources))
        return STATUS_FAILED;
    int status = STATUS_NOTHING;
    if (list.count && self->looking.common.json)
        status = print_json (&list) ? 0 : STATUS_FAILED;
    else if (list.count)
        status = print_text (&list);
    call_list_free (&list);
    return status;
}

const struct argp argp_of_tree = {.parser = looking_on_id,
                                  .args_doc = "ID",
                                  .children = looking_options,
                                  .doc = "Print the calls of a trace, across processes: below each call "
                                         "those that its handler made. ID is that of "
                                         "a trace (32 digits) or of a call in it (16).\v"
                                         "Examples:\n\n"
                                         "  godwit tree 5c2f0e9a81d3b764\n"
                                         "  godwit tree 0af7651916cd43dd8448eb211c80319c\n\n"
                                         "Exit status: 0; 3: nobody knows it (any more)."};

int
command_tree (int argc, char **argv)
{
    look_up_t self = {.looking = LOOKING_OF ("tree")};
    sources_t sources = {0};
    godwit_error_t *error = NULL;
    int status = STATUS_NOTHING;
    argp_parse (&argp_of_tree, argc, argv, 0, NULL, &self);
    if (self.id.id.size == 16 || find_trace (&self, &error)) {
        const looked_t looked = {.id = &self.id, .limit = SIZE_MAX};
        if (!looking_ask (&self.looking, &sources, &looked, &error))
            status = report (&self, &sources);
    }
    sources_free (&sources);
    if (error)
        return cluster_fail (&self.looking.common, &error, STATUS_FAILED);
    if (status == STATUS_NOTHING) {
        fprintf (stderr, "godwit tree: nobody knows %s (any more)\n", self.id.text);
        looking_print_missing (&self.looking);
    }
    return status;
}
