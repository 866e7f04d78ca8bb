/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/faults/story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ALLOWED_MS 1000

static const char *const names[STORY_NODES] = {"", "client", "one", "two", "runner"};

static void
must (bool done, const char *what)
{
    if (done)
        return;
    perror (what);
    abort ();
}

void
story_path (const story_t *story, int node, char path[128])
{
    snprintf (path, 128, "%s/%s.%d%s", story->folder, names[node], node, HISTORY_SUFFIX);
}

void
story_put (story_t *story, int node, int64_t at_ms, history_record_t record)
{
    record.stamp_ns = story->zero_ns + (uint64_t) (at_ms * 1000000);
    history_put (story->nodes[node], record);
}

static void
put_server (story_t *story, int node, int64_t at_ms, history_event_t event)
{
    history_record_t record = {.event = (uint16_t) event, .note = {.what = 1}};
    snprintf (record.note.text, sizeof record.note.text, "%s", names[node]);
    story_put (story, node, at_ms, record);
}

static void
put_note (story_t *story, int node, history_event_t event, const char *text)
{
    history_record_t record = {.event = (uint16_t) event};
    snprintf (record.note.text, sizeof record.note.text, "%s", text);
    story_put (story, node, 0, record);
}

static void
open_with (story_t *story, bool has_spool)
{
    memset (story, 0, sizeof *story);
    snprintf (story->folder, sizeof story->folder, "/tmp/godwit-story-XXXXXX");
    must (mkdtemp (story->folder), story->folder);
    for (int node = 1; node < STORY_NODES; node++) {
        char path[128];
        story_path (story, node, path);
        story->nodes[node] = history_open (
            path,
            &(const history_options_t){
                .node = (uint32_t) node, .name = names[node], .host = "here", .seed = 7, .capacity = 1000});
        must (story->nodes[node], path);
    }
    story->zero_ns = history_now_ns () + UINT64_C (100000000000);
    story_put (story, STORY_CLIENT, 0,
               (history_record_t){.event = HISTORY_NOTIFIER_UP, .note.what = has_spool});
    put_note (story, STORY_CLIENT, HISTORY_POOL, "first");
    story_put (story, STORY_ONE, 0,
               (history_record_t){.event = HISTORY_LISTENER_UP, .note = {.what = 1, .text = "first"}});
    put_note (story, STORY_TWO, HISTORY_LISTENER_UP, "second");
    put_server (story, STORY_ONE, 0, HISTORY_SERVER_UP);
    put_server (story, STORY_TWO, 0, HISTORY_SERVER_UP);
}

void
story_open (story_t *story)
{
    open_with (story, false);
}

void
story_open_with_spool (story_t *story)
{
    open_with (story, true);
}

void
story_close (story_t *story)
{
    for (int node = 1; node < STORY_NODES; node++) {
        if ((node == STORY_ONE || node == STORY_TWO) && !story->has_not_stopped[node])
            put_server (story, node, STORY_END_MS, HISTORY_SERVER_DOWN);
        if (node == STORY_CLIENT && !story->has_no_end[node])
            story_put (story, node, STORY_END_MS,
                       (history_record_t){.event = HISTORY_NOTIFIER_DOWN,
                                          .note.status = story->has_left_some ? GODWIT_ERR_TIMEOUT : 0});
        if (!story->has_no_end[node])
            story_put (story, node, STORY_END_MS, (history_record_t){.event = HISTORY_PROCESS_END});
        history_abandon (story->nodes[node]);
    }
}

void
story_remove (const story_t *story)
{
    for (int node = 1; node < STORY_NODES; node++) {
        char path[128];
        story_path (story, node, path);
        unlink (path);
    }
    must (rmdir (story->folder) == 0, story->folder);
}

uint64_t
story_begin (story_t *story, history_kind_t kind, int64_t at_ms)
{
    const uint64_t id = history_next_id (story->nodes[STORY_CLIENT]);
    story_put (story, STORY_CLIENT, at_ms,
               (history_record_t){.call = id,
                                  .event = HISTORY_CALL_BEGIN,
                                  .kind = (uint16_t) kind,
                                  .of_call = {.allowed_ns = ALLOWED_MS * UINT64_C (1000000)}});
    return id;
}

void
story_end (story_t *story, uint64_t id, int64_t at_ms, godwit_status_t status, godwit_outcome_t outcome,
           uint32_t peer)
{
    story_put (story, STORY_CLIENT, at_ms,
               (history_record_t){
                   .call = id,
                   .event = HISTORY_CALL_END,
                   .of_call = {
                       .status = (uint16_t) status, .outcome = (uint16_t) outcome, .peer = peer, .life = 1}});
}

