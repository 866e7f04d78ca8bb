/* SPDX-License-Identifier: Apache-2.0 */
/* Notifications: what the histories say of them, for the rules of tests/support/notices.h. */
#include "tests/faults/check_inside.h"

#include <string.h>

/* Nobody is told at once that a listener is no more. */
#define FOUND_OUT_NS (100 * CHECK_MS)
/* A process that could not run for so long may have been given up. */
#define STARVED_NS (500 * CHECK_MS)

static void
broke_record (check_t *check, const check_node_t *node, const history_record_t *record, const char *what)
{
    check_broke (check, CHECK_UNREADABLE, 0, "%s: record %td: %s", node->path, record - node->records, what);
}

/* The number of a pool; NOTICES_POOLS: there are too many. */
static uint32_t
pool_of (check_t *check, const history_record_t *record)
{
    char name[HISTORY_TEXT_SIZE] = "";
    uint32_t i = 0;
    memcpy (name, record->note.text, sizeof name - 1);
    while (i < check->pool_count && strcmp (check->pools[i], name) != 0)
        i++;
    if (i == check->pool_count && i < NOTICES_POOLS) {
        memcpy (check->pools[i], name, sizeof name);
        check->pool_count++;
    }
    return i;
}

/* ---- who notifies and listens, and what was sent ---- */

static void
read_notifier_up (check_t *check, check_node_t *node, const history_record_t *record)
{
    if (node->notifier != SIZE_MAX)
        broke_record (check, node, record, "a second notifier");
    else /* until the end: it is lost with what it has, or another one goes on with its spool */
        node->notifier = notices_add_notifier (
            &check->notices, (notices_notifier_t){.is_lost = !(record->note.what & HISTORY_HAS_SPOOL),
                                                  .was_replaced = record->note.what & HISTORY_HAS_SPOOL,
                                                  .has_no_order = record->note.what & HISTORY_HAS_NO_ORDER});
}

static void
read_notifier (check_t *check, check_node_t *node, const history_record_t *record)
{
    if (record->event == HISTORY_NOTIFIER_UP) {
        read_notifier_up (check, node, record);
        return;
    }
    if (node->notifier == SIZE_MAX) {
        broke_record (check, node, record, "of a notifier that is not up");
        return;
    }
    notices_notifier_t *const notifier = &check->notices.notifiers[node->notifier];
    if (record->event == HISTORY_POOL) {
        const uint32_t pool = pool_of (check, record);
        if (pool < NOTICES_POOLS)
            notifier->declared |= UINT32_C (1) << pool;
        else
            broke_record (check, node, record, "too many pools");
        return;
    }
    notifier->is_lost = notifier->was_replaced = false;
    if (record->note.status)
        check_broke (check, CHECK_NOTICE_LEFT, 0, "%s has ended before all was acknowledged: %s",
                     node->header->name, godwit_status_type ((godwit_status_t) record->note.status));
}

static void
read_listener (check_t *check, check_node_t *node, const history_record_t *record)
{
    if (record->event == HISTORY_LISTENER_DOWN) {
        if (node->listener != SIZE_MAX)
            check->notices.listeners[node->listener].down_at = record->stamp_ns;
        return;
    }
    const uint32_t pool = pool_of (check, record);
    if (node->listener != SIZE_MAX || pool == NOTICES_POOLS)
        broke_record (check, node, record, pool == NOTICES_POOLS ? "too many pools" : "a second listener");
    else
        node->listener = notices_add_listener (&check->notices,
                                               (notices_listener_t){.pool = pool,
                                                                    .up_at = record->stamp_ns,
                                                                    .down_at = NOTICES_NEVER,
                                                                    .drops_duplicates = record->note.what});
}

static void
read_notice (check_t *check, const check_node_t *node, const history_record_t *record)
{
    if (node->notifier == SIZE_MAX || history_node_of (record->call) != node->number)
        broke_record (check, node, record, "a notification of nobody, or of another process");
    else
        notices_send (&check->notices, (notice_t){.id = record->call,
                                                  .begin_at = record->stamp_ns,
                                                  .notifier = (uint32_t) node->notifier,
                                                  .stream = record->notice.stream});
}

void
check_notice_first (check_t *check, check_node_t *node, const history_record_t *record)
{
    switch ((history_event_t) record->event) {
    case HISTORY_LISTENER_UP:
    case HISTORY_LISTENER_DOWN:
        read_listener (check, node, record);
        break;
    case HISTORY_NOTICE_BEGIN:
        read_notice (check, node, record);
        break;
    default:
        read_notifier (check, node, record);
    }
}

void
check_notice_sent (check_t *check)
{
    const notices_t *const notices = &check->notices;
    notices_sort (&check->notices);
    for (size_t i = 1; i < notices->sent_count; i++)
        if (notices->sent[i].id == notices->sent[i - 1].id)
            check_broke (check, CHECK_BEGUN_TWICE, notices->sent[i].id, "it was sent twice");
}

