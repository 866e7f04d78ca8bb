/* SPDX-License-Identifier: Apache-2.0 */
/* What was broken, with everything that is known of it. */
#include "tests/faults/check_inside.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_MAX 200 /* of what is shown */

typedef struct shown_event {
    const check_node_t *node;
    const history_record_t *record;
} shown_event_t;

static const char *const event_names[HISTORY_EVENT_COUNT] = {
    "nothing",          "process begins", "process ends",   "server is up",
    "server is down",   "begins",         "ends",           "row",
    "handler begins",   "handler ends",   "gaps",           "stall",
    "fault begins",     "fault ends",     "timer",          "notifier is up",
    "notifier is down", "pool",           "listener is up", "listener is down",
    "is notified",      "was notified",   "is taken",       "is settled"};

static const char *const kind_names[HISTORY_KIND_COUNT] = {"call", "cast", "fanout", "fanout call",
                                                           "idempotent call"};

const char *
check_rule_text (check_rule_t rule)
{
    static const char *const texts[CHECK_RULE_COUNT] = {
#define CHECK_RULE_TEXT(name, text) text,
        CHECK_RULE_LIST (CHECK_RULE_TEXT)
#undef CHECK_RULE_TEXT
    };
    return (unsigned) rule < CHECK_RULE_COUNT ? texts[rule] : "?";
}

/* Takes the message. */
static void
show (check_t *check, uint64_t call, char *message)
{
    uint64_t *shown = check_room (check, check->shown, check->shown_count, sizeof *shown);
    if (shown)
        check->shown = shown;
    char **messages = check_room (check, check->messages, check->shown_count, sizeof *messages);
    if (messages)
        check->messages = messages;
    if (!shown || !messages) {
        free (message);
        return;
    }
    shown[check->shown_count] = call;
    messages[check->shown_count++] = message;
}

const char *
check_row_text (history_row_t row)
{
    static const char *const texts[HISTORY_ROW_COUNT] = {
        "?", "replied", "failed", "was refused", "was unreachable", "timed out", "left"};
    return (unsigned) row < HISTORY_ROW_COUNT ? texts[row] : "?";
}

void
check_broke (check_t *check, check_rule_t rule, uint64_t call, const char *format, ...)
{
    check->summary->violations[rule]++;
    if (!check->options->out || check->shown_count >= check->options->shown)
        return;
    char what[512];
    char *message = NULL;
    va_list list;
    va_start (list, format);
    vsnprintf (what, sizeof what, format, list);
    va_end (list);
    const check_call_t *made = call ? check_find (check, call) : NULL;
    const char *const kind = notices_find (&check->notices, call) ? "notification" : "call";
    const int size = call ? asprintf (&message, "%s: %s %u:%llu: %s", check_rule_text (rule),
                                      made ? kind_names[made->kind] : kind, history_node_of (call),
                                      (unsigned long long) history_counter_of (call), what)
                          : asprintf (&message, "%s: %s", check_rule_text (rule), what);
    if (size < 0)
        check->is_short = true;
    else
        show (check, call, message);
}

void
check_explain (check_t *check, uint64_t call, const char *what)
{
    char *message = NULL;
    if (!call || !check->options->out || !check->options->explains)
        return;
    if (asprintf (&message, "%s: %u:%llu", what, history_node_of (call),
                  (unsigned long long) history_counter_of (call)) < 0)
        check->is_short = true;
    else
        show (check, call, message);
}

/* ---- events ---- */