void
story_end_fanout (story_t *story, uint64_t id, int64_t at_ms, uint32_t reached, uint32_t missing)
{
    story_put (story, STORY_CLIENT, at_ms,
               (history_record_t){.call = id,
                                  .event = HISTORY_CALL_END,
                                  .kind = HISTORY_FANOUT,
                                  .of_call = {.reached = reached, .missing = missing}});
}

void
story_row (story_t *story, uint64_t id, int64_t at_ms, const char *server, history_row_t row)
{
    history_record_t record = {
        .call = id, .event = HISTORY_ROW, .row = {.row = (uint16_t) row, .instance = history_name (server)}};
    if (row == HISTORY_ROW_REPLIED)
        record.row.peer = strcmp (server, names[STORY_ONE]) == 0 ? STORY_ONE : STORY_TWO;
    snprintf (record.row.name, sizeof record.row.name, "%s", server);
    story_put (story, STORY_CLIENT, at_ms, record);
}

void
story_run_begin (story_t *story, uint64_t id, int server, int64_t at_ms)
{
    story_put (story, server, at_ms,
               (history_record_t){.call = id, .event = HISTORY_HANDLER_BEGIN, .of_call = {.life = 1}});
}

void
story_run (story_t *story, uint64_t id, int server, int64_t at_ms)
{
    story_run_begin (story, id, server, at_ms);
    story_put (story, server, at_ms + 1,
               (history_record_t){.call = id, .event = HISTORY_HANDLER_END, .of_call = {.life = 1}});
}

void
story_fault (story_t *story, history_fault_t fault, uint32_t node, int64_t at_ms, int64_t end_ms)
{
    const uint64_t id = history_next_id (story->nodes[STORY_RUNNER]);
    story_put (story, STORY_RUNNER, at_ms,
               (history_record_t){.call = id,
                                  .event = HISTORY_FAULT_BEGIN,
                                  .note = {.node = node, .what = (uint16_t) fault, .text = "a fault"}});
    if (end_ms)
        story_put (story, STORY_RUNNER, end_ms, (history_record_t){.call = id, .event = HISTORY_FAULT_END});
}

uint64_t
story_try_notify (story_t *story, int64_t at_ms, godwit_status_t status, bool dropped)
{
    const uint64_t id = history_next_id (story->nodes[STORY_CLIENT]);
    story_put (story, STORY_CLIENT, at_ms, (history_record_t){.call = id, .event = HISTORY_NOTICE_BEGIN});
    story_put (story, STORY_CLIENT, at_ms,
               (history_record_t){.call = id,
                                  .event = HISTORY_NOTICE_END,
                                  .notice = {.status = (uint16_t) status, .what = dropped}});
    return id;
}

uint64_t
story_notify (story_t *story, int64_t at_ms, uint32_t stream)
{
    const uint64_t id = history_next_id (story->nodes[STORY_CLIENT]);
    story_put (story, STORY_CLIENT, at_ms,
               (history_record_t){.call = id, .event = HISTORY_NOTICE_BEGIN, .notice.stream = stream});
    story_put (story, STORY_CLIENT, at_ms, (history_record_t){.call = id, .event = HISTORY_NOTICE_END});
    return id;
}

void
story_take (story_t *story, uint64_t id, int server, int64_t at_ms, unsigned redeliveries, bool requeued)
{
    story_put (story, server, at_ms,
               (history_record_t){.call = id, .event = HISTORY_TAKEN, .notice.redeliveries = redeliveries});
    story_put (story, server, at_ms + 1,
               (history_record_t){.call = id, .event = HISTORY_SETTLED, .notice.what = requeued});
}

static void
tell_calls (story_t *story)
{
    uint64_t id = story_begin (story, HISTORY_CALL, 10000);
    story_run (story, id, STORY_ONE, 10002);
    story_end (story, id, 10004, GODWIT_OK, GODWIT_OUTCOME_NONE, STORY_ONE);
    id = story_begin (story, HISTORY_CALL, 10010);
    story_run (story, id, STORY_TWO, 10012);
    story_end (story, id, 10014, GODWIT_ERR_FAILED, GODWIT_OUTCOME_RAN, 0);
    id = story_begin (story, HISTORY_CALL, 10020);
    story_end (story, id, 11100, GODWIT_ERR_DELIVERY_FAILURE, GODWIT_OUTCOME_NOT_SENT, 0); /* 80 ms late */
    id = story_begin (story, HISTORY_CALL, 10030);
    story_end (story, id, 10031, GODWIT_ERR_OVERLOADED, GODWIT_OUTCOME_REJECTED, 0);
    id = story_begin (story, HISTORY_CALL, 10040);
    story_end (story, id, 11040, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN, 0);
    story_run (story, id, STORY_TWO, 11500); /* later than its caller waited */
    id = story_begin (story, HISTORY_CALL, 10050);
    story_end (story, id, 10050, GODWIT_ERR_INVALID_TARGET, GODWIT_OUTCOME_NONE, 0);
    id = story_begin (story, HISTORY_CAST, 10060);
    story_end (story, id, 10061, GODWIT_OK, GODWIT_OUTCOME_NONE, 0);
    story_run (story, id, STORY_ONE, 10090);
    id = story_begin (story, HISTORY_IDEMPOTENT, 10070);
    story_run (story, id, STORY_ONE, 10072);
    story_run (story, id, STORY_TWO, 10074);
    story_end (story, id, 10076, GODWIT_OK, GODWIT_OUTCOME_NONE, STORY_TWO);
    story_put (story, STORY_ONE, 10080,
               (history_record_t){.event = HISTORY_TIMER,
                                  .lateness.counts = {[0] = 5, [HISTORY_LATENESS_STEPS - 1] = 2}});
}

