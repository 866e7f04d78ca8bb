/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/faults/node_notifier.h"

#include "tests/faults/node_pace.h"
#include "tests/faults/node_spool.h"
#include "tests/support/random.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define POOLS_MAX 8u
#define FLUSH_MS 60000
#define LARGE_SIZE 20000
#define BLOCK_MS 60000 /* longer than any fault lasts */

typedef struct sender {
    pthread_t thread;
    random_t random;
    godwit_priority_t priority;
} sender_t;

static history_t *history;
static const node_options_t *options;
static godwit_notifier_t *notifier;
static godwit_spool_t *spool;
static sender_t senders[GODWIT_PRIORITY_COUNT];
static uint32_t sender_count;
static atomic_uint senders_left;
static _Atomic int64_t notices_left;

/* ---- what is written down ---- */

static void
note (history_event_t event, uint16_t status, uint16_t what, const char *text)
{
    history_record_t record = {.event = (uint16_t) event, .note = {.status = status, .what = what}};
    snprintf (record.note.text, sizeof record.note.text, "%s", text);
    history_put (history, record);
}

static void
note_end (uint64_t id, godwit_status_t status, bool was_dropped)
{
    history_put (history, (history_record_t){.call = id,
                                             .event = HISTORY_NOTICE_END,
                                             .notice = {.status = (uint16_t) status, .what = was_dropped}});
}

/* ---- sending ---- */

/* Most are small; one in a hundred is larger than a frame likes. */
static void
notify (sender_t *sender)
{
    static const uint8_t bytes[LARGE_SIZE];
    godwit_error_t *error = NULL;
    godwit_notify_report_t report = GODWIT_NOTIFY_REPORT;
    const uint64_t id = history_next_id (history);
    const uint32_t size =
        random_below (&sender->random, random_below (&sender->random, 100) ? 100 : LARGE_SIZE);
    history_put (history, (history_record_t){.call = id,
                                             .event = HISTORY_NOTICE_BEGIN,
                                             .notice.stream = (uint32_t) sender->priority});
    const godwit_status_t status =
        godwit_notify (notifier, sender->priority, NULL, "happened",
                       GODWIT_MAP (NULL, GODWIT_INT ("id", (int64_t) id), GODWIT_BIN ("data", bytes, size)),
                       GODWIT_NOTIFY_OPTIONS (.strict = true, .report = &report), &error);
    note_end (id, status, report.drivers[0].dropped > 0);
    godwit_error_destroy (&error);
}

static void *
run (void *user)
{
    sender_t *const sender = user;
    uint64_t due_ns = history_now_ns ();
    while (node_pace_wait (&due_ns) && (!options->calls || atomic_fetch_sub (&notices_left, 1) > 0))
        notify (sender);
    if (atomic_fetch_sub (&senders_left, 1) == 1)
        kill (getpid (), SIGUSR1);
    return NULL;
}

/* ---- life ---- */

/* NAME[,NAME...] */
static size_t
split_pools (char *text, const char *pools[POOLS_MAX])
{
    size_t count = 0;
    for (char *rest = text, *name; count < POOLS_MAX && (name = strsep (&rest, ","));)
        pools[count++] = name;
    return count;
}

bool
node_notifier_start (godwit_transport_t *transport, history_t *history_, const node_options_t *options_,
                     godwit_error_t **error)
{
    static char names[256];
    const char *pools[POOLS_MAX];
    const char *const topics[] = {options_->topic};
    history = history_;
    options = options_;
    notices_left = (int64_t) options->calls;
    snprintf (names, sizeof names, "%s", options->pools ? options->pools : "");
    const size_t pool_count = options->pools ? split_pools (names, pools) : 0;
    if (!node_spool_open (&spool, options->spool, error))
        return false;
    note (HISTORY_NOTIFIER_UP, 0, spool ? HISTORY_HAS_SPOOL : 0,
          options->name); /* before: a spool sends what it has */
    for (size_t i = 0; i < pool_count; i++)
        note (HISTORY_POOL, 0, 0, pools[i]);
    if (godwit_notifier_new (
            &notifier, transport,
            GODWIT_NOTIFIER_OPTIONS (.publisher_id = options->name, .topics = topics, .topic_count = 1,
                                     .delivery =
                                         GODWIT_DELIVERY_OPTIONS (.pools = pools, .pool_count = pool_count,
                                                                  .queue_limit = options->queue_limit,
                                                                  .block_ms = BLOCK_MS, .max_requeues = -1,
                                                                  .requeue_max_ms = 1000, .spool = spool)),
            error))
        return false;
    node_pace_start (options->rate);
    senders_left = options->threads < GODWIT_PRIORITY_COUNT ? options->threads : GODWIT_PRIORITY_COUNT;
    for (const uint32_t count = senders_left; sender_count < count; sender_count++) {
        sender_t *const sender = &senders[sender_count];
        sender->random = (random_t){options->seed * 1000003 + sender_count};
        sender->priority = (godwit_priority_t) sender_count;
        random_below (&sender->random, 2); /* the first one says little */
        if (pthread_create (&sender->thread, NULL, run, sender))
            return false;
    }
    return true;
}

void
node_notifier_stop (void)
{
    godwit_error_t *error = NULL;
    node_pace_stop ();
    for (uint32_t i = 0; i < sender_count; i++)
        pthread_join (senders[i].thread, NULL);
    const godwit_status_t status = godwit_notifier_flush (notifier, FLUSH_MS, &error);
    if (status)
        fprintf (stderr, "%s: %s\n", options->name, godwit_error_print (error));
    note (HISTORY_NOTIFIER_DOWN, (uint16_t) status, 0, "");
    godwit_error_destroy (&error);
    godwit_notifier_destroy (&notifier);
    node_spool_close (&spool);
}
