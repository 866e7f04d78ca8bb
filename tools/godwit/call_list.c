/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/godwit/call_list.h"

#include "tools/godwit/clean.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

bool
call_list_make (call_list_t *list, const sources_t *sources)
{
    size_t count = 0;
    for (size_t i = 0; i < sources->count; i++)
        count += godwit_value_count (sources->items[i].calls);
    *list = (call_list_t){.parts = calloc (count + 1, sizeof *list->parts)};
    for (size_t i = 0; list->parts && i < sources->count; i++)
        for (size_t j = 0; j < godwit_value_count (sources->items[i].calls); j++)
            list->parts[list->count++] = (story_part_t){.call = godwit_value_at (sources->items[i].calls, j),
                                                        .source = &sources->items[i]};
    return list->parts != NULL;
}

void
call_list_free (call_list_t *list)
{
    free (list->parts);
    *list = (call_list_t){0};
}

/* "Ok", "MessagingTimeout", "running", "died" */
static const char *
state_of (const story_part_t *part)
{
    if (!record_bool (part->call, "running"))
        return record_text (part->call, "status");
    return part->source->is_dead ? "died" : "running";
}

static void
print_row (const story_part_t *part, FILE *to)
{
    char at[TIME_SIZE], took[DURATION_SIZE], method[256];
    time_print (at, record_int (part->call, "at", 0));
    record_print_method (part->call, method, sizeof method);
    fprintf (to, "%.12s  %10s  %-6s  %-16s  %s  ", at + 11,
             duration_print (took, record_int (part->call, "took", 0)), record_text (part->call, "side"),
             state_of (part), record_text (part->call, "id"));
    clean_print (to, method);
    fprintf (to, "\n");
}

void
call_list_print (const call_list_t *list, size_t limit, FILE *to)
{
    fprintf (to, "%-12s  %10s  %-6s  %-16s  %-16s  %s\n", "UTC", "TOOK", "SIDE", "STATUS", "ID", "METHOD");
    for (size_t i = 0; i < list->count && i < limit; i++)
        print_row (&list->parts[i], to);
}

void
call_list_tell (const call_list_t *list, size_t limit, godwit_builder_t *builder)
{
    for (size_t i = 0; i < list->count && i < limit; i++) {
        const source_t *const source = list->parts[i].source;
        godwit_builder_open_map (builder, NULL);
        godwit_builder_str (builder, "program", source->program);
        godwit_builder_str (builder, "host", source->host);
        godwit_builder_int (builder, "pid", source->pid);
        godwit_builder_bool (builder, "dead", source->is_dead);
        godwit_builder_value (builder, "call", list->parts[i].call);
        godwit_builder_close (builder);
    }
}
