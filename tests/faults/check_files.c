/* SPDX-License-Identifier: Apache-2.0 */
/* Opens and reads histories. Nothing of a file is trusted: it may have been cut off, or be something else. */
#include "tests/faults/check_inside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void *
check_room (check_t *check, void *items, size_t count, size_t size)
{
    if (count & (count - 1)) /* grows when the count is a power of 2, or 0 */
        return items;
    void *larger = realloc (items, (count ? 2 * count : 1) * size);
    if (!larger)
        check->is_short = true;
    return larger;
}

/* ---- files ---- */

static const char *
wrong_header (const history_header_t *header, size_t size)
{
    if (size < HISTORY_HEADER_SIZE)
        return "it is too short to have a header";
    if (memcmp (header->magic, HISTORY_MAGIC, sizeof header->magic) != 0)
        return "it does not begin as a history does";
    if (header->header_size != HISTORY_HEADER_SIZE || header->record_size != sizeof (history_record_t))
        return "its header and records have other sizes";
    if (header->node == 0 || header->node > HISTORY_NODE_MAX)
        return "its node has no number";
    if (!memchr (header->name, '\0', sizeof header->name) ||
        !memchr (header->host, '\0', sizeof header->host))
        return "its names have no end";
    return NULL;
}

static void
map_file (check_t *check, check_node_t *node)
{
    struct stat about;
    const int fd = open (node->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat (fd, &about)) {
        check_broke (check, CHECK_UNREADABLE, 0, "%s: %s", node->path, strerror (errno));
        if (fd >= 0)
            close (fd);
        return;
    }
    const size_t size = (size_t) about.st_size;
    void *mapped = size ? mmap (NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    close (fd);
    const char *wrong = mapped == MAP_FAILED ? "it is empty" : wrong_header (mapped, size);
    if (wrong) {
        check_broke (check, CHECK_UNREADABLE, 0, "%s: %s", node->path, wrong);
        if (mapped != MAP_FAILED)
            munmap (mapped, size);
        return;
    }
    const uint64_t room = (size - HISTORY_HEADER_SIZE) / sizeof (history_record_t);
    node->header = mapped;
    node->mapped_size = size;
    node->records = (history_record_t *) (void *) ((uint8_t *) mapped + HISTORY_HEADER_SIZE);
    node->number = node->header->node;
    const uint64_t claimed = atomic_load (&node->header->claimed);
    node->record_count = claimed < room ? claimed : room;
    if (claimed > node->header->capacity)
        check_broke (check, CHECK_UNREADABLE, 0, "%s: it was full: %llu records were to be written, %llu fit",
                     node->path, (unsigned long long) claimed, (unsigned long long) node->header->capacity);
    if (check->by_number[node->number])
        check_broke (check, CHECK_SAME_NODE, 0, "%s and %s are both node %u", node->path,
                     check->by_number[node->number]->path, node->number);
    else
        check->by_number[node->number] = node;
}

static int
is_history (const struct dirent *entry)
{
    const size_t length = strlen (entry->d_name);
    const size_t suffix = strlen (HISTORY_SUFFIX);
    return length > suffix && strcmp (entry->d_name + length - suffix, HISTORY_SUFFIX) == 0;
}

bool
check_open (check_t *check, const char *folder)
{
    struct dirent **entries = NULL;
    const int count = scandir (folder, &entries, is_history, alphasort);
    if (count <= 0) {
        if (check->options->out)
            fprintf (check->options->out, "%s: %s\n", folder,
                     count < 0 ? strerror (errno) : "no file that ends in " HISTORY_SUFFIX);
        free (entries);
        return false;
    }
    check->nodes = calloc ((size_t) count, sizeof *check->nodes);
    check->by_number = calloc (HISTORY_NODE_MAX + 1, sizeof (check_node_t *));
    check->is_short = !check->nodes || !check->by_number;
    for (int i = 0; i < count; i++) {
        check_node_t *node = check->is_short ? NULL : &check->nodes[check->node_count];
        if (node)
            node->notifier = node->listener = SIZE_MAX;
        if (node && asprintf (&node->path, "%s/%s", folder, entries[i]->d_name) > 0) {
            check->node_count++;
            map_file (check, node);
        } else {
            check->is_short = true;
        }
        free (entries[i]);
    }
    free (entries);
    check->summary->files = check->node_count;
    return !check->is_short;
}

void
check_close (check_t *check)
{
    for (size_t i = 0; i < check->node_count; i++) {
        check_node_t *node = &check->nodes[i];
        if (node->header)
            munmap (node->header, node->mapped_size);
        free (node->path);
        free (node->calls);
        free (node->lives);
        free (node->stalls);
    }
    for (size_t i = 0; i < check->shown_count; i++)
        free (check->messages[i]);
    notices_release (&check->notices);
    free (check->nodes);
    free (check->by_number);
    free (check->faults);
    free (check->parts);
    free (check->instances);
    free (check->shown);
    free (check->messages);
}

/* ---- what processes say of themselves, and the runner of faults ---- */

static void
read_server (check_t *check, check_node_t *node, const history_record_t *record)
{
    const uint32_t life = record->note.what;
    if (record->event == HISTORY_SERVER_DOWN) {
        for (size_t i = 0; i < node->life_count; i++)
            if (node->lives[i].life == life)
                node->lives[i].down_ns = record->stamp_ns;
        return;
    }
    check_life_t *lives = check_room (check, node->lives, node->life_count, sizeof *lives);
    if (!lives)
        return;
    node->lives = lives;
    lives[node->life_count] = (check_life_t){.life = life, .up_ns = record->stamp_ns, .down_ns = CHECK_NEVER};
    memcpy (lives[node->life_count].name, record->note.text, HISTORY_TEXT_SIZE - 1);
    node->life_count++;
}

static void
read_stall (check_t *check, check_node_t *node, const history_record_t *record)
{
    check_span_t *stalls = check_room (check, node->stalls, node->stall_count, sizeof *stalls);
    if (!stalls)
        return;
    node->stalls = stalls;
    const uint64_t length = record->value < record->stamp_ns ? record->value : record->stamp_ns;
    stalls[node->stall_count++] = (check_span_t){record->stamp_ns - length, record->stamp_ns};
    if (length > check->summary->stall_ns)
        check->summary->stall_ns = length;
}

static void
read_fault (check_t *check, const history_record_t *record)
{
    if (record->event == HISTORY_FAULT_END) {
        for (size_t i = 0; i < check->fault_count; i++)
            if (check->faults[i].id == record->call)
                check->faults[i].end_ns = record->stamp_ns;
        return;
    }
    check_fault_t *faults = check_room (check, check->faults, check->fault_count, sizeof *faults);
    if (!faults)
        return;
    check->faults = faults;
    check_fault_t *fault = &faults[check->fault_count++];
    *fault = (check_fault_t){.id = record->call,
                             .node = record->note.node,
                             .fault = (history_fault_t) record->note.what,
                             .begin_ns = record->stamp_ns,
                             .end_ns = CHECK_NEVER};
    memcpy (fault->what, record->note.text, HISTORY_TEXT_SIZE - 1);
}

/* ---- calls ---- */

/* The call of an event in its own client's file. */
static check_call_t *
own_call (check_t *check, check_node_t *node, const history_record_t *record)
{
    const uint64_t counter = history_counter_of (record->call);
    /* No more calls than records: so that a damaged number cannot ask for all memory. */
    if (history_node_of (record->call) != node->number || counter == 0 || counter > node->record_count + 64) {
        check_broke (check, CHECK_UNREADABLE, 0, "%s: record %td is about a call that is not its own",
                     node->path, record - node->records);
        return NULL;
    }
    if (counter >= node->call_count) {
        uint64_t count = node->call_count ? node->call_count : 1024;
        while (count <= counter)
            count *= 2;
        check_call_t *calls = realloc (node->calls, count * sizeof *calls);
        if (!calls) {
            check->is_short = true;
            return NULL;
        }
        memset (calls + node->call_count, 0, (count - node->call_count) * sizeof *calls);
        node->calls = calls;
        node->call_count = count;
    }
    return &node->calls[counter];
}

static void
read_begin (check_t *check, check_node_t *node, const history_record_t *record)
{
    check_call_t *call = own_call (check, node, record);
    if (!call)
        return;
    if (record->kind >= HISTORY_KIND_COUNT) {
        check_broke (check, CHECK_UNREADABLE, 0, "%s: record %td is about a call of kind %u", node->path,
                     record - node->records, record->kind);
        return;
    }
    call->begins++;
    call->kind = (uint8_t) record->kind;
    call->begin_ns = record->stamp_ns;
    call->allowed_ns = record->of_call.allowed_ns;
    call->target = record->of_call.target;
}

static void
read_end (check_t *check, check_node_t *node, const history_record_t *record)
{
    check_call_t *call = own_call (check, node, record);
    if (!call)
        return;
    call->ends++;
    if (call->ends > 1)
        return;
    call->end_ns = record->stamp_ns;
    call->status = record->of_call.status;
    call->outcome = record->of_call.outcome;
    call->peer = record->of_call.peer;
    call->reached = record->of_call.reached;
    call->missing = record->of_call.missing;
}

static void
add_part (check_t *check, check_part_t part)
{
    check_part_t *parts = check_room (check, check->parts, check->part_count, sizeof *parts);
    if (!parts)
        return;
    check->parts = parts;
    parts[check->part_count++] = part;
}

static void
read_row (check_t *check, const history_record_t *record)
{
    check_part_t part = {.call = record->call,
                         .stamp_ns = record->stamp_ns,
                         .row = (history_row_t) record->row.row,
                         .outcome = record->row.outcome,
                         .peer = record->row.peer,
                         .instance = record->row.instance};
    memcpy (part.name, record->row.name, HISTORY_ROW_NAME_SIZE - 1);
    add_part (check, part);
}

/* After all begins and ends have been read. */
static void
read_run (check_t *check, check_node_t *node, const history_record_t *record)
{
    check_call_t *call = check_find (check, record->call);
    const bool is_begin = record->event == HISTORY_HANDLER_BEGIN;
    if (!call) {
        if (is_begin)
            check_broke (check, CHECK_NEVER_BEGUN, record->call, "%s ran it, and nobody had made it",
                         node->header->name);
        return;
    }
    if (!is_begin) {
        call->run_ends++;
        call->run_end_ns = record->stamp_ns;
        return;
    }
    check->summary->runs++;
    call->runs++;
    call->run_ns = record->stamp_ns;
    call->run_node = node->number;
    const check_life_t *life = check_life_of (node, record->of_call.life);
    if (!life || record->stamp_ns < life->up_ns || record->stamp_ns > life->down_ns)
        check_broke (check, CHECK_NOT_SERVING, record->call, "%s ran it in life %u, which %s",
                     node->header->name, record->of_call.life,
                     !life                            ? "it never had"
                     : record->stamp_ns < life->up_ns ? "had not begun"
                                                      : "was over");
    if (life && call->target && call->target != history_name (life->name))
        check_broke (check, CHECK_WRONG_SERVER, record->call, "%s ran it, and it was for another",
                     life->name);
    if (call->kind == HISTORY_FANOUT || call->kind == HISTORY_FANOUT_CALL)
        add_part (check, (check_part_t){.call = record->call,
                                        .node = node->number,
                                        .life = record->of_call.life,
                                        .stamp_ns = record->stamp_ns});
}

/* ---- all of it ---- */

static bool
is_written (const check_node_t *node, uint64_t index)
{
    const uint32_t mark = atomic_load_explicit (&node->records[index].mark, memory_order_acquire);
    return mark == history_mark (index);
}

static void
read_first (check_t *check, check_node_t *node, const history_record_t *record)
{
    switch ((history_event_t) record->event) {
    case HISTORY_PROCESS_END:
        node->ended_ns = record->stamp_ns;
        break;
    case HISTORY_SERVER_UP:
    case HISTORY_SERVER_DOWN:
        read_server (check, node, record);
        break;
    case HISTORY_CALL_BEGIN:
        read_begin (check, node, record);
        break;
    case HISTORY_CALL_END:
        read_end (check, node, record);
        break;
    case HISTORY_ROW:
        read_row (check, record);
        break;
    case HISTORY_GAPS:
        node->gaps = record->value;
        break;
    case HISTORY_STALL:
        read_stall (check, node, record);
        break;
    case HISTORY_FAULT_BEGIN:
    case HISTORY_FAULT_END:
        read_fault (check, record);
        break;
    case HISTORY_TIMER:
        for (unsigned step = 0; step < HISTORY_LATENESS_STEPS; step++)
            check->summary->late_timers[step] += record->lateness.counts[step];
        break;
    case HISTORY_NOTIFIER_UP:
    case HISTORY_NOTIFIER_DOWN:
    case HISTORY_POOL:
    case HISTORY_LISTENER_UP:
    case HISTORY_LISTENER_DOWN:
    case HISTORY_NOTICE_BEGIN:
        check_notice_first (check, node, record);
        break;
    case HISTORY_PROCESS_BEGIN:
    case HISTORY_HANDLER_BEGIN:
    case HISTORY_HANDLER_END:
    case HISTORY_NOTICE_END:
    case HISTORY_TAKEN:
    case HISTORY_SETTLED:
        break;
    case HISTORY_NOTHING:
    case HISTORY_EVENT_COUNT:
    default:
        check_broke (check, CHECK_UNREADABLE, 0, "%s: record %td is no event: %u", node->path,
                     record - node->records, record->event);
    }
}

static void
read_node (check_t *check, check_node_t *node, bool is_first)
{
    for (uint64_t i = 0; i < node->record_count && !check->is_short; i++) {
        const history_record_t *record = &node->records[i];
        if (!is_written (node, i)) {
            node->torn += is_first;
        } else if (is_first) {
            check->summary->events++;
            if (record->stamp_ns > node->last_ns)
                node->last_ns = record->stamp_ns;
            read_first (check, node, record);
        } else if (record->event == HISTORY_HANDLER_BEGIN || record->event == HISTORY_HANDLER_END) {
            read_run (check, node, record);
        } else {
            check_notice_second (check, node, record);
        }
    }
}

void
check_read (check_t *check)
{
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < check->node_count; i++)
            if (check->nodes[i].header)
                read_node (check, &check->nodes[i], pass == 0);
        if (pass == 0)
            check_notice_sent (check);
    }
}