static void
print_details (FILE *out, const history_record_t *record)
{
    switch ((history_event_t) record->event) {
    case HISTORY_CALL_BEGIN:
        fprintf (out, ", may take %.1f ms", (double) record->of_call.allowed_ns / 1e6);
        break;
    case HISTORY_CALL_END:
        fprintf (out, ": %s", godwit_status_type ((godwit_status_t) record->of_call.status));
        if (record->of_call.status)
            fprintf (out, " (%s)", godwit_outcome_name ((godwit_outcome_t) record->of_call.outcome));
        if (record->of_call.peer)
            fprintf (out, ", answered by node %u, life %u", record->of_call.peer, record->of_call.life);
        if (record->kind == HISTORY_FANOUT)
            fprintf (out, ", reached %u, missing %u", record->of_call.reached, record->of_call.missing);
        break;
    case HISTORY_HANDLER_BEGIN:
    case HISTORY_HANDLER_END:
        fprintf (out, " in life %u", record->of_call.life);
        break;
    case HISTORY_ROW:
        fprintf (out, " of %.*s (%016llx, node %u): %s, %s", HISTORY_ROW_NAME_SIZE, record->row.name,
                 (unsigned long long) record->row.instance, record->row.peer,
                 check_row_text ((history_row_t) record->row.row),
                 godwit_outcome_name ((godwit_outcome_t) record->row.outcome));
        break;
    case HISTORY_FAULT_BEGIN:
        fprintf (out, " at node %u: %.*s", record->note.node, HISTORY_TEXT_SIZE, record->note.text);
        break;
    case HISTORY_NOTICE_BEGIN:
        fprintf (out, ", stream %u", record->notice.stream);
        break;
    case HISTORY_NOTICE_END:
        fprintf (out, ": %s%s", godwit_status_type ((godwit_status_t) record->notice.status),
                 record->notice.what ? ", dropped" : "");
        break;
    case HISTORY_TAKEN:
        fprintf (out, ", count %u", record->notice.redeliveries);
        break;
    case HISTORY_SETTLED:
        fprintf (out, ": %s", record->notice.what ? "requeued" : "handled");
        break;
    case HISTORY_NOTIFIER_UP:
    case HISTORY_NOTIFIER_DOWN:
    case HISTORY_POOL:
    case HISTORY_LISTENER_UP:
    case HISTORY_LISTENER_DOWN:
    case HISTORY_NOTHING:
    case HISTORY_PROCESS_BEGIN:
    case HISTORY_PROCESS_END:
    case HISTORY_SERVER_UP:
    case HISTORY_SERVER_DOWN:
    case HISTORY_GAPS:
    case HISTORY_STALL:
    case HISTORY_FAULT_END:
    case HISTORY_TIMER:
    case HISTORY_EVENT_COUNT:
    default:
        break;
    }
}

static int
compare_events (const void *a_item, const void *b_item)
{
    const shown_event_t *a = a_item, *b = b_item;
    return (a->record->stamp_ns > b->record->stamp_ns) - (a->record->stamp_ns < b->record->stamp_ns);
}

static void
print_events (FILE *out, shown_event_t *events, size_t count, uint64_t call, uint64_t zero_ns)
{
    for (size_t i = 0; i < count; i++) {
        const history_record_t *record = events[i].record;
        if (record->call != call)
            continue;
        const char *slash = strrchr (events[i].node->path, '/');
        fprintf (out, "    %+14.6f s  %s#%td  %s", (double) (int64_t) (record->stamp_ns - zero_ns) / 1e9,
                 slash ? slash + 1 : events[i].node->path, record - events[i].node->records,
                 record->event < HISTORY_EVENT_COUNT ? event_names[record->event] : "?");
        print_details (out, record);
        fputc ('\n', out);
    }
}

static bool
is_shown (const check_t *check, uint64_t call)
{
    for (size_t i = 0; i < check->shown_count; i++)
        if (check->shown[i] == call)
            return true;
    return false;
}

/* A pass over all files, once for all that is shown. */
static size_t
find_events (const check_t *check, shown_event_t events[EVENTS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < check->node_count; i++) {
        const check_node_t *node = &check->nodes[i];
        for (uint64_t j = 0; j < node->record_count && count < EVENTS_MAX; j++)
            if (node->records[j].call && is_shown (check, node->records[j].call))
                events[count++] = (shown_event_t){node, &node->records[j]};
    }
    qsort (events, count, sizeof events[0], compare_events);
    return count;
}

void
check_show (const check_t *check)
{
    static shown_event_t events[EVENTS_MAX];
    FILE *out = check->options->out;
    if (!out || check->shown_count == 0)
        return;
    uint64_t zero_ns = CHECK_NEVER; /* when the run began */
    for (size_t i = 0; i < check->node_count; i++)
        if (check->nodes[i].header && check->nodes[i].header->began_ns < zero_ns)
            zero_ns = check->nodes[i].header->began_ns;
    const size_t count = find_events (check, events);
    for (size_t i = 0; i < check->shown_count; i++) {
        fprintf (out, "%s\n", check->messages[i]);
        if (check->shown[i])
            print_events (out, events, count, check->shown[i], zero_ns);
    }
    const uint64_t broken = check_broken (check->summary);
    if (broken > check->shown_count)
        fprintf (out, "... and %llu more\n", (unsigned long long) (broken - check->shown_count));
    fprintf (out, "seeds of this run:");
    for (size_t i = 0; i < check->node_count; i++)
        if (check->nodes[i].header)
            fprintf (out, " %s=%llu", check->nodes[i].header->name,
                     (unsigned long long) check->nodes[i].header->seed);
    fputc ('\n', out);
}