/* ---- what became of it ---- */

static void
read_fate (check_t *check, const history_record_t *record)
{
    notice_t *const notice = notices_find (&check->notices, record->call);
    if (!notice)
        check_broke (check, CHECK_NEVER_BEGUN, record->call, "it was notified, and had not begun");
    else if (notice->fate != NOTICE_OPEN)
        check_broke (check, CHECK_ENDED_TWICE, record->call, "it was notified twice");
    else
        notice->fate = record->notice.status ? NOTICE_REFUSED
                       : record->notice.what ? NOTICE_DROPPED
                                             : NOTICE_ACCEPTED;
}

static void
read_taken (check_t *check, const check_node_t *node, const history_record_t *record)
{
    if (node->listener == SIZE_MAX) {
        broke_record (check, node, record, "who took it does not listen");
        return;
    }
    const notices_listener_t *const listener = &check->notices.listeners[node->listener];
    notices_deliver (&check->notices, (notice_delivery_t){.id = record->call,
                                                          .begin_at = record->stamp_ns,
                                                          .listener = (uint32_t) node->listener,
                                                          .redeliveries = record->notice.redeliveries});
    if (record->stamp_ns < listener->up_at || record->stamp_ns > listener->down_at)
        check_broke (check, CHECK_NOT_SERVING, record->call, "%s took it, and did not listen",
                     node->header->name);
}

/* The last delivery of it here that is not settled. */
static void
read_settled (check_t *check, const check_node_t *node, const history_record_t *record)
{
    const notices_t *const notices = &check->notices;
    for (size_t i = notices->delivery_count; i-- > 0;) {
        notice_delivery_t *const at = &notices->deliveries[i];
        if (at->listener != node->listener)
            break; /* of another file */
        if (at->id != record->call || at->end != NOTICE_UNENDED)
            continue;
        at->end = record->notice.what ? NOTICE_REQUEUED : NOTICE_HANDLED;
        at->end_at = record->stamp_ns;
        return;
    }
    check_broke (check, CHECK_NEVER_BEGUN, record->call, "%s is done with it, and had not taken it",
                 node->header->name);
}

void
check_notice_second (check_t *check, const check_node_t *node, const history_record_t *record)
{
    if (record->event == HISTORY_NOTICE_END)
        read_fate (check, record);
    else if (record->event == HISTORY_TAKEN)
        read_taken (check, node, record);
    else if (record->event == HISTORY_SETTLED)
        read_settled (check, node, record);
}

/* ---- the rules ---- */

static bool
is_disturbed (void *user, uint64_t from, uint64_t to)
{
    const check_t *const check = user;
    for (size_t i = 0; i < check->node_count; i++)
        if (check_stalled (&check->nodes[i], (check_span_t){from, to}) > STARVED_NS)
            return true;
    return check_is_disturbed (check, 0, (check_span_t){from, to});
}

static void
on_broken (void *user, notices_rule_t rule, uint64_t id, const char *text)
{
    check_broke (user, (check_rule_t) (CHECK_NOTICE_LOST + (int) rule), id, "%s", text);
}

/* What was begun where nobody was killed has ended. */
static void
check_ends (check_t *check)
{
    const notices_t *const notices = &check->notices;
    for (size_t i = 0; i < check->node_count; i++) {
        const check_node_t *const node = &check->nodes[i];
        if (node->listener != SIZE_MAX && notices->listeners[node->listener].down_at == NOTICES_NEVER &&
            node->killed_ns)
            notices->listeners[node->listener].down_at = node->killed_ns + FOUND_OUT_NS;
        for (size_t j = 0; j < notices->sent_count && node->notifier != SIZE_MAX && node->ended_ns; j++)
            if (notices->sent[j].notifier == node->notifier && notices->sent[j].fate == NOTICE_OPEN)
                check_broke (check, CHECK_NEVER_ENDED, notices->sent[j].id,
                             "it has no end, and its process has ended in good order");
        for (size_t j = 0; j < notices->delivery_count && node->listener != SIZE_MAX && node->ended_ns; j++)
            if (notices->deliveries[j].listener == node->listener &&
                notices->deliveries[j].end == NOTICE_UNENDED)
                check_broke (check, CHECK_HANDLER_LOST, notices->deliveries[j].id,
                             "%s took it, and has ended, and is not done with it", node->header->name);
    }
}

void
check_notices (check_t *check)
{
    notices_t *const notices = &check->notices;
    check_ends (check);
    notices->is_disturbed = is_disturbed;
    notices->broke = on_broken;
    notices->user = check;
    notices_check (notices);
    check->is_short = check->is_short || notices->is_short;
    check->summary->notices = notices->summary;
}
