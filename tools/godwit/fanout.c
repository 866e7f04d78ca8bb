/* SPDX-License-Identifier: Apache-2.0 */
/* godwit fanout: calls a method on all servers of a topic. */
#include "tools/godwit/commands.h"
#include "tools/godwit/output.h"
#include "tools/godwit/request.h"
#include "tools/godwit/table.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static error_t
on_option (int key, char *text, struct argp_state *state)
{
    return request_option (state->input, key, text, state);
}

/* ---- the rows ---- */

typedef struct rows {
    const godwit_fanout_row_t **items; /* by the names of the servers */
    size_t count, failed;
} rows_t;

static const char *
outcome_of (godwit_fanout_state_t state)
{
    static const char *const names[] = {
        [GODWIT_FANOUT_REPLIED] = "replied",     [GODWIT_FANOUT_FAILED] = "failed",
        [GODWIT_FANOUT_REFUSED] = "refused",     [GODWIT_FANOUT_UNREACHABLE] = "unreachable",
        [GODWIT_FANOUT_TIMED_OUT] = "timed out", [GODWIT_FANOUT_LEFT] = "left"};
    return (size_t) state < sizeof names / sizeof *names ? names[state] : "?";
}

static int
compare (const void *a, const void *b)
{
    const godwit_fanout_row_t *const *const left = a, *const *const right = b;
    const int order = strcmp ((*left)->server, (*right)->server);
    return order ? order : memcmp ((*left)->instance, (*right)->instance, 16);
}

static bool
take_rows (rows_t *rows, const godwit_fanout_result_t *result)
{
    *rows = (rows_t){.count = godwit_fanout_result_count (result)};
    rows->items = calloc (rows->count + 1, sizeof *rows->items);
    for (size_t i = 0; rows->items && i < rows->count; i++) {
        rows->items[i] = godwit_fanout_result_row (result, i);
        rows->failed += rows->items[i]->state != GODWIT_FANOUT_REPLIED;
    }
    if (rows->items && rows->count)
        qsort (rows->items, rows->count, sizeof *rows->items, compare);
    return rows->items != NULL;
}

/* ---- printing ---- */

static const table_column_t columns[] = {
    {"SERVER", false, false}, {"OUTCOME", false, true}, {"TIME", true, true}, {"RESULT", false, false}};

/* The result, or the error, in a line. The caller's; NULL when memory is short. */
static char *
result_text (const godwit_fanout_row_t *row)
{
    char *text = NULL;
    size_t size = 0;
    FILE *const to = open_memstream (&text, &size);
    if (!to)
        return NULL;
    if (row->error)
        fprintf (to, "%s: %s", godwit_error_type (row->error), godwit_error_message (row->error));
    else
        output_json (to, row->result);
    fclose (to);
    return text;
}

static bool
print_table (const request_t *self, const rows_t *rows)
{
    table_t *table = table_new (columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < rows->count; i++) {
        const godwit_fanout_row_t *const row = rows->items[i];
        char *const text = result_text (row);
        table_add (table, STYLE_PLAIN, row->server);
        table_add (table, row->error ? STYLE_BAD : STYLE_GOOD, outcome_of (row->state));
        table_add_format (table, STYLE_PLAIN, "%.2f ms", (double) row->took_us / 1000);
        table_add (table, STYLE_PLAIN, text ? text : "out of memory");
        free (text);
    }
    const bool is_printed = table_print (table, stdout, style_width (STDOUT_FILENO),
                                         style_is_on (self->common.when, STDOUT_FILENO));
    table_destroy (&table);
    if (!is_printed)
        fprintf (stderr, "godwit fanout: out of memory\n");
    return is_printed;
}

static void
add_error (godwit_builder_t *builder, const godwit_error_t *error)
{
    godwit_builder_open_map (builder, "error");
    godwit_builder_str (builder, "type", godwit_error_type (error));
    godwit_builder_str (builder, "message", godwit_error_message (error));
    godwit_builder_str (builder, "outcome", godwit_outcome_name (godwit_error_outcome (error)));
    godwit_builder_close (builder);
}

static bool
print_json (const rows_t *rows)
{
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_list (builder, NULL);
    for (size_t i = 0; i < rows->count; i++) {
        const godwit_fanout_row_t *const row = rows->items[i];
        godwit_builder_open_map (builder, NULL);
        godwit_builder_str (builder, "server", row->server);
        godwit_builder_str (builder, "outcome", outcome_of (row->state));
        godwit_builder_double (builder, "seconds", (double) row->took_us / 1e6);
        if (row->error)
            add_error (builder, row->error);
        else
            godwit_builder_value (builder, "result", row->result);
        godwit_builder_close (builder);
    }
    godwit_builder_close (builder);
    return output_built ("fanout", &builder);
}

static int
fan_out (request_t *self)
{
    godwit_fanout_result_t *result = NULL;
    godwit_error_t *error = NULL;
    rows_t rows;
    if (godwit_client_fanout_call (self->client, self->context, self->method, godwit_fields_from (self->args),
                                   &result, &error) != GODWIT_OK)
        return cluster_fail (&self->common, &error, STATUS_CALL_FAILED);
    int status = STATUS_FAILED;
    if (take_rows (&rows, result)) {
        if (self->common.json ? print_json (&rows) : print_table (self, &rows))
            status = rows.failed ? STATUS_CALL_FAILED : EXIT_SUCCESS;
    } else {
        fprintf (stderr, "godwit fanout: out of memory\n");
    }
    free (rows.items);
    godwit_fanout_result_destroy (&result);
    return status;
}

const struct argp argp_of_fanout = {
    .options = request_options,
    .children = common_children,
    .parser = on_option,
    .args_doc = "TOPIC METHOD [KEY=TEXT|KEY:=JSON...]\nTOPIC METHOD -",
    .doc = "Call a method on all servers of a topic, and print a row for each: server, outcome, time, result "
           "or error.\v" REQUEST_DOC "\n\n"
           "Examples:\n\n"
           "  godwit fanout stock echo item=tea\n"
           "  godwit fanout stock echo --json\n\n" COMMON_STATUS
           "; 4 if a server did not reply with a result.\n"};

int
command_fanout (int argc, char **argv)
{
    request_t self = {.common = COMMON_OF ("fanout")};
    argp_err_exit_status = STATUS_USAGE;
    argp_parse (&argp_of_fanout, argc, argv, 0, NULL, &self);
    int status = request_open (&self);
    if (!status)
        status = request_check (&self);
    if (!status)
        status = fan_out (&self);
    request_close (&self);
    return output_end ("fanout", status);
}