static void
tell_fanouts (story_t *story)
{
    uint64_t id = story_begin (story, HISTORY_FANOUT, 12000);
    story_end_fanout (story, id, 12001, 2, 0);
    story_run (story, id, STORY_ONE, 12002);
    story_run (story, id, STORY_TWO, 12002);
    id = story_begin (story, HISTORY_FANOUT, 12010);
    story_end_fanout (story, id, 13010, 1, 1);
    story_run (story, id, STORY_TWO, 13010);
    id = story_begin (story, HISTORY_FANOUT_CALL, 12020);
    story_run (story, id, STORY_ONE, 12022);
    story_run (story, id, STORY_TWO, 12022);
    story_row (story, id, 12029, "one", HISTORY_ROW_REPLIED);
    story_row (story, id, 12029, "two", HISTORY_ROW_FAILED);
    story_end (story, id, 12030, GODWIT_OK, GODWIT_OUTCOME_NONE, 0);
    id = story_begin (story, HISTORY_FANOUT_CALL, 12040);
    story_row (story, id, 12049, "one", HISTORY_ROW_REFUSED);
    story_row (story, id, 12049, "two", HISTORY_ROW_TIMED_OUT);
    story_end (story, id, 12050, GODWIT_OK, GODWIT_OUTCOME_NONE, 0);
}

/* A network that is cut for 3 s: it takes 2050 ms until a call is given up. */
static void
tell_fault (story_t *story)
{
    story_fault (story, HISTORY_FAULT_NETWORK, STORY_TWO, 20000, 23000);
    uint64_t id = story_begin (story, HISTORY_CALL, 19999);
    story_run (story, id, STORY_TWO, 20001);
    story_end (story, id, 21050, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN, 0); /* its own deadline */
    id = story_begin (story, HISTORY_CALL, 21200);
    story_end (story, id, 22050, GODWIT_ERR_DELIVERY_FAILURE, GODWIT_OUTCOME_MAYBE_RUN, 0);
    id = story_begin (story, HISTORY_CAST, 20500);
    story_end (story, id, 20501, GODWIT_OK, GODWIT_OUTCOME_NONE, 0);
    id = story_begin (story, HISTORY_FANOUT, 20600);
    story_end_fanout (story, id, 20601, 2, 0);
    story_run (story, id, STORY_ONE, 20602);
}

static void
tell_notices (story_t *story)
{
    uint64_t id = story_notify (story, 13000, 0); /* nobody knows of the pool "second" */
    story_take (story, id, STORY_ONE, 13001, 0, false);
    id = story_notify (story, 13010, 0);
    const uint64_t later = story_notify (story, 13011, 0);
    story_take (story, id, STORY_ONE, 13012, 0, true); /* requeued: it holds up nothing */
    story_take (story, later, STORY_ONE, 13020, 0, false);
    story_take (story, id, STORY_ONE, 13120, 1, false);
    story_take (story, id, STORY_TWO, 13013, 0, false);
    story_take (story, later, STORY_TWO, 13020, 0, false);
    id = story_notify (story, 13030, 1);
    story_take (story, id, STORY_ONE, 13031, 0, false);
    story_try_notify (story, 13040, GODWIT_ERR_OVERLOADED, false);
    story_try_notify (story, 13041, GODWIT_OK, true);
    id = story_notify (story, 20100, 0); /* while the network is cut: its answer is lost */
    story_take (story, id, STORY_ONE, 20101, 0, false);
    story_take (story, id, STORY_TWO, 20101, 0, false);
    story_take (story, id, STORY_TWO, 23100, 1, false);
}

void
story_tell_good (story_t *story)
{
    tell_notices (story);
    tell_calls (story);
    tell_fanouts (story);
    tell_fault (story);
}
